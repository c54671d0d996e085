"""The event loop of the simulation: virtual time, any order, and processes that vanish."""

import asyncio
import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from markethub.entrypoints.simulation.loop import Crash, Life, VirtualLoop
from markethub.entrypoints.simulation.plan import dice


def run(loop: VirtualLoop, *, until_s: float = 1e6) -> None:
    with loop.entered():
        while loop.step(until_s=until_s):
            pass


def begin(loop: VirtualLoop, work: Callable[[], Any], life: Life | None = None) -> Any:
    with loop.entered():
        return loop.spawn(life, work())


def test_nobody_waits_for_a_sleeper() -> None:
    loop = VirtualLoop(dice(1, "order"))

    async def sleep() -> float:
        await asyncio.sleep(86_400)
        return loop.time()

    task = begin(loop, sleep)
    run(loop)

    assert 86_400 == task.result()


def test_time_goes_no_further_than_asked() -> None:
    loop = VirtualLoop(dice(1, "order"))
    task = begin(loop, lambda: asyncio.sleep(10))
    run(loop, until_s=9)

    assert (9, False) == (loop.time(), task.done())


def test_who_goes_first_is_decided_by_the_dice_alone() -> None:
    def order(seed: int) -> list[int]:
        loop = VirtualLoop(dice(seed, "order"))
        seen: list[int] = []

        async def see(number: int) -> None:
            await asyncio.sleep(0)
            seen.append(number)

        for number in range(8):
            begin(loop, partial(see, number))
        run(loop)
        return seen

    assert order(1) == order(1)
    assert len({tuple(order(seed)) for seed in range(9)}) > 5


def test_a_timeout_ends_what_takes_too_long() -> None:
    loop = VirtualLoop(dice(1, "order"))

    async def impatient() -> str:
        try:
            async with asyncio.timeout(5):
                await asyncio.sleep(60)
        except TimeoutError:
            return f"after {loop.time()}"
        return "never"

    task = begin(loop, impatient)
    run(loop)

    assert "after 5.0" == task.result()


def test_what_was_canceled_is_not_called() -> None:
    loop = VirtualLoop(dice(1, "order"))
    called: list[str] = []
    with loop.entered():
        loop.call_soon(called.append, "soon").cancel()
        loop.call_later(1, called.append, "later").cancel()
        loop.call_later(2, called.append, "kept")
    run(loop)

    assert ["kept"] == called


def test_a_life_that_ends_takes_its_tasks_and_theirs_with_it() -> None:
    loop = VirtualLoop(dice(1, "order"))
    life = Life("a")
    done: list[str] = []

    async def child() -> None:
        await asyncio.sleep(5)
        done.append("child")

    async def parent() -> None:
        started = asyncio.ensure_future(child())
        await asyncio.sleep(5)
        await started
        done.append("parent")

    begin(loop, parent, life)
    run(loop, until_s=1)
    life.end()
    run(loop)

    assert ([], []) == (done, loop.troubles)


def test_what_cleans_up_runs_as_far_as_the_ports_let_it() -> None:
    loop = VirtualLoop(dice(1, "order"))
    life = Life("a")
    tried: list[str] = []

    async def port(name: str) -> None:
        tried.append(name)
        if life.is_over:
            raise Crash
        await asyncio.sleep(5)

    async def careful() -> None:
        try:
            await port("work")
        finally:
            await port("clean up")
            tried.append("never")

    begin(loop, careful, life)
    run(loop, until_s=1)
    life.end()
    run(loop)

    assert ["work", "clean up"] == tried


def test_who_waits_while_it_cleans_up_is_not_taken_for_an_error() -> None:
    loop = VirtualLoop(dice(1, "order"))
    life = Life("a")
    caught: list[Exception] = []
    entered: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            entered.append("inner")
            await asyncio.sleep(1)

    async def catch() -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - none is expected
            caught.append(error)
        finally:
            entered.append("outer")
            await asyncio.sleep(1)

    begin(loop, catch, life)
    run(loop, until_s=1)
    with loop.entered():
        life.end()

    assert (["inner", "outer"], []) == (entered, caught)


def test_what_is_begun_by_who_dies_does_not_begin() -> None:
    loop = VirtualLoop(dice(1, "order"))
    life = Life("a")
    begun: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.shield(asyncio.create_task(begin_it()))

    async def begin_it() -> None:
        begun.append("something")

    begin(loop, work, life)
    run(loop, until_s=1)
    with loop.entered():
        life.end()
    run(loop)

    assert [] == begun


def test_what_is_said_to_the_dead_is_no_error_that_nobody_heard() -> None:
    loop = VirtualLoop(dice(1, "order"))
    life = Life("a")

    async def work() -> None:
        answer = loop.create_future()
        loop.spawn(life, fail(answer))
        await answer

    async def fail(answer: "asyncio.Future[None]") -> None:
        try:
            await asyncio.sleep(10)
        finally:
            answer.set_exception(ValueError("it stopped"))

    begin(loop, work, life)
    run(loop, until_s=1)
    life.end()
    run(loop)
    gc.collect()

    assert [] == loop.troubles


def test_a_crash_passes_whoever_catches_errors() -> None:
    loop = VirtualLoop(dice(1, "order"))
    life = Life("a")
    survived: list[str] = []

    async def port() -> None:
        life.is_over = True
        raise Crash

    async def robust() -> None:
        try:
            await port()
        except Exception:  # noqa: BLE001 - the clause that must not catch it
            survived.append("caught")
        survived.append("went on")

    begin(loop, robust, life)
    run(loop)
    life.end()

    assert ([], []) == (survived, loop.troubles)


def test_a_paused_life_stands_still_and_goes_on_afterwards() -> None:
    loop = VirtualLoop(dice(1, "order"))
    life = Life("a")
    seen: list[float] = []

    async def watch() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append(loop.time())

    begin(loop, watch, life)
    run(loop, until_s=1.5)
    life.is_paused = True
    run(loop, until_s=100)
    with loop.entered():
        loop.resume(life)
    run(loop)

    assert [1.0, 100.0, 101.0] == seen


def test_what_happens_outside_survives_whoever_caused_it() -> None:
    loop = VirtualLoop(dice(1, "order"))
    life = Life("a")
    arrived: list[str] = []

    async def send() -> None:
        loop.outside(5, arrived.append, "letter")
        loop.call_later(5, arrived.append, "thought")

    begin(loop, send, life)
    run(loop, until_s=1)
    life.end()
    run(loop)

    assert ["letter"] == arrived


def test_an_error_that_nobody_awaits_is_not_lost() -> None:
    loop = VirtualLoop(dice(1, "order"))

    async def fail() -> None:
        raise ValueError("lost?")

    task = begin(loop, fail)
    run(loop)

    with pytest.raises(ValueError, match=r"lost\?"):
        task.result()
    assert isinstance(task, asyncio.Task)
