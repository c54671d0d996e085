"""The provider's events, made durable."""

from typing import Final

import attrs
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.mappers import inbox_event_to_row
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.inbox import Inbox

_STATEMENTS: Final = {
    # Built once: what is left per event is a look into SQLAlchemy's cache.
    dialect: insert(tables.inbox).on_conflict_do_nothing()
    for dialect, insert in INSERTS.items()
}


@attrs.frozen
class SqlInbox:
    """Where events go before the provider is answered."""

    _engine: AsyncEngine
    """One whose statements are each a transaction: one round trip to the server."""
    _repeat: Repeater

    async def store(self, event: InboxEvent) -> bool:
        """Return once the event is durable: True if new, False if its id was there already."""
        row = inbox_event_to_row(event)

        async def once() -> bool:
            async with self._engine.begin() as connection:
                statement = _STATEMENTS[connection.dialect.name]
                stored = await connection.execute(statement, row)
            return stored.rowcount == 1

        return await self._repeat(once)


def _conforms(inbox: SqlInbox) -> Inbox:
    """Let the type checker prove that the adapter fits its port."""
    return inbox
