"""The driver without threads: it waits as SQLite does, in virtual time, and says what changed."""

import asyncio
import sqlite3
from collections.abc import Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from markethub.entrypoints.simulation.inline_sqlite import Change, InlineConnection
from markethub.entrypoints.simulation.loop import VirtualLoop

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop(Random(1))  # noqa: S311 - dice, not secrets
    with loop.entered():
        task = loop.spawn(None, work)
        while not task.done():
            assert loop.step(until_s=3600)
        return task.result()


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "file.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE thing (id TEXT PRIMARY KEY, size INTEGER)")
    connection.close()
    return str(file)


async def executed(connection: InlineConnection, *statements: str) -> None:
    cursor = connection.cursor()
    for sql in statements:
        await cursor.execute(sql)
    await cursor.close()


async def with_patience(path: str) -> InlineConnection:
    connection = InlineConnection(path)
    await executed(connection, "PRAGMA busy_timeout = 5000")
    return connection


def test_who_writes_second_waits_in_virtual_time(path: str) -> None:
    async def story() -> float:
        first, second = await with_patience(path), await with_patience(path)
        await executed(first, "BEGIN IMMEDIATE")
        waiting = asyncio.get_running_loop().create_task(executed(second, "BEGIN IMMEDIATE"))
        await asyncio.sleep(3)
        await first.commit()
        await waiting
        now_s = asyncio.get_running_loop().time()
        await first.close()
        await second.close()
        return now_s

    assert 3 <= run(story()) <= 3.1


def test_nobody_waits_for_longer_than_the_busy_timeout(path: str) -> None:
    async def story() -> float:
        first, second = await with_patience(path), await with_patience(path)
        await executed(first, "BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="database is locked"):
            await executed(second, "BEGIN IMMEDIATE")
        now_s = asyncio.get_running_loop().time()
        await first.close()
        await second.close()
        return now_s

    assert 5 <= run(story()) <= 5.1


def test_a_connection_of_a_dead_process_holds_nothing_and_keeps_nothing(path: str) -> None:
    async def story() -> list[Any]:
        dead, living = InlineConnection(path), InlineConnection(path)
        await executed(dead, "BEGIN IMMEDIATE", "INSERT INTO thing VALUES ('a', 1)")
        dead.stop()
        cursor = living.cursor()
        await executed(living, "BEGIN IMMEDIATE")
        await cursor.execute("SELECT id FROM thing")
        found = await cursor.fetchall()
        await living.close()
        return found

    assert [] == run(story())


def test_a_commit_names_each_row_that_it_wrote_once(path: str) -> None:
    told: list[Sequence[Change]] = []

    async def story() -> None:
        connection = InlineConnection(path, on_commit=told.append)
        connection.watch(["thing"])
        await executed(
            connection,
            "BEGIN IMMEDIATE",
            "INSERT INTO thing VALUES ('a', 1)",
            "INSERT INTO thing VALUES ('b', 1)",
            "UPDATE thing SET size = 2 WHERE id = 'a'",
        )
        await connection.commit()
        await connection.close()

    run(story())

    assert [(("thing", 1), ("thing", 2))] == told


def test_what_was_rolled_back_is_not_told(path: str) -> None:
    told: list[Sequence[Change]] = []

    async def story() -> None:
        connection = InlineConnection(path, on_commit=told.append)
        await executed(connection, "BEGIN", "INSERT INTO thing VALUES ('a', 1)")
        await connection.commit()
        connection.watch(["thing"])
        await executed(connection, "BEGIN IMMEDIATE", "UPDATE thing SET size = 2")
        await connection.rollback()
        await executed(connection, "BEGIN IMMEDIATE", "INSERT INTO thing VALUES ('b', 1)")
        await connection.commit()
        await connection.close()

    run(story())

    assert [(("thing", 2),)] == told
