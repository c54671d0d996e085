"""Our rows against the provider's books, to the cent, when everything has come to rest."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

import asyncpg
import httpx

from markethub.adapters.system import SystemClock
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.model import Expected, Truth
from tests.storm.provider import CALM, DOOR

WAITS: Final = (timedelta(), *(timedelta(minutes=2**n) for n in range(8)))
"""How far ahead our clock is set, one after the other, while something is left to be done."""
STEPS_MAXIMUM: Final = 2000
LISTS: Final = {
    "charge": "/v1/charges",
    "payment_intent": "/v1/payment_intents",
    "refund": "/v1/refunds",
    "balance_transaction": "/v1/balance_transactions",
}
OUR_STATUS: Final = {
    "requires_confirmation": "requires_payment_method",
    "requires_capture": "authorized",
}


Rows: TypeAlias = Sequence[Mapping[str, Any]]


class ClockAhead:
    """The system's clock, set ahead."""

    def __init__(self) -> None:
        """Begin with the right time."""
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the moment that it shows."""
        return SystemClock().now() + self.ahead


async def come_to_rest(container: Container, clock: ClockAhead, stripe_url: str) -> list[str]:
    """Fetch events that nobody brought, process all, and finish what is unresolved.

    Returns what is left to be done all the same.
    """
    async with httpx.AsyncClient(base_url=stripe_url.removesuffix(DOOR)) as http:
        await http.post(CALM)
    await container.backfill_events()(timedelta(hours=1))
    for ahead in WAITS:
        clock.ahead = ahead
        for _ in range(STEPS_MAXIMUM):
            batch = await container.process_inbox()()
            done = await container.recover()(eagerly=True)
            if not batch.is_full and not done.total:
                break
        health = await container.queries().health()
        if not health.waiting_events and not health.unresolved_operations:
            return []
    return [f"it does not come to rest: {await container.queries().health()}"]


async def _everything(http: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        after = {"starting_after": found[-1]["id"]} if found else {}
        answer = await http.get(path, params={"limit": 100, **after})
        if answer.status_code != 200:
            continue  # one of its bad days
        page = answer.json()
        found += page["data"]
        if not page["has_more"]:
            return found


async def truth_of(stripe_url: str) -> Truth:
    """Read the provider's books through its door."""
    truth = Truth()
    headers = {"Authorization": "Bearer sk_test_dev"}
    async with httpx.AsyncClient(base_url=stripe_url, headers=headers, timeout=30) as http:
        for kind, path in LISTS.items():
            for found in await _everything(http, path):
                truth.put(kind, found["id"], found)
    return truth


async def differences(database_url: str, truth: Truth) -> list[str]:
    """Say what our rows and the provider's books do not agree on."""
    connection: Any = await asyncpg.connect(database_url)
    try:
        return compared(
            truth,
            payments=await connection.fetch("SELECT * FROM payments"),
            refunds=await connection.fetch("SELECT * FROM refunds"),
            entries=await connection.fetch("SELECT * FROM ledger_entries"),
        )
    finally:
        await connection.close()


def compared(truth: Truth, *, payments: Rows, refunds: Rows, entries: Rows) -> list[str]:
    """Say what rows of ours, by the names of their columns, and the provider's books differ in."""
    return [*_intents(truth, payments), *_refunds(truth, refunds), *_ledger(truth, entries)]


def _intents(truth: Truth, payments: Rows) -> Iterator[str]:
    ours = {row["intent_id"]: row for row in payments}
    for id_, intent in truth.intents.items():
        row, status = ours.get(id_), OUR_STATUS.get(intent["status"], intent["status"])
        if row is None:
            if status != "canceled":
                yield f"intent {id_} ({status}) is nobody's"
        elif row["status"] != status:
            yield f"intent {id_} is {status}, payment {row['id']} {row['status']}"
        elif row["captured_minor"] != intent["amount_received"]:
            yield f"intent {id_} took {intent['amount_received']}, we {row['captured_minor']}"
    for order_id, charges in truth.paid_charges_of_order.items():
        if len(charges) > 1:
            yield f"order {order_id} was charged {len(charges)} times"


def _refunds(truth: Truth, refunds: Rows) -> Iterator[str]:
    ours = {row["provider_id"]: row for row in refunds}
    for id_, refund in truth.refunds.items():
        row = ours.get(id_)
        if row is None:
            yield f"refund {id_} of {refund['amount']} is nobody's"
        elif (row["status"], row["amount_minor"]) != (refund["status"], refund["amount"]):
            yield f"refund {id_} is {refund['status']}, here {row['status']}"
    for row in refunds:
        if row["status"] == "succeeded" and row["provider_id"] not in truth.refunds:
            yield f"refund {row['id']} never took place"


def _ledger(truth: Truth, entries: Rows) -> Iterator[str]:
    expected: dict[tuple[str, str], Expected] = {}
    for line in truth.lines.values():
        expected |= truth.expected(line)
    posted = {
        (row["kind"], row["reference"]): Expected(row["amount_minor"], row["currency"])
        for row in entries
    }
    for posting in sorted(expected.keys() | posted.keys()):
        if expected.get(posting) != posted.get(posting):
            yield f"{posting}: {posted.get(posting)} instead of {expected.get(posting)}"
    cash: defaultdict[str, int] = defaultdict(int)
    for row in entries:
        sign = (row["debit"] == "provider_balance") - (row["credit"] == "provider_balance")
        cash[row["currency"]] += sign * row["amount_minor"]
    for currency, balance in truth.cash().items():
        if cash[currency] != balance:
            yield f"cash is {cash[currency]} {currency}, at the provider {balance}"
