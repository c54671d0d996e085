"""How a transaction begins and ends, on each of the two databases."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final, Protocol

import attrs
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import greenlet_spawn

from markethub.adapters.sqlalchemy.session import DriverSession, Session

_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"  # as the engine's: see there


class Begun(Protocol):
    """A transaction that has begun. Leaving its context without ``commit`` rolls it back."""

    @property
    def session(self) -> Session:
        """Where its statements run."""
        ...

    async def commit(self) -> None:
        """Make it last."""
        ...


Begin = Callable[[AsyncEngine], AbstractAsyncContextManager[Begun]]
"""Takes a connection of the engine's pool for as long as the context lasts."""


@attrs.frozen
class _OnCore:
    session: AsyncConnection

    async def commit(self) -> None:
        await self.session.commit()


@asynccontextmanager
async def begin_on_core(engine: AsyncEngine) -> AsyncIterator[Begun]:
    """Begin on SQLAlchemy's connection."""
    # Closing rolls back what was not committed, and does so also when the task is canceled.
    async with engine.connect() as connection:
        await connection.begin()
        yield _OnCore(connection)


@attrs.frozen
class _OnDriver:
    session: DriverSession

    async def commit(self) -> None:
        await self.session.control("COMMIT")


@asynccontextmanager
async def begin_on_driver(engine: AsyncEngine) -> AsyncIterator[Begun]:
    """Begin on the connection of PostgreSQL's driver itself."""
    pooled = await _living(engine)
    session = DriverSession(pooled.driver_connection)
    is_clean = False
    try:
        await session.control(_BEGIN)
        try:
            yield _OnDriver(session)
        except Exception:
            # Whoever cannot roll back any more has lost the connection, and all with it.
            with suppress(DBAPIError, OSError):
                await session.control("ROLLBACK")
            raise
        finally:
            is_clean = not session.driver.is_in_transaction()
    finally:
        # Whatever state a canceled task leaves it in, nobody else shall meet it.
        end = pooled.close if is_clean else pooled.invalidate
        await asyncio.shield(greenlet_spawn(end))


async def _living(engine: AsyncEngine) -> PoolProxiedConnection:
    """Take a connection that the server has not closed while it lay in the pool."""
    while True:
        pooled = await engine.raw_connection()
        driver: Any = pooled.driver_connection
        if not driver.is_closed():
            return pooled
        await greenlet_spawn(pooled.invalidate)
