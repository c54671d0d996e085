"""The audit log, to which lines can be appended, and nothing else.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")


def upgrade() -> None:
    """Create the table, and refuse whatever changes or deletes a line of it."""
    op.create_table(
        "audit_log",
        sa.Column("sequence", _WHOLE, sa.Identity(always=True), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("payment_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('api', 'console', 'cli')", name=op.f("ck_audit_log_channel_known")
        ),
        sa.CheckConstraint("length(actor) > 0", name=op.f("ck_audit_log_actor_named")),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_log"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    for column in ("actor", "subject", "payment_id"):
        op.create_index(f"ix_audit_log_{column}", "audit_log", [column, "sequence"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            "ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()"
        )
    else:
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_log_no_{verb} BEFORE {verb.upper()} ON audit_log "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
            )
