"""What may be done to a payment in which status: capture, cancel, replace, close, refund."""

from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import InvalidTransition, RequestInProgress, ValidationFailed
from markethub.domain.facts import IntentStatus
from markethub.domain.money import Money
from markethub.domain.payment import Action, PaymentStatus
from tests.unit.domain.values import REACHED, intent, later, order, outcome, payment, seen, usd

S, P = IntentStatus, PaymentStatus


ALLOWED = {
    P.REQUIRES_PAYMENT_METHOD: {Action.CANCEL},
    P.REQUIRES_ACTION: {Action.CANCEL},
    P.AUTHORIZED: {Action.CAPTURE, Action.CANCEL},
    P.SUCCEEDED: {Action.REFUND},
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
