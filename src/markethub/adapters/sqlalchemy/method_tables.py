"""The tables of customers and their saved methods, in the one metadata.

In clear lies only what may be shown of a card, and lookups that tell nothing without their key.
"""

from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from markethub.adapters.sqlalchemy.tables import (
    metadata,
    moments,
    one_of,
    together,
    version_column,
)
from markethub.adapters.sqlalchemy.types import Flag, UtcDateTime
from markethub.domain.payment_method import MethodStatus

METHOD_KEPT: Final = text(f"status <> '{MethodStatus.REMOVED}'")
"""Spelled out, not bound: only then is the partial index recognised."""
METHOD_DETACHABLE: Final = text("detach_due_at IS NOT NULL")

customers: Final = Table(
    "customers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("record_id", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("provider_id", LargeBinary),  # encrypted
    Column("provider_lookup", Text),
    Column("begun_at", UtcDateTime, nullable=False),
    *moments(),
    *version_column(),
    CheckConstraint("generation >= 1", name="generation_counts"),
    together("provider_whole", ["provider_id", "provider_lookup"]),
    UniqueConstraint("record_id"),
    UniqueConstraint("provider_lookup"),
    sqlite_strict=True,
)
"""Customers with a record at the provider; the others are known by their orders alone."""

payment_methods: Final = Table(
    "payment_methods",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer_id", Text, ForeignKey("customers.id"), nullable=False),
    Column("token", LargeBinary, nullable=False),  # encrypted
    Column("token_lookup", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),  # encrypted
    Column("fingerprint_lookup", Text, nullable=False),
    Column("brand", Text, nullable=False),
    Column("last4", Text, nullable=False),
    Column("exp_month", Integer, nullable=False),
    Column("exp_year", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("is_default", Flag, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("detach_due_at", UtcDateTime),
    Column("detach_attempts", Integer, nullable=False),
    *moments(),
    *version_column(),
    one_of("status", MethodStatus),
    CheckConstraint("status = 'active' OR NOT is_default", name="default_is_active"),
    CheckConstraint("status = 'removed' OR detach_due_at IS NULL", name="removed_before_detached"),
    CheckConstraint("detach_attempts >= 0", name="detach_attempts_not_negative"),
    UniqueConstraint("token_lookup"),
    Index(
        "uq_payment_methods_card_of_customer",
        "customer_id",
        "fingerprint_lookup",
        unique=True,
        sqlite_where=METHOD_KEPT,
        postgresql_where=METHOD_KEPT,
    ),
    Index(
        "uq_payment_methods_default_of_customer",
        "customer_id",
        unique=True,
        sqlite_where=text("is_default"),
        postgresql_where=text("is_default"),
    ),
    Index(
        "ix_payment_methods_detachable",
        "detach_due_at",
        sqlite_where=METHOD_DETACHABLE,
        postgresql_where=METHOD_DETACHABLE,
    ),
    sqlite_strict=True,
)

lookup_keys: Final = Table(
    "lookup_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, nullable=False),  # encrypted
    CheckConstraint("id = 1", name="only_one"),
    sqlite_strict=True,
)
"""The key of all lookups: one row, for good."""
