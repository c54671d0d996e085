"""An oracle that looks at a world which was lived through, and hears what a test tells it."""

from typing import Any

import attrs

from markethub.adapters.fake.store import JsonObject
from markethub.domain.delivery import Message
from markethub.domain.payment import Payment, PaymentStatus
from markethub.entrypoints.simulation.checks import Oracle
from markethub.entrypoints.simulation.model import ORDER_ID, Truth
from markethub.entrypoints.simulation.plan import Paths
from markethub.entrypoints.simulation.ports import START
from tests.support.lived import Lived

AT_S = 12.5


class Seen:
    """An oracle that looks at a world of its own."""

    def __init__(self, lived: Lived, *, paths: Paths = Paths.BOTH) -> None:
        self.database = lived.copy()
        self.oracle = Oracle(self.database, paths=paths)
        self.oracle.truth = lived.truth_copy()
        self.oracle.now_s = AT_S

    @property
    def truth(self) -> Truth:
        return self.oracle.truth

    @property
    def reported(self) -> list[tuple[str, str]]:
        """Return what was reported since the last time."""
        found = [(each.invariant, each.what) for each in self.oracle.violations]
        self.oracle.violations.clear()
        return found

    def row(self, table: str, before: Any, after: Any) -> None:
        """Let a commit of one row be heard of, and its end."""
        tables = {"payment_methods": "methods"}
        getattr(self.database, tables.get(table, table)).rows[after.id] = after
        self.oracle.committed(table, before, after)
        self.oracle.commit_ended()


def saved(row: Any, **fields: Any) -> Any:
    return attrs.evolve(row, version=row.version + 1, **fields)


def paid_charge(_: Lived, charge: JsonObject) -> bool:
    return bool(
        charge["captured"] and charge["status"] == "succeeded" and charge["metadata"].get(ORDER_ID)
    )


def authorized(_: Lived, row: Payment) -> bool:
    return row.status is PaymentStatus.AUTHORIZED


def message(delivery: Any) -> Message:
    return Message(id=delivery.message_id, type=delivery.event.type, body="{}", at=START)


def at_rest(lived: Lived) -> Seen:
    """Return an oracle that has heard all that was told to the storefront."""
    seen = Seen(lived)
    for delivery in lived.rows("deliveries"):
        seen.oracle.consumed(message(delivery))
    return seen
