"""The table of the audit log, in the one metadata."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, Identity, Index, Table, Text

from markethub.adapters.sqlalchemy.tables import metadata, one_of
from markethub.adapters.sqlalchemy.types import WHOLE, UtcDateTime
from markethub.domain.audit import Channel

audit_log: Final = Table(
    "audit_log",
    metadata,
    Column("sequence", WHOLE, Identity(always=True), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text),
    Column("payment_id", Text),
    Column("reason", Text),
    Column("detail", Text, nullable=False),  # JSON
    one_of("channel", Channel),
    CheckConstraint("length(actor) > 0", name="actor_named"),
    Index("ix_audit_log_actor", "actor", "sequence"),
    Index("ix_audit_log_subject", "subject", "sequence"),
    Index("ix_audit_log_payment_id", "payment_id", "sequence"),
    sqlite_autoincrement=True,
    sqlite_strict=True,
)
"""Append-only: triggers of the schema refuse to change or delete a line.

Actions are not enumerated by the database: a line of a newer version stays readable after it.
"""
