"""Refunds that wait for a second person.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """Restrict an index to some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", _WHOLE, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("takes_the_rest", _FLAG, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("plan_hash", sa.Text(), nullable=True),
        sa.Column("plan_line", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("refund_id", sa.Text(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "length(currency) = 3 AND currency = lower(currency)",
            name=op.f("ck_approvals_currency_code"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'approved', 'rejected')",
            name=op.f("ck_approvals_status_known"),
        ),
        sa.CheckConstraint(
            "reason IN ('requested_by_customer', 'duplicate', 'fraud_suspected', "
            "'item_unavailable', 'goodwill', 'other')",
            name=op.f("ck_approvals_reason_known"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_approvals_amount_positive")),
        sa.CheckConstraint(
            "status <> 'approved' OR decided_by <> requested_by",
            name=op.f("ck_approvals_second_person"),
        ),
        sa.CheckConstraint(
            "(status = 'pending') = (decided_by IS NULL)",
            name=op.f("ck_approvals_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "(status = 'approved') = (refund_id IS NOT NULL)",
            name=op.f("ck_approvals_approved_is_made"),
        ),
        sa.CheckConstraint(
            "(plan_hash IS NULL) = (plan_line IS NULL)", name=op.f("ck_approvals_plan_whole")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_approvals_version_counts")),
        sa.ForeignKeyConstraint(
            ["payment_id", "order_id"],
            ["payments.id", "payments.order_id"],
            name="fk_approvals_payment_id_order_id_payments",
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["refunds.id"], name="fk_approvals_refund_id_refunds"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sqlite_strict=True,
    )
    op.create_index("ix_approvals_payment_id", "approvals", ["payment_id"], unique=False)
    op.create_index("ix_approvals_created_at_id", "approvals", ["created_at", "id"], unique=False)
    for name, columns, condition in (
        ("pending", ["payment_id"], "status = 'pending'"),
        ("origin", ["origin"], "origin IS NOT NULL"),
        ("plan_line", ["plan_hash", "plan_line"], "plan_hash IS NOT NULL"),
    ):
        op.create_index(
            f"uq_approvals_{name}", "approvals", columns, unique=True, **_where(condition)
        )
