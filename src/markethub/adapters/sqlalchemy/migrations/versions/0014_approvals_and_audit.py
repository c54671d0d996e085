"""What was given back when a refund was asked for; and no line of the audit log is replaced.

``REPLACE`` deletes without the triggers that refuse to delete, unless a connection asks for them
(https://www.sqlite.org/lang_conflict.html), on SQLite. PostgreSQL has no such statement.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and refuse a line whose number is another's."""
    whole = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.add_column("approvals", sa.Column("given_back_minor", whole, nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log "
            "WHEN EXISTS (SELECT 1 FROM audit_log WHERE sequence = NEW.sequence) "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
