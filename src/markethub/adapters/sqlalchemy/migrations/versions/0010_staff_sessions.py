"""Who is signed in to the ops console.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_sessions"),
        sa.CheckConstraint("length(id) = 64", name=op.f("ck_staff_sessions_id_hashed")),
        sqlite_strict=True,
    )
    op.create_index("ix_staff_sessions_seen_at", "staff_sessions", ["seen_at"])
