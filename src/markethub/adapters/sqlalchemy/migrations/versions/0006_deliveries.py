"""Deliveries of public events to the storefront, their attempts, and the endpoints.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """Restrict an index to some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Create the tables; public events that are staged already wait like new ones."""
    _deliveries()
    _attempts()
    _endpoints()
    op.execute(
        "INSERT INTO deliveries "
        "(sequence, aggregate_id, status, attempts, next_attempt_at, updated_at) "
        "SELECT sequence, aggregate_id, 'pending', 0, occurred_at, occurred_at FROM outbox "
        "WHERE type IN ('order.paid', 'payment.failed', 'refund.succeeded', 'refund.failed', "
        "'dispute.opened', 'dispute.due', 'dispute.won', 'dispute.lost')"
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("sequence", _WHOLE, autoincrement=False, nullable=False),
        sa.Column("aggregate_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", _MOMENT, nullable=False),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("leased_until", _MOMENT, nullable=True),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'delivered', 'dead', 'skipped')",
            name=op.f("ck_deliveries_status_known"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('dead', 'skipped') OR reason IS NOT NULL",
            name=op.f("ck_deliveries_reason_given"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_deliveries_attempts_not_negative")),
        sa.CheckConstraint(
            "status = 'pending' OR lease IS NULL", name=op.f("ck_deliveries_leased_while_pending")
        ),
        sa.CheckConstraint(
            "(lease IS NULL) = (leased_until IS NULL)", name=op.f("ck_deliveries_lease_whole")
        ),
        sa.ForeignKeyConstraint(
            ["sequence"], ["outbox.sequence"], name="fk_deliveries_sequence_outbox"
        ),
        sa.PrimaryKeyConstraint("sequence", name="pk_deliveries"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_at", "sequence"],
        unique=False,
        **_where("status = 'pending'"),
    )
    op.create_index(
        "ix_deliveries_pending_of_aggregate",
        "deliveries",
        ["aggregate_id", "sequence"],
        unique=False,
        **_where("status = 'pending'"),
    )
    op.create_index(
        "ix_deliveries_dead",
        "deliveries",
        ["sequence"],
        unique=False,
        **_where("status = 'dead'"),
    )


def _attempts() -> None:
    op.create_table(
        "delivery_attempts",
        sa.Column("id", _WHOLE, sa.Identity(always=True), nullable=False),
        sa.Column("sequence", _WHOLE, nullable=False),
        sa.Column("attempted_at", _MOMENT, nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(http_status IS NULL) <> (error IS NULL)",
            name=op.f("ck_delivery_attempts_status_or_error"),
        ),
        sa.CheckConstraint(
            "duration_ms >= 0", name=op.f("ck_delivery_attempts_duration_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["sequence"], ["deliveries.sequence"], name="fk_delivery_attempts_sequence_deliveries"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_attempts"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "ix_delivery_attempts_sequence", "delivery_attempts", ["sequence"], unique=False
    )


def _endpoints() -> None:
    op.create_table(
        "delivery_endpoints",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("since", _MOMENT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", _MOMENT, nullable=True),
        sa.Column("rest_until", _MOMENT, nullable=True),
        sa.Column("disabled_at", _MOMENT, nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "failures >= 0", name=op.f("ck_delivery_endpoints_failures_not_negative")
        ),
        sa.CheckConstraint(
            "(disabled_at IS NULL) = (disabled_reason IS NULL)",
            name=op.f("ck_delivery_endpoints_disabled_whole"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_delivery_endpoints"),
        sqlite_strict=True,
    )
