"""What an event is about, how it failed, and who works on it.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")

_NOT_NEGATIVE = "ck_inbox_failures_not_negative CHECK (failures >= 0)"


def _where(condition: str) -> dict[str, Any]:
    """Restrict an index to some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Widen the inbox, and create the leases."""
    # One by one and in SQL: SQLite takes a new constraint only along with its column.
    moment = "TEXT" if op.get_bind().dialect.name == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    for column in (
        "subject TEXT DEFAULT '' NOT NULL",
        f"failures INTEGER DEFAULT 0 NOT NULL CONSTRAINT {_NOT_NEGATIVE}",
        "error TEXT",
        f"replayed_at {moment}",
    ):
        op.execute(f"ALTER TABLE inbox ADD COLUMN {column}")
    # What came before stands for itself: its order among others was never kept.
    op.execute("UPDATE inbox SET subject = id")
    op.create_index("ix_inbox_dead", "inbox", ["updated_at"], **_where("status = 'dead'"))
    wrong_mode = _where("status = 'ignored' AND reason = 'wrong_mode'")
    op.create_index("ix_inbox_wrong_mode", "inbox", ["received_at"], **wrong_mode)
    op.create_table(
        "inbox_leases",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("lease", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_inbox_leases"),
        sqlite_strict=True,
    )
    op.create_index("ix_inbox_leases_lease", "inbox_leases", ["lease"])
    op.create_index("ix_inbox_leases_holder", "inbox_leases", ["holder"])
