"""From DATABASE_URL to engines that are set up for money: durable, bounded in their waiting."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from markethub.domain.errors import ConfigurationError

BUSY_S_MAXIMUM: Final = 5.0
"""How long a statement waits for a lock that others hold before it fails, to be repeated."""
STATEMENT_S_MAXIMUM: Final = 15.0
"""No statement of ours takes a hundredth of this: what does is stuck."""
IDLE_S_MAXIMUM: Final = 30.0
"""After this, PostgreSQL ends a transaction whose owner fell silent, and frees its rows."""
CONNECT_S_MAXIMUM: Final = 10.0
POOL_S_MAXIMUM: Final = 15.0
"""How long to wait for a free connection of the pool."""
POSTGRES_CONNECTIONS: Final = 16
"""A process's share of PostgreSQL's usual hundred: transactions here last milliseconds, and more
connections than this only make the server slower."""
TRANSACTIONS_AT_ONCE: Final = 12
"""Of these. The others are for deliveries and for screens, however great the crowd."""
SQLITE_READERS: Final = 4
"""Each is a thread, and they share one interpreter."""


Connect: TypeAlias = Callable[[], Awaitable[Any]]
"""Opens a connection of the driver's kind."""


@attrs.frozen(kw_only=True)
class Engines:
    """Where to write, and where to read without hindering who writes."""

    writer: AsyncEngine
    reader: AsyncEngine

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file."""
        return self.writer.dialect.name == "sqlite"

    async def dispose(self) -> None:
        """Close all connections."""
        await self.writer.dispose()
        await self.reader.dispose()


def engines_for(database_url: str) -> Engines:
    """Make the engines of DATABASE_URL; nothing is opened yet.

    Takes ``sqlite:///relative/path``, ``sqlite:////absolute/path``,
    ``postgresql://user:password@host:port/database`` and the socket form
    ``postgresql://user@/database?host=FOLDER``. Raises ConfigurationError for anything else.
    """
    if database_url.startswith("sqlite:"):
        return _sqlite(database_url)
    return _postgresql(database_url)


# --- SQLite -----------------------------------------------------------------------------------


def _sqlite(database_url: str) -> Engines:
    return sqlite_engines(_sqlite_path(database_url))


def _sqlite_path(database_url: str) -> str:
    path = database_url.removeprefix("sqlite:///")
    if path == database_url or not path or path.startswith(":"):
        raise ConfigurationError("DATABASE_URL: an SQLite database is sqlite:///path of a file")
    if not Path(path).parent.is_dir():
        raise ConfigurationError("DATABASE_URL: the folder of the SQLite file does not exist")
    return path


def sqlite_engines(path: str, *, connect: Connect | None = None) -> Engines:
    """Make the engines of an SQLite file; nothing is opened yet.

    ``connect`` opens it, for whoever runs it without threads; None: aiosqlite does.
    """
    # SQLite has one writer at a time: with one connection the tasks of this process take turns
    # in the order they came, instead of polling the file against each other.
    return Engines(
        writer=_sqlite_engine(
            path, connections=1, begin="BEGIN IMMEDIATE", on_connect=_WRITER, connect=connect
        ),
        reader=_sqlite_engine(
            path, connections=SQLITE_READERS, begin="BEGIN", on_connect=_READER, connect=connect
        ),
    )


_BOTH: Final = (f"PRAGMA busy_timeout = {BUSY_S_MAXIMUM * 1000:.0f}",)
_READER: Final = (*_BOTH, "PRAGMA query_only = ON")
_WRITER: Final = (
    *_BOTH,
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # with WAL, NORMAL would lose committed rows in a power cut
    "PRAGMA foreign_keys = ON",
)


def _sqlite_engine(
    path: str,
    *,
    connections: int,
    begin: str,
    on_connect: tuple[str, ...],
    connect: Connect | None,
) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=path),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_S_MAXIMUM,
        hide_parameters=True,  # what people wrote must not end in a log
        # Transactions begin where we say, not where Python's driver guesses.
        connect_args={"isolation_level": None},
        async_creator=connect,
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def open_once(*_: object) -> None:
        # A file that cannot be opened says so here, and no thread of the driver outlives it.
        sqlite3.connect(path).close()

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        try:
            cursor = connection.cursor()
            for statement in on_connect:
                cursor.execute(statement)
            cursor.close()
        except BaseException:
            connection.close()  # nobody else would: it is in no pool yet
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


# --- PostgreSQL -------------------------------------------------------------------------------


def _postgresql(database_url: str) -> Engines:
    url = _postgresql_url(database_url)
    engine = create_async_engine(
        url,
        pool_size=POSTGRES_CONNECTIONS,
        max_overflow=0,
        pool_timeout=POOL_S_MAXIMUM,
        hide_parameters=True,  # what people wrote must not end in a log
        isolation_level="READ COMMITTED",  # row locks and versions do what more would do
        connect_args={
            "timeout": CONNECT_S_MAXIMUM,
            # Longer than the server's own limit: this one is for a server that says nothing.
            "command_timeout": STATEMENT_S_MAXIMUM + BUSY_S_MAXIMUM,
            "server_settings": _server_settings(),
        },
    )
    # A snapshot for all statements of one read: an order and its payments fit together.
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Engines(writer=engine, reader=reader)


def _server_settings() -> dict[str, str]:
    return {
        "application_name": "markethub",
        "timezone": "UTC",
        # Whoever is answered is answered for good, also where a database or a role has it off.
        "synchronous_commit": "on",
        "lock_timeout": f"{BUSY_S_MAXIMUM:.0f}s",
        "statement_timeout": f"{STATEMENT_S_MAXIMUM:.0f}s",
        "idle_in_transaction_session_timeout": f"{IDLE_S_MAXIMUM:.0f}s",
    }


def _postgresql_url(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        # Not chained: the original quotes the address, and with it the password.
        raise ConfigurationError("DATABASE_URL: is not an address") from None
    if url.drivername != "postgresql" or not url.database:
        raise ConfigurationError(
            "DATABASE_URL: must be sqlite:///path or postgresql://user:password@host/database"
        )
    query: dict[str, Any] = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")  # libpq's name for what the driver calls so
    unknown = sorted(set(query) - {"host", "port", "ssl"})
    if unknown:
        raise ConfigurationError(f"DATABASE_URL: unknown parameters: {', '.join(unknown)}")
    return url.set(drivername="postgresql+asyncpg", query=query)
