"""What must hold of each row of ours, whenever it is committed, seen against the truth.

Each rule takes the row before (None for a new one) and after, and yields what is wrong. The
tables of edges are written down here once more, from the documentation: who checks a thing does
not ask it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from markethub.entrypoints.simulation.faults import FORGED
from markethub.entrypoints.simulation.model import Expected, Truth, is_paid

Wrong = tuple[str, str]
"""Invariant and sentence."""
Rule = Callable[[Truth, Any, Any], Iterator[Wrong]]

_OPEN: Final = ("requires_payment_method", "requires_action", "processing")
PAYMENT_EDGES: Final[Mapping[str, tuple[str, ...]]] = {
    "pending": (*_OPEN, "authorized", "succeeded", "canceled"),
    "requires_payment_method": (*_OPEN, "authorized", "succeeded", "canceled"),
    "requires_action": (*_OPEN, "authorized", "succeeded", "canceled"),
    "processing": (*_OPEN, "authorized", "succeeded", "canceled"),
    "authorized": (*_OPEN, "succeeded", "canceled"),
    "succeeded": (),
    "canceled": (*_OPEN, "authorized", "succeeded"),
}
"""Canceled goes on only where nobody had seen an intent before, which the rule asks, too."""
ORDER_EDGES: Final[Mapping[str, tuple[str, ...]]] = {
    "open": ("paid", "canceled"),
    "paid": (),
    "canceled": (),
}
REFUND_EDGES: Final[Mapping[str, tuple[str, ...]]] = {
    "pending": ("requires_action", "succeeded", "failed", "canceled"),
    "requires_action": ("pending", "succeeded", "failed", "canceled"),
    "succeeded": ("pending", "requires_action", "failed", "canceled"),
    "failed": (),
    "canceled": (),
}
OPERATION_EDGES: Final[Mapping[str, tuple[str, ...]]] = {
    "unresolved": ("done", "refused", "never_happened"),
    "done": (),
    "refused": ("done",),
    "never_happened": ("done",),
}
DISPUTE_ENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "won": (),
    "lost": ("won",),
    "warning_closed": (),
    "prevented": (),
}
"""What may follow where a dispute is over. A late win is Stripe's."""
GIVEN_UP: Final = ("superseded", "method_removed")
"""Why an operation is let go although it may yet have its effect: what it made is then undone."""


def _moved(before: Any, after: Any) -> bool:
    return before is not None and before.status is not after.status


def _edge(
    name: str, edges: Mapping[str, tuple[str, ...]], before: Any, after: Any
) -> Iterator[Wrong]:
    if _moved(before, after) and after.status.value not in edges[before.status.value]:
        yield "I7", f"{name} {after.id} went from {before.status} to {after.status}"


def _version(name: str, before: Any, after: Any) -> Iterator[Wrong]:
    # A transaction may save a row more than once.
    if after.version <= (0 if before is None else before.version):
        yield "I7", f"{name} {after.id} was saved with version {after.version} again"


def _same(name: str, before: Any, after: Any, *fields: str) -> Iterator[Wrong]:
    if before is not None:
        for field in fields:
            if getattr(before, field) != getattr(after, field):
                yield "I7", f"{name} {after.id}: {field} was changed"


def order(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:  # noqa: ARG001 - a rule
    """Judge an order."""
    yield from _version("order", before, after)
    yield from _edge("order", ORDER_EDGES, before, after)
    if before is not None and before.status.value != "open" and before.cart != after.cart:
        yield "I7", f"order {after.id} is {before.status}, and its cart was changed"
    if (after.status.value == "paid") is not (after.paid_by is not None):
        yield "I9", f"order {after.id} is {after.status} by {after.paid_by}"


def payment(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:
    """Judge a payment."""
    yield from _version("payment", before, after)
    yield from _same("payment", before, after, "order_id", "customer_id", "capture_method")
    if _moved(before, after) and before.status.value == "canceled":
        intent = truth.intents.get(before.intent_id)
        if intent is not None and intent["status"] == "canceled":
            yield "I7", f"payment {after.id} came back as {after.status}, and its intent did not"
    yield from _edge("payment", PAYMENT_EDGES, before, after)
    if before is not None:
        if before.intent_id not in (None, after.intent_id):
            yield "I7", f"payment {after.id} changed its intent"
        if before.quarantine not in (None, after.quarantine):
            yield "I7", f"payment {after.id} left its quarantine"
        if before.captured.minor > after.captured.minor:
            yield "I7", f"payment {after.id} lost what was captured"
    sums = (after.authorized, after.refunded, after.refund_reserved, after.disputed)
    if min(money.minor for money in sums) < 0:
        yield "I2", f"payment {after.id} has a sum below zero"
    if after.refunded.minor + after.refund_reserved.minor > after.captured.minor:
        gone = f"{after.refunded.minor} refunded and {after.refund_reserved.minor} reserved"
        yield "I2", f"payment {after.id}: {gone} of {after.captured.minor}"
    if after.status.value == "succeeded" and (before is None or before.status is not after.status):
        yield from _paid(truth, after)


def _paid(truth: Truth, after: Any) -> Iterator[Wrong]:
    intent = truth.intents.get(after.intent_id)
    if intent is None or intent["status"] != "succeeded":
        status = "no intent" if intent is None else intent["status"]
        yield "I9", f"payment {after.id} is said to have succeeded, and the provider has {status}"
        return
    if (after.captured.minor, after.captured.currency.code) != (
        intent["amount_received"],
        intent["currency"],
    ):
        yield (
            "I9",
            f"payment {after.id} captured {after.captured.minor} of {intent['amount_received']}",
        )
    asked = after.capture_asked or after.amount
    if after.quarantine is None and after.captured != asked:
        yield "I9", f"payment {after.id} took {after.captured.minor}, and asked for {asked.minor}"


def operation(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:
    """Judge what we asked the provider."""
    yield from _version("operation", before, after)
    yield from _edge("operation", OPERATION_EDGES, before, after)
    yield from _same("operation", before, after, "payment_id", "kind", "request", "origin")
    if before is None:
        return
    if after.attempt != before.attempt:
        if after.attempt != before.attempt + 1:
            yield "I10", f"operation {after.id} skipped an attempt"
        if truth.has_effect(after):
            yield "I1", f"{after.kind} {after.id} is tried anew, and has had its effect"
    lost = after.status.value in ("refused", "never_happened") and after.error_code not in GIVEN_UP
    if _moved(before, after) and lost and truth.has_effect(after):
        yield (
            "I8",
            f"{after.kind} {after.id} is {after.status} ({after.error_code}), and took place",
        )


def refund(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:
    """Judge a refund."""
    yield from _version("refund", before, after)
    yield from _same("refund", before, after, "payment_id", "amount", "actor", "plan")
    if before is None or before.provider_id is not None:
        # One that was given up may turn up, and then goes on from anywhere.
        yield from _edge("refund", REFUND_EDGES, before, after)
    if before is not None and before.provider_id not in (None, after.provider_id):
        yield "I7", f"refund {after.id} changed its provider's id"
    if after.provider_id is None and not after.actor:
        yield "I13", f"refund {after.id} names nobody who asked for it"
    if after.amount.minor <= 0:
        yield "I2", f"refund {after.id} of {after.amount.minor}"
    if after.provider_id is not None:
        theirs = truth.refunds.get(after.provider_id)
        if theirs is None or theirs["amount"] != after.amount.minor:
            yield "I5", f"refund {after.id} is not what the provider has as {after.provider_id}"


def dispute(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:
    """Judge a dispute."""
    yield from _version("dispute", before, after)
    yield from _same("dispute", before, after, "payment_id", "provider_id")
    if _moved(before, after):
        allowed = DISPUTE_ENDS.get(before.status.value)
        if allowed is not None and after.status.value not in allowed:
            yield "I7", f"dispute {after.id} went from {before.status} to {after.status}"
    if after.provider_id not in truth.disputes:
        yield "I5", f"dispute {after.id} is unknown at the provider"


def submission(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:  # noqa: ARG001 - a rule
    """Judge what we asked about a dispute."""
    yield from _version("submission", before, after)
    yield from _edge("submission", OPERATION_EDGES, before, after)
    yield from _same(
        "submission", before, after, "dispute_id", "kind", "request", "origin", "actor"
    )
    if not after.actor:
        yield "I13", f"submission {after.id} names nobody who asked for it"


def entry(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:
    """Judge a line of the ledger: it is there for good, and tells the truth."""
    named = f"{after.kind} {after.reference}"
    if before is not None:
        yield "I7", f"{named} was posted again over the first"
    if after.amount.minor <= 0 or after.debit is after.credit:
        yield "I3", f"{named} does not balance"
    posting = (after.kind.value, after.reference)
    found = Expected(after.amount.minor, after.amount.currency.code)
    if after.kind.value == "charge":
        charge = truth.charges.get(after.reference)
        told = None
        if charge is not None and is_paid(charge):
            told = Expected(charge["amount_captured"], charge["currency"])
    else:
        line = truth.lines.get(after.reference)
        told = None if line is None else truth.expected(line).get(posting)
    if told is None:
        yield "I5", f"{named} is posted, and the provider knows nothing of it"
    elif told != found:
        yield "I5", f"{named} is posted as {found.minor}, and the provider has {told.minor}"


def event(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:  # noqa: ARG001 - a rule
    """Judge a stored event."""
    id_ = str(after.event.id)
    if id_.endswith(FORGED):
        yield "I12", f"forged event {id_} was stored"
    is_foreign = after.event.livemode
    if is_foreign and not (after.status.value == "ignored" and after.reason == "wrong_mode"):
        yield "I12", f"event {id_} of the other mode is {after.status}"
    if before is None:
        return
    if before.event != after.event:
        yield "I7", f"event {id_} was changed"
    was_replayed = before.replayed_at != after.replayed_at
    if (
        before.status.value in ("processed", "ignored")
        and _moved(before, after)
        and not was_replayed
    ):
        yield "I7", f"event {id_} went from {before.status} to {after.status}"


def delivery(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:  # noqa: ARG001 - a rule
    """Judge a message on its way to the storefront."""
    if before is not None and before.event != after.event:
        yield "I7", f"message {after.sequence} was changed"
    # Only somebody who replays it sets its attempts to none.
    is_replayed = after.status.value == "pending" and not after.attempts
    was_delivered = before is not None and before.status.value == "delivered"
    if was_delivered and _moved(before, after) and not is_replayed:
        yield "I14", f"message {after.sequence} went from delivered to {after.status}"


def method(truth: Truth, before: Any, after: Any) -> Iterator[Wrong]:  # noqa: ARG001 - a rule
    """Judge a saved method."""
    yield from _version("method", before, after)
    yield from _same("method", before, after, "customer_id", "fingerprint")
    if after.is_default and after.status.value == "removed":
        yield "I13", f"method {after.id} is removed, and the default"


RULES: Final[Mapping[str, Rule]] = {
    "orders": order,
    "payments": payment,
    "operations": operation,
    "refunds": refund,
    "disputes": dispute,
    "submissions": submission,
    "ledger": entry,
    "inbox": event,
    "deliveries": delivery,
    "payment_methods": method,
}
"""By table."""
