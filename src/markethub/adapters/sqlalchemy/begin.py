"""How a transaction begins and ends, on each of the two databases."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final, Protocol

import attrs
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy.handover import Handover
from markethub.adapters.sqlalchemy.session import CoreSession, DriverSession, Session
from markethub.domain.errors import StaleWrite

_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"  # as the engine's: see there


class Begun(Protocol):
    """A transaction that has begun. Leaving its context without ``commit`` rolls it back."""

    @property
    def session(self) -> Session:
        """Where its statements run."""
        ...

    async def commit(self) -> None:
        """Make it last, all of it that is flushed."""
        ...


Begin = Callable[[], AbstractAsyncContextManager[Begun]]
"""Takes a connection for as long as the context lasts."""


@attrs.frozen
class _OnCore:
    session: CoreSession

    async def commit(self) -> None:
        await self.session.connection.commit()


@attrs.frozen
class BeginOnCore:
    """Begins on SQLAlchemy's connection."""

    _engine: AsyncEngine

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Begun]:
        """Begin."""
        # Closing rolls back what was not committed, also when the task is canceled.
        async with self._engine.connect() as connection:
            await connection.begin()
            yield _OnCore(CoreSession(connection))


@attrs.frozen
class _OnDriver:
    session: DriverSession

    async def commit(self) -> None:
        # After a statement that failed, PostgreSQL answers COMMIT by rolling back, not by an error.
        if await self.session.control("COMMIT") != "COMMIT":
            raise StaleWrite("a statement of the transaction had failed")


@attrs.frozen
class BeginOnDriver:
    """Begins on the connection of PostgreSQL's driver itself."""

    _connections: Handover

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Begun]:
        """Begin."""
        pooled = await self._connections.take()
        session = DriverSession(pooled.driver_connection)
        is_clean = False
        try:
            await session.control(_BEGIN)
            try:
                yield _OnDriver(session)
            except Exception:
                # Whoever cannot roll back any more has lost the connection, and all with it. What
                # is raised then must not stand for what is raised here: a COMMIT that was not
                # answered would be taken for a lost connection, and its work be repeated.
                with suppress(Exception):
                    await session.control("ROLLBACK")
                raise
            finally:
                is_clean = not session.driver.is_in_transaction()
        finally:
            # Whatever state a canceled task leaves it in, nobody else shall meet it.
            end = self._connections.give_back if is_clean else self._connections.discard
            await end(pooled)
