"""Row locks: first come, first served, and no deadlock."""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import TypeAlias

import attrs

from markethub.domain.errors import StaleWrite

RowKey: TypeAlias = tuple[str, Hashable]
"""Table and row."""


@attrs.define(eq=False)
class Holder:
    """A transaction, as far as locks go."""

    rows: list[RowKey] = attrs.field(factory=list)
    waits_for: RowKey | None = None
    has_ended: bool = False


@attrs.define(eq=False)
class _Lock:
    owner: Holder
    queue: deque[tuple[Holder, "asyncio.Future[None]"]] = attrs.field(factory=deque)


class RowLocks:
    """Which transaction holds which row until it ends, and who waits for it."""

    def __init__(self) -> None:
        """Begin with every row free."""
        self._locks: dict[RowKey, _Lock] = {}

    async def acquire(self, row: RowKey, holder: Holder) -> None:
        """Hold the row, once everybody who asked before has ended.

        Raises StaleWrite instead of waiting for somebody who waits for us: a deadlock.
        """
        assert not holder.has_ended, "a transaction is used after its end"
        lock = self._locks.get(row)
        if lock is None:
            self._locks[row] = _Lock(holder)
            holder.rows.append(row)
            return
        if lock.owner is holder:
            return
        if self._waits(lock.owner, for_=holder):
            raise StaleWrite("a deadlock with another transaction")
        turn = asyncio.get_running_loop().create_future()
        lock.queue.append((holder, turn))
        holder.waits_for = row
        try:
            await turn
        finally:
            holder.waits_for = None
            # Also where the coroutine is closed, which does not cancel what it waits for.
            turn.cancel()

    def _waits(self, owner: Holder, *, for_: Holder) -> bool:
        waiting: Holder = owner
        while waiting.waits_for is not None:
            waiting = self._locks[waiting.waits_for].owner
            if waiting is for_:
                return True
        return False

    def release(self, holder: Holder) -> None:
        """End ``holder``: each row that it holds goes to whoever has waited longest for it."""
        holder.has_ended = True
        for row in holder.rows:
            lock = self._locks[row]
            if not self._hand_over(row, lock):
                del self._locks[row]
        holder.rows.clear()

    @staticmethod
    def _hand_over(row: RowKey, lock: _Lock) -> bool:
        while lock.queue:
            holder, turn = lock.queue.popleft()
            if turn.cancelled():
                continue  # it gave up waiting
            lock.owner = holder
            holder.rows.append(row)
            # It waits for nobody from now on, though its task has yet to be resumed.
            holder.waits_for = None
            turn.set_result(None)
            return True
        return False
