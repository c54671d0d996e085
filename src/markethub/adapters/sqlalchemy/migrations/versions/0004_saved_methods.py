"""Customers, saved methods, the key of their lookups, and operations that confirm.

Constraints are spelled out and not taken from the code: what was migrated stays as it was.
"""

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text, "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")


def _where(condition: str) -> dict[str, Any]:
    """Restrict an index to some rows, on both databases."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Create the tables, and let operations confirm."""
    _customers()
    _payment_methods()
    _lookup_keys()
    if op.get_bind().dialect.name == "postgresql":
        _widen_operations()
    else:
        _rebuild_operations()


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("provider_id", sa.LargeBinary(), nullable=True),
        sa.Column("provider_lookup", sa.Text(), nullable=True),
        sa.Column("begun_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(provider_id IS NULL) = (provider_lookup IS NULL)",
            name=op.f("ck_customers_provider_whole"),
        ),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_customers_generation_counts")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_customers_version_counts")),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        sa.UniqueConstraint("record_id", name="uq_customers_record_id"),
        sa.UniqueConstraint("provider_lookup", name="uq_customers_provider_lookup"),
        sqlite_strict=True,
    )


def _payment_methods() -> None:
    op.create_table(
        "payment_methods",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("token_lookup", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint_lookup", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("exp_month", sa.Integer(), nullable=False),
        sa.Column("exp_year", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_default", _FLAG, nullable=False),
        sa.Column("issued_at", _MOMENT, nullable=False),
        sa.Column("detach_due_at", _MOMENT, nullable=True),
        sa.Column("detach_attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'inactive', 'removed')",
            name=op.f("ck_payment_methods_status_known"),
        ),
        sa.CheckConstraint(
            "status = 'active' OR NOT is_default", name=op.f("ck_payment_methods_default_is_active")
        ),
        sa.CheckConstraint(
            "status = 'removed' OR detach_due_at IS NULL",
            name=op.f("ck_payment_methods_removed_before_detached"),
        ),
        sa.CheckConstraint(
            "detach_attempts >= 0", name=op.f("ck_payment_methods_detach_attempts_not_negative")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_payment_methods_version_counts")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_payment_methods_customer_id_customers"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_payment_methods"),
        sa.UniqueConstraint("token_lookup", name="uq_payment_methods_token_lookup"),
        sqlite_strict=True,
    )
    op.create_index(
        "uq_payment_methods_card_of_customer",
        "payment_methods",
        ["customer_id", "fingerprint_lookup"],
        unique=True,
        **_where("status <> 'removed'"),
    )
    op.create_index(
        "uq_payment_methods_default_of_customer",
        "payment_methods",
        ["customer_id"],
        unique=True,
        **_where("is_default"),
    )
    op.create_index(
        "ix_payment_methods_detachable",
        "payment_methods",
        ["detach_due_at"],
        unique=False,
        **_where("detach_due_at IS NOT NULL"),
    )


def _lookup_keys() -> None:
    op.create_table(
        "lookup_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_lookup_keys_only_one")),
        sa.PrimaryKeyConstraint("id", name="pk_lookup_keys"),
        sqlite_strict=True,
    )


_BEFORE = "'update_intent'"
"""The kind that the new one stands behind; what other kinds there are is not ours to say."""


def _widen_operations() -> None:
    name = "ck_operations_kind_known"
    known = op.get_bind().execute(
        sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name"),
        {"name": name},
    )
    kinds = re.findall(r"'\w+'", str(known.scalar_one()))
    kinds.insert(kinds.index(_BEFORE) + 1, "'confirm'")
    op.drop_constraint(op.f(name), "operations", type_="check")
    op.create_check_constraint(op.f(name), "operations", f"kind IN ({', '.join(kinds)})")


def _rebuild_operations() -> None:
    """Make the table anew: SQLite changes no constraint. Nothing refers to its rows."""
    master = op.get_bind().execute(
        sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = 'operations' AND sql <> ''")
    )
    rows = [(str(kind), str(sql)) for kind, sql in master]
    statements = {
        kind: [sql for found, sql in rows if found == kind] for kind in ("table", "index")
    }
    [table] = statements["table"]
    wider = re.sub(r'^CREATE TABLE "?operations"?', "CREATE TABLE operations_wider", table)
    wider = wider.replace(_BEFORE, f"{_BEFORE}, 'confirm'")
    for statement in (
        wider,
        "INSERT INTO operations_wider SELECT * FROM operations",
        "DROP TABLE operations",
        "ALTER TABLE operations_wider RENAME TO operations",
        *statements["index"],
    ):
        op.get_bind().exec_driver_sql(statement)
