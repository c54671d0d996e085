"""Disputes, what is asked about them, and the accounts that they are posted to.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")

_ACCOUNTS = (
    "('provider_balance', 'sales', 'processing_fees', 'foreign_exchange', "
    "'refunds', 'dispute_losses', 'dispute_fees')"
)
_KINDS = (
    "('charge', 'fee', 'fx_out', 'fx_in', 'refund', 'refund_returned', "
    "'dispute_withdrawn', 'dispute_reinstated', 'dispute_fee', 'dispute_fee_returned')"
)
_KNOWN = {"credit": _ACCOUNTS, "debit": _ACCOUNTS, "kind": _KINDS}


def _where(condition: str) -> dict[str, Any]:
    """Restrict an index to some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Create the tables, and let payments and the ledger know of disputes."""
    _payments()
    _disputes()
    _submissions()
    if op.get_bind().dialect.name == "postgresql":
        _widen_ledger()
    else:
        _rebuild_ledger()


def _payments() -> None:
    op.add_column(
        "payments",
        sa.Column("chargeback_open", _FLAG, server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "payments", sa.Column("fraud_warnings", sa.Text(), server_default="[]", nullable=False)
    )


def _disputes() -> None:
    op.create_table(
        "disputes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount_minor", _WHOLE, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("movements", sa.Text(), nullable=False),
        sa.Column("evidence_due_by", _MOMENT, nullable=True),
        sa.Column("has_evidence", _FLAG, nullable=False),
        sa.Column("submission_count", sa.Integer(), nullable=False),
        sa.Column("is_past_due", _FLAG, nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("drafted_by", sa.Text(), nullable=True),
        sa.Column("reminded_at", _MOMENT, nullable=True),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('warning_needs_response', 'warning_under_review', 'warning_closed', "
            "'needs_response', 'under_review', 'won', 'lost', 'prevented')",
            name=op.f("ck_disputes_status_known"),
        ),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = lower(currency)",
            name=op.f("ck_disputes_currency_code"),
        ),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_disputes_amount_not_negative")),
        sa.CheckConstraint(
            "submission_count >= 0", name=op.f("ck_disputes_submission_count_not_negative")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_disputes_version_counts")),
        sa.ForeignKeyConstraint(
            ["payment_id", "order_id"],
            ["payments.id", "payments.order_id"],
            name="fk_disputes_payment_id_order_id_payments",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_disputes"),
        sa.UniqueConstraint("provider_id", name="uq_disputes_provider_id"),
        sqlite_strict=True,
    )
    op.create_index("ix_disputes_payment_id", "disputes", ["payment_id"], unique=False)
    op.create_index("ix_disputes_created_at_id", "disputes", ["created_at", "id"], unique=False)
    op.create_index(
        "ix_disputes_due",
        "disputes",
        ["evidence_due_by"],
        unique=False,
        **_where("status IN ('needs_response', 'warning_needs_response') AND reminded_at IS NULL"),
    )


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("dispute_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("count_before", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("next_attempt_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('submit', 'accept')", name=op.f("ck_submissions_kind_known")),
        sa.CheckConstraint(
            "status IN ('unresolved', 'done', 'refused', 'never_happened')",
            name=op.f("ck_submissions_status_known"),
        ),
        sa.CheckConstraint("attempt >= 1", name=op.f("ck_submissions_attempt_counts")),
        sa.CheckConstraint(
            "count_before >= 0", name=op.f("ck_submissions_count_before_not_negative")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_submissions_version_counts")),
        sa.ForeignKeyConstraint(
            ["dispute_id"], ["disputes.id"], name="fk_submissions_dispute_id_disputes"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sqlite_strict=True,
    )
    unresolved = "status = 'unresolved'"
    op.create_index(
        "uq_submissions_unresolved_of_dispute",
        "submissions",
        ["dispute_id"],
        unique=True,
        **_where(unresolved),
    )
    op.create_index(
        "uq_submissions_origin",
        "submissions",
        ["origin"],
        unique=True,
        **_where("origin IS NOT NULL"),
    )
    op.create_index(
        "ix_submissions_due",
        "submissions",
        ["next_attempt_at"],
        unique=False,
        **_where(unresolved),
    )


def _widen_ledger() -> None:
    for column, values in _KNOWN.items():
        name = f"ck_ledger_entries_{column}_known"
        op.drop_constraint(op.f(name), "ledger_entries", type_="check")
        op.create_check_constraint(op.f(name), "ledger_entries", f"{column} IN {values}")


def _rebuild_ledger() -> None:
    """Make the table anew: SQLite changes no constraint. Nothing refers to its rows."""
    op.create_table(
        "ledger_entries_wider",
        sa.Column("sequence", _WHOLE, sa.Identity(always=True), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("amount_minor", _WHOLE, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("posted_at", _MOMENT, nullable=False),
        *(
            sa.CheckConstraint(
                f"{column} IN {values}", name=op.f(f"ck_ledger_entries_{column}_known")
            )
            for column, values in _KNOWN.items()
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
    op.execute("INSERT INTO ledger_entries_wider SELECT * FROM ledger_entries ORDER BY sequence")
    op.drop_table("ledger_entries")  # and with it its triggers
    op.rename_table("ledger_entries_wider", "ledger_entries")
    op.create_index("ix_ledger_entries_payment_id", "ledger_entries", ["payment_id"], unique=False)
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_entries_no_{change.lower()} BEFORE {change} ON ledger_entries "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
