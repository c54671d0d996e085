"""Refunds, what is reserved for them, and the operations that make them.

Constraints are spelled out and not taken from the code: what was migrated stays as it was. The
ledger knows refunds since it knows disputes.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")

_KINDS = "kind IN ('create_intent', 'update_intent', 'capture', 'cancel', 'refund')"
_BOUNDED = (
    "refund_reserved_minor >= 0 AND (refund_reserved_minor = 0 "
    "OR refunded_minor + refund_reserved_minor <= captured_minor)"
)


def _where(condition: str) -> dict[str, Any]:
    """Restrict an index to some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Create the table, and let payments and operations know of refunds."""
    _refunds()
    if op.get_bind().dialect.name == "postgresql":
        _payments()
        _widen_operations()
    else:
        # SQLite takes a new constraint only along with its column.
        op.execute(
            "ALTER TABLE payments ADD COLUMN refund_reserved_minor INTEGER DEFAULT 0 NOT NULL "
            f"CONSTRAINT ck_payments_refund_reserved_bounded CHECK ({_BOUNDED})"
        )
        _rebuild_operations()


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", _WHOLE, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("plan_hash", sa.Text(), nullable=True),
        sa.Column("plan_line", sa.Integer(), nullable=True),
        sa.Column("failure_reason", sa.Text(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'requires_action', 'succeeded', 'failed', 'canceled')",
            name=op.f("ck_refunds_status_known"),
        ),
        sa.CheckConstraint(
            "reason IN ('requested_by_customer', 'duplicate', 'fraud_suspected', "
            "'item_unavailable', 'goodwill', 'other')",
            name=op.f("ck_refunds_reason_known"),
        ),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = lower(currency)",
            name=op.f("ck_refunds_currency_code"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refunds_amount_positive")),
        sa.CheckConstraint(
            "actor IS NOT NULL OR provider_id IS NOT NULL",
            name=op.f("ck_refunds_made_by_somebody"),
        ),
        sa.CheckConstraint("plan_line >= 0", name=op.f("ck_refunds_plan_line_counts")),
        sa.CheckConstraint(
            "(plan_hash IS NULL) = (plan_line IS NULL)", name=op.f("ck_refunds_plan_whole")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_refunds_version_counts")),
        sa.ForeignKeyConstraint(
            ["payment_id", "order_id"],
            ["payments.id", "payments.order_id"],
            name="fk_refunds_payment_id_order_id_payments",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_refunds"),
        sqlite_strict=True,
    )
    op.create_index("ix_refunds_payment_id", "refunds", ["payment_id"], unique=False)
    op.create_index("ix_refunds_created_at_id", "refunds", ["created_at", "id"], unique=False)
    op.create_index(
        "uq_refunds_provider_id",
        "refunds",
        ["provider_id"],
        unique=True,
        **_where("provider_id IS NOT NULL"),
    )
    op.create_index(
        "uq_refunds_plan_line",
        "refunds",
        ["plan_hash", "plan_line"],
        unique=True,
        **_where("plan_hash IS NOT NULL"),
    )


def _payments() -> None:
    op.add_column(
        "payments",
        sa.Column("refund_reserved_minor", _WHOLE, server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(op.f("ck_payments_refund_reserved_bounded"), "payments", _BOUNDED)


def _widen_operations() -> None:
    op.drop_constraint(op.f("ck_operations_kind_known"), "operations", type_="check")
    op.create_check_constraint(op.f("ck_operations_kind_known"), "operations", _KINDS)
    op.add_column("operations", sa.Column("refund_id", sa.Text(), nullable=True))
    op.create_foreign_key(
        "fk_operations_refund_id_refunds", "operations", "refunds", ["refund_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_operations_refund_named"),
        "operations",
        "(kind = 'refund') = (refund_id IS NOT NULL)",
    )


def _rebuild_operations() -> None:
    """Make the table anew: SQLite changes no constraint. Nothing refers to its rows."""
    op.create_table(
        "operations_wider",
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
        sa.Column("refund_id", sa.Text(), nullable=True),
        sa.CheckConstraint(_KINDS, name=op.f("ck_operations_kind_known")),
        sa.CheckConstraint(
            "status IN ('unresolved', 'done', 'refused', 'never_happened')",
            name=op.f("ck_operations_status_known"),
        ),
        sa.CheckConstraint(
            "(amount_minor IS NULL) = (currency IS NULL)", name=op.f("ck_operations_amount_whole")
        ),
        sa.CheckConstraint(
            "(kind = 'refund') = (refund_id IS NOT NULL)", name=op.f("ck_operations_refund_named")
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
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refunds.id"], name="fk_operations_refund_id_refunds"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO operations_wider SELECT *, NULL FROM operations")
    op.drop_table("operations")
    op.rename_table("operations_wider", "operations")
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
