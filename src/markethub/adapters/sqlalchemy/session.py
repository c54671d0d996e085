"""Where a transaction's statements run: one way of asking, two ways of being fast enough.

Repositories are written once, in SQLAlchemy Core. On SQLite their statements run on SQLAlchemy's
own connection. On PostgreSQL they are compiled once and run on the driver's connection: the
statements are the same, what SQLAlchemy does around each of them is left out, and that is most
of what it would cost. Most of what is left is the way to the server and back: so what is only
written is sent together.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

import asyncpg
import attrs
from sqlalchemy import Executable, Insert, Table, Update
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

from markethub.adapters.sqlalchemy.trouble import is_taken
from markethub.domain.errors import StaleWrite

Read = Mapping[Any, Any]
"""Values by column name, as they were read (SQLAlchemy's rows know other keys, too)."""


class Rows(Protocol):
    """Rows as mappings."""

    def one_or_none(self) -> Read | None:
        """Return the only row, if there is one."""
        ...

    def __iter__(self) -> Iterator[Read]:
        """Go through them in their order."""
        ...


class Result(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows were written."""
        ...

    def mappings(self) -> Rows:
        """Return the rows, by column name."""
        ...

    def scalars(self) -> Iterable[Any]:
        """Return the first column of all rows."""
        ...


class Session(Protocol):
    """A connection in a transaction: what repositories need of SQLAlchemy's."""

    @property
    def dialect(self) -> Dialect:
        """The database's."""
        ...

    async def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> Result:
        """Execute a statement of Core, once for each of several parameters.

        Raises SQLAlchemy's DBAPIError, IntegrityError where a rule of the database is broken,
        and StatementError for a value that its column's type refuses.
        """
        ...

    async def write(self, statement: Executable, parameters: Mapping[str, Any]) -> None:
        """Insert or update one row: now, or together with others before the next ``execute``.

        Raises StaleWrite, from here or from there, if somebody else took its place or changed
        it, and as ``execute``.
        """
        ...

    async def flush(self) -> None:
        """Send what was written and not yet sent. Raises as ``write``. A commit needs it before."""
        ...


def _require_one(rowcount: int) -> None:
    if rowcount != 1:
        raise StaleWrite("somebody else saved it first")


def _refused(error: IntegrityError) -> Exception:
    """Return what a write raises for a broken rule."""
    return StaleWrite("somebody else took its place first") if is_taken(error) else error


# --- SQLite -----------------------------------------------------------------------------------


@attrs.frozen
class CoreSession:
    """A transaction on SQLAlchemy's connection."""

    connection: AsyncConnection

    @property
    def dialect(self) -> Dialect:
        """The database's."""
        return self.connection.dialect

    async def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> Result:
        """Execute a statement of Core. Raises as ``Session``."""
        return await self.connection.execute(statement, parameters)

    async def write(self, statement: Executable, parameters: Mapping[str, Any]) -> None:
        """Insert or update one row, now. Raises as ``Session``."""
        try:
            result = await self.connection.execute(statement, parameters)
        except IntegrityError as error:
            raise _refused(error) from error
        _require_one(result.rowcount)

    async def flush(self) -> None:
        """There is nothing to send: it was sent at once."""


# --- PostgreSQL -------------------------------------------------------------------------------

_DIALECT: Final[Dialect] = asyncpg_dialect()  # type: ignore[no-untyped-call] # not typed there


@attrs.frozen
class _Prepared:
    """A statement in PostgreSQL's words, and how its parameters get there."""

    sql: str
    table: str | None
    """Where it writes."""
    returns_rows: bool
    parameters: Sequence[tuple[str, Any, Callable[[Any], Any] | None]]
    """In their order: name, value where none is given, and what the type does to a value."""

    @classmethod
    def of(cls, statement: Executable, names: Sequence[str]) -> "_Prepared":
        written = statement.table if isinstance(statement, Insert | Update) else None
        table = written.name if isinstance(written, Table) else None
        assert isinstance(statement, ClauseElement)
        compiled = statement.compile(
            dialect=_DIALECT,
            column_keys=names or None,
            compile_kwargs={"render_postcompile": True},
        )
        assert isinstance(compiled, SQLCompiler)
        asked = compiled.positiontup or ()
        missing = [name for name in asked if compiled.binds[name].required and name not in names]
        assert not missing, f"the statement needs {missing}"
        return cls(
            sql=str(compiled),
            table=table,
            returns_rows=bool(compiled.effective_returning)
            or not (compiled.isinsert or compiled.isupdate or compiled.isdelete),
            parameters=[
                (
                    name,
                    compiled.params[name],
                    compiled.binds[name].type.dialect_impl(_DIALECT).bind_processor(_DIALECT),
                )
                for name in asked
            ],
        )

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        return [
            given.get(name, value) if process is None else process(given.get(name, value))
            for name, value, process in self.parameters
        ]


_prepared: Final[WeakKeyDictionary[Executable, dict[tuple[str, ...], _Prepared]]] = (
    WeakKeyDictionary()
)
"""By the statement itself, so that one made for a single call is forgotten with it."""


def _prepare(statement: Executable, names: tuple[str, ...]) -> _Prepared:
    known = _prepared.get(statement)
    if known is None:
        known = _prepared[statement] = {}
    prepared = known.get(names)
    if prepared is None:
        prepared = known[names] = _Prepared.of(statement, names)
    return prepared


@attrs.frozen
class DriverRows:
    """The driver's records, which are mappings."""

    _records: Sequence[Read]

    def one_or_none(self) -> Read | None:
        """Return the only row, if there is one."""
        assert len(self._records) <= 1, "no more than one row was asked for"
        return self._records[0] if self._records else None

    def __iter__(self) -> Iterator[Read]:
        """Go through them in their order."""
        return iter(self._records)


@attrs.frozen
class DriverResult:
    """What a statement gave.

    Its values need no further treatment: asyncpg's are what the types of our columns promise.
    """

    _records: Sequence[Read]
    rowcount: int

    def mappings(self) -> DriverRows:
        """Return the rows, by column name."""
        return DriverRows(self._records)

    def scalars(self) -> Sequence[Any]:
        """Return the first column of all rows."""
        return [record[0] for record in self._records]


@attrs.frozen
class DriverSession:
    """A transaction on asyncpg's own connection. It is begun and ended by who made this."""

    driver: Any  # asyncpg is typed by nobody
    _written: dict[str, tuple[_Prepared, Sequence[Any]]] = attrs.field(factory=dict, init=False)
    """What is not yet sent, by table."""

    @property
    def dialect(self) -> Dialect:
        """PostgreSQL's."""
        return _DIALECT

    async def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> DriverResult:
        """Execute a statement of Core, once for each of several parameters. Raises as ``Session``.

        Several take one round trip; how many rows they wrote is not said.
        """
        if self._written:
            await self.flush()
        if parameters is None or isinstance(parameters, Mapping):
            prepared, arguments = _arguments(statement, parameters or {})
            return await self._run(prepared, arguments)
        prepared = _prepare(statement, tuple(parameters[0]))
        several = [_arguments(statement, each)[1] for each in parameters]
        with _Told(self.driver, prepared.sql):
            await self.driver.executemany(prepared.sql, several)
        return DriverResult((), -1)

    async def write(self, statement: Executable, parameters: Mapping[str, Any]) -> None:
        """Insert or update one row, with the others of its transaction. Raises as ``Session``."""
        prepared, arguments = _arguments(statement, parameters)
        assert prepared.table is not None, "it writes"
        assert not prepared.returns_rows, "it only writes"
        if prepared.table in self._written:
            # Of two writes to a row in one statement PostgreSQL would do one, and two rows of a
            # table would get their numbers in any order.
            await self.flush()
        self._written[prepared.table] = prepared, arguments

    async def flush(self) -> None:
        """Send what was written in one statement. Raises as ``Session``."""
        if not self._written:
            return
        written = tuple(self._written.values())
        self._written.clear()
        try:
            if len(written) == 1:
                counts: Iterable[int] = ((await self._run(*written[0])).rowcount,)
            else:
                sql = _together(tuple(prepared.sql for prepared, _ in written))
                arguments = [each for _, arguments in written for each in arguments]
                with _Told(self.driver, sql):
                    counts = await self.driver.fetchrow(sql, *arguments)
        except IntegrityError as error:
            raise _refused(error) from error
        for count in counts:
            _require_one(count)

    async def _run(self, prepared: _Prepared, arguments: Sequence[Any]) -> DriverResult:
        with _Told(self.driver, prepared.sql):
            if prepared.returns_rows:
                records = await self.driver.fetch(prepared.sql, *arguments)
                return DriverResult(records, len(records))
            # "INSERT 0 1", "UPDATE 1"
            done: str = await self.driver.execute(prepared.sql, *arguments)
            return DriverResult((), int(done.rpartition(" ")[2]))

    async def control(self, words: str) -> str:
        """Execute BEGIN, COMMIT or ROLLBACK; return what was done. Raises as ``execute``."""
        with _Told(self.driver, words):
            done: str = await self.driver.execute(words)
        return done


def _arguments(statement: Executable, given: Mapping[str, Any]) -> tuple[_Prepared, Sequence[Any]]:
    prepared = _prepare(statement, tuple(given))
    try:
        return prepared, prepared.arguments(given)
    except ValueError as error:
        raise StatementError(str(error), prepared.sql, None, error) from error


@lru_cache
def _together(statements: tuple[str, ...]) -> str:
    """Return one statement that writes what several do, and counts what each has written."""
    steps, offset = [], 0
    for number, sql in enumerate(statements):
        name = _STEP.format(number)
        steps.append(f"{name} AS ({_shifted(sql, by=offset)} RETURNING 1)")
        offset += len(set(_PARAMETER.findall(sql)))
    counts = (
        f"(SELECT count(*) FROM {_STEP.format(number)})"  # noqa: S608 - our own name
        for number in range(len(statements))
    )
    return f"WITH {', '.join(steps)} SELECT {', '.join(counts)}"


def _shifted(sql: str, *, by: int) -> str:
    """Return a statement whose parameters are numbered from ``by`` on."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql)


_STEP: Final = "written_{}"
_PARAMETER: Final = re.compile(r"\$(\d+)")


class _Told:
    """Raises what SQLAlchemy would raise for what the driver does.

    That knows whether the connection is gone, and does not tell the parameters: much of what we
    store is nobody's business.
    """

    __slots__ = ("driver", "sql")

    def __init__(self, driver: Any, sql: str) -> None:  # noqa: ANN401 - asyncpg's
        self.driver = driver
        self.sql = sql

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | OSError):
            return
        is_lost: bool = self.driver.is_closed()
        if isinstance(error, OSError) and not is_lost:
            return  # the driver's own time limit
        is_rule = isinstance(error, asyncpg.IntegrityConstraintViolationError)
        raise (IntegrityError if is_rule else DBAPIError)(
            self.sql, None, error, hide_parameters=True, connection_invalidated=is_lost
        ) from error
