"""Entities and facts for the domain's tests, and strategies that draw them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import attrs
from hypothesis import strategies as st

from markethub.domain.errors import PaymentsError
from markethub.domain.facts import (
    BalanceTransaction,
    CaptureMethod,
    Failure,
    IntentStatus,
    ProviderCharge,
    ProviderIntent,
    ReceivedEvent,
    Reference,
)
from markethub.domain.ids import (
    ChargeId,
    CustomerId,
    EventId,
    IntentId,
    OperationId,
    OrderId,
    PaymentId,
)
from markethub.domain.money import CURRENCIES, Currency, Money
from markethub.domain.operation import GatewayCommand, Operation, ProviderRequest
from markethub.domain.order import Cart, Line, Order
from markethub.domain.payment import Payment, PaymentStatus

T = TypeVar("T")

START: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
PAY1: Final = PaymentId("pay_1")
PI1: Final = IntentId("pi_1")
CH1: Final = ChargeId("ch_1")


def later(**amount: float) -> datetime:
    """Return a moment so much after the start."""
    return START + timedelta(**amount)


def outcome(call: Callable[[], T]) -> T | type[PaymentsError]:
    """Return what a call returns, or the class of the refusal that it raises."""
    try:
        return call()
    except PaymentsError as error:
        return type(error)


def usd(minor: int) -> Money:
    return Money.of(minor, "usd")


def cart(total: int = 5000, *, currency: str = "usd", customer_id: str = "c-1") -> Cart:
    return Cart(
        customer_id=CustomerId(customer_id),
        currency=Currency.of(currency),
        lines=(Line(sku="tea", title="Tea", unit_price=total, quantity=1),),
    )


def order(total: int = 5000, *, currency: str = "usd", customer_id: str = "c-1") -> Order:
    bought = cart(total, currency=currency, customer_id=customer_id)
    return Order.register(id=OrderId("o-1"), cart=bought, now=START)


def payment(of: Order | None = None, *, manual: bool = False) -> Payment:
    return Payment.start(
        id=PAY1,
        order=of or order(),
        capture_method=CaptureMethod.MANUAL if manual else CaptureMethod.AUTOMATIC,
        now=START,
    )


def intent(
    status: IntentStatus = IntentStatus.REQUIRES_PAYMENT_METHOD,
    *,
    id: IntentId = PI1,
    amount: int = 5000,
    currency: str = "usd",
    received: int | None = None,
    manual: bool = False,
    customer_id: str | None = "c-1",
    failure: Failure | None = None,
    balance: BalanceTransaction | None = None,
) -> ProviderIntent:
    """Return an intent as the provider would show it in that status."""
    asked = Money.of(amount, currency)
    nothing = Money.zero(asked.currency)
    reached_network = status in (IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_CAPTURE)
    if status is IntentStatus.SUCCEEDED:
        got = asked if received is None else Money.of(received, currency)
    else:
        got = nothing
    charge = ProviderCharge(id=CH1, intent_id=id, amount=asked, captured=got, balance=balance)
    return ProviderIntent(
        id=id,
        status=status,
        amount=asked,
        received=got,
        capturable=asked if status is IntentStatus.REQUIRES_CAPTURE else nothing,
        capture_method=CaptureMethod.MANUAL if manual else CaptureMethod.AUTOMATIC,
        reference=Reference(
            payment_id=PAY1,
            order_id=OrderId("o-1"),
            customer_id=CustomerId(customer_id) if customer_id else None,
        ),
        livemode=False,
        created_at=START,
        failure=failure,
        latest_charge_id=CH1 if reached_network else None,
        charge=charge if reached_network else None,
    )


def seen(status: IntentStatus, *, manual: bool = False) -> Payment:
    """Return a payment whose intent was read in this status."""
    start = payment(manual=manual)
    if manual and status is IntentStatus.SUCCEEDED:
        start = attrs.evolve(start, capture_asked=usd(5000))
    return start.observe(intent(status, manual=manual), order=order(), now=later(seconds=1))


REACHED: dict[PaymentStatus, Callable[[], Payment]] = {
    PaymentStatus.PENDING: payment,
    PaymentStatus.REQUIRES_PAYMENT_METHOD: lambda: seen(IntentStatus.REQUIRES_PAYMENT_METHOD),
    PaymentStatus.REQUIRES_ACTION: lambda: seen(IntentStatus.REQUIRES_ACTION),
    PaymentStatus.PROCESSING: lambda: seen(IntentStatus.PROCESSING),
    PaymentStatus.AUTHORIZED: lambda: seen(IntentStatus.REQUIRES_CAPTURE),
    PaymentStatus.SUCCEEDED: lambda: seen(IntentStatus.SUCCEEDED),
    PaymentStatus.CANCELED: lambda: seen(IntentStatus.CANCELED),
}


def operation(command: GatewayCommand) -> Operation:
    return Operation.ask(
        id=OperationId("op_1"),
        payment_id=PAY1,
        command=command,
        request=ProviderRequest(method="POST", path="/v1/payment_intents", params={}),
        now=START,
    )


def received_event(*, livemode: bool = False) -> ReceivedEvent:
    return ReceivedEvent(
        id=EventId("evt_1"),
        type="payment_intent.succeeded",
        livemode=livemode,
        created_at=START,
        api_version=None,
        payload="{}",
    )


currencies = st.sampled_from(sorted(CURRENCIES.values(), key=str))
amounts = st.integers(min_value=1, max_value=99_999_999)
failures = st.builds(
    Failure,
    code=st.sampled_from(["card_declined", "expired_card", "processing_error"]),
    decline_code=st.none() | st.sampled_from(["generic_decline", "lost_card"]),
    charge_id=st.none() | st.sampled_from([ChargeId("ch_8"), ChargeId("ch_9")]),
)


@st.composite
def intents(draw: st.DrawFn) -> ProviderIntent:
    """Draw an intent in any status that asks for any amount."""
    amount = draw(amounts)
    return intent(
        draw(st.sampled_from(IntentStatus)),
        amount=amount,
        currency=draw(currencies).code,
        received=draw(st.integers(min_value=1, max_value=amount)),
        manual=draw(st.booleans()),
        customer_id=draw(st.sampled_from([None, "c-1", "c-2"])),
        failure=draw(st.none() | failures),
    )
