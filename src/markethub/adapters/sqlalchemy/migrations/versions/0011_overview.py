"""What the console's front page and its disputes look for is found without reading all rows."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ANSWERABLE = sa.text("status IN ('needs_response', 'warning_needs_response')")
PROCESSED = sa.text("status = 'processed' AND replayed_at IS NULL")
QUARANTINED = sa.text("quarantine IS NOT NULL")
WARNED = sa.text("fraud_warnings <> '[]'")


def upgrade() -> None:
    """Add the indexes."""
    for name, table, columns, condition in (
        ("ix_disputes_answerable", "disputes", ["evidence_due_by", "id"], ANSWERABLE),
        ("ix_inbox_processed", "inbox", ["received_at", "updated_at"], PROCESSED),
        ("ix_payments_quarantined", "payments", ["created_at"], QUARANTINED),
        ("ix_payments_warned", "payments", ["created_at"], WARNED),
    ):
        op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
    op.create_index("ix_submissions_dispute_id", "submissions", ["dispute_id"])
