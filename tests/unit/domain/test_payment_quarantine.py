"""Money that arrived and does not fit: kept, told, and left to staff."""

import attrs
import pytest

from markethub.domain.events import PaymentQuarantinedEvent
from markethub.domain.facts import IntentStatus, ProviderIntent
from markethub.domain.ids import PaymentId
from markethub.domain.order import Order
from markethub.domain.payment import Payment, PaymentStatus, Quarantine
from tests.unit.domain.values import intent, later, order, payment, seen, usd

S, P = IntentStatus, PaymentStatus


def paid_otherwise() -> Order:
    return order().pay(PaymentId("pay_0"), usd(5000), now=later(seconds=1))


QUARANTINED: dict[str, tuple[Payment, ProviderIntent, Order, Quarantine]] = {
    "another amount": (
        payment(),
        intent(S.SUCCEEDED, amount=4999),
        order(),
        Quarantine.AMOUNT_MISMATCH,
    ),
    "another currency": (
        payment(),
        intent(S.SUCCEEDED, currency="eur"),
        order(),
        Quarantine.AMOUNT_MISMATCH,
    ),
    "the amount of the order before it changed": (
        payment(),
        intent(S.SUCCEEDED),
        order(6000),
        Quarantine.AMOUNT_MISMATCH,
    ),
    "less than was asked": (
        payment(),
        intent(S.SUCCEEDED, received=4999),
        order(),
        Quarantine.AMOUNT_MISMATCH,
    ),
    "more than we asked to capture": (
        attrs.evolve(payment(manual=True), capture_asked=usd(3000)),
        intent(S.SUCCEEDED, manual=True),
        order(),
        Quarantine.AMOUNT_MISMATCH,
    ),
    "a canceled order": (
        payment(),
        intent(S.SUCCEEDED),
        order().cancel(now=later(seconds=1)),
        Quarantine.ORDER_CANCELED,
    ),
    "an order that was paid otherwise": (
        payment(),
        intent(S.SUCCEEDED),
        paid_otherwise(),
        Quarantine.ORDER_ALREADY_PAID,
    ),
    "an order that is another customer's by now": (
        payment(),
        intent(S.SUCCEEDED, customer_id=None),
        order(customer_id="c-2"),
        Quarantine.CUSTOMER_MISMATCH,
    ),
    "an intent that names another customer": (
        payment(),
        intent(S.SUCCEEDED, customer_id="c-2"),
        order(),
        Quarantine.CUSTOMER_MISMATCH,
    ),
    "captured without our asking": (
        payment(manual=True),
        intent(S.SUCCEEDED, manual=True),
        order(),
        Quarantine.UNEXPECTED_CAPTURE,
    ),
    "a payment that was closed": (
        payment().close("never_created", now=later(seconds=1)),
        intent(S.SUCCEEDED),
        order(),
        Quarantine.UNEXPECTED_CAPTURE,
    ),
}


def test_every_reason_for_quarantine_has_its_case() -> None:
    assert set(Quarantine) == {reason for *_, reason in QUARANTINED.values()}


@pytest.mark.parametrize("case", QUARANTINED)
def test_money_that_does_not_fit_is_quarantined_and_told(case: str) -> None:
    start, read, of, reason = QUARANTINED[case]
    arrived = start.observe(read, order=of, now=later(seconds=2))
    told = PaymentQuarantinedEvent(
        payment_id=start.id,
        order_id=start.order_id,
        reason=reason.value,
        amount_minor=read.received.minor,
        currency=read.received.currency.code,
        occurred_at=later(seconds=2),
    )

    assert (P.SUCCEEDED, reason, reason.value) == (
        arrived.status,
        arrived.quarantine,
        arrived.error_code,
    )
    assert told == arrived.events[-1]


def test_a_quarantined_payment_keeps_its_slot() -> None:
    start, read, of, _ = QUARANTINED["another amount"]

    assert start.observe(read, order=of, now=later(seconds=2)).holds_slot


@pytest.mark.parametrize(
    ("start", "read"),
    [
        (payment(), intent(S.SUCCEEDED)),
        (payment(), intent(S.SUCCEEDED, customer_id=None)),
        (
            attrs.evolve(payment(manual=True), capture_asked=usd(5000)),
            intent(S.SUCCEEDED, manual=True),
        ),
        (
            attrs.evolve(payment(manual=True), capture_asked=usd(3000)),
            intent(S.SUCCEEDED, manual=True, received=3000),
        ),
    ],
)
def test_money_that_fits_is_not_quarantined(start: Payment, read: ProviderIntent) -> None:
    assert start.observe(read, order=order(), now=later(seconds=1)).quarantine is None


def test_money_is_judged_when_it_arrives_and_not_again() -> None:
    paid = seen(S.SUCCEEDED)
    again = paid.observe(intent(S.SUCCEEDED), order=order(9999), now=later(seconds=2))

    assert paid is again
