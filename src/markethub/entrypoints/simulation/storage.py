"""Where the rows of a history are kept, and what a process's death does to them."""

from typing import Protocol

from markethub.adapters.memory.database import Database
from markethub.adapters.memory.store import MemoryStore
from markethub.entrypoints.simulation.observed import ObservedDatabase
from markethub.entrypoints.simulation.plan import StoreKind
from markethub.entrypoints.simulation.ports import Store


class Storage(Protocol):
    """Outlives the processes that open it."""

    def open(self, index: int) -> Store:
        """Open it, as a process does that starts."""
        ...

    def died(self, index: int) -> None:
        """Undo what a process had not committed."""
        ...

    def everything(self) -> Database:
        """Return all rows that are committed."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class InMemory:
    """Implements ``Storage`` on the memory store: what dies with a task was never kept."""

    def __init__(self, database: Database) -> None:
        """Keep everything in ``database``."""
        self._database = database
        self._store = MemoryStore(database)

    def open(self, index: int) -> Store:  # noqa: ARG002 - all processes see the same
        """Return the one store."""
        return self._store

    def died(self, index: int) -> None:
        """Nothing is left to undo."""

    def everything(self) -> Database:
        """Return the rows."""
        return self._database

    def close(self) -> None:
        """Nothing is open."""


def storage_of(kind: StoreKind, database: ObservedDatabase) -> Storage:
    """Make the storage of a history; ``database`` shows what is committed to it."""
    if kind is StoreKind.MEMORY:
        return InMemory(database)
    # SQLAlchemy takes longer to import than a dozen histories in memory take.
    from markethub.entrypoints.simulation.sqlite_file import SqliteFile  # noqa: PLC0415 - see above

    return SqliteFile(database)
