"""The provider's events, made durable: many with one commit where many arrive at once."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import greenlet_spawn

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.group_commit import GroupCommit
from markethub.adapters.sqlalchemy.mappers import Row, inbox_event_to_row
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.sealing import Tokens, inbox_context
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.inbox import Inbox

if TYPE_CHECKING:
    import asyncpg
    from sqlalchemy import Column

_INSERT: Final = {
    dialect: insert(tables.inbox).on_conflict_do_nothing() for dialect, insert in INSERTS.items()
}


@attrs.frozen
class SqlRows:
    """Writes rows of the inbox, and repeats what the database says had no effect."""

    _engine: AsyncEngine
    _repeat: Repeater

    async def together(self, rows: Sequence[Row]) -> Iterable[bool]:
        """Insert in one transaction, saying of each row whether it was new."""

        async def once() -> list[bool]:
            async with self._engine.begin() as connection:
                return [await self._insert(connection, row) for row in rows]

        return await self._repeat(once)

    async def alone(self, row: Row) -> bool:
        """Insert one row: True if it was new."""
        [is_new] = await self.together([row])
        return is_new

    async def _insert(self, connection: AsyncConnection, row: Row) -> bool:
        result = await connection.execute(_INSERT[connection.dialect.name], row)
        return result.rowcount == 1


def _array_type(column: "Column[Any]") -> str:
    dialect = asyncpg_dialect()  # type: ignore[no-untyped-call] # SQLAlchemy types no dialect
    return f"{column.type.compile(dialect=dialect)}[]"


_COLUMNS: Final = tuple(column.name for column in tables.inbox.columns)
_ARRAYS: Final = ", ".join(
    f"${number}::{_array_type(column)}" for number, column in enumerate(tables.inbox.columns, 1)
)
# Only names and types of our own table are put into the text.
_INSERT_MANY: Final = (
    f"INSERT INTO inbox ({', '.join(_COLUMNS)}) SELECT * FROM unnest({_ARRAYS}) "  # noqa: S608 - ours
    "ON CONFLICT DO NOTHING RETURNING id"
)


class PostgresRows:
    """The same in one statement, on the driver's own connection: a tenth of the CPU.

    It is its own transaction, prepared once per connection, with one array per column. The
    connections are kept: taking one from the pool costs more than the statement does. There are
    never more of them than batches at once.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        """Take connections of the engine's pool."""
        self._engine = engine
        self._kept: list[PoolProxiedConnection] = []

    async def close(self) -> None:
        """Give the connections back."""
        while self._kept:
            await greenlet_spawn(self._kept.pop().close)

    async def together(self, rows: Sequence[Row]) -> Iterable[bool]:
        """Insert in one transaction, saying of each row whether it was new.

        Raises whatever the driver raises; nothing is known of the rows then.
        """
        # In one order for all: two batches with the same events must not wait for each other.
        ordered = sorted(rows, key=_id_of)
        arrays = [[row[name] for row in ordered] for name in _COLUMNS]
        new = {record[0] for record in await self._fetch(arrays)}
        # An event that is twice in a batch is new once.
        return [_taken(new, row["id"]) for row in rows]

    async def _fetch(self, arrays: Sequence[Sequence[object]]) -> Sequence[Any]:
        pooled = await self._take()
        driver: Any = pooled.driver_connection
        try:
            records: Sequence[asyncpg.Record] = await driver.fetch(_INSERT_MANY, *arrays)
        except BaseException:
            # Whatever state it is in, nobody else shall meet it.
            await greenlet_spawn(pooled.invalidate)
            raise
        self._kept.append(pooled)
        return records

    async def _take(self) -> PoolProxiedConnection:
        while self._kept:
            pooled = self._kept.pop()
            driver: Any = pooled.driver_connection
            if not driver.is_closed():
                return pooled
            await greenlet_spawn(pooled.invalidate)
        return await self._engine.raw_connection()


def _id_of(row: Row) -> str:
    return str(row["id"])


def _taken(new: set[str], id: str) -> bool:
    if id not in new:
        return False
    new.remove(id)
    return True


class SqlInbox:
    """Where events go before the provider is answered."""

    def __init__(self, engine: AsyncEngine, repeat: Repeater, tokens: Tokens) -> None:
        """Write with ``engine``; no token of a payment method will lie in clear."""
        self._tokens = tokens
        rows = SqlRows(engine, repeat)
        self._postgres = PostgresRows(engine) if engine.dialect.name == "postgresql" else None
        together = rows.together if self._postgres is None else self._postgres.together
        self._group = GroupCommit(together=together, alone=rows.alone)

    async def store(self, event: InboxEvent) -> bool:
        """Return once the event is durable: True if new, False if its id was there already."""
        row = inbox_event_to_row(event)
        row["payload"] = self._tokens.seal(row["payload"], inbox_context(event.event.id))
        return await self._group.store(row)

    async def close(self) -> None:
        """Return once everything that was taken is durable, or has failed; keep nothing open."""
        await self._group.drain()
        if self._postgres is not None:
            await self._postgres.close()


def _conforms(inbox: SqlInbox) -> Inbox:
    """Let the type checker prove that the adapter fits its port."""
    return inbox
