"""Connections of PostgreSQL's pool, passed from each transaction to the next that waits."""

import asyncio
from collections import deque
from typing import Any

from sqlalchemy import PoolProxiedConnection
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn


class Handover:
    """Lets a bounded number of transactions run at once, the others in the order they came.

    In a crowd a connection does not return to the pool between two transactions: taking it from
    there costs more than some statements do. Who waits here holds nothing.
    """

    def __init__(self, engine: AsyncEngine, *, at_most: int, wait_s_maximum: float) -> None:
        """Take connections of the engine's pool, ``at_most`` so many of them."""
        self._engine = engine
        self._free = at_most
        self._wait_s_maximum = wait_s_maximum
        self._waiting: deque[asyncio.Future[PoolProxiedConnection | None]] = deque()

    async def take(self) -> PoolProxiedConnection:
        """Return a connection, to be given back. Raises SQLAlchemy's TimeoutError."""
        handed = None
        if self._free:
            self._free -= 1
        else:
            handed = await self._wait()
        try:
            return await self._living(handed)
        except BaseException:
            self._pass_on(None)
            raise

    async def give_back(self, pooled: PoolProxiedConnection) -> None:
        """Take back a connection that is in no transaction."""
        if not self._pass_on(pooled):
            await greenlet_spawn(pooled.close)

    async def discard(self, pooled: PoolProxiedConnection) -> None:
        """Take back a connection that nobody may meet again."""
        self._pass_on(None)
        # Also when the task is canceled while it does so.
        await asyncio.shield(greenlet_spawn(pooled.invalidate))

    async def _wait(self) -> PoolProxiedConnection | None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[PoolProxiedConnection | None] = loop.create_future()
        limit = loop.call_later(self._wait_s_maximum, _give_up, waiting)
        self._waiting.append(waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
                # It was our turn already: somebody else's, then.
                await self._return(waiting.result())
            raise
        finally:
            limit.cancel()

    async def _return(self, handed: PoolProxiedConnection | None) -> None:
        if handed is None:
            self._pass_on(None)
        else:
            await self.give_back(handed)

    def _pass_on(self, pooled: PoolProxiedConnection | None) -> bool:
        """Let the next one begin, with a connection if there is one. False if nobody waits."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(pooled)
                return True
        self._free += 1
        return False

    async def _living(self, pooled: PoolProxiedConnection | None) -> PoolProxiedConnection:
        """Return a connection that the server has not closed while nobody used it."""
        while True:
            if pooled is None:
                pooled = await self._engine.raw_connection()
            driver: Any = pooled.driver_connection
            if not driver.is_closed():
                return pooled
            await greenlet_spawn(pooled.invalidate)
            pooled = None


def _give_up(waiting: "asyncio.Future[PoolProxiedConnection | None]") -> None:
    if not waiting.done():
        waiting.set_exception(NoConnectionFree("too many transactions at once"))
