"""What the account does by itself when its clock is moved, in the order of its due times."""

from collections.abc import Callable, Mapping
from typing import Final

from markethub.adapters.fake import charges, confirmations, payment_intents
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import AccountStore, JsonObject

ACTIONS: Final[Mapping[str, Callable[[Execution, str], None]]] = {
    charges.BOOK: charges.book_later,
    charges.EXPIRE: payment_intents.expire,
    confirmations.SETTLE: confirmations.settle,
}
"""Each takes the id of its subject. One that has nothing left to do does nothing."""


def next_due(store: AccountStore, *, until: int) -> JsonObject | None:
    """Return the earliest entry that is due by then; of equal ones, the first made."""
    due = [entry for entry in store.list("due") if entry["at"] <= until]
    return min(due, key=lambda entry: entry["at"], default=None)


def run(execution: Execution, entry: JsonObject) -> None:
    """Do what an entry says, and strike it out."""
    execution.store.delete("due", entry["id"])
    ACTIONS[entry["action"]](execution, entry["subject"])
