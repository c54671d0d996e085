"""Where a transaction's statements run: one way of asking, two ways of being fast enough.

Repositories are written once, in SQLAlchemy Core. On SQLite their statements run on SQLAlchemy's
own connection. On PostgreSQL they are compiled once and run on the driver's connection: the
statements are the same, what SQLAlchemy does around each of them is left out, and that is most
of what it would cost.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

import asyncpg
import attrs
from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

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


# --- PostgreSQL -------------------------------------------------------------------------------

_DIALECT: Final[Dialect] = asyncpg_dialect()  # type: ignore[no-untyped-call] # not typed there


@attrs.frozen
class _Prepared:
    """A statement in PostgreSQL's words, and how its parameters get there."""

    sql: str
    returns_rows: bool
    parameters: Sequence[tuple[str, Any, Callable[[Any], Any] | None]]
    """In their order: name, value where none is given, and what the type does to a value."""

    @classmethod
    def of(cls, statement: Executable, names: Sequence[str]) -> "_Prepared":
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
        given: Sequence[Mapping[str, Any]]
        if parameters is None or isinstance(parameters, Mapping):
            given, is_one = (parameters or {},), True
        else:
            given, is_one = parameters, False
        prepared = _prepare(statement, tuple(given[0]))
        try:
            arguments = [prepared.arguments(each) for each in given]
        except ValueError as error:
            raise StatementError(str(error), prepared.sql, None, error) from error
        try:
            if not is_one:
                await self.driver.executemany(prepared.sql, arguments)
                return DriverResult((), -1)
            if prepared.returns_rows:
                records = await self.driver.fetch(prepared.sql, *arguments[0])
                return DriverResult(records, len(records))
            # "INSERT 0 1", "UPDATE 1"
            done: str = await self.driver.execute(prepared.sql, *arguments[0])
            return DriverResult((), int(done.rpartition(" ")[2]))
        except DRIVER_ERRORS as error:
            raise told(error, self.driver, prepared.sql) from error

    async def control(self, words: str) -> None:
        """Execute BEGIN, COMMIT or ROLLBACK. Raises as ``Session``."""
        try:
            await self.driver.execute(words)
        except DRIVER_ERRORS as error:
            raise told(error, self.driver, words) from error


DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


def told(error: Exception, driver: Any, sql: str) -> Exception:  # noqa: ANN401 - asyncpg's
    """Return what SQLAlchemy would raise, which knows whether the connection is gone."""
    is_lost: bool = driver.is_closed()
    if isinstance(error, OSError) and not is_lost:
        return error  # the driver's own time limit
    kind = (
        IntegrityError
        if isinstance(error, asyncpg.IntegrityConstraintViolationError)
        else DBAPIError
    )
    # The parameters are not told: much of what we store is nobody's business.
    return kind(sql, None, error, hide_parameters=True, connection_invalidated=is_lost)
