"""The simulated account's store in a SQLite file that several processes share.

Implements the account's store protocol by its shape: adapters do not import each other.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

_BUSY_TIMEOUT_MS: Final = 10_000
_RETRY_S: Final = 0.005
_PAGE: Final = 100

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS objects (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (kind, id)
) STRICT;
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, sequence);
"""

_GET: Final = "SELECT value FROM objects WHERE kind = ? AND id = ?"
_PUT: Final = (
    "INSERT INTO objects (kind, id, value) VALUES (?, ?, ?) "
    "ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value"
)
_DELETE: Final = "DELETE FROM objects WHERE kind = ? AND id = ?"
_PLACE: Final = "SELECT sequence FROM objects WHERE kind = ? AND id = ?"
_OLDEST_FIRST: Final = (
    "SELECT sequence, value FROM objects WHERE kind = ? AND sequence > ? "
    "ORDER BY sequence ASC LIMIT ?"
)
_NEWEST_FIRST: Final = (
    "SELECT sequence, value FROM objects WHERE kind = ? AND sequence < ? "
    "ORDER BY sequence DESC LIMIT ?"
)
_BEFORE_ALL: Final = 0
_AFTER_ALL: Final = 2**63 - 1


class SqliteAccountStore:
    """A store in the file ``path``, made when first used. Safe between processes and threads.

    Raises sqlite3.OperationalError where another writer keeps the file for 10 s.
    """

    def __init__(self, path: str | Path) -> None:
        """Remember the file; nothing is opened yet."""
        self._path = path
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None
        self._depth = 0

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Open a block whose writes are kept all or not at all; inner blocks are savepoints."""
        with self._lock:
            begin, keep, drop = (
                ("BEGIN IMMEDIATE", ("COMMIT",), ("ROLLBACK",))
                if self._depth == 0
                else ("SAVEPOINT block", ("RELEASE block",), ("ROLLBACK TO block", "RELEASE block"))
            )
            connection = self._connection
            connection.execute(begin)
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                for statement in drop:
                    connection.execute(statement)
                raise
            self._depth -= 1
            for statement in keep:
                connection.execute(statement)

    def get(self, kind: str, id: str) -> Mapping[str, Any] | None:
        """Return a value, or None."""
        with self._lock:
            row = self._connection.execute(_GET, (kind, id)).fetchone()
        return None if row is None else _decode(row[0])

    def put(self, kind: str, id: str, value: Mapping[str, Any]) -> None:
        """Insert or replace; a replaced value keeps its place. Within a block."""
        assert self._depth, "writes belong into an atomic block"
        self._connection.execute(_PUT, (kind, id, msgspec.json.encode(value).decode()))

    def delete(self, kind: str, id: str) -> None:
        """Remove a value, if there is one. Within a block."""
        assert self._depth, "writes belong into an atomic block"
        self._connection.execute(_DELETE, (kind, id))

    def list(
        self, kind: str, *, newest_first: bool = False, after: str | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Iterate in the order of creation, or backwards; behind the id ``after``, if given."""
        statement = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
        place = _AFTER_ALL if newest_first else _BEFORE_ALL
        if after is not None:
            with self._lock:
                row = self._connection.execute(_PLACE, (kind, after)).fetchone()
            if row is None:
                return
            place = row[0]
        while True:
            # Page by page, so that a block may write while it iterates.
            with self._lock:
                rows = self._connection.execute(statement, (kind, place, _PAGE)).fetchall()
            for place, text in rows:  # noqa: B007 - the last one is where the next page begins
                yield _decode(text)
            if len(rows) < _PAGE:
                return

    def close(self) -> None:
        """Close the file. The store opens it again if it is used again."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            # The lock above is what the check would stand for.
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            try:
                connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
                _write_ahead(connection)
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA)
            except BaseException:
                connection.close()
                raise
            self._opened = connection
        return self._opened


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL, which SQLite refuses at once, and without its own patience, to two at once."""
    give_up_at = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= give_up_at:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _decode(text: str) -> Mapping[str, Any]:
    value: Mapping[str, Any] = msgspec.json.decode(text)
    return value
