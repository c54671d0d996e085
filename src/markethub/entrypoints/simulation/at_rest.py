"""What must hold when the faults have stopped and everything has come to rest."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from markethub.adapters.memory.database import Database
from markethub.entrypoints.simulation.faults import FOREIGN, POISON
from markethub.entrypoints.simulation.model import ORDER_ID, PAYMENT_ID, Expected, Truth
from markethub.entrypoints.simulation.plan import Paths
from markethub.entrypoints.simulation.row_rules import Wrong

OUR_STATUS = {
    "requires_confirmation": "requires_payment_method",
    "requires_capture": "authorized",
}
"""The provider's words for an intent's status, where ours differ."""
IGNORED_RIGHTLY = frozenset({"wrong_mode", "foreign", "unknown_method", "unknown_customer"})
"""Why an event may end without an effect. A foreign one must bear no id of ours;
what is known of methods is compared with the provider's."""
GHOST = "_ghost"
"""The end of the id of an event of ours about a payment that there is not: somebody must look."""


def violations_at_rest(truth: Truth, database: Database, paths: Paths) -> Iterator[Wrong]:
    """Say all that is wrong. Without recovery what nobody asked again may stay open."""
    yield from _intents(truth, database, paths)
    yield from _books(truth, database)
    yield from _refunds(truth, database)
    yield from _disputes(truth, database)
    yield from _methods(truth, database)
    yield from _inbox(database)
    yield from _audited(database)
    if paths is not Paths.WEBHOOKS:
        yield from _unfinished(database)


def _intents(truth: Truth, database: Database, paths: Paths) -> Iterator[Wrong]:
    paid: defaultdict[str, list[str]] = defaultdict(list)
    for intent in truth.intents.values():
        id_, status = intent["id"], intent["status"]
        payment_id = intent["metadata"].get(PAYMENT_ID)
        order = database.orders.rows.get(intent["metadata"].get(ORDER_ID))
        payment = database.payments.rows.get(payment_id)
        if payment is None or order is None:
            yield "I5", f"intent {id_} is nobody's"
            continue
        is_ours = payment.intent_id == id_
        if status == "succeeded":
            paid[order.id].append(id_)
            yield from _succeeded(intent, payment, order, is_ours=is_ours)
        elif paths is not Paths.WEBHOOKS:
            yield from _not_succeeded(intent, payment, order, is_ours=is_ours)
    for order_id, ids in paid.items():
        if len(ids) > 1:
            yield "I1", f"order {order_id} was paid by {', '.join(ids)}"


def _succeeded(intent: Any, payment: Any, order: Any, *, is_ours: bool) -> Iterator[Wrong]:
    if not is_ours:
        yield "I5", f"{intent['id']} took money, and payment {payment.id} is about another"
    elif payment.status.value != "succeeded":
        yield "I11", f"{intent['id']} has succeeded, and payment {payment.id} is {payment.status}"
    elif payment.captured.minor != intent["amount_received"]:
        yield "I9", f"payment {payment.id}: {payment.captured.minor} of {intent['amount_received']}"
    elif payment.quarantine is None and order.paid_by != payment.id:
        yield "I9", f"payment {payment.id} has succeeded, and order {order.id} is {order.status}"


def _not_succeeded(intent: Any, payment: Any, order: Any, *, is_ours: bool) -> Iterator[Wrong]:
    status = OUR_STATUS.get(intent["status"], intent["status"])
    if status == "canceled":
        if is_ours and payment.status.value != "canceled":
            yield "I11", f"{intent['id']} is canceled, and payment {payment.id} {payment.status}"
        return
    if not is_ours or not payment.holds_slot:
        yield "I11", f"stray {intent['id']} ({intent['status']}) can still be paid"
    elif payment.status.value != status:
        yield (
            "I11",
            f"{intent['id']} is {intent['status']}, and payment {payment.id} {payment.status}",
        )
    if order.status.value != "open":
        yield "I11", f"{intent['id']} ({intent['status']}) of an order that is {order.status}"


def _books(truth: Truth, database: Database) -> Iterator[Wrong]:
    """Each movement at the provider has its entry, and each entry its movement."""
    expected: dict[tuple[str, str], Expected] = {}
    for line in truth.lines.values():
        expected |= truth.expected(line)
    posted: dict[tuple[str, str], Expected] = {}
    cash: defaultdict[str, int] = defaultdict(int)
    for entry in database.ledger.rows.values():
        amount = Expected(entry.amount.minor, entry.amount.currency.code)
        posted[entry.kind.value, entry.reference] = amount
        cash[amount.currency] += amount.minor * (
            (entry.debit.value == "provider_balance") - (entry.credit.value == "provider_balance")
        )
    for posting, amount in expected.items():
        if posting not in posted:
            yield "I5", f"{' '.join(posting)} of {amount.minor} was never posted"
        elif posted[posting] != amount:
            yield "I5", f"{' '.join(posting)}: {posted[posting].minor} instead of {amount.minor}"
    for posting in posted:
        if posting not in expected:
            yield "I5", f"{' '.join(posting)} is posted, and the provider has no such movement"
    for currency, balance in truth.cash().items():
        if cash[currency] != balance:
            yield "I4", f"cash is {cash[currency]} {currency}, at the provider {balance}"


def _refunds(truth: Truth, database: Database) -> Iterator[Wrong]:
    rows: defaultdict[Any, list[Any]] = defaultdict(list)
    refunded: defaultdict[Any, int] = defaultdict(int)
    reserved: defaultdict[Any, int] = defaultdict(int)
    for row in database.refunds.rows.values():
        rows[row.provider_id].append(row)
        if row.status.value == "succeeded":
            refunded[row.payment_id] += row.amount.minor
        elif row.status.value in ("pending", "requires_action"):
            reserved[row.payment_id] += row.amount.minor
    for refund in truth.refunds.values():
        known = rows.get(refund["id"], [])
        if len(known) != 1:
            yield "I5", f"refund {refund['id']} is known {len(known)} times"
        elif known[0].status.value != refund["status"]:
            yield "I5", f"refund {refund['id']} is {refund['status']}, here {known[0].status}"
    for payment in database.payments.rows.values():
        if payment.refunded.minor != refunded[payment.id]:
            told, say = payment.refunded.minor, refunded[payment.id]
            yield "I2", f"payment {payment.id}: {told} refunded, rows say {say}"
        # Somebody else may have given back what was reserved: then there is less left to reserve.
        left = payment.captured.minor - payment.refunded.minor
        if payment.refund_reserved.minor != min(reserved[payment.id], left):
            told, say = payment.refund_reserved.minor, reserved[payment.id]
            yield "I2", f"payment {payment.id}: {told} reserved, rows say {say}"


def _disputes(truth: Truth, database: Database) -> Iterator[Wrong]:
    rows: defaultdict[Any, list[Any]] = defaultdict(list)
    for row in database.disputes.rows.values():
        rows[row.provider_id].append(row)
    for dispute in truth.disputes.values():
        known = rows.get(dispute["id"], [])
        if len(known) != 1:
            yield "I5", f"dispute {dispute['id']} is known {len(known)} times"
        elif known[0].status.value != dispute["status"]:
            yield "I5", f"dispute {dispute['id']} is {dispute['status']}, here {known[0].status}"


def _methods(truth: Truth, database: Database) -> Iterator[Wrong]:
    kept = {
        row.token.reveal(): row
        for row in database.methods.rows.values()
        if row.status.value != "removed"
    }
    for token, row in kept.items():
        theirs = truth.methods.get(token)
        if theirs is None or (row.status.value == "active" and theirs["customer"] is None):
            yield "I5", f"method {row.id} is {row.status}, and detached at the provider"
    customers = {
        row.provider_id: row.id
        for row in database.customers.rows.values()
        if row.provider_id is not None
    }
    # One card may be attached more than once: we keep the newest of a customer's.
    cards = {
        (row.customer_id, truth.methods[row.token.reveal()]["card"]["fingerprint"])
        for row in database.methods.rows.values()
        if row.token.reveal() in truth.methods
    }
    for theirs in truth.methods.values():
        card = (customers.get(theirs["customer"]), theirs["card"]["fingerprint"])
        if theirs["customer"] in customers and card not in cards:
            yield "I5", f"method {theirs['id']} is attached, and nobody here knows it"


def _inbox(database: Database) -> Iterator[Wrong]:
    for row in database.inbox.rows.values():
        named = f"event {row.event.id} ({row.event.type})"
        if str(row.event.id).endswith(POISON):
            if row.status.value == "processed":
                yield "I6", f"{named} is processed, and nobody can read it"
        elif str(row.event.id).endswith(GHOST):
            if row.status.value != "dead":
                yield "I6", f"{named} bears an id of ours that there is not, and is {row.status}"
        elif row.status.value not in ("processed", "ignored"):
            yield "I6", f"{named} is {row.status}: {row.reason}"
        elif row.status.value == "ignored" and row.reason not in IGNORED_RIGHTLY:
            yield "I6", f"{named} was ignored: {row.reason}"
        elif row.reason == "foreign" and not str(row.event.id).endswith(FOREIGN):
            yield "I6", f"{named} was taken for foreign"


def _audited(database: Database) -> Iterator[Wrong]:
    """What staff asked of the provider stands in the audit log, once for each time."""
    lines = Counter((line.action.value, line.subject, line.actor) for line in database.audit)
    asked: Counter[tuple[str, Any, str]] = Counter()
    for refund in database.refunds.rows.values():
        if refund.actor:
            asked["refund.request", refund.id, refund.actor] += 1
    for submission in database.submissions.rows.values():
        if submission.actor:
            asked[f"dispute.{submission.kind}", submission.dispute_id, submission.actor] += 1
    for (action, subject, actor), times in asked.items():
        if lines[action, subject, actor] != times:
            told = lines[action, subject, actor]
            yield "I7", f"{action} of {subject} by {actor}: {told} lines in the audit log, {times}x"


def _unfinished(database: Database) -> Iterator[Wrong]:
    for operation in database.operations.rows.values():
        if operation.is_unresolved:
            yield "I11", f"{operation.kind} {operation.id} is unresolved"
    for submission in database.submissions.rows.values():
        if submission.is_unresolved:
            yield "I11", f"{submission.kind} {submission.id} is unresolved"
    for refund in database.refunds.rows.values():
        if refund.status.value == "pending" and refund.provider_id is None:
            yield "I11", f"refund {refund.id} is pending, and was never made"
    for payment in database.payments.rows.values():
        if payment.status.value == "pending":
            yield "I11", f"payment {payment.id} is pending"
