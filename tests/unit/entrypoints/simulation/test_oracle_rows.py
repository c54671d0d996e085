"""Each rule about a row of ours is broken once, by one thing, and it alone is reported."""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import attrs
import pytest

from markethub.domain.delivery import DeliveryStatus
from markethub.domain.dispute import DisputeStatus
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import (
    CustomerId,
    DisputeId,
    IntentId,
    OrderId,
    PaymentId,
    ProviderDisputeId,
    ProviderRefundId,
)
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.ledger import EntryKind
from markethub.domain.money import Money
from markethub.domain.operation import OperationKind, OperationStatus
from markethub.domain.order import OrderStatus
from markethub.domain.payment import PaymentStatus, Quarantine
from markethub.domain.payment_method import MethodStatus
from markethub.domain.refund import PlanLine, RefundStatus
from markethub.domain.secret import Secret
from markethub.domain.submission import SubmissionKind
from markethub.entrypoints.simulation.ports import START
from markethub.entrypoints.simulation.row_rules import RULES
from tests.support.lived import Lived, some

Where = Callable[[Lived, Any], bool]
Change = Callable[[Any], dict[str, Any]]


def anything(_: Lived, __: Any) -> bool:
    return True


def nothing(_: Any) -> dict[str, Any]:
    return {}


def has(**fields: Any) -> Where:
    """Suit rows with these values; None stands for None, and ... for anything else."""

    def suits(_: Lived, row: Any) -> bool:
        return all(
            getattr(row, name) is not None if value is ... else getattr(row, name) == value
            for name, value in fields.items()
        )

    return suits


@attrs.frozen(kw_only=True)
class Case:
    """One change of one row: as it may be, and spoilt in one thing."""

    table: str
    where: Where = anything
    before: Change | None = nothing
    """What the row was; None where it is new."""
    clean: Change = nothing
    """What it became."""
    spoilt_before: Change = nothing
    spoilt: Change = nothing
    invariant: str
    says: str


def minus(money: Money, minor: int = 1) -> Money:
    return Money(minor=money.minor - minor, currency=money.currency)


def is_intent(status: str) -> Where:
    def suits(lived: Lived, row: Any) -> bool:
        intent = lived.truth.intents.get(row.intent_id)
        return intent is not None and intent["status"] == status

    return suits


def both(*wheres: Where) -> Where:
    return lambda lived, row: all(where(lived, row) for where in wheres)


def to(**fields: Any) -> Change:
    return lambda _: fields


CASES: Mapping[str, Case] = {
    # --- orders
    "an order is saved with an old version": Case(
        table="orders",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a paid order is opened again": Case(
        table="orders",
        where=has(status=OrderStatus.PAID),
        spoilt=to(status=OrderStatus.OPEN, paid_by=None),
        invariant="I7",
        says="from paid to open",
    ),
    "the cart of a paid order changes": Case(
        table="orders",
        where=has(status=OrderStatus.PAID),
        spoilt=lambda row: {"cart": attrs.evolve(row.cart, shipping=row.cart.shipping + 1)},
        invariant="I7",
        says="its cart was changed",
    ),
    "an order is paid by nobody": Case(
        table="orders",
        where=has(status=OrderStatus.PAID),
        spoilt=to(paid_by=None),
        invariant="I9",
        says="is paid by None",
    ),
    "an open order is paid by somebody": Case(
        table="orders",
        where=has(status=OrderStatus.OPEN),
        spoilt=to(paid_by=PaymentId("pay_1")),
        invariant="I9",
        says="is open by pay_1",
    ),
    # --- payments
    "a payment is saved with an old version": Case(
        table="payments",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a new payment has no version": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        spoilt=to(version=0),
        invariant="I7",
        says="was saved with version 0",
    ),
    "a payment goes to another order": Case(
        table="payments",
        spoilt=to(order_id=OrderId("o-another")),
        invariant="I7",
        says="order_id was changed",
    ),
    "a payment goes to another customer": Case(
        table="payments",
        spoilt=to(customer_id=CustomerId("c-another")),
        invariant="I7",
        says="customer_id was changed",
    ),
    "a payment is captured in another way": Case(
        table="payments",
        where=has(capture_method=CaptureMethod.AUTOMATIC),
        spoilt=to(capture_method=CaptureMethod.MANUAL),
        invariant="I7",
        says="capture_method was changed",
    ),
    "a canceled payment comes back": Case(
        table="payments",
        where=both(has(status=PaymentStatus.CANCELED), is_intent("canceled")),
        before=to(status=PaymentStatus.CANCELED),
        spoilt=to(status=PaymentStatus.REQUIRES_ACTION),
        invariant="I7",
        says="and its intent did not",
    ),
    "a payment that has succeeded is canceled": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        spoilt=to(status=PaymentStatus.CANCELED),
        invariant="I7",
        says="from succeeded to canceled",
    ),
    "a payment changes its intent": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        spoilt=to(intent_id=IntentId("pi_another")),
        invariant="I7",
        says="changed its intent",
    ),
    "a payment leaves its quarantine": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        before=to(quarantine=Quarantine.ORDER_CANCELED),
        clean=to(quarantine=Quarantine.ORDER_CANCELED),
        spoilt=to(quarantine=None),
        invariant="I7",
        says="left its quarantine",
    ),
    "a payment loses what it captured": Case(
        table="payments",
        where=lambda _, row: row.captured.minor > 0 and not row.refunded.minor,
        spoilt=lambda row: {"captured": minus(row.captured)},
        invariant="I7",
        says="lost what was captured",
    ),
    "a payment has a sum authorized below zero": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        clean=lambda row: {"captured": minus(row.captured, -9), "refunded": row.refunded},
        spoilt=lambda row: {"authorized": minus(Money.zero(row.amount.currency))},
        invariant="I2",
        says="has a sum below zero",
    ),
    "a payment has a sum refunded below zero": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        clean=lambda row: {"captured": minus(row.captured, -9), "refunded": row.refunded},
        spoilt=lambda row: {"refunded": minus(Money.zero(row.amount.currency))},
        invariant="I2",
        says="has a sum below zero",
    ),
    "a payment has a sum refund_reserved below zero": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        clean=lambda row: {"captured": minus(row.captured, -9), "refunded": row.refunded},
        spoilt=lambda row: {"refund_reserved": minus(Money.zero(row.amount.currency))},
        invariant="I2",
        says="has a sum below zero",
    ),
    "a payment has a sum disputed below zero": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        clean=lambda row: {"captured": minus(row.captured, -9), "refunded": row.refunded},
        spoilt=lambda row: {"disputed": minus(Money.zero(row.amount.currency))},
        invariant="I2",
        says="has a sum below zero",
    ),
    "more is given back than was captured": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        spoilt=lambda row: {"refunded": minus(row.captured, -1)},
        invariant="I2",
        says="refunded and 0 reserved of",
    ),
    "more is reserved than is left": Case(
        table="payments",
        where=lambda _, row: row.refunded.minor > 0,
        spoilt=lambda row: {"refund_reserved": minus(row.captured, row.refunded.minor - 1)},
        invariant="I2",
        says="reserved of",
    ),
    "a payment succeeds that the provider has not": Case(
        table="payments",
        where=is_intent("requires_capture"),
        before=lambda row: {"status": PaymentStatus.AUTHORIZED},
        spoilt=lambda row: {"status": PaymentStatus.SUCCEEDED, "captured": row.authorized},
        invariant="I9",
        says="and the provider has requires_capture",
    ),
    "a payment succeeds without an intent": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        before=to(status=PaymentStatus.PENDING, intent_id=None),
        spoilt=to(intent_id=IntentId("pi_of_nobody")),
        invariant="I9",
        says="and the provider has no intent",
    ),
    "a payment captures less than the provider has": Case(
        table="payments",
        where=both(
            has(status=PaymentStatus.SUCCEEDED, quarantine=None),
            lambda _, row: not row.refunded.minor and not row.refund_reserved.minor,
        ),
        before=lambda row: {"status": PaymentStatus.PENDING, "captured": minus(row.captured, 2)},
        spoilt=lambda row: {
            "captured": minus(row.captured),
            "capture_asked": minus(row.captured),
        },
        invariant="I9",
        says=" captured ",
    ),
    "a payment captures something in another currency": Case(
        table="payments",
        where=lambda lived, row: (
            row.status is PaymentStatus.SUCCEEDED
            and row.quarantine is None
            and row.captured.currency.code == "usd"
        ),
        before=to(status=PaymentStatus.PENDING),
        spoilt=lambda row: {
            "captured": Money.of(row.captured.minor, "eur"),
            "capture_asked": Money.of(row.captured.minor, "eur"),
        },
        invariant="I9",
        says=" captured ",
    ),
    "a payment took another sum than it asked for": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED, quarantine=None, capture_asked=None),
        before=to(status=PaymentStatus.PENDING),
        spoilt=lambda row: {"amount": minus(row.amount)},
        invariant="I9",
        says="and asked for",
    ),
    "a payment took another sum than its capture asked for": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED, quarantine=None),
        before=to(status=PaymentStatus.AUTHORIZED),
        spoilt=lambda row: {"capture_asked": minus(row.captured)},
        invariant="I9",
        says="and asked for",
    ),
    # --- operations
    "an operation is saved with an old version": Case(
        table="operations",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "an operation that is done is opened again": Case(
        table="operations",
        where=has(status=OperationStatus.DONE),
        spoilt=to(status=OperationStatus.UNRESOLVED),
        invariant="I7",
        says="from done to unresolved",
    ),
    "an operation goes to another payment": Case(
        table="operations",
        spoilt=to(payment_id=PaymentId("pay_another")),
        invariant="I7",
        says="payment_id was changed",
    ),
    "an operation becomes another": Case(
        table="operations",
        where=has(kind=OperationKind.REFUND, status=OperationStatus.DONE),
        spoilt=to(kind=OperationKind.CANCEL),
        invariant="I7",
        says="kind was changed",
    ),
    "an operation asks for something else": Case(
        table="operations",
        spoilt=lambda row: {"request": attrs.evolve(row.request, params={"amount": 1})},
        invariant="I7",
        says="request was changed",
    ),
    "an operation gets another origin": Case(
        table="operations",
        spoilt=to(origin="another"),
        invariant="I7",
        says="origin was changed",
    ),
    "an operation skips an attempt": Case(
        table="operations",
        where=lambda lived, row: not lived.truth.has_effect(row),
        clean=lambda row: {"attempt": row.attempt + 1},
        spoilt=lambda row: {"attempt": row.attempt + 2},
        invariant="I10",
        says="skipped an attempt",
    ),
    "an operation is tried anew after its effect": Case(
        table="operations",
        where=lambda lived, row: lived.truth.has_effect(row),
        spoilt=lambda row: {"attempt": row.attempt + 1},
        invariant="I1",
        says="is tried anew, and has had its effect",
    ),
    "an operation is refused that took place": Case(
        table="operations",
        where=lambda lived, row: lived.truth.has_effect(row),
        before=to(status=OperationStatus.UNRESOLVED),
        spoilt=to(status=OperationStatus.REFUSED),
        invariant="I8",
        says="is refused (None), and took place",
    ),
    "an operation has never happened that took place": Case(
        table="operations",
        where=lambda lived, row: lived.truth.has_effect(row),
        before=to(status=OperationStatus.UNRESOLVED),
        clean=to(status=OperationStatus.NEVER_HAPPENED, error_code="superseded"),
        spoilt=to(status=OperationStatus.NEVER_HAPPENED, error_code="expired"),
        invariant="I8",
        says="is never_happened (expired), and took place",
    ),
    # --- refunds
    "a refund is saved with an old version": Case(
        table="refunds",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a refund goes to another payment": Case(
        table="refunds",
        spoilt=to(payment_id=PaymentId("pay_another")),
        invariant="I7",
        says="payment_id was changed",
    ),
    "a refund that was never made grows": Case(
        table="refunds",
        where=has(actor="ops"),
        before=to(provider_id=None),
        clean=to(provider_id=None),
        spoilt=lambda row: {"amount": minus(row.amount, -1)},
        invariant="I7",
        says="amount was changed",
    ),
    "a refund gets another actor": Case(
        table="refunds",
        spoilt=to(actor="another"),
        invariant="I7",
        says="actor was changed",
    ),
    "a refund goes to another plan": Case(
        table="refunds",
        spoilt=to(plan=PlanLine(plan_hash="0" * 64, line=1)),
        invariant="I7",
        says="plan was changed",
    ),
    "a refund that failed succeeds": Case(
        table="refunds",
        where=has(provider_id=...),
        before=to(status=RefundStatus.FAILED),
        clean=to(status=RefundStatus.FAILED),
        spoilt=to(status=RefundStatus.SUCCEEDED),
        invariant="I7",
        says="from failed to succeeded",
    ),
    "a refund changes the provider's id": Case(
        table="refunds",
        where=has(provider_id=...),
        spoilt_before=to(provider_id=ProviderRefundId("re_another")),
        invariant="I7",
        says="changed its provider's id",
    ),
    "nobody asked for a refund": Case(
        table="refunds",
        before=None,
        clean=to(provider_id=None, actor="ops"),
        spoilt=to(provider_id=None, actor=None),
        invariant="I13",
        says="names nobody",
    ),
    "a refund gives nothing back": Case(
        table="refunds",
        where=has(status=RefundStatus.SUCCEEDED),
        before=None,
        clean=to(provider_id=None, actor="ops"),
        spoilt=lambda row: {"amount": Money.zero(row.amount.currency)},
        invariant="I2",
        says="of 0",
    ),
    "a refund is another at the provider": Case(
        table="refunds",
        where=has(provider_id=...),
        before=None,
        spoilt=lambda row: {"amount": minus(row.amount, -1)},
        invariant="I5",
        says="is not what the provider has",
    ),
    "a refund is unknown at the provider": Case(
        table="refunds",
        where=has(provider_id=...),
        before=None,
        spoilt=to(provider_id=ProviderRefundId("re_another")),
        invariant="I5",
        says="is not what the provider has as re_another",
    ),
    # --- disputes
    "a dispute is saved with an old version": Case(
        table="disputes",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a dispute goes to another payment": Case(
        table="disputes",
        spoilt=to(payment_id=PaymentId("pay_another")),
        invariant="I7",
        says="payment_id was changed",
    ),
    "a dispute becomes another's": Case(
        table="disputes",
        spoilt_before=to(provider_id=ProviderDisputeId("du_another")),
        invariant="I7",
        says="provider_id was changed",
    ),
    "a dispute that is won is open again": Case(
        table="disputes",
        before=to(status=DisputeStatus.WON),
        clean=to(status=DisputeStatus.WON),
        spoilt=to(status=DisputeStatus.NEEDS_RESPONSE),
        invariant="I7",
        says="from won to needs_response",
    ),
    "a dispute that is lost is open again": Case(
        table="disputes",
        before=to(status=DisputeStatus.LOST),
        clean=to(status=DisputeStatus.WON),
        spoilt=to(status=DisputeStatus.UNDER_REVIEW),
        invariant="I7",
        says="from lost to under_review",
    ),
    "a dispute is unknown at the provider": Case(
        table="disputes",
        before=None,
        spoilt=to(provider_id=ProviderDisputeId("du_another")),
        invariant="I5",
        says="is unknown at the provider",
    ),
    # --- submissions
    "a submission is saved with an old version": Case(
        table="submissions",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a submission that is done is opened again": Case(
        table="submissions",
        where=has(status=OperationStatus.DONE),
        spoilt=to(status=OperationStatus.UNRESOLVED),
        invariant="I7",
        says="from done to unresolved",
    ),
    "a submission goes to another dispute": Case(
        table="submissions",
        spoilt=to(dispute_id=DisputeId("dis_another")),
        invariant="I7",
        says="dispute_id was changed",
    ),
    "a submission becomes another": Case(
        table="submissions",
        where=has(kind=SubmissionKind.SUBMIT),
        spoilt=to(kind=SubmissionKind.ACCEPT),
        invariant="I7",
        says="kind was changed",
    ),
    "a submission says something else": Case(
        table="submissions",
        spoilt=lambda row: {"request": attrs.evolve(row.request, params={"submit": "false"})},
        invariant="I7",
        says="request was changed",
    ),
    "a submission gets another origin": Case(
        table="submissions",
        spoilt=to(origin="another"),
        invariant="I7",
        says="origin was changed",
    ),
    "a submission gets another actor": Case(
        table="submissions",
        spoilt=to(actor="another"),
        invariant="I7",
        says="actor was changed",
    ),
    "nobody asked for a submission": Case(
        table="submissions",
        before=None,
        spoilt=to(actor=None),
        invariant="I13",
        says="names nobody",
    ),
    # --- the ledger
    "an entry is posted twice": Case(
        table="ledger",
        before=None,
        spoilt_before=to(posted_at=START),
        invariant="I7",
        says="was posted again over the first",
    ),
    "an entry moves nothing": Case(
        table="ledger",
        where=has(kind=EntryKind.FEE),
        before=None,
        spoilt=lambda row: {"credit": row.debit},
        invariant="I3",
        says="does not balance",
    ),
    "a charge is posted that took another sum": Case(
        table="ledger",
        where=has(kind=EntryKind.CHARGE),
        before=None,
        spoilt=lambda row: {"amount": minus(row.amount)},
        invariant="I5",
        says="and the provider has",
    ),
    "a charge is posted that there is not": Case(
        table="ledger",
        where=has(kind=EntryKind.CHARGE),
        before=None,
        spoilt=to(reference="ch_another"),
        invariant="I5",
        says="and the provider knows nothing of it",
    ),
    "a refund is posted in another currency": Case(
        table="ledger",
        where=has(kind=EntryKind.REFUND),
        before=None,
        spoilt=lambda row: {"amount": Money.of(row.amount.minor, "gbp")},
        invariant="I5",
        says="and the provider has",
    ),
    "a fee is posted as a dispute's": Case(
        table="ledger",
        where=has(kind=EntryKind.FEE),
        before=None,
        spoilt=to(kind=EntryKind.DISPUTE_FEE),
        invariant="I5",
        says="and the provider knows nothing of it",
    ),
    "a movement is posted that there is not": Case(
        table="ledger",
        where=has(kind=EntryKind.REFUND),
        before=None,
        spoilt=to(reference="txn_another"),
        invariant="I5",
        says="and the provider knows nothing of it",
    ),
    # --- the inbox
    "a forged event is stored": Case(
        table="inbox",
        before=None,
        spoilt=lambda row: {"event": attrs.evolve(row.event, id=row.event.id + "lie")},
        invariant="I12",
        says="forged event",
    ),
    "an event of the other mode is processed": Case(
        table="inbox",
        where=has(reason="wrong_mode"),
        before=None,
        spoilt=to(status=InboxStatus.PROCESSED),
        invariant="I12",
        says="of the other mode is processed",
    ),
    "an event of the other mode is ignored for another reason": Case(
        table="inbox",
        where=has(reason="wrong_mode"),
        before=None,
        spoilt=to(reason="foreign"),
        invariant="I12",
        says="of the other mode is ignored",
    ),
    "a stored event changes": Case(
        table="inbox",
        where=has(status=InboxStatus.PROCESSED),
        spoilt=lambda row: {"event": attrs.evolve(row.event, type="refund.failed")},
        invariant="I7",
        says="was changed",
    ),
    "a processed event is pending again": Case(
        table="inbox",
        where=has(status=InboxStatus.PROCESSED),
        clean=lambda row: {"status": InboxStatus.PENDING, "replayed_at": row.updated_at},
        spoilt=to(replayed_at=None),
        invariant="I7",
        says="from processed to pending",
    ),
    "an ignored event is processed": Case(
        table="inbox",
        where=has(reason="foreign"),
        before=to(replayed_at=None),
        clean=lambda row: {"status": InboxStatus.PROCESSED, "replayed_at": row.updated_at},
        spoilt=to(replayed_at=None),
        invariant="I7",
        says="from ignored to processed",
    ),
    # --- messages
    "a message tells something else": Case(
        table="deliveries",
        spoilt=lambda row: {"event": attrs.evolve(row.event, occurred_at=None)},
        invariant="I7",
        says="was changed",
    ),
    "a delivered message is pending again": Case(
        table="deliveries",
        where=lambda _, row: row.attempts > 0,
        clean=to(status=DeliveryStatus.PENDING, attempts=0),
        spoilt=to(attempts=1),
        invariant="I14",
        says="from delivered to pending",
    ),
    "a delivered message is dead": Case(
        table="deliveries",
        spoilt=to(status=DeliveryStatus.DEAD, attempts=0),
        invariant="I14",
        says="from delivered to dead",
    ),
    # --- saved methods
    "a method is saved with an old version": Case(
        table="payment_methods",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a method goes to another customer": Case(
        table="payment_methods",
        spoilt=to(customer_id=CustomerId("c-another")),
        invariant="I7",
        says="customer_id was changed",
    ),
    "a method becomes another card": Case(
        table="payment_methods",
        spoilt=to(fingerprint=Secret("another")),
        invariant="I7",
        says="fingerprint was changed",
    ),
    "a removed method is the default": Case(
        table="payment_methods",
        where=has(status=MethodStatus.REMOVED),
        spoilt=to(is_default=True),
        invariant="I13",
        says="is removed, and the default",
    ),
}


def changed(row: Any, *changes: Change) -> Any:
    """Return the row with changes that its class may forbid."""
    copied = copy(row)
    for change in changes:
        for name, value in change(row).items():
            object.__setattr__(copied, name, value)
    return copied


def stages(case: Case, row: Any, *, spoilt: bool) -> tuple[Any, Any]:
    """Return the row before and after."""
    spoils_before, spoils = (case.spoilt_before, case.spoilt) if spoilt else (nothing, nothing)
    after = changed(row, case.clean, spoils)
    if case.before is None and spoils_before is nothing:
        return None, after
    older: Change = (lambda row: {"version": row.version - 1}) if has_version(row) else nothing
    return changed(row, older, case.before or nothing, spoils_before), after


def has_version(row: Any) -> bool:
    return hasattr(row, "version")


def name_of(row: Any) -> str:
    for name in ("id", "reference", "sequence"):
        if hasattr(row, name):
            return str(getattr(row, name))
    return str(row.event.id)


@pytest.mark.parametrize("named", CASES)
def test_what_is_as_it_may_be_is_not_reported(named: str) -> None:
    case = CASES[named]
    lived, row = some(case.table, case.where)
    before, after = stages(case, row, spoilt=False)

    assert list(RULES[case.table](lived.truth, before, after)) == []


@pytest.mark.parametrize("named", CASES)
def test_one_thing_that_is_spoilt_is_reported(named: str) -> None:
    case = CASES[named]
    lived, row = some(case.table, case.where)
    before, after = stages(case, row, spoilt=True)

    [(invariant, what)] = RULES[case.table](lived.truth, before, after)

    assert invariant == case.invariant
    assert case.says in what
    assert name_of(after) in what
