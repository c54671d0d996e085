"""What must hold, whatever happens."""

from typing import Any

from markethub.adapters.fake.store import JsonObject
from markethub.adapters.memory.database import UNDELIVERED, UNRESOLVED, WAITING, Database
from markethub.entrypoints.simulation.outcome import Violation
from markethub.entrypoints.simulation.plan import Paths


class Oracle:
    """Sees everything that is committed, here and at the provider, and says what must not be."""

    def __init__(self, database: Database, *, paths: Paths) -> None:
        self._database = database
        self._paths = paths
        self.now_s = 0.0
        self.violations: list[Violation] = []

    def provider_put(self, kind: str, id: str, value: JsonObject | None) -> None: ...
    def committed(self, table: str, id: Any, before: Any, after: Any) -> None: ...
    def commit_ended(self) -> None: ...
    def told_outbox(self, event: Any) -> None: ...
    def acknowledged(self, body: bytes) -> None: ...
    def refused(self, body: bytes) -> None: ...
    def consumed(self, message: Any) -> None: ...

    def is_quiet(self) -> bool:
        database = self._database
        return not (
            any(True for _ in database.operations.ids(UNRESOLVED, key=True))
            or any(True for _ in database.inbox.ids(WAITING, key=True))
            or any(True for _ in database.deliveries.ids(UNDELIVERED, key=True))
        )

    def at_rest(self) -> None: ...
