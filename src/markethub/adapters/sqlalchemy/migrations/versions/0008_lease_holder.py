"""Nobody looks for leases by their holder any more: a process renews what it has in hand."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_inbox_leases_holder", table_name="inbox_leases")
