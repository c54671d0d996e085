"""The table of the staff's sessions, in the one metadata."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, Index, Table, Text

from markethub.adapters.sqlalchemy.tables import metadata
from markethub.adapters.sqlalchemy.types import UtcDateTime

staff_sessions: Final = Table(
    "staff_sessions",
    metadata,
    Column("id", Text, primary_key=True),  # a hash: whoever reads it here has no token
    Column("name", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    CheckConstraint("length(id) = 64", name="id_hashed"),
    Index("ix_staff_sessions_seen_at", "seen_at"),
    sqlite_strict=True,
)
