"""Orders, payments, operations, the ledger, outbox and inbox, idempotency keys, the stamp.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """Restrict an index to some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Create everything."""
    _orders()
    _payments()
    _order_is_paid_by_its_payment()
    _operations()
    _ledger_entries()
    _ledger_is_append_only()
    _outbox()
    _inbox()
    _compress_payloads()
    _idempotency_keys()
    _stamp()


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("shipping_minor", _WHOLE, nullable=False),
        sa.Column("total_minor", _WHOLE, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("paid_by", sa.Text(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(status = 'paid') = (paid_by IS NOT NULL)", name=op.f("ck_orders_paid_by_a_payment")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'paid', 'canceled')", name=op.f("ck_orders_status_known")
        ),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = lower(currency)",
            name=op.f("ck_orders_currency_code"),
        ),
        sa.CheckConstraint("shipping_minor >= 0", name=op.f("ck_orders_shipping_not_negative")),
        sa.CheckConstraint(
            "total_minor BETWEEN 1 AND 99999999", name=op.f("ck_orders_total_chargeable")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_orders_version_counts")),
        sa.ForeignKeyConstraint(
            ["paid_by", "id"],
            ["payments.id", "payments.order_id"],
            name="fk_orders_paid_by_id_payments",
            use_alter=True,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sqlite_strict=True,
    )


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", _WHOLE, nullable=False),
        sa.Column("authorized_minor", _WHOLE, nullable=False),
        sa.Column("captured_minor", _WHOLE, nullable=False),
        sa.Column("refunded_minor", _WHOLE, nullable=False),
        sa.Column("disputed_minor", _WHOLE, nullable=False),
        sa.Column("capture_asked_minor", _WHOLE, nullable=True),
        sa.Column("capture_method", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("holds_slot", _FLAG, nullable=False),
        sa.Column("intent_id", sa.Text(), nullable=True),
        sa.Column("charge_id", sa.Text(), nullable=True),
        sa.Column("card_brand", sa.Text(), nullable=True),
        sa.Column("card_last4", sa.Text(), nullable=True),
        sa.Column("card_exp_month", sa.Integer(), nullable=True),
        sa.Column("card_exp_year", sa.Integer(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("failure_decline_code", sa.Text(), nullable=True),
        sa.Column("failure_charge_id", sa.Text(), nullable=True),
        sa.Column("quarantine", sa.Text(), nullable=True),
        sa.Column("declines", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "capture_method IN ('automatic', 'manual')",
            name=op.f("ck_payments_capture_method_known"),
        ),
        sa.CheckConstraint(
            "quarantine IN ('amount_mismatch', 'order_canceled', 'order_already_paid', "
            "'customer_mismatch', 'unexpected_capture')",
            name=op.f("ck_payments_quarantine_known"),
        ),
        sa.CheckConstraint(
            "status <> 'canceled' OR NOT holds_slot",
            name=op.f("ck_payments_canceled_frees_the_slot"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'requires_payment_method', 'requires_action', 'processing', "
            "'authorized', 'succeeded', 'canceled')",
            name=op.f("ck_payments_status_known"),
        ),
        sa.CheckConstraint(
            "(card_brand IS NULL) = (card_last4 IS NULL) "
            "AND (card_brand IS NULL) = (card_exp_month IS NULL) "
            "AND (card_brand IS NULL) = (card_exp_year IS NULL)",
            name=op.f("ck_payments_card_whole"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payments_amount_positive")),
        sa.CheckConstraint(
            "authorized_minor BETWEEN 0 AND amount_minor",
            name=op.f("ck_payments_authorized_bounded"),
        ),
        sa.CheckConstraint(
            "capture_asked_minor > 0", name=op.f("ck_payments_capture_asked_positive")
        ),
        sa.CheckConstraint(
            "captured_minor BETWEEN 0 AND amount_minor", name=op.f("ck_payments_captured_bounded")
        ),
        sa.CheckConstraint("declines >= 0", name=op.f("ck_payments_declines_not_negative")),
        sa.CheckConstraint("disputed_minor >= 0", name=op.f("ck_payments_disputed_not_negative")),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = lower(currency)",
            name=op.f("ck_payments_currency_code"),
        ),
        sa.CheckConstraint(
            "refunded_minor BETWEEN 0 AND captured_minor", name=op.f("ck_payments_refunded_bounded")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_payments_version_counts")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_payments_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("id", "order_id", name="uq_payments_id_order_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_payments_created_at_id", "payments", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_payments_customer_id_created_at_id",
        "payments",
        ["customer_id", "created_at", "id"],
        unique=False,
    )
    op.create_index("ix_payments_order_id", "payments", ["order_id"], unique=False)
    op.create_index(
        "uq_payments_charge_id",
        "payments",
        ["charge_id"],
        unique=True,
        **_where("charge_id IS NOT NULL"),
    )
    op.create_index(
        "uq_payments_intent_id",
        "payments",
        ["intent_id"],
        unique=True,
        **_where("intent_id IS NOT NULL"),
    )
    op.create_index(
        "uq_payments_live_of_order", "payments", ["order_id"], unique=True, **_where("holds_slot")
    )


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _order_is_paid_by_its_payment() -> None:
    """Add what PostgreSQL cannot take before the other table exists; SQLite has it already."""
    if _is_postgresql():
        op.create_foreign_key(
            "fk_orders_paid_by_id_payments",
            "orders",
            "payments",
            ["paid_by", "id"],
            ["id", "order_id"],
        )


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("amount_minor", _WHOLE, nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("cancels_order", _FLAG, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("missing_since", _MOMENT, nullable=True),
        sa.Column("next_attempt_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('create_intent', 'update_intent', 'capture', 'cancel')",
            name=op.f("ck_operations_kind_known"),
        ),
        sa.CheckConstraint(
            "status IN ('unresolved', 'done', 'refused', 'never_happened')",
            name=op.f("ck_operations_status_known"),
        ),
        sa.CheckConstraint(
            "(amount_minor IS NULL) = (currency IS NULL)", name=op.f("ck_operations_amount_whole")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_operations_amount_positive")),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_operations_attempt_counts")),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = lower(currency)",
            name=op.f("ck_operations_currency_code"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_operations_version_counts")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name="fk_operations_payment_id_payments"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_operations_due",
        "operations",
        ["next_attempt_at"],
        unique=False,
        **_where("status = 'unresolved'"),
    )
    op.create_index(
        "uq_operations_origin",
        "operations",
        ["origin"],
        unique=True,
        **_where("origin IS NOT NULL"),
    )
    op.create_index(
        "uq_operations_unresolved_of_payment",
        "operations",
        ["payment_id"],
        unique=True,
        **_where("status = 'unresolved'"),
    )


def _ledger_entries() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("sequence", _WHOLE, sa.Identity(always=True), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("amount_minor", _WHOLE, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("posted_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "credit IN ('provider_balance', 'sales', 'processing_fees', 'foreign_exchange')",
            name=op.f("ck_ledger_entries_credit_known"),
        ),
        sa.CheckConstraint(
            "debit IN ('provider_balance', 'sales', 'processing_fees', 'foreign_exchange')",
            name=op.f("ck_ledger_entries_debit_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('charge', 'fee', 'fx_out', 'fx_in')",
            name=op.f("ck_ledger_entries_kind_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_entries_amount_positive")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_ledger_entries_between_two_accounts")),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = lower(currency)",
            name=op.f("ck_ledger_entries_currency_code"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name="fk_ledger_entries_payment_id_payments"
        ),
        sa.PrimaryKeyConstraint("sequence", name="pk_ledger_entries"),
        sa.UniqueConstraint("reference", "kind", name="uq_ledger_entries_reference_kind"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_ledger_entries_payment_id", "ledger_entries", ["payment_id"], unique=False)


def _ledger_is_append_only() -> None:
    """Refuse every change of a posted entry; a correction is another entry."""
    if _is_postgresql():
        op.execute(
            "CREATE FUNCTION refuse_change_of_ledger() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER ledger_entries_append_only "
            "BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_entries_no_{change.lower()} BEFORE {change} ON ledger_entries "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("sequence", _WHOLE, sa.Identity(always=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("aggregate_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("occurred_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_outbox"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("livemode", _FLAG, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("api_version", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", _MOMENT, nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'parked', 'processed', 'ignored', 'dead')",
            name=op.f("ck_inbox_status_known"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('ignored', 'dead') OR reason IS NOT NULL",
            name=op.f("ck_inbox_reason_given"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_inbox_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_inbox_due",
        "inbox",
        ["next_attempt_at", "received_at"],
        unique=False,
        **_where("status IN ('pending', 'parked')"),
    )


def _compress_payloads() -> None:
    """Let PostgreSQL compress them by lz4, several times faster than its own way, if it can."""
    if not _is_postgresql():
        return
    can = sa.text(
        "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'"
    )
    if op.get_bind().execute(can).scalar():
        op.execute("ALTER TABLE inbox ALTER COLUMN payload SET COMPRESSION lz4")


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("begun_at", _MOMENT, nullable=False),
        sa.Column("is_complete", _FLAG, nullable=False),
        sa.Column("answer_status", sa.Integer(), nullable=True),
        sa.Column("answer_content_type", sa.Text(), nullable=True),
        sa.Column("answer_body", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(answer_status IS NULL) = (answer_content_type IS NULL) "
            "AND (answer_status IS NULL) = (answer_body IS NULL)",
            name=op.f("ck_idempotency_keys_answer_whole"),
        ),
        sa.CheckConstraint(
            "is_complete OR answer_status IS NULL",
            name=op.f("ck_idempotency_keys_answer_when_complete"),
        ),
        sa.PrimaryKeyConstraint("scope", "key", name="pk_idempotency_keys"),
        sqlite_strict=True,
    )
    op.create_index("ix_idempotency_keys_begun_at", "idempotency_keys", ["begun_at"], unique=False)


def _stamp() -> None:
    op.create_table(
        "stamp",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_stamp_only_one")),
        sa.PrimaryKeyConstraint("id", name="pk_stamp"),
        sqlite_strict=True,
    )
