"""The tables of deliveries to the storefront, in the one metadata.

A public event's delivery is inserted by the statement that stages the event. What waits is found
by partial indexes, which hold nothing of what was delivered.
"""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from markethub.adapters.sqlalchemy.tables import metadata, one_of, together
from markethub.adapters.sqlalchemy.types import WHOLE, UtcDateTime
from markethub.domain.delivery import DeliveryStatus

DELIVERY_PENDING: Final = text(f"status = '{DeliveryStatus.PENDING}'")
"""Spelled out, not bound: only then is the partial index recognised."""
DELIVERY_DEAD: Final = text(f"status = '{DeliveryStatus.DEAD}'")
"""Likewise."""

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("sequence", WHOLE, ForeignKey("outbox.sequence"), primary_key=True, autoincrement=False),
    Column("aggregate_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("lease", Text),
    Column("leased_until", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    one_of("status", DeliveryStatus),
    CheckConstraint("status NOT IN ('dead', 'skipped') OR reason IS NOT NULL", name="reason_given"),
    CheckConstraint("attempts >= 0", name="attempts_not_negative"),
    CheckConstraint("status = 'pending' OR lease IS NULL", name="leased_while_pending"),
    together("lease_whole", ["lease", "leased_until"]),
    Index(
        "ix_deliveries_due",
        "next_attempt_at",
        "sequence",
        sqlite_where=DELIVERY_PENDING,
        postgresql_where=DELIVERY_PENDING,
    ),
    Index(
        "ix_deliveries_pending_of_aggregate",
        "aggregate_id",
        "sequence",
        sqlite_where=DELIVERY_PENDING,
        postgresql_where=DELIVERY_PENDING,
    ),
    Index("ix_deliveries_aggregate_id", "aggregate_id"),
    Index(
        "ix_deliveries_dead",
        "sequence",
        sqlite_where=DELIVERY_DEAD,
        postgresql_where=DELIVERY_DEAD,
    ),
    sqlite_strict=True,
)
"""``aggregate_id`` is the outbox row's: here it is indexed for what waits."""

delivery_attempts: Final = Table(
    "delivery_attempts",
    metadata,
    Column("id", WHOLE, Identity(always=True), primary_key=True),
    Column("sequence", WHOLE, ForeignKey("deliveries.sequence"), nullable=False),
    Column("attempted_at", UtcDateTime, nullable=False),
    Column("http_status", Integer),
    Column("error", Text),
    Column("duration_ms", Integer, nullable=False),
    CheckConstraint("(http_status IS NULL) <> (error IS NULL)", name="status_or_error"),
    CheckConstraint("duration_ms >= 0", name="duration_not_negative"),
    Index("ix_delivery_attempts_sequence", "sequence"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)

delivery_endpoints: Final = Table(
    "delivery_endpoints",
    metadata,
    Column("id", Text, primary_key=True),  # a digest: the address may hold a secret
    Column("since", UtcDateTime, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", UtcDateTime),
    Column("rest_until", UtcDateTime),
    Column("disabled_at", UtcDateTime),
    Column("disabled_reason", Text),
    CheckConstraint("failures >= 0", name="failures_not_negative"),
    together("disabled_whole", ["disabled_at", "disabled_reason"]),
    sqlite_strict=True,
)
