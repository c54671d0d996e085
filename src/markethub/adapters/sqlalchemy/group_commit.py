"""Group commit: what arrives together is made durable together.

A commit waits for the disk, and the disk takes a hundred rows as fast as one. So while one batch
is being committed, whatever arrives waits for the next; alone, a row waits for nobody. Each caller
is answered after its own batch is durable, and no sooner.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Generic, TypeVar

import attrs

from markethub.domain.errors import StoreUnavailable

Item = TypeVar("Item")

FLIGHTS_MAXIMUM: Final = 2
"""While the disk works on one batch the next can be sent; a third would only be smaller."""
BATCH_MAXIMUM: Final = 256
"""More in one statement save nothing, and make everybody wait for the slowest."""


@attrs.frozen
class _Waiting(Generic[Item]):
    item: Item
    answer: "asyncio.Future[bool]"


class GroupCommit(Generic[Item]):
    """Takes items one by one and writes them in batches. Belongs to one event loop.

    ``together`` writes a batch in one transaction and says of each item whether it was new.
    Where that fails, ``alone`` is asked for each item, so that a bad one fails by itself: both
    must be harmless to repeat.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Item]], Awaitable[Iterable[bool]]],
        alone: Callable[[Item], Awaitable[bool]],
    ) -> None:
        """Write by these two."""
        self._together = together
        self._alone = alone
        self._queue: deque[_Waiting[Item]] = deque()
        self._flights: set[asyncio.Task[None]] = set()
        self._is_summoned = False

    async def store(self, item: Item) -> bool:
        """Return once the item is durable: True if it was new.

        A caller who is canceled meanwhile is not answered; the item may be stored all the same.
        Raises what ``alone`` raises, and StoreUnavailable if the process stops before.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(item, loop.create_future())
        self._queue.append(waiting)
        if not self._is_summoned and len(self._flights) < FLIGHTS_MAXIMUM:
            # After whoever else is about to store something in this turn of the loop.
            self._is_summoned = True
            loop.call_soon(self._take_off)
        return await waiting.answer

    async def drain(self) -> None:
        """Return once everything that was taken is durable, or has failed."""
        while self._flights or self._queue:
            self._take_off()
            await asyncio.wait(self._flights)

    def _take_off(self) -> None:
        self._is_summoned = False
        while self._queue and len(self._flights) < FLIGHTS_MAXIMUM:
            size = min(len(self._queue), BATCH_MAXIMUM)
            batch = [self._queue.popleft() for _ in range(size)]
            # A task of its own: no caller that is canceled takes the others' batch with it.
            flight = asyncio.get_running_loop().create_task(self._fly(batch))
            self._flights.add(flight)
            flight.add_done_callback(self._land)

    def _land(self, flight: "asyncio.Task[None]") -> None:
        self._flights.discard(flight)
        self._take_off()

    async def _fly(self, batch: Sequence[_Waiting[Item]]) -> None:
        try:
            news = await self._together([waiting.item for waiting in batch])
        except Exception:  # noqa: BLE001 - whatever it was, each item finds out for itself below
            await asyncio.gather(*(self._fly_alone(waiting) for waiting in batch))
        except BaseException:
            for waiting in batch:
                _fail(waiting.answer, StoreUnavailable("stopped before it was stored"))
            raise
        else:
            for waiting, is_new in zip(batch, news, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(is_new)

    async def _fly_alone(self, waiting: _Waiting[Item]) -> None:
        try:
            is_new = await self._alone(waiting.item)
        except Exception as error:  # noqa: BLE001 - it is the caller's, who awaits the answer
            _fail(waiting.answer, error)
        except BaseException:
            _fail(waiting.answer, StoreUnavailable("stopped before it was stored"))
            raise
        else:
            if not waiting.answer.done():
                waiting.answer.set_result(is_new)


def _fail(answer: "asyncio.Future[bool]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
