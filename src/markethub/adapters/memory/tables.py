"""Committed rows with their indexes, and the same as one transaction sees them."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import attrs

from markethub.adapters.memory.locks import Holder, RowLocks
from markethub.domain.errors import StaleWrite

Id = TypeVar("Id", bound=Hashable)
Row = TypeVar("Row")


@attrs.frozen(kw_only=True, eq=False)
class Index(Generic[Row]):
    """A way to find rows by ``key``. Rows whose key is None are left out (a partial index)."""

    name: str
    key: Callable[[Row], Hashable | None]
    unique: bool = False


@attrs.frozen(kw_only=True, eq=False)
class Rule(Generic[Row]):
    """What a row must be like whoever writes it, as the real schema's CHECK of this name says."""

    name: str
    holds: Callable[[Row], bool]


class RuleBroken(Exception):
    """A row that no database of ours takes: a mistake of the core, never an answer of it."""


class Table(Generic[Id, Row]):
    """What is committed, in the order of insertion. Rows are replaced, never mutated."""

    def __init__(self, name: str, *indexes: Index[Row], rules: Iterable[Rule[Row]] = ()) -> None:
        """Begin empty."""
        self.name = name
        self.indexes = indexes
        self.rules = tuple(rules)
        self.rows: dict[Id, Row] = {}
        # The innermost dict stands for an ordered set.
        self._ids: dict[Index[Row], dict[Hashable, dict[Id, None]]] = {
            index: {} for index in indexes
        }

    def ids(self, index: Index[Row], key: Hashable) -> Iterable[Id]:
        """Name the rows that have ``key``."""
        return self._ids[index].get(key, ())

    def put(self, id: Id, row: Row) -> None:
        """Insert or replace a row."""
        before = self.rows.get(id)
        for index in self.indexes:
            old = None if before is None else index.key(before)
            new = index.key(row)
            if old != new:
                self._move(id, self._ids[index], old, new)
        self.rows[id] = row

    @staticmethod
    def _move(
        id: Id,
        ids: dict[Hashable, dict[Id, None]],
        old: Hashable | None,
        new: Hashable | None,
    ) -> None:
        if old is not None:
            del ids[old][id]
            if not ids[old]:
                del ids[old]
        if new is not None:
            ids.setdefault(new, {})[id] = None


@attrs.frozen(kw_only=True)
class _Written(Generic[Row]):
    row: Row
    base: Row | None
    """The committed row that it replaces."""


class Staged(Generic[Id, Row]):
    """A table as a transaction sees it: what is committed, under what itself has written."""

    # One for each table and transaction: most are never touched.
    __slots__ = ("_holder", "_locks", "_table", "_written")

    def __init__(self, table: Table[Id, Row], locks: RowLocks, holder: Holder) -> None:
        """See ``table``, and write nothing to it until ``apply``."""
        self._table = table
        self._locks = locks
        self._holder = holder
        self._written: dict[Id, _Written[Row]] = {}

    @property
    def has_written(self) -> bool:
        """Tell whether there is anything to apply."""
        return bool(self._written)

    def get(self, id: Id) -> Row | None:
        """Return a row, if it exists."""
        written = self._written.get(id)
        return self._table.rows.get(id) if written is None else written.row

    def where(self, index: Index[Row], key: Hashable) -> Sequence[Row]:
        """Return the rows that have ``key``: committed ones first, each kind as inserted."""
        committed, ids = self._table.rows, self._table.ids(index, key)
        if not self._written:
            return [committed[each] for each in ids]
        rows = map(self.get, dict.fromkeys((*ids, *self._written)))
        return [row for row in rows if row is not None and index.key(row) == key]

    def all(self) -> Sequence[Row]:
        """Return every row, as ``where`` orders them."""
        rows = map(self.get, dict.fromkeys((*self._table.rows, *self._written)))
        return [row for row in rows if row is not None]

    async def hold(self, id: Id) -> Row | None:
        """Return a row, if it exists, holding it until the transaction ends.

        Raises StaleWrite for a deadlock.
        """
        return None if self.get(id) is None else await self.claim(id)

    async def claim(self, id: Id) -> Row | None:
        """Hold an id, whether or not it has a row yet: whoever writes must. Raises as ``hold``."""
        await self._locks.acquire((self._table.name, id), self._holder)
        return self.get(id)

    def stage(self, id: Id, row: Row) -> None:
        """Write a claimed row for this transaction alone.

        Raises RuleBroken, and StaleWrite as ``verify``.
        """
        for rule in self._table.rules:
            if not rule.holds(row):
                raise RuleBroken(f"{self._table.name}: {rule.name}")
        earlier = self._written.get(id)
        base = self._table.rows.get(id) if earlier is None else earlier.base
        written = _Written(row=row, base=base)
        self._verify(id, written)
        self._written[id] = written

    def verify(self) -> None:
        """Raise StaleWrite if what was written no longer fits what is committed by now."""
        for written_id, written in self._written.items():
            self._verify(written_id, written)

    def _verify(self, id: Id, written: _Written[Row]) -> None:
        if self._table.rows.get(id) is not written.base:
            raise StaleWrite("somebody else saved it first")
        for index in self._table.indexes:
            key = index.key(written.row) if index.unique else None
            if key is not None and any(other != id for other in self._holders(index, key)):
                raise StaleWrite(f"{index.name} is taken")

    def _holders(self, index: Index[Row], key: Hashable) -> Iterable[Id]:
        """Name the rows that have ``key`` once this is applied."""
        for holder in self._table.ids(index, key):
            if holder not in self._written:
                yield holder
        for holder, written in self._written.items():
            if index.key(written.row) == key:
                yield holder

    def apply(self) -> None:
        """Make what was written the committed state."""
        for written_id, written in self._written.items():
            self._table.put(written_id, written.row)
