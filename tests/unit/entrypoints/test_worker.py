"""The loops of a worker: side by side, hard to break, and over soon when they are stopped."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from markethub.domain.ids import EventId
from markethub.domain.usecases.process_inbox import InboxBatch
from markethub.entrypoints import worker
from markethub.entrypoints.worker import Lanes, Loop, Loops, note

pytestmark = pytest.mark.anyio


class Rests:
    """A pause that is over at once, and remembers how long it was to be."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


async def forever(seconds: float) -> None:
    await asyncio.Event().wait()


class Steps:
    """Steps of a loop that do what they are told, one after the other, and then end the loop."""

    def __init__(self, *found: int | BaseException) -> None:
        self._found = list(found)
        self.are_over = asyncio.Event()

    async def __call__(self) -> int:
        if not self._found:
            self.are_over.set()
            return 0
        found = self._found.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found


async def run(steps: Steps) -> list[float]:
    """Run a loop to the end of its steps, and say how long it rested before."""
    rests = Rests()
    loops = Loops(pause=rests)
    loops.start([Loop(name="loop", step=steps, rest_s=7)])
    await steps.are_over.wait()
    before = list(rests.seconds)
    await loops.stop()
    return before


async def test_a_loop_rests_only_when_nothing_was_due() -> None:
    assert [7, 7] == await run(Steps(3, 0, 1, 0))


@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), asyncio.CancelledError("somebody else's")]
)
async def test_a_loop_outlives_an_error_and_rests_after_it(error: BaseException) -> None:
    with capture_logs() as lines:
        rested = await asyncio.wait_for(run(Steps(1, error, 1)), timeout=5)

    assert [worker.ALARMED_S] == rested
    assert [("loop.failed", "loop")] == [(line["event"], line["loop"]) for line in lines]


async def test_a_loop_that_waits_does_not_hold_up_the_others() -> None:
    loops = Loops(pause=forever)
    others = Steps(1, 1)

    async def wait() -> int:
        await others.are_over.wait()
        return 0

    loops.start([Loop(name="waiting", step=wait), Loop(name="other", step=others)])
    await others.are_over.wait()
    await loops.stop()

    assert others.are_over.is_set()


async def test_a_resting_loop_is_stopped_at_once() -> None:
    loops = Loops(pause=forever)
    steps = Steps()
    loops.start([Loop(name="resting", step=steps, rest_s=3600)])
    await steps.are_over.wait()

    await asyncio.wait_for(loops.stop(), timeout=5)


async def test_a_stop_waits_for_the_step_that_is_under_way() -> None:
    loops = Loops(pause=forever)
    begun, done = asyncio.Event(), asyncio.Event()

    async def step() -> int:
        begun.set()
        for _ in range(10):
            await asyncio.sleep(0)
        done.set()
        return 1

    loops.start([Loop(name="busy", step=step)])
    await begun.wait()
    await loops.stop()

    assert done.is_set()


async def test_a_stop_cuts_off_a_step_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "STOP_S_MAXIMUM", 0.01)
    loops = Loops(pause=forever)
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def hang() -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            let_go.set()
        return 1

    loops.start([Loop(name="hanging", step=hang)])
    await begun.wait()
    with capture_logs() as lines:
        await asyncio.wait_for(loops.stop(), timeout=5)

    assert let_go.is_set()
    assert ["loop.cut_off"] == [line["event"] for line in lines]


# --- lanes ---------------------------------------------------------------------------------------


class Inbox:
    """Stands where ``ProcessInbox`` stands: batches, one after the other, then none."""

    def __init__(self, *batches: InboxBatch) -> None:
        self._batches = list(batches)
        self.asked = 0

    async def __call__(self) -> InboxBatch:
        self.asked += 1
        return self._batches.pop(0) if self._batches else InboxBatch()


FULL = InboxBatch(is_full=True, processed=32)
PART = InboxBatch(processed=3)


async def asked_by_all(*batches: InboxBatch, rounds: int = 1) -> Sequence[int]:
    """Let three lanes take a step in turn, round by round; say how often events were asked for."""
    inbox = Inbox(*batches)
    lanes = Lanes(inbox)
    steps = [lanes.step(lane) for lane in range(3)]
    asked = []
    for _ in range(rounds):
        before = inbox.asked
        for step in steps:
            await step()
        asked.append(inbox.asked - before)
    return asked


async def test_an_idle_worker_asks_once_and_not_once_a_lane() -> None:
    assert [1] == await asked_by_all()


async def test_one_lane_is_enough_for_what_one_batch_holds() -> None:
    assert [1] == await asked_by_all(PART)


async def test_all_lanes_join_in_when_there_is_more_than_a_batch() -> None:
    assert [3, 1] == await asked_by_all(FULL, PART, PART, rounds=2)


class HeldUp(Inbox):
    """Hands out batches, the first of which is not over before it is let go."""

    def __init__(self, *batches: InboxBatch) -> None:
        super().__init__(*batches)
        self.let_go = asyncio.Event()

    async def __call__(self) -> InboxBatch:
        is_first = not self.asked
        batch = await super().__call__()
        if is_first:
            await self.let_go.wait()
        return batch


async def test_what_arrives_while_the_first_lane_is_held_up_waits_for_nobody() -> None:
    inbox = HeldUp(PART, PART, PART)
    lanes = Lanes(inbox)
    steps = [lanes.step(lane) for lane in range(3)]
    leading = asyncio.ensure_future(steps[0]())
    await asyncio.sleep(0)
    looks = [[await join() for join in steps[1:]] for _ in range(4)]
    inbox.let_go.set()
    await leading
    after = [await join() for join in steps[1:]]

    assert [[0, 0], [3, 0], [3, 0], [0, 0]] == looks
    assert [0, 0] == after


async def test_a_dead_event_is_an_error_in_the_log() -> None:
    with capture_logs() as lines:
        done = note(InboxBatch(processed=1, failed=5, dead=[EventId("evt_1")]))

    assert 2 == done
    assert [("inbox.dead", "error"), ("inbox.batch", "info")] == [
        (line["event"], line["log_level"]) for line in lines
    ]
