"""Payments: what a read of the provider makes of them, and what may be done."""

import contextlib
from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import InvalidTransition, OrderAlreadyPaid, PaymentsError
from markethub.domain.events import PaymentAuthorized, PaymentCanceled, PaymentFailed
from markethub.domain.facts import Card, Failure, IntentStatus, ProviderIntent
from markethub.domain.ids import ChargeId, IntentId, PaymentId
from markethub.domain.order import Order
from markethub.domain.payment import PaymentStatus
from tests.unit.domain.values import (
    CH1,
    PI1,
    REACHED,
    intent,
    intents,
    later,
    order,
    outcome,
    payment,
    seen,
    usd,
)

S, P = IntentStatus, PaymentStatus
DECLINED = Failure(code="card_declined", decline_code="lost_card", charge_id=CH1)


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


def test_a_status_that_we_have_no_word_for_does_not_release_what_is_held() -> None:
    held = REACHED[P.AUTHORIZED]()

    seen = held.observe(intent(S.UNKNOWN), order=order(), now=later(seconds=2))

    assert (usd(5000), P.AUTHORIZED) == (seen.authorized, seen.status)


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
