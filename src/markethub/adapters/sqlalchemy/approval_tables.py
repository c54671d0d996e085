"""The table of approvals, in the one metadata."""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from markethub.adapters.sqlalchemy.tables import (
    currency_rule,
    metadata,
    moments,
    one_of,
    together,
    version_column,
)
from markethub.adapters.sqlalchemy.types import WHOLE, Flag
from markethub.domain.approval import ApprovalStatus
from markethub.domain.refund import RefundReason

approvals: Final = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("amount_minor", WHOLE, nullable=False),
    Column("currency", Text, nullable=False),
    Column("takes_the_rest", Flag, nullable=False),
    Column("reason", Text, nullable=False),
    Column("note", Text),
    Column("requested_by", Text, nullable=False),
    Column("origin", Text),
    Column("plan_hash", Text),
    Column("plan_line", Integer),
    Column("given_back_minor", WHOLE),
    Column("status", Text, nullable=False),
    Column("decided_by", Text),
    Column("why", Text),
    Column("refund_id", Text),
    *moments(),
    *version_column(),
    currency_rule(),
    one_of("status", ApprovalStatus),
    one_of("reason", RefundReason),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("status <> 'approved' OR decided_by <> requested_by", name="second_person"),
    CheckConstraint("(status = 'pending') = (decided_by IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(status = 'approved') = (refund_id IS NOT NULL)", name="approved_is_made"),
    together("plan_whole", ["plan_hash", "plan_line"]),
    ForeignKeyConstraint(["payment_id", "order_id"], ["payments.id", "payments.order_id"]),
    ForeignKeyConstraint(["refund_id"], ["refunds.id"]),
    Index(
        "uq_approvals_pending",
        "payment_id",
        unique=True,
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index(
        "uq_approvals_origin",
        "origin",
        unique=True,
        sqlite_where=text("origin IS NOT NULL"),
        postgresql_where=text("origin IS NOT NULL"),
    ),
    Index(
        "uq_approvals_plan_line",
        "plan_hash",
        "plan_line",
        unique=True,
        sqlite_where=text("plan_hash IS NOT NULL"),
        postgresql_where=text("plan_hash IS NOT NULL"),
    ),
    Index("ix_approvals_payment_id", "payment_id"),
    Index("ix_approvals_created_at_id", "created_at", "id"),
    sqlite_strict=True,
)
"""One pending row per payment, one per request and per line of a plan."""
