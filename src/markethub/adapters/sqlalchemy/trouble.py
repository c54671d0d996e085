"""What a driver's exception means for us, on both databases."""

import sqlite3
from typing import Final

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
    """Tell whether the connection is gone, and with it whatever was not committed."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)
