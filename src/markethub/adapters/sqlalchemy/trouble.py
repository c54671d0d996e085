"""What a driver's exception means for us, on both databases."""

import sqlite3
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SQLITE_TAKEN: Final = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}
)
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_BUSY: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "55P03",  # lock_not_available: our lock timeout has passed
    }
)
_POSTGRES_AWAY: Final = frozenset(
    {
        "53300",  # too_many_connections
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now: starting or stopping
    }
)
_POSTGRES_TAKEN: Final = "23505"  # unique_violation


def is_contention(error: BaseException) -> bool:
    """Tell whether the database refused because others were at work: nothing has been done."""
    if isinstance(error, NoConnectionFree):
        return True
    if not isinstance(error, DBAPIError):
        return False
    # The lower byte is the error, the rest a variety of it (SQLITE_BUSY_SNAPSHOT, ...).
    code = getattr(error.orig, "sqlite_errorcode", 0)
    return code & 0xFF in _SQLITE_BUSY or _sqlstate(error) in _POSTGRES_BUSY


def is_taken(error: IntegrityError) -> bool:
    """Tell whether a unique value was taken by another row."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code in _SQLITE_TAKEN or _sqlstate(error) == _POSTGRES_TAKEN


def is_disconnect(error: BaseException) -> bool:
    """Tell whether the connection is gone, and with it whatever was not committed.

    A server that ends a connection just as it is taken up again leaves the driver between two
    states, which it reports as a bug of its own, past SQLAlchemy.
    """
    if isinstance(error, asyncpg.InternalClientError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_unreachable(error: BaseException) -> bool:
    """Tell whether the server is not there, or does not let us in now.

    What fails while a connection is being made comes as the driver raised it.
    """
    if isinstance(error, OSError) or is_disconnect(error):
        return True
    sqlstate = _sqlstate(error)
    return sqlstate is not None and (sqlstate[:2] == "08" or sqlstate in _POSTGRES_AWAY)


def _sqlstate(error: BaseException) -> str | None:
    raised = error.orig if isinstance(error, DBAPIError) else error
    return getattr(raised, "sqlstate", None)
