"""Column types that both databases keep without loss.

SQLite's tables are STRICT (a float or a text in a column of amounts is refused), and such tables
know INTEGER, TEXT and BLOB only.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

WHOLE = BigInteger().with_variant(Integer, "sqlite")
"""Amounts in minor units, and row numbers."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, to the microsecond: aware of UTC on the way in and on the way out.

    SQLite has no such type: there it is RFC 3339 text of one length, so that it sorts by time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return what the database calls it."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Turn it to UTC. Raises ValueError for a moment that does not know its time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(
        self,
        value: datetime | str | None,
        dialect: Dialect,  # noqa: ARG002 - the value tells
    ) -> datetime | None:
        """Return the moment in UTC."""
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return None if value is None else value.astimezone(UTC)


class Flag(TypeDecorator[bool]):
    """Yes or no; 1 or 0 on SQLite."""

    impl = Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return what the database calls it."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else Boolean())

    def process_result_value(
        self,
        value: bool | int | None,
        dialect: Dialect,  # noqa: ARG002 - whatever it calls it
    ) -> bool | None:
        """Return a bool."""
        return None if value is None else bool(value)
