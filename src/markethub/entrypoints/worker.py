"""The background worker: processes events and recovers, in loops side by side.

The same loops run inside ``serve`` and alone as ``markethub worker``; any number of workers may
run side by side, in one process or in many, since every step is safe to do twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import attrs
import structlog

from markethub.domain.ports.system import Pause
from markethub.domain.usecases.process_inbox import LEASE, InboxBatch, ProcessInbox, RenewLeases
from markethub.domain.usecases.recover import Recover, Recovered
from markethub.entrypoints.relay import RelayLoop

IDLE_S: Final = 0.2
"""How long to rest when there was nothing to do."""
ALARMED_S: Final = 2.0
"""How long to rest after an error: whatever is broken gets time to heal."""
LANES: Final = 8
"""How many batches of events one worker has in hand at once: each mostly waits, for a commit
or for the provider."""
STOP_S_MAXIMUM: Final = 10.0
"""How long a stop waits for what is under way. What is cut off then is done again by another."""

_log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class Loop:
    """Something to be done over and over. ``step`` does what is due, and says how much that was."""

    name: str
    step: Callable[[], Awaitable[int]]
    rest_s: float = IDLE_S
    """How long to rest when nothing was due."""


class Loops:
    """Runs loops until it is stopped; an error in a step is logged and the next one begins."""

    def __init__(self, *, pause: Pause) -> None:
        """Rest by ``pause``; nothing runs yet."""
        self._pause = pause
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, loops: Iterable[Loop]) -> None:
        """Let more loops run."""
        for loop in loops:
            self._tasks.append(asyncio.create_task(self._repeat(loop), name=loop.name))

    async def stop(self) -> None:
        """End after the steps that are under way, or cut them off when they take too long."""
        self._stopping.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=STOP_S_MAXIMUM)
        for task in late:
            _log.warning("loop.cut_off", loop=task.get_name())
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, loop: Loop) -> None:
        while not self._stopping.is_set():
            try:
                found = await loop.step()
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and _is_canceled():
                    raise
                # Whatever one step ran into, a canceled task or future of somebody else's too:
                # a loop that ended by it would end in silence.
                _log.exception("loop.failed", loop=loop.name)
                await self._rest(ALARMED_S)
                continue
            if not found:
                await self._rest(loop.rest_s)

    async def _rest(self, seconds: float) -> None:
        resting = asyncio.ensure_future(self._pause(seconds))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((resting, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            resting.cancel()
            stopping.cancel()


def _is_canceled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@attrs.frozen(kw_only=True)
class Worker:
    """What a worker does, as loops."""

    process_inbox: ProcessInbox
    renew_leases: RenewLeases
    recover: Recover
    relay: RelayLoop

    def loops(self) -> Sequence[Loop]:
        """Return the loops, to be run side by side."""
        lanes = Lanes(self.process_inbox)
        return (
            *(Loop(name=f"inbox-{lane}", step=lanes.step(lane)) for lane in range(LANES)),
            Loop(name="leases", step=self.renew, rest_s=LEASE.total_seconds() / 3),
            Loop(name="recovery", step=self.recover_once),
            Loop(name=RelayLoop.name, step=self.relay.step),
        )

    async def renew(self) -> int:
        """Keep what the lanes have in hand."""
        await self.renew_leases()
        return 0

    async def recover_once(self) -> int:
        """Finish what is due, and say how much that was."""
        done = await self.recover()
        for hold in done.expiring:
            _log.warning(
                "payment.expiring",
                payment_id=hold.payment_id,
                order_id=hold.order_id,
                capture_before=hold.capture_before.isoformat(),
            )
        if done != Recovered():
            counts = attrs.asdict(attrs.evolve(done, expiring=()))
            _log.info("worker.recovered", **counts | {"expiring": len(done.expiring)})
        return done.total


class Lanes:
    """Several batches of events in hand at once, but only while there are several.

    The first lane looks for events all the time; the others join in when it found a whole batch,
    and leave when they find none. So an idle worker asks the database once, not once a lane. When
    the first is held up by a batch, by a provider that does not answer perhaps, the others step in
    for it one after the other: what arrives meanwhile waits for nobody.
    """

    def __init__(self, process_inbox: Callable[[], Awaitable[InboxBatch]]) -> None:
        """Process by ``process_inbox``."""
        self._process_inbox = process_inbox
        self._is_busy = False
        self._batches = 0
        self._under_way: int | None = None
        """Which batch the first lane has in hand."""

    def step(self, lane: int) -> Callable[[], Awaitable[int]]:
        """Return what one lane repeats."""
        return self._lead if lane == 0 else self._joining(lane)

    async def _lead(self) -> int:
        self._batches += 1
        self._under_way = self._batches
        try:
            batch = await self._process_inbox()
        finally:
            self._under_way = None
        self._is_busy = batch.is_full
        return note(batch)

    def _joining(self, lane: int) -> Callable[[], Awaitable[int]]:
        seen: int | None = None
        looks = 0

        async def join() -> int:
            """Step in at the ``lane``-th look at which the first still has the same batch."""
            nonlocal seen, looks
            is_same = self._under_way is not None and self._under_way == seen
            seen, looks = self._under_way, looks + 1 if is_same else 0
            is_held_up = looks >= lane
            return note(await self._process_inbox()) if self._is_busy or is_held_up else 0

        return join


def note(batch: InboxBatch) -> int:
    """Log what became of a batch; return how many events came to an end, or to nothing new."""
    for event_id in batch.dead:
        _log.error("inbox.dead", event_id=event_id)
    if batch.total:
        _log.info(
            "inbox.batch",
            processed=batch.processed,
            ignored=batch.ignored,
            parked=batch.parked,
            failed=batch.failed,
            dead=len(batch.dead),
        )
    # What failed waits for its own time: it is no reason to hurry.
    return batch.processed + batch.ignored + len(batch.dead)
