"""SQLite's driver without threads, for the virtual event loop: what it does, it does at once.

It has the interface that SQLAlchemy asks of aiosqlite, so that everything above the driver is
production's. Nothing here waits but for the one thing for which SQLite itself waits: another
connection that is writing. SQLite sleeps then, and looks again; here it does so in virtual time.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Self, TypeVar

T = TypeVar("T")

Change = tuple[str, int]
"""A table and the rowid of a row in it."""

_PATIENCE: Final = "PRAGMA busy_timeout = "
_LOOKS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.025, 0.025, 0.025, 0.05, 0.05, 0.1)
"""How long SQLite sleeps before it looks again whether the file is free (its own figures, in
``sqliteDefaultBusyCallback``); the last of them for ever."""


class InlineCursor:
    """A cursor whose statements are executed by the time that they are awaited."""

    def __init__(self, connection: "InlineConnection", cursor: sqlite3.Cursor) -> None:
        """Stand before ``cursor``."""
        self._connection = connection
        self._cursor = cursor

    async def __aenter__(self) -> Self:
        """There is nothing to open."""
        return self

    def __getattr__(self, name: str) -> Any:
        """Return what the driver's cursor tells of itself: description, rowcount, lastrowid."""
        return getattr(self._cursor, name)

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement. Raises as SQLite does, after it waited as SQLite does."""
        if sql.startswith(_PATIENCE):
            self._connection.patience_s = int(sql.removeprefix(_PATIENCE)) / 1000
            return
        await self._connection.patiently(lambda: self._cursor.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Execute a statement several times. Raises as ``execute``."""
        await self._connection.patiently(lambda: self._cursor.executemany(sql, parameters))

    async def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return self._cursor.fetchall()

    async def close(self) -> None:
        """Let the cursor go."""
        self._cursor.close()


class InlineConnection:
    """A connection, of a process that may die while it is in a transaction."""

    def __init__(
        self,
        path: str,
        *,
        on_commit: Callable[[Sequence[Change]], None] = lambda _: None,
    ) -> None:
        """Open ``path``. ``on_commit`` hears what was changed of the tables that are watched."""
        # ``_connection`` is what SQLAlchemy's adapter of the driver looks at.
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            path, timeout=0, isolation_level=None
        )
        self.patience_s = 0.0
        self._changed: dict[Change, None] = {}
        self._on_commit = on_commit

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.OperationalError("connection closed")
        return self._connection

    def cursor(self) -> InlineCursor:
        """Make a cursor."""
        return InlineCursor(self, self._open.cursor())

    async def create_function(
        self, name: str, arguments: int, function: Callable[..., Any], **options: bool
    ) -> None:
        """Teach SQL a function."""
        self._open.create_function(name, arguments, function, **options)

    async def patiently(self, do: Callable[[], T]) -> T:
        """Do it as soon as nobody else is writing. Raises as SQLite does, also "is locked"."""
        waited_s, looks = 0.0, 0
        while True:
            self._open  # noqa: B018 - it may have been closed while we slept
            try:
                return do()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or waited_s >= self.patience_s:
                    raise
            pause_s = _LOOKS_S[min(looks, len(_LOOKS_S) - 1)]
            await asyncio.sleep(pause_s)
            waited_s += pause_s
            looks += 1

    async def commit(self) -> None:
        """Make the transaction last, and say what it changed."""
        await self.patiently(self._open.commit)
        changed, self._changed = self._changed, {}
        if changed:
            self._on_commit(tuple(changed))

    async def rollback(self) -> None:
        """Undo the transaction."""
        self._open.rollback()
        self._changed.clear()

    async def close(self) -> None:
        """Close it; what was not committed is undone."""
        self.stop()

    def stop(self) -> None:
        """Close it, now: its process is dead."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def watch(self, tables: Iterable[str]) -> None:
        """Note from now on which rows of ``tables`` are written.

        By triggers of this connection alone, which SQLite keeps apart from the schema.
        """
        self._open.create_function("markethub_wrote", 2, self._note)
        for table in tables:
            for deed in ("INSERT", "UPDATE"):
                self._open.execute(
                    f"CREATE TEMP TRIGGER {deed}_{table} AFTER {deed} ON main.{table} "
                    f"BEGIN SELECT markethub_wrote('{table}', NEW.rowid); END"
                )

    def _note(self, table: str, rowid: int) -> None:
        self._changed[table, rowid] = None
