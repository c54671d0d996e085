"""The provider's events, made durable."""

from typing import Any, Final

import asyncpg
import attrs
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.mappers import Row, inbox_event_to_row
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.sealing import Tokens, inbox_context
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.inbox import Inbox

_STATEMENTS: Final = {
    dialect: insert(tables.inbox).on_conflict_do_nothing() for dialect, insert in INSERTS.items()
}
_COMPILED: Final = _STATEMENTS["postgresql"].compile(
    dialect=asyncpg_dialect()  # type: ignore[no-untyped-call] # SQLAlchemy types no dialect
)
_SQL: Final = str(_COMPILED)
_PARAMETERS: Final = tuple(_COMPILED.positiontup or ())


@attrs.frozen
class SqlInbox:
    """Where events go before the provider is answered."""

    _engine: AsyncEngine
    _repeat: Repeater
    _tokens: Tokens

    def row(self, event: InboxEvent) -> Row:
        """Return what is stored: no token of a payment method lies in clear."""
        row = inbox_event_to_row(event)
        row["payload"] = self._tokens.seal(row["payload"], inbox_context(event.event.id))
        return row

    async def store(self, event: InboxEvent) -> bool:
        """Return once the event is durable: True if new, False if its id was there already."""
        row = self.row(event)

        async def once() -> bool:
            async with self._engine.begin() as connection:
                statement = _STATEMENTS[connection.dialect.name]
                stored = await connection.execute(statement, row)
            return stored.rowcount == 1

        return await self._repeat(once)


@attrs.frozen
class PostgresInbox:
    """The same, for the one statement that must be fast: a quarter of the other's CPU.

    One prepared statement on the driver's own connection, its own transaction, one round trip.
    """

    _engine: AsyncEngine
    _careful: SqlInbox

    async def store(self, event: InboxEvent) -> bool:
        """Return once the event is durable: True if new, False if its id was there already."""
        try:
            return await self._insert(self._careful.row(event))
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
            OSError,
        ):
            # Whether or not it is there by now, storing it again is harmless; and the other way
            # knows what may be repeated.
            return await self._careful.store(event)

    async def _insert(self, row: Row) -> bool:
        pooled = await self._engine.raw_connection()
        driver: Any = pooled.driver_connection
        try:
            done: str = await driver.execute(_SQL, *[row[name] for name in _PARAMETERS])
        except BaseException:
            # Whatever state it is in, nobody else shall meet it.
            await greenlet_spawn(pooled.invalidate)
            raise
        await greenlet_spawn(pooled.close)
        return done == "INSERT 0 1"


def _conforms(inbox: SqlInbox, postgres: PostgresInbox) -> tuple[Inbox, Inbox]:
    """Let the type checker prove that the adapters fit their port."""
    return inbox, postgres
