"""Servers and workers over one database, some of which are dead at any time."""

import asyncio
import json
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg
import attrs
import httpx

from markethub.entrypoints.setting_values import (
    DEV_ENCRYPTION_KEY,
    DEV_OPS_SECRET,
    DEV_STOREFRONT_SECRET,
    DEV_WEBHOOK_SECRET,
)
from tests.kills.nursery import Nursery

START_S_MAXIMUM: Final = 60.0
LOOK_S: Final = 0.02
RESTART_S: Final = 0.2
IN_HAND: Final = (
    "SELECT count(*) FROM inbox JOIN inbox_leases ON inbox_leases.subject = inbox.subject "
    "WHERE holder = {holder} AND status IN ('pending', 'parked')"
)


def settings_of(database_url: str, stripe_url: str) -> dict[str, str]:
    """Return the environment of production's processes."""
    return {
        "DATABASE_URL": database_url,
        "MARKETHUB_EMBEDDED_WORKER": "false",
        "MARKETHUB_ENCRYPTION_KEYS": DEV_ENCRYPTION_KEY.reveal(),
        "MARKETHUB_LOG_FORMAT": "json",
        "MARKETHUB_LOG_LEVEL": "INFO",
        "MARKETHUB_OPS_KEYS": f"staff/admin:{DEV_OPS_SECRET.reveal()}",
        "MARKETHUB_STOREFRONT_KEYS": f"shop:{DEV_STOREFRONT_SECRET.reveal()}",
        "MARKETHUB_STRIPE_API_BASE": stripe_url,
        "STRIPE_PUBLISHABLE_KEY_TEST": "pk_test_dev",
        "STRIPE_SECRET_KEY_TEST": "sk_test_dev",
        "STRIPE_WEBHOOK_SECRET_TEST": DEV_WEBHOOK_SECRET.reveal(),
    }


class Rows(Protocol):
    """Reads the database from outside."""

    async def count(self, sql: str, holder: str) -> int:
        """Run a query with ``{holder}`` in it; 0 where the database is dead."""
        ...

    async def all(self, table: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a table."""
        ...


@attrs.frozen
class PostgresRows:
    """Implements ``Rows``."""

    url: str

    async def count(self, sql: str, holder: str) -> int:
        """Run a query."""
        try:
            connection: Any = await asyncpg.connect(self.url)
            try:
                return int(await connection.fetchval(sql.format(holder="$1"), holder))
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return 0

    async def all(self, table: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a table."""
        connection: Any = await asyncpg.connect(self.url)
        try:
            found: Sequence[Mapping[str, Any]] = await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - our own names
            return found
        finally:
            await connection.close()


@attrs.frozen
class SqliteRows:
    """Implements ``Rows``."""

    path: Path

    async def count(self, sql: str, holder: str) -> int:
        """Run a query."""
        with sqlite3.connect(self.path, timeout=5) as connection:
            [count] = connection.execute(sql.format(holder="?"), (holder,)).fetchone()
        connection.close()
        return int(count)

    async def all(self, table: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a table."""
        connection = sqlite3.connect(self.path, timeout=5)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608 - our own names
        finally:
            connection.close()


@attrs.define(kw_only=True, eq=False)
class Member:
    """A process of ours, in its present life."""

    kind: str
    """``server`` or ``worker``."""
    number: int
    words: tuple[str, ...]
    settings: Mapping[str, str]
    url: str = ""
    """A server's address."""
    pid: int = 0
    lives: int = 0
    is_up: bool = False
    log: Path = Path()
    holder: str = ""
    """The name that a worker's leases bear."""


class Fleet:
    """Starts them, and starts them again."""

    def __init__(self, nursery: Nursery, folder: Path, settings: Mapping[str, str]) -> None:
        """Keep their logs in ``folder``."""
        self._nursery = nursery
        self._folder = folder
        self._settings = settings
        self.members: list[Member] = []
        self.restarts = 0
        """How often a process ended at its start, and was begun again."""

    def add_server(self, url: str) -> Member:
        """Let there be one more server, at ``url``."""
        port = url.rpartition(":")[2]
        return self._add("server", ("serve",), {"MARKETHUB_PORT": port}, url=url)

    def add_worker(self) -> Member:
        """Let there be one more worker."""
        return self._add("worker", ("worker",), {})

    def _add(
        self, kind: str, words: tuple[str, ...], more: Mapping[str, str], *, url: str = ""
    ) -> Member:
        member = Member(
            kind=kind,
            number=len(self.members),
            words=words,
            settings={**self._settings, **more},
            url=url,
        )
        self.members.append(member)
        return member

    def of(self, kind: str) -> Sequence[Member]:
        """Return those of a kind that are up."""
        return [member for member in self.members if member.kind == kind and member.is_up]

    async def start(self, member: Member, http: httpx.AsyncClient) -> None:
        """Begin its next life, and wait until it works.

        Where it ends at once, for want of a database, it is begun again, as supervisors do.
        Raises TimeoutError with its last words.
        """
        deadline = time.monotonic() + START_S_MAXIMUM
        self._begin(member)
        while not await self._works(member, http):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{member.kind} does not start: {_last_words(member)}")
            await asyncio.sleep(LOOK_S)
            if self._nursery.poll(member.pid) is not None:
                member.pid = 0
                self.restarts += 1
                await asyncio.sleep(RESTART_S)
                self._begin(member)
        member.is_up = True

    def _begin(self, member: Member) -> None:
        member.lives += 1
        member.log = self._folder / f"{member.kind}-{member.number}-{member.lives}.log"
        member.pid = self._nursery.start(
            *member.words, settings=member.settings, folder=self._folder, log=member.log
        )

    async def _works(self, member: Member, http: httpx.AsyncClient) -> bool:
        if member.kind == "server":
            try:
                return (await http.get(f"{member.url}/health/live", timeout=1)).is_success
            except httpx.HTTPError:
                return False
        for line in _lines(member):
            if line.get("event") == "worker.started":
                member.holder = line["worker"]
                return True
        return False

    def kill(self, member: Member, number: int = signal.SIGKILL) -> int:
        """End it, and be sure that it is gone. Returns its exit code, negative for a signal."""
        member.is_up = False
        os.kill(member.pid, number)
        code = self._nursery.wait(member.pid)
        member.pid = 0
        return code

    async def command(self, *words: str) -> tuple[int, str]:
        """Run another command to its end; return its exit code and all that it said."""
        log = self._folder / "command.log"
        log.unlink(missing_ok=True)
        pid = self._nursery.start(*words, settings=self._settings, folder=self._folder, log=log)
        code = await asyncio.to_thread(self._nursery.wait, pid)
        return code, log.read_text()

    def end(self) -> None:
        """Kill all that live."""
        for member in self.members:
            if member.pid:
                self.kill(member)


def send(member: Member, number: int) -> None:
    """Send it a signal."""
    os.kill(member.pid, number)


def _lines(member: Member) -> list[dict[str, Any]]:
    if not member.log.exists():
        return []
    *whole, _ = member.log.read_text().split("\n")
    return [json.loads(line) for line in whole if line.startswith("{")]


def _last_words(member: Member) -> str:
    return member.log.read_text()[-1000:] if member.log.exists() else "nothing"


@asynccontextmanager
async def background(*coroutines: Any) -> AsyncIterator[None]:
    """Let something go on for as long as the body runs. Raises what it raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def until(is_so: Callable[[], Any], what: str, *, seconds: float) -> None:
    """Wait for something. Raises TimeoutError naming it."""
    deadline = time.monotonic() + seconds
    while not await is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(0.1)
