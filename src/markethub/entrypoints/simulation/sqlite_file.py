"""Production's store on a real SQLite file, for processes of the simulation that die."""

import atexit
from collections.abc import Coroutine, Sequence
from functools import cache, partial
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final, TypeVar

from sqlalchemy import PoolProxiedConnection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from markethub.adapters.crypto import AesGcmCipher
from markethub.adapters.memory.database import Database
from markethub.adapters.sqlalchemy.engines import sqlite_engines
from markethub.adapters.sqlalchemy.store import SqlStore
from markethub.entrypoints.setting_values import DEV_ENCRYPTION_KEY
from markethub.entrypoints.simulation.inline_sqlite import Change, InlineConnection
from markethub.entrypoints.simulation.loop import VirtualLoop
from markethub.entrypoints.simulation.mirror import QUERIES, Mirror
from markethub.entrypoints.simulation.observed import ObservedDatabase

T = TypeVar("T")

_IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
"""Where a file's fsync costs nothing, on systems that have it."""
_BESIDE: Final = ("", "-wal", "-shm")
"""What SQLite's files end in."""


class _Process:
    """The engines of one simulated process, for all its lives: to compile statements is dear."""

    def __init__(self, path: str) -> None:
        self.on_commit: Any = None
        self._path = path
        self._connections: dict[InlineConnection, None] = {}
        self._in_use: dict[ConnectionPoolEntry, PoolProxiedConnection] = {}
        self.engines = sqlite_engines(path, connect=self._connect)
        event.listen(self.engines.writer.sync_engine, "connect", _watch)
        for engine in self._both:
            # Production ends connections in a task of their own: nobody would do that task here.
            setattr(engine.dialect, "do_terminate", _stop)  # noqa: B010 - types: of this one alone
            event.listen(engine.sync_engine, "checkout", self._taken)
            event.listen(engine.sync_engine, "checkin", self._returned)

    @property
    def _both(self) -> Sequence[AsyncEngine]:
        return self.engines.writer, self.engines.reader

    async def _connect(self) -> InlineConnection:
        connection = InlineConnection(self._path, on_commit=self.on_commit)
        self._connections[connection] = None
        return connection

    def _taken(
        self, _: DBAPIConnection, entry: ConnectionPoolEntry, proxy: PoolProxiedConnection
    ) -> None:
        self._in_use[entry] = proxy

    def _returned(self, _: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        self._in_use.pop(entry, None)

    def die(self) -> None:
        """Drop all connections as they are; the next life begins without any."""
        for proxy in list(self._in_use.values()):
            proxy.invalidate()
        self._in_use.clear()
        for engine in self._both:
            engine.sync_engine.dispose(close=False)
        for connection in self._connections:
            connection.stop()
        self._connections.clear()


def _stop(connection: Any) -> None:
    connection.driver_connection.stop()


def _watch(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.driver_connection.watch(QUERIES)


class _Place:
    """A folder with the file of the history that runs, of which there is one at a time."""

    def __init__(self) -> None:
        folder = mkdtemp(prefix="markethub-", dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None)
        atexit.register(rmtree, folder)
        self.path = Path(folder, "history.sqlite")
        self.cipher = AesGcmCipher((DEV_ENCRYPTION_KEY,))
        self._processes: dict[int, _Process] = {}
        self._template = self._made()

    def _made(self) -> bytes:
        """Make a file with this version's schema, by its migrations, and a key of its own."""
        connect = partial(_opened, str(self.path))
        store = SqlStore(sqlite_engines(str(self.path), connect=connect), cipher=self.cipher)

        async def make() -> None:
            await store.upgrade()
            await store.unlock()
            await store.close()

        _in_virtual_time(make())
        return self.path.read_bytes()

    def renew(self) -> None:
        """Begin anew."""
        for end in _BESIDE:
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        self.path.write_bytes(self._template)

    def process(self, index: int) -> _Process:
        if index not in self._processes:
            self._processes[index] = _Process(str(self.path))
        return self._processes[index]


async def _opened(path: str) -> InlineConnection:
    return InlineConnection(path)


def _in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop(Random(0))
    with loop.entered():
        task = loop.spawn(None, work)
        while not task.done():
            assert loop.step(until_s=3600.0), "it waits for nothing"
        return task.result()


_place: Final = cache(_Place)


class SqliteFile:
    """Implements ``Storage`` on production's store."""

    def __init__(self, database: ObservedDatabase) -> None:
        """Begin with an empty file, and let ``database`` follow it."""
        self._place = _place()
        self._place.renew()
        self.database = database
        self._mirror = Mirror(str(self._place.path), cipher=self._place.cipher)
        self._processes: dict[int, _Process] = {}

    def open(self, index: int) -> SqlStore:
        """Open it, as that process does when it starts."""
        process = self._processes[index] = self._place.process(index)
        process.on_commit = self._committed
        return SqlStore(process.engines, cipher=self._place.cipher)

    def died(self, index: int) -> None:
        """Roll back what a process had not committed."""
        self._processes[index].die()

    def _committed(self, changes: Sequence[Change]) -> None:
        self._mirror.follow(self.database, changes)

    def everything(self) -> Database:
        """Read all rows from the file."""
        return self._mirror.everything()

    def close(self) -> None:
        """Let go of the file."""
        for process in self._processes.values():
            process.die()
        self._mirror.close()
