"""What the account does by itself when its clock is moved, in the order of its due times."""

from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import Final

from markethub.adapters.fake import (
    aftermath,
    charges,
    confirmations,
    dispute_life,
    disputes,
    payment_intents,
    refund_life,
    refunds,
    setup_confirmations,
)
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import AccountStore, JsonObject

ACTIONS: Final[Mapping[str, Callable[[Execution, str], None]]] = {
    charges.BOOK: charges.book_later,
    charges.EXPIRE: payment_intents.expire,
    charges.FOLLOW: aftermath.follow,
    confirmations.SETTLE: confirmations.settle,
    setup_confirmations.SETTLE: setup_confirmations.settle,
    dispute_life.CLOSE: dispute_life.close_inquiry,
    dispute_life.LOSE: dispute_life.lose,
    disputes.DECIDE: disputes.decide,
    refund_life.FAIL: refund_life.fail_later,
    refund_life.SETTLE: refunds.settle,
}
"""Each takes the id of its subject. One that has nothing left to do does nothing."""


def is_anything_due(store: AccountStore, *, until: int) -> bool:
    """Tell whether there is anything to do by then."""
    return any(entry["at"] <= until for entry in store.list("due"))


class Agenda:
    """The entries that are due by a time: the earliest first, and of equal ones the first made."""

    def __init__(self, store: AccountStore, *, until: int) -> None:
        """Gather what the schedule has by now."""
        self._until = until
        self._order = count()
        self._waiting: list[tuple[int, int, JsonObject]] = []
        self.add(store.list("due"))

    def add(self, entries: Iterable[JsonObject]) -> None:
        """Take in what was scheduled since, if it is due, too."""
        for entry in entries:
            if entry["at"] <= self._until:
                heappush(self._waiting, (entry["at"], next(self._order), entry))

    def next(self) -> JsonObject | None:
        """Take the next entry, or None at the end."""
        return heappop(self._waiting)[2] if self._waiting else None


def run(execution: Execution, entry: JsonObject) -> None:
    """Do what an entry says, and strike it out."""
    execution.store.delete("due", entry["id"])
    ACTIONS[entry["action"]](execution, entry["subject"])
