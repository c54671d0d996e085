"""Stores that say what was committed to them: the account's, and ours in memory."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from markethub.adapters.fake.store import DictStore, JsonObject
from markethub.adapters.memory.database import Database
from markethub.adapters.memory.tables import Table
from markethub.domain.events import DomainEvent

Id = TypeVar("Id", bound=Hashable)
Row = TypeVar("Row")

ProviderPut = Callable[[str, str, JsonObject | None], None]
"""Takes kind, id and value; None for what was deleted."""
RowPut = Callable[[str, Any, Any, Any], None]
"""Takes table, id, the row before (None for a new one) and after."""


class ObservedStore(DictStore):
    """The account's store, which says what changed when its outermost block has ended well."""

    def __init__(self, on_put: ProviderPut) -> None:
        """Say it to ``on_put``."""
        super().__init__()
        self._on_put = on_put
        self._depth = 0
        self._touched: dict[tuple[str, str], None] = {}

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Open a block. See ``AccountStore``."""
        self._depth += 1
        try:
            with super().atomic():
                yield
        except BaseException:
            # What an inner block touched is looked at again in vain; the outermost forgets all.
            if self._depth == 1:
                self._touched.clear()
            raise
        finally:
            self._depth -= 1
        if self._depth == 0:
            touched, self._touched = self._touched, {}
            for kind, id_ in touched:
                self._on_put(kind, id_, self.get(kind, id_))

    def _stage(self, kind: str, id: str, value: JsonObject) -> None:
        super()._stage(kind, id, value)
        self._touched[kind, id] = None


class ObservedTable(Table[Id, Row], Generic[Id, Row]):
    """A table that says what is put into it."""

    def __init__(self, table: Table[Id, Row], on_put: RowPut) -> None:
        """Be like an empty ``table``, and say to ``on_put`` what is put."""
        super().__init__(table.name, *table.indexes, rules=table.rules)
        self._on_put = on_put

    def put(self, id: Id, row: Row) -> None:
        """Insert or replace a row."""
        before = self.rows.get(id)
        super().put(id, row)
        self._on_put(self.name, id, before, row)


class ObservedDatabase(Database):
    """A database that says what every commit put into it."""

    def __init__(
        self, *, on_put: RowPut, on_commit: Callable[[Sequence[DomainEvent]], None]
    ) -> None:
        """Say to ``on_put`` each row, and to ``on_commit`` what was told, when it has ended."""
        super().__init__()
        for name, table in list(vars(self).items()):
            if isinstance(table, Table):
                setattr(self, name, ObservedTable(table, on_put))
        self._on_commit = on_commit

    def tell(self, events: Sequence[DomainEvent]) -> None:
        """Append to the outbox: the last thing that a commit does."""
        super().tell(events)
        self._on_commit(events)

    def follow(self, events: Sequence[DomainEvent]) -> None:
        """Hear what a store told that writes its deliveries itself."""
        self.outbox.extend(events)
        self._on_commit(events)
