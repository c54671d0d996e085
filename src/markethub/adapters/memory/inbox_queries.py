"""Stored events of the provider, for people to look at."""

import re
from datetime import datetime
from typing import Final

import attrs

from markethub.adapters.memory.cursors import cursor_after, position
from markethub.adapters.memory.database import Database
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.inbox import InboxFilter, InboxPage, InboxQueries

# Methods, customers and cards' fingerprints, in the compact form in which events are stored.
_TOKEN: Final = re.compile(r'"(?:(?:pm|cus)_[A-Za-z0-9_]+|(?<="fingerprint":")[^"\\]+)"')


@attrs.frozen
class MemoryInboxQueries:
    """Consistent reads outside of a use case's transaction."""

    _database: Database

    async def event(self, id: EventId) -> InboxEvent | None:
        """Return a stored event, if it exists."""
        found = self._database.inbox.rows.get(id)
        return found and _masked(found)

    async def events(
        self, filter: InboxFilter, *, cursor: str | None = None, limit: int = 50
    ) -> InboxPage:
        """List events, the last received first. Raises ValidationFailed for a foreign cursor."""
        before = None if cursor is None else position(cursor)
        found = [
            row
            for row in self._database.inbox.rows.values()
            if filter.status in (None, row.status)
            and filter.type in (None, row.event.type)
            and filter.subject in (None, row.event.subject)
            and (before is None or _by_age(row) < before)
        ]
        found.sort(key=_by_age, reverse=True)
        page = found[:limit]
        last = cursor_after(*_by_age(page[-1])) if len(found) > limit else None
        return InboxPage(items=[_masked(row) for row in page], next_cursor=last)


def _by_age(row: InboxEvent) -> tuple[datetime, str]:
    return row.received_at, row.event.id


def _masked(row: InboxEvent) -> InboxEvent:
    payload = _TOKEN.sub('"***"', row.event.payload)
    return attrs.evolve(row, event=attrs.evolve(row.event, payload=payload))


def _conforms(queries: MemoryInboxQueries) -> InboxQueries:
    """Let the type checker prove that the adapter fits its port."""
    return queries
