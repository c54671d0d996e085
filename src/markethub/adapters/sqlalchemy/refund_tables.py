"""The table of refunds, in the one metadata."""

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
from markethub.adapters.sqlalchemy.types import WHOLE
from markethub.domain.refund import RefundReason, RefundStatus

refunds: Final = Table(
    "refunds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("amount_minor", WHOLE, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("provider_id", Text),
    Column("reason", Text),
    Column("note", Text),
    Column("actor", Text),
    Column("plan_hash", Text),
    Column("plan_line", Integer),
    Column("failure_reason", Text),
    *moments(),
    *version_column(),
    currency_rule(),
    one_of("status", RefundStatus),
    one_of("reason", RefundReason),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("actor IS NOT NULL OR provider_id IS NOT NULL", name="made_by_somebody"),
    CheckConstraint("plan_line >= 0", name="plan_line_counts"),
    together("plan_whole", ["plan_hash", "plan_line"]),
    ForeignKeyConstraint(["payment_id", "order_id"], ["payments.id", "payments.order_id"]),
    Index(
        "uq_refunds_provider_id",
        "provider_id",
        unique=True,
        sqlite_where=text("provider_id IS NOT NULL"),
        postgresql_where=text("provider_id IS NOT NULL"),
    ),
    Index(
        "uq_refunds_plan_line",
        "plan_hash",
        "plan_line",
        unique=True,
        sqlite_where=text("plan_hash IS NOT NULL"),
        postgresql_where=text("plan_hash IS NOT NULL"),
    ),
    Index("ix_refunds_payment_id", "payment_id"),
    Index("ix_refunds_created_at_id", "created_at", "id"),
    sqlite_strict=True,
)
"""One row per refund of the provider, and one per line of a plan."""
