"""What must hold when everything has come to rest: by our rows, and the provider's books."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from tests.kills.fleet import Rows
from tests.kills.people import Memory
from tests.storm.books import compared, truth_of

Table: TypeAlias = Sequence[Mapping[str, Any]]

_ENDED: Final = ("processed", "ignored")
_GIVEN: Final = ("pending", "requires_action", "succeeded")


async def waiting(rows: Rows) -> list[str]:
    """Say what is still to be done."""
    inbox, operations = await rows.all("inbox"), await rows.all("operations")
    return [
        *(
            f"event {row['id']} ({row['type']}) is {row['status']}: {row['reason']}, "
            f"next at {row['next_attempt_at']}, {row['error']}"
            for row in inbox
            if row["status"] not in _ENDED
        ),
        *(
            f"{row['kind']} {row['id']} is unresolved, next at {row['next_attempt_at']}"
            for row in operations
            if row["status"] == "unresolved"
        ),
    ]


async def differences(
    rows: Rows, stripe_url: str, memory: Memory, *, acknowledged: Iterable[str]
) -> list[str]:
    """Say everything that does not hold."""
    payments, refunds = await rows.all("payments"), await rows.all("refunds")
    entries, orders = await rows.all("ledger_entries"), await rows.all("orders")
    truth = await truth_of(stripe_url)
    return [
        *compared(truth, payments=payments, refunds=refunds, entries=entries),
        *events(acknowledged, await rows.all("inbox")),
        *told(memory, payments, refunds),
        *sums(payments, refunds),
        *paid(orders, payments),
    ]


def events(acknowledged: Iterable[str], inbox: Table) -> Iterator[str]:
    """Look whether all that was acknowledged was kept, and came to its end (I6)."""
    kept = {row["id"]: row["status"] for row in inbox}
    for id_ in acknowledged:
        if id_ not in kept:
            yield f"I6 event {id_} was acknowledged, and is not in the inbox"
    for id_, status in kept.items():
        if status not in _ENDED:
            yield f"I6 event {id_} is {status}"


def told(memory: Memory, payments: Table, refunds: Table) -> Iterator[str]:
    """Look whether people were told the truth (I8)."""
    status = {row["id"]: row["status"] for row in payments}
    for payment_id, failed in memory.failed.items():
        if status[payment_id] == "succeeded":
            yield f"I8 payment {payment_id} was told to be {failed}, and is paid"
    for payment_id in memory.paid:
        if status[payment_id] != "succeeded":
            yield f"I8 payment {payment_id} was told to be paid, and is {status[payment_id]}"
    amounts = {row["id"]: row["amount_minor"] for row in refunds}
    for refund_id, amount in memory.refunds.items():
        if amounts.get(refund_id) != amount:
            yield f"I8 refund {refund_id} of {amount} was promised: {amounts.get(refund_id)}"


def sums(payments: Table, refunds: Table) -> Iterator[str]:
    """Look whether no more was given back than was taken, and nothing is reserved (I2)."""
    given: defaultdict[str, int] = defaultdict(int)
    for row in refunds:
        if row["status"] in _GIVEN:
            given[row["payment_id"]] += row["amount_minor"]
    for row in payments:
        if given[row["id"]] > row["captured_minor"]:
            yield f"I2 payment {row['id']}: {given[row['id']]} of {row['captured_minor']} given"
        held = row["refunded_minor"] + row["refund_reserved_minor"]
        if held != given[row["id"]]:
            yield f"I2 payment {row['id']}: {held} noted, {given[row['id']]} given back"


def paid(orders: Table, payments: Table) -> Iterator[str]:
    """Look whether each order that is paid is so by one payment, of its amount (I1, I9)."""
    succeeded = Counter(row["order_id"] for row in payments if row["status"] == "succeeded")
    for order in orders:
        count = succeeded[order["id"]]
        if count > 1:
            yield f"I1 order {order['id']} is paid {count} times"
        if (order["status"] == "paid") != (count == 1):
            yield f"I9 order {order['id']} is {order['status']}, with {count} payments"
