"""Stored events of the provider, for people to look at."""

from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.cursors import cursor_after, position
from markethub.adapters.sqlalchemy.mappers import inbox_event_from_row
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.sealing import masked
from markethub.adapters.sqlalchemy.types import UtcDateTime
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.inbox import InboxFilter, InboxPage, InboxQueries


@attrs.frozen
class SqlInboxQueries:
    """Consistent reads outside of a use case's transaction."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def event(self, id: EventId) -> InboxEvent | None:
        """Return a stored event, if it exists."""
        found = await self._read(select(tables.inbox).where(tables.inbox.c.id == id))
        return found[0] if found else None

    async def events(
        self, filter: InboxFilter, *, cursor: str | None = None, limit: int = 50
    ) -> InboxPage:
        """List events, the last received first. Raises ValidationFailed for a foreign cursor."""
        inbox = tables.inbox
        query = select(inbox).order_by(inbox.c.received_at.desc(), inbox.c.id.desc())
        if filter.status is not None:
            query = query.where(inbox.c.status == filter.status.value)
        if filter.type is not None:
            query = query.where(inbox.c.type == filter.type)
        if filter.subject is not None:
            query = query.where(inbox.c.subject == filter.subject)
        if cursor is not None:
            received_at, event_id = position(cursor)
            last = tuple_(literal(received_at, UtcDateTime()), literal(event_id))
            query = query.where(tuple_(inbox.c.received_at, inbox.c.id) < last)
        found = await self._read(query.limit(limit + 1))
        page = found[:limit]
        last_of = cursor_after(page[-1].received_at, page[-1].event.id) if found[limit:] else None
        return InboxPage(items=page, next_cursor=last_of)

    async def _read(self, query: Select[Any]) -> Sequence[InboxEvent]:
        async def once() -> Sequence[InboxEvent]:
            async with self._reader.connect() as connection:
                rows = await connection.execute(query)
                return [
                    inbox_event_from_row({**row, "payload": masked(row["payload"])})
                    for row in rows.mappings()
                ]

        return await self._repeat(once)


def _conforms(queries: SqlInboxQueries) -> InboxQueries:
    """Let the type checker prove that the adapter fits its port."""
    return queries
