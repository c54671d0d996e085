"""Until when a hold may be captured, and a way to find what nobody finishes.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """Restrict an index to some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Widen the payments."""
    op.add_column("payments", sa.Column("capture_before", _MOMENT, nullable=True))
    op.add_column(
        "payments", sa.Column("expiry_told", _FLAG, nullable=False, server_default=sa.false())
    )
    op.create_index(
        "ix_payments_unfinished",
        "payments",
        ["updated_at"],
        **_where("status NOT IN ('succeeded', 'canceled')"),
    )
