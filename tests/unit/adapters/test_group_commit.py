"""Group commit: one commit for many, and nobody is answered too early or for another."""

import asyncio
from collections.abc import Iterable, Sequence

import pytest

from markethub.adapters.sqlalchemy.group_commit import (
    BATCH_MAXIMUM,
    FLIGHTS_MAXIMUM,
    GroupCommit,
)
from markethub.domain.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


class Disk:
    """Where batches go; they land when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.durable: list[str] = []
        self.bad: set[str] = set()
        self.may_land = asyncio.Event()
        self.writer: asyncio.Task[object] | None = None
        self.group = GroupCommit[str](together=self.together, alone=self.alone)

    async def together(self, items: Sequence[str]) -> Iterable[bool]:
        self.batches.append(list(items))
        self.writer = asyncio.current_task()
        await self.may_land.wait()
        if self.bad & set(items):
            raise ValueError("a bad item")
        return [self._keep(item) for item in items]

    async def alone(self, item: str) -> bool:
        if item in self.bad:
            raise ValueError(f"{item} is bad")
        return self._keep(item)

    def _keep(self, item: str) -> bool:
        is_new = item not in self.durable
        if is_new:
            self.durable.append(item)
        return is_new

    def stop(self) -> None:
        """Cancel whoever writes, as the end of the process does."""
        assert self.writer is not None
        self.writer.cancel()

    def take(self, *items: str) -> list["asyncio.Task[bool]"]:
        return [asyncio.create_task(self.group.store(item)) for item in items]


async def turn_the_loop() -> None:
    """Let everything happen that needs nothing from outside."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_alone_an_item_waits_for_nobody() -> None:
    disk = Disk()
    disk.may_land.set()

    assert await disk.group.store("a")
    assert [["a"]] == disk.batches


async def test_what_arrives_in_one_turn_of_the_loop_is_written_together() -> None:
    disk = Disk()
    disk.may_land.set()

    assert [True, True, True] == await asyncio.gather(*disk.take("a", "b", "c"))
    assert [["a", "b", "c"]] == disk.batches


async def test_what_arrives_during_commits_shares_the_next() -> None:
    disk = Disk()
    for number in range(FLIGHTS_MAXIMUM):
        disk.take(f"early-{number}")
        await turn_the_loop()
    late = disk.take("a", "b", "c")
    await turn_the_loop()
    under_way = len(disk.batches)
    disk.may_land.set()
    await asyncio.gather(*late)

    assert FLIGHTS_MAXIMUM == under_way
    assert ["a", "b", "c"] == disk.batches[-1]


async def test_no_batch_is_larger_than_the_maximum() -> None:
    disk = Disk()
    disk.may_land.set()
    names = [str(number) for number in range(3 * BATCH_MAXIMUM)]

    await asyncio.gather(*disk.take(*names))

    assert sorted(names) == sorted(disk.durable)
    assert BATCH_MAXIMUM == max(map(len, disk.batches))


async def test_nobody_is_answered_before_the_batch_is_durable() -> None:
    disk = Disk()
    answers = disk.take("a", "b")
    await turn_the_loop()

    assert [["a", "b"]] == disk.batches
    assert [False, False] == [answer.done() for answer in answers]


async def test_an_item_that_was_there_already_is_not_new() -> None:
    disk = Disk()
    disk.may_land.set()
    await disk.group.store("a")

    assert [False, True] == await asyncio.gather(*disk.take("a", "b"))


async def test_a_bad_item_fails_by_itself() -> None:
    disk = Disk()
    disk.bad = {"bad"}
    disk.may_land.set()

    answers = await asyncio.gather(*disk.take("a", "bad", "b"), return_exceptions=True)

    assert [True, "bad is bad", True] == [
        str(answer) if isinstance(answer, Exception) else answer for answer in answers
    ]
    assert ["a", "b"] == disk.durable


async def test_a_canceled_caller_takes_nobody_along() -> None:
    disk = Disk()
    first, second = disk.take("a", "b")
    await turn_the_loop()
    first.cancel()
    await turn_the_loop()
    disk.may_land.set()

    assert await second
    assert ["a", "b"] == disk.durable


async def test_a_batch_that_is_stopped_answers_nobody_as_if_it_were_durable() -> None:
    disk = Disk()
    answers = disk.take("a", "b")
    await turn_the_loop()
    disk.stop()

    outcomes = await asyncio.gather(*answers, return_exceptions=True)

    assert [StoreUnavailable, StoreUnavailable] == [type(outcome) for outcome in outcomes]
    assert [] == disk.durable


async def test_draining_waits_for_everything_that_was_taken() -> None:
    disk = Disk()
    for number in range(FLIGHTS_MAXIMUM):
        disk.take(f"early-{number}")
        await turn_the_loop()
    disk.take("late")
    await turn_the_loop()
    draining = asyncio.create_task(disk.group.drain())
    await turn_the_loop()
    was_done = draining.done()
    disk.may_land.set()
    await draining

    assert not was_done
    assert "late" in disk.durable
