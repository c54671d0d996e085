"""Payments: what a read of the provider makes of them, and what may be done."""

import contextlib
from collections.abc import Callable
from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import (
    InvalidTransition,
    OrderAlreadyPaid,
    PaymentsError,
    RequestInProgress,
    ValidationFailed,
)
from markethub.domain.events import (
    PaymentAuthorized,
    PaymentCanceled,
    PaymentFailed,
    PaymentQuarantinedEvent,
)
from markethub.domain.facts import Card, Failure, IntentStatus, ProviderIntent
from markethub.domain.ids import ChargeId, IntentId, PaymentId
from markethub.domain.money import Money
from markethub.domain.order import Order
from markethub.domain.payment import Action, Payment, PaymentStatus, Quarantine
from tests.unit.domain.values import (
    CH1,
    PI1,
    intent,
    intents,
    later,
    order,
    outcome,
    payment,
    usd,
)

S, P = IntentStatus, PaymentStatus
DECLINED = Failure(code="card_declined", decline_code="lost_card", charge_id=CH1)


def seen(status: IntentStatus, *, manual: bool = False) -> Payment:
    """Return a payment whose intent was read in this status."""
    start = payment(manual=manual)
    if manual and status is S.SUCCEEDED:
        start = attrs.evolve(start, capture_asked=usd(5000))
    return start.observe(intent(status, manual=manual), order=order(), now=later(seconds=1))


REACHED: dict[PaymentStatus, Callable[[], Payment]] = {
    P.PENDING: payment,
    P.REQUIRES_PAYMENT_METHOD: lambda: seen(S.REQUIRES_PAYMENT_METHOD),
    P.REQUIRES_ACTION: lambda: seen(S.REQUIRES_ACTION),
    P.PROCESSING: lambda: seen(S.PROCESSING),
    P.AUTHORIZED: lambda: seen(S.REQUIRES_CAPTURE),
    P.SUCCEEDED: lambda: seen(S.SUCCEEDED),
    P.CANCELED: lambda: seen(S.CANCELED),
}

# Provider's status to ours: hard case 19.
OURS = {
    S.REQUIRES_PAYMENT_METHOD: P.REQUIRES_PAYMENT_METHOD,
    S.REQUIRES_CONFIRMATION: P.REQUIRES_PAYMENT_METHOD,
    S.REQUIRES_ACTION: P.REQUIRES_ACTION,
    S.PROCESSING: P.PROCESSING,
    S.REQUIRES_CAPTURE: P.AUTHORIZED,
    S.SUCCEEDED: P.SUCCEEDED,
    S.CANCELED: P.CANCELED,
}


def expected_after(
    before: PaymentStatus, read: IntentStatus
) -> PaymentStatus | type[PaymentsError]:
    """Say, apart from the table under test, what a read makes of a payment."""
    if read is S.UNKNOWN:
        return before  # we have no word for it: nothing is known to have changed
    if before is P.SUCCEEDED:
        return P.SUCCEEDED  # money that arrived does not vanish
    if before is P.CANCELED and read is not S.SUCCEEDED:
        return P.CANCELED  # an older view: a canceled intent does not come back
    if before is P.AUTHORIZED and read not in (S.REQUIRES_CAPTURE, S.SUCCEEDED, S.CANCELED):
        return InvalidTransition  # a hold is captured or released, nothing else
    return OURS[read]


# --- the start ----------------------------------------------------------------------------------


def test_a_payment_starts_pending_with_the_orders_total_and_its_slot() -> None:
    started = payment()

    assert (P.PENDING, usd(5000), True) == (started.status, started.amount, started.holds_slot)
    assert [usd(0)] * 4 == [
        started.authorized,
        started.captured,
        started.refunded,
        started.disputed,
    ]


@pytest.mark.parametrize(
    ("of", "error"),
    [
        (order().cancel(now=later(seconds=1)), InvalidTransition),
        (order().pay(PaymentId("pay_0"), usd(5000), now=later(seconds=1)), OrderAlreadyPaid),
    ],
)
def test_a_payment_starts_for_an_open_order_only(of: Order, error: type[PaymentsError]) -> None:
    with pytest.raises(error):
        payment(of)


# --- observing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "read"), list(product(PaymentStatus, IntentStatus)))
def test_every_read_from_every_status(before: PaymentStatus, read: IntentStatus) -> None:
    start = REACHED[before]()
    assert before is start.status
    reached = outcome(
        lambda: start.observe(intent(read), order=order(), now=later(seconds=2)).status
    )

    assert expected_after(before, read) is reached


@pytest.mark.parametrize(("before", "read"), list(product(PaymentStatus, IntentStatus)))
def test_the_slot_is_freed_by_cancellation_alone_and_never_taken_back(
    before: PaymentStatus, read: IntentStatus
) -> None:
    start = REACHED[before]()
    held = outcome(
        lambda: start.observe(intent(read), order=order(), now=later(seconds=2)).holds_slot
    )
    if isinstance(held, type):
        return
    reached = expected_after(before, read)

    assert (P.CANCELED not in (before, reached)) is held


@given(read=intents())
def test_observing_twice_is_observing_once(read: ProviderIntent) -> None:
    once = payment().observe(read, order=order(), now=later(seconds=1))

    assert once is once.observe(read, order=order(), now=later(seconds=2))


@given(first=intents(), second=intents())
def test_the_second_arrival_of_news_changes_nothing_whatever_came_before(
    first: ProviderIntent, second: ProviderIntent
) -> None:
    start = payment().observe(first, order=order(), now=later(seconds=1))
    once = outcome(lambda: start.observe(second, order=order(), now=later(seconds=2)))
    if isinstance(once, type):
        return

    assert once is once.observe(second, order=order(), now=later(seconds=3))


@given(reads=st.lists(intents(), max_size=5))
def test_money_that_arrived_stays_and_no_amount_is_negative(reads: list[ProviderIntent]) -> None:
    current = payment()
    for read in reads:
        before = current
        with contextlib.suppress(InvalidTransition):
            current = before.observe(read, order=order(), now=later(seconds=1))

        assert before.status is not P.SUCCEEDED or current.status is P.SUCCEEDED
        assert min(current.authorized, current.captured, current.amount_refundable).minor >= 0


@given(read=intents())
def test_success_is_no_decline_whatever_it_still_shows(read: ProviderIntent) -> None:
    success = attrs.evolve(read, status=S.SUCCEEDED, failure=DECLINED)
    paid = payment().observe(success, order=order(), now=later(seconds=1))

    assert (0, None) == (paid.declines, paid.failure)


def test_amounts_are_those_of_the_intent() -> None:
    authorized, captured = seen(S.REQUIRES_CAPTURE, manual=True), seen(S.SUCCEEDED)

    assert (usd(5000), usd(0)) == (authorized.authorized, authorized.captured)
    assert (usd(5000), usd(5000)) == (captured.authorized, captured.captured)
    assert usd(0) == seen(S.CANCELED).authorized


def test_the_ids_and_the_card_are_kept_once_they_are_known() -> None:
    paid = intent(S.SUCCEEDED)
    assert paid.charge is not None
    card = Card(brand="visa", last4="4242", exp_month=12, exp_year=2030)
    with_card = attrs.evolve(paid, charge=attrs.evolve(paid.charge, card=card))
    told = payment().observe(with_card, order=order(), now=later(seconds=1))
    bare = attrs.evolve(paid, charge=None, latest_charge_id=None)
    again = told.observe(bare, order=order(), now=later(seconds=2))

    assert (PI1, CH1, card) == (again.intent_id, again.charge_id, again.card)


def test_another_intent_than_its_own_is_refused() -> None:
    with pytest.raises(InvalidTransition):
        seen(S.REQUIRES_ACTION).observe(
            intent(id=IntentId("pi_2")), order=order(), now=later(seconds=2)
        )


# --- declines -----------------------------------------------------------------------------------


def declined(failure: Failure = DECLINED) -> ProviderIntent:
    return intent(S.REQUIRES_PAYMENT_METHOD, failure=failure)


def test_a_decline_leaves_the_payment_waiting_and_is_told() -> None:
    failed = payment().observe(declined(), order=order(), now=later(seconds=1))
    told = PaymentFailed(
        payment_id=failed.id,
        order_id=failed.order_id,
        failure_code="card_declined",
        occurred_at=later(seconds=1),
    )

    assert (P.REQUIRES_PAYMENT_METHOD, "card_declined", 1, (told,)) == (
        failed.status,
        failed.error_code,
        failed.declines,
        failed.events,
    )


def test_each_new_decline_is_counted_and_told_once() -> None:
    current = payment()
    for charge_id in ("ch_1", "ch_1", "ch_2", "ch_2"):
        failure = attrs.evolve(DECLINED, charge_id=ChargeId(charge_id))
        current = current.observe(declined(failure), order=order(), now=later(seconds=1))

    assert (2, 2) == (current.declines, len(current.events))


def test_success_after_a_decline_has_no_error() -> None:
    failed = payment().observe(declined(), order=order(), now=later(seconds=1))
    paid = failed.observe(
        intent(S.SUCCEEDED, failure=DECLINED), order=order(), now=later(seconds=2)
    )

    assert (P.SUCCEEDED, None, 1) == (paid.status, paid.error_code, paid.declines)


# --- what is told -------------------------------------------------------------------------------


def test_an_authorization_is_told_with_its_amount() -> None:
    held = seen(S.REQUIRES_CAPTURE, manual=True)
    told = PaymentAuthorized(
        payment_id=held.id,
        order_id=held.order_id,
        amount_minor=5000,
        currency="usd",
        occurred_at=later(seconds=1),
    )

    assert (told,) == held.events


def test_a_cancellation_is_told() -> None:
    gone = seen(S.CANCELED)
    told = PaymentCanceled(payment_id=gone.id, order_id=gone.order_id, occurred_at=later(seconds=1))

    assert (told,) == gone.events


# --- quarantine ---------------------------------------------------------------------------------


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


# --- what may be done ---------------------------------------------------------------------------

ALLOWED = {
    P.REQUIRES_PAYMENT_METHOD: {Action.CANCEL},
    P.REQUIRES_ACTION: {Action.CANCEL},
    P.AUTHORIZED: {Action.CAPTURE, Action.CANCEL},
}


@pytest.mark.parametrize(("status", "action"), list(product(PaymentStatus, Action)))
def test_every_action_in_every_status(status: PaymentStatus, action: Action) -> None:
    current = REACHED[status]()
    if action in ALLOWED.get(status, ()):
        expected = None
    else:
        expected = RequestInProgress if status is P.PENDING else InvalidTransition

    assert expected is outcome(lambda: current.require(action))
    assert (action in ALLOWED.get(status, ())) == (action in current.available_actions)


REPLACEABLE = {
    P.PENDING: RequestInProgress,
    P.PROCESSING: InvalidTransition,
    P.AUTHORIZED: InvalidTransition,
}


@pytest.mark.parametrize("status", PaymentStatus)
def test_what_holds_or_moves_money_is_not_replaced(status: PaymentStatus) -> None:
    assert REPLACEABLE.get(status) is outcome(REACHED[status]().require_replaceable)


@pytest.mark.parametrize("status", PaymentStatus)
def test_only_an_intent_that_waits_for_a_method_follows_its_order(status: PaymentStatus) -> None:
    current = REACHED[status]()

    assert (status is P.REQUIRES_PAYMENT_METHOD) == current.can_follow(order(6000))
    assert not current.can_follow(order(6000, currency="eur"))
    assert not current.can_follow(order(6000, customer_id="c-2"))


def test_a_payment_fits_an_order_of_its_amount_currency_and_customer() -> None:
    others = [order(5001), order(currency="eur"), order(customer_id="c-2")]

    assert payment().fits(order())
    assert [False] * 3 == [payment().fits(other) for other in others]


# --- capturing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "noted"), [(None, 5000), (1, 1), (5000, 5000), (3000, 3000)])
def test_all_or_a_part_of_what_is_held_is_captured(asked: int | None, noted: int) -> None:
    held = seen(S.REQUIRES_CAPTURE, manual=True)
    amount = None if asked is None else usd(asked)

    assert usd(noted) == held.ask_capture(amount, now=later(seconds=2)).capture_asked


@pytest.mark.parametrize("asked", [0, -1, 5001])
def test_nothing_or_more_than_is_held_is_not_captured(asked: int) -> None:
    held = seen(S.REQUIRES_CAPTURE, manual=True)

    with pytest.raises(ValidationFailed):
        held.ask_capture(usd(asked), now=later(seconds=2))


def test_a_capture_has_no_decimals_that_the_currency_does_not_use() -> None:
    of = order(5000, currency="kwd")
    held = payment(of, manual=True).observe(
        intent(S.REQUIRES_CAPTURE, currency="kwd", manual=True), order=of, now=later(seconds=1)
    )

    with pytest.raises(ValidationFailed):
        held.ask_capture(Money.of(1001, "kwd"), now=later(seconds=2))


def test_a_refused_capture_is_forgotten() -> None:
    held = seen(S.REQUIRES_CAPTURE, manual=True).ask_capture(None, now=later(seconds=2))

    assert held.forget_capture(now=later(seconds=3)).capture_asked is None


# --- closing ------------------------------------------------------------------------------------


def test_a_payment_without_an_intent_is_closed_and_its_slot_is_free() -> None:
    closed = payment().close("never_created", now=later(seconds=1))

    assert (P.CANCELED, "never_created", False) == (
        closed.status,
        closed.error_code,
        closed.holds_slot,
    )


def test_a_payment_with_an_intent_is_closed_by_the_provider_only() -> None:
    with pytest.raises(InvalidTransition):
        seen(S.REQUIRES_PAYMENT_METHOD).close("never_created", now=later(seconds=2))


@pytest.mark.parametrize("read", IntentStatus)
def test_an_intent_that_turns_up_after_all_is_a_stray_unless_it_is_final(
    read: IntentStatus,
) -> None:
    closed = payment().close("never_created", now=later(seconds=1))
    turned_up = closed.observe(intent(read), order=order(), now=later(seconds=2))

    assert (read not in (S.SUCCEEDED, S.CANCELED, S.UNKNOWN)) is turned_up.is_stray


def test_a_live_payment_is_no_stray() -> None:
    assert [False] * len(REACHED) == [reach().is_stray for reach in REACHED.values()]


# --- what is left to refund ---------------------------------------------------------------------


@given(
    captured=st.integers(0, 10_000),
    refunded=st.integers(0, 10_000),
    disputed=st.integers(0, 10_000),
)
def test_what_is_left_to_refund_is_never_negative(
    captured: int, refunded: int, disputed: int
) -> None:
    paid = attrs.evolve(
        payment(), captured=usd(captured), refunded=usd(refunded), disputed=usd(disputed)
    )

    assert usd(max(0, captured - refunded - disputed)) == paid.amount_refundable
