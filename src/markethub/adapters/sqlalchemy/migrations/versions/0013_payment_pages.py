"""Payments are listed by amount, and a payment's story is told, without reading all rows."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

DISPUTED = sa.text("(chargeback_open OR disputed_minor > 0)")
QUARANTINED = sa.text("quarantine IS NOT NULL")


def upgrade() -> None:
    """Add the indexes."""
    for name, table, columns in (
        (
            "ix_payments_currency_amount_minor_id",
            "payments",
            ["currency", "amount_minor", "id"],
        ),
        ("ix_operations_payment_id", "operations", ["payment_id"]),
        ("ix_inbox_subject", "inbox", ["subject"]),
        ("ix_deliveries_aggregate_id", "deliveries", ["aggregate_id"]),
    ):
        op.create_index(name, table, columns)
    # In the order of their list, or SQLite would read all payments in that order instead.
    op.drop_index("ix_payments_quarantined", "payments")
    for name, condition in (
        ("ix_payments_quarantined", QUARANTINED),
        ("ix_payments_disputed", DISPUTED),
    ):
        op.create_index(
            name,
            "payments",
            ["created_at", "id"],
            sqlite_where=condition,
            postgresql_where=condition,
        )
