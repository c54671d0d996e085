"""Orders charged with a saved method: by the browser, by us, with the customer there or not."""

import asyncio

import pytest

from markethub.adapters.fake import network
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    InvalidTransition,
    NotFound,
    OrderAlreadyPaid,
    TooManyDeclines,
    ValidationFailed,
)
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId
from markethub.domain.order import OrderStatus
from markethub.domain.payment import PaymentStatus
from markethub.domain.ports.gateway import Declined
from markethub.domain.ports.methods import MethodView
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from tests.support.faults import Crash, Fault
from tests.support.saved import MASTERCARD, token_of
from tests.support.world import CHALLENGE, World

pytestmark = pytest.mark.anyio

DECLINED = "4000000000000002"
CHARGE_FAILS = "4000000000000341"
"""Can be saved, but every charge is declined."""
UNLESS_SET_UP = "4000002500003155"
"""Asks its customer on-session, and off-session not, once it was set up."""


async def save(world: World, card: str = "4242424242424242") -> MethodView:
    """Save a card, through its challenge if it has one."""
    setup = await world.container.start_setup()(CustomerId("c-1"))
    world.set_up(setup, card)
    world.account.answer_challenge(setup.id, setup.client_secret.reveal(), authenticated=True)
    await world.work()
    return (await world.saved())[-1]


def confirm_as_browser(world: World, intent_id: object, client_secret: str) -> str:
    """Confirm by the publishable key what the intent is to be paid by."""
    response = world.account.request(
        method="POST",
        path=f"/v1/payment_intents/{intent_id}/confirm",
        params={"client_secret": client_secret},
        auth="pk_test_dev",
    )
    return str(response.body.get("status"))


async def refuse_next(world: World) -> None:
    """Let the provider refuse what is sent next, without a word on any intent."""
    world.gateway.answers = [Declined(code="parameter_unknown")]


# --- by the browser -------------------------------------------------------------------------------


async def test_the_browser_confirms_an_order_with_a_saved_method(world: World) -> None:
    saved = await save(world)
    await world.register()
    started = await world.charge(method_id=saved.id)
    before = started.payment.status
    confirm_as_browser(world, started.payment.intent_id, started.client_secret.reveal())
    confirmed = await world.confirm(started.payment)

    assert PaymentStatus.REQUIRES_PAYMENT_METHOD is before
    assert (PaymentStatus.SUCCEEDED, OrderStatus.PAID) == (
        confirmed.payment.status,
        confirmed.order.status,
    )


async def test_another_method_replaces_the_one_named_before(world: World) -> None:
    first, second = await save(world), await save(world, MASTERCARD)
    await world.register()
    one = await world.charge(method_id=first.id)
    other = await world.charge(method_id=second.id)
    [intent] = world.intents()

    assert one.payment.intent_id == other.payment.intent_id
    assert await token_of(world, second) == intent["payment_method"]


async def test_a_live_payment_without_a_customer_takes_a_method(world: World) -> None:
    saved = await save(world)
    await world.register()
    one = await world.charge()
    other = await world.charge(method_id=saved.id)
    [intent] = world.intents()

    assert one.payment.intent_id == other.payment.intent_id
    assert await token_of(world, saved) == intent["payment_method"]


async def test_a_payment_whose_customer_is_at_a_challenge_is_replaced_for_another_method(
    world: World,
) -> None:
    saved = await save(world)
    await world.register()
    started = await world.charge()
    world.pay(started, CHALLENGE)
    await world.work()
    other = await world.charge(method_id=saved.id)

    assert started.payment.intent_id != other.payment.intent_id
    assert ["canceled", "requires_confirmation"] == sorted(i["status"] for i in world.intents())


async def test_the_same_wish_asked_twice_asks_the_provider_nothing_new(world: World) -> None:
    saved = await save(world)
    await world.register()
    await world.charge(method_id=saved.id, save_method=True)
    sent = len(world.gateway.sent)
    await world.charge(method_id=saved.id, save_method=True)

    assert sent == len(world.gateway.sent)


# --- by us ----------------------------------------------------------------------------------------


async def test_a_saved_method_is_charged_without_its_customer(world: World) -> None:
    saved = await save(world)
    await world.register()
    charged = await world.charge(method_id=saved.id, off_session=True)

    assert PaymentStatus.SUCCEEDED is charged.payment.status
    assert OrderStatus.PAID is (await world.order()).status
    assert [5000] == [charge["amount_captured"] for charge in world.charges_paid()]


async def test_what_was_to_be_saved_before_does_not_stand_in_the_way_of_a_charge(
    world: World,
) -> None:
    saved = await save(world)
    await world.register()
    await world.charge(method_id=saved.id, save_method=True)
    charged = await world.charge(method_id=saved.id, save_method=True, off_session=True)

    assert PaymentStatus.SUCCEEDED is charged.payment.status


async def test_the_money_of_a_saved_method_can_be_held_only(world: World) -> None:
    saved = await save(world)
    await world.register()
    charged = await world.charge(method_id=saved.id, off_session=True, capture=CaptureMethod.MANUAL)

    assert PaymentStatus.AUTHORIZED is charged.payment.status


async def test_a_card_set_up_for_it_is_charged_without_its_customer(world: World) -> None:
    saved = await save(world, UNLESS_SET_UP)
    await world.register()
    charged = await world.charge(method_id=saved.id, off_session=True)

    assert PaymentStatus.SUCCEEDED is charged.payment.status


async def test_with_the_customer_there_a_challenge_is_handed_on(world: World) -> None:
    saved = await save(world, UNLESS_SET_UP)
    await world.register()
    started = await world.charge(method_id=saved.id, off_session=False)
    world.answer_challenge(started, authenticated=True)
    confirmed = await world.confirm(started.payment)

    assert PaymentStatus.REQUIRES_ACTION is started.payment.status
    assert started.next_action is not None
    assert "use_stripe_sdk" == started.next_action["type"]
    assert PaymentStatus.SUCCEEDED is confirmed.payment.status


async def test_a_bank_that_wants_its_customer_leaves_a_payment_for_the_customer(
    world: World,
) -> None:
    saved = await save(world, CHALLENGE)
    await world.register()
    asked = await world.charge(method_id=saved.id, off_session=True)
    there = await world.charge()
    world.pay(there, CHALLENGE)
    world.answer_challenge(there, authenticated=True)
    confirmed = await world.confirm(there.payment)

    assert (PaymentStatus.REQUIRES_PAYMENT_METHOD, "authentication_required") == (
        asked.payment.status,
        asked.payment.error_code,
    )
    assert asked.payment.intent_id == there.payment.intent_id
    assert OrderStatus.PAID is confirmed.order.status


async def test_a_bank_that_wants_its_customer_twice_says_so_twice(world: World) -> None:
    saved = await save(world, CHALLENGE)
    await world.register()
    await world.charge(method_id=saved.id, off_session=True)
    asked = await world.charge(method_id=saved.id, off_session=True)

    assert "authentication_required" == asked.payment.error_code
    assert 0 == (await world.container.queries().health()).unresolved_operations


async def test_a_declined_saved_method_is_an_outcome_not_an_error(world: World) -> None:
    saved = await save(world, CHARGE_FAILS)
    await world.register()
    declined = await world.charge(method_id=saved.id, off_session=True)

    assert (PaymentStatus.REQUIRES_PAYMENT_METHOD, "card_declined") == (
        declined.payment.status,
        declined.payment.error_code,
    )
    assert OrderStatus.OPEN is (await world.order()).status


async def test_a_repeated_request_does_not_try_a_declined_card_again(world: World) -> None:
    saved = await save(world, CHARGE_FAILS)
    await world.register()
    await world.charge(method_id=saved.id, off_session=True, origin="shop:key")
    declined = await world.charge(method_id=saved.id, off_session=True, origin="shop:key")

    assert 1 == declined.payment.declines
    assert 1 == len(world.at_stripe("/v1/charges", {"limit": 100})["data"])


async def test_a_repeated_request_of_a_payment_that_was_canceled_is_refused(
    world: World,
) -> None:
    saved = await save(world, CHARGE_FAILS)
    await world.register()
    first = await world.charge(method_id=saved.id, off_session=True, origin="shop:key")
    await world.container.cancel_payment()(CancelPaymentCommand(payment_id=first.payment.id))
    with pytest.raises(InvalidTransition):
        await world.charge(method_id=saved.id, off_session=True, origin="shop:key")
    other = await world.charge(method_id=saved.id, off_session=True, origin="shop:other")

    assert first.payment.id != other.payment.id


async def test_a_repeated_request_that_the_provider_refused_is_refused_again(
    world: World,
) -> None:
    saved = await save(world)
    await world.register()
    world.gateway.after_send = lambda: refuse_next(world)
    for _ in range(2):
        with pytest.raises(GatewayRejected):
            await world.charge(method_id=saved.id, off_session=True, origin="shop:key")

    assert [] == world.charges_paid()
    assert 0 == (await world.container.queries().health()).unresolved_operations


async def test_another_request_tries_a_declined_card_again(world: World) -> None:
    saved = await save(world, CHARGE_FAILS)
    await world.register()
    await world.charge(method_id=saved.id, off_session=True, origin="shop:one")
    declined = await world.charge(method_id=saved.id, off_session=True, origin="shop:other")

    assert 2 == declined.payment.declines


async def test_a_card_is_not_tried_for_ever(world: World) -> None:
    saved = await save(world, CHARGE_FAILS)
    await world.register()
    for _ in range(10):
        await world.charge(method_id=saved.id, off_session=True)
    with pytest.raises(TooManyDeclines):
        await world.charge(method_id=saved.id, off_session=True)

    assert 10 == len(world.at_stripe("/v1/charges", {"limit": 100})["data"])


async def test_a_repeated_request_of_a_paid_order_is_answered_as_the_first(world: World) -> None:
    saved = await save(world)
    await world.register()
    first = await world.charge(method_id=saved.id, off_session=True, origin="shop:key")
    again = await world.charge(method_id=saved.id, off_session=True, origin="shop:key")

    assert first.payment == again.payment
    with pytest.raises(OrderAlreadyPaid):
        await world.charge(method_id=saved.id, off_session=True, origin="shop:other")
    assert 1 == len(world.charges_paid())


async def test_fifty_requests_at_once_charge_a_saved_method_once(world: World) -> None:
    saved = await save(world)
    await world.register()
    await asyncio.gather(
        *(world.charge(method_id=saved.id, off_session=True) for _ in range(50)),
        return_exceptions=True,
    )

    assert 1 == len(world.charges_paid())
    assert OrderStatus.PAID is (await world.order()).status


async def test_a_payment_made_for_a_browser_is_replaced_before_we_confirm_it(
    world: World,
) -> None:
    saved = await save(world)
    await world.register()
    for_browser = await world.charge()
    charged = await world.charge(method_id=saved.id, off_session=True)

    assert for_browser.payment.intent_id != charged.payment.intent_id
    assert PaymentStatus.SUCCEEDED is charged.payment.status
    assert ["canceled", "succeeded"] == sorted(intent["status"] for intent in world.intents())


# --- unknown outcomes -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_REPLY, Fault.STORED_500])
@pytest.mark.parametrize("step", [0, 1])
async def test_an_unknown_outcome_is_finished_by_the_same_request_and_charged_once(
    world: World, fault: Fault, step: int
) -> None:
    saved = await save(world)
    await world.register()
    world.gateway.faults = [*[None] * step, fault]  # type: ignore[list-item] # none for a step
    try:
        charged = await world.charge(method_id=saved.id, off_session=True)
    except GatewayUnavailable:
        world.clock.advance(seconds=10)
        charged = await world.charge(method_id=saved.id, off_session=True)

    assert PaymentStatus.SUCCEEDED is charged.payment.status
    assert 1 == len(world.charges_paid())


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
async def test_a_crash_while_we_confirm_is_recovered_and_charged_once(
    world: World, fault: Fault
) -> None:
    saved = await save(world)
    await world.register()
    world.gateway.faults = [None, fault]  # type: ignore[list-item] # none for the first
    with pytest.raises(Crash):
        await world.charge(method_id=saved.id, off_session=True)
    await world.recover()
    await world.work()

    assert OrderStatus.PAID is (await world.order()).status
    assert 1 == len(world.charges_paid())


async def test_a_decline_whose_reply_was_lost_is_found_out(world: World) -> None:
    saved = await save(world, CHARGE_FAILS)
    await world.register()
    world.gateway.faults = [None, Fault.LOST_REPLY]  # type: ignore[list-item] # none for the first
    with pytest.raises(GatewayUnavailable):
        await world.charge(method_id=saved.id, off_session=True)
    await world.recover()
    [payment] = await world.payments()

    assert "card_declined" == payment.error_code
    assert 0 == (await world.container.queries().health()).unresolved_operations


async def test_a_confirmation_that_never_arrived_is_given_up_after_a_day(world: World) -> None:
    saved = await save(world)
    await world.register()
    world.gateway.faults = [None, Fault.LOST_REQUEST]  # type: ignore[list-item] # none for the first
    with pytest.raises(GatewayUnavailable):
        await world.charge(method_id=saved.id, off_session=True)
    world.clock.advance(hours=25)
    await world.container.reconcile()()
    [payment] = await world.payments()

    assert (PaymentStatus.REQUIRES_PAYMENT_METHOD, None) == (payment.status, payment.error_code)
    assert 0 == (await world.container.queries().health()).unresolved_operations
    assert [] == world.charges_paid()


async def test_nobody_hears_of_a_decline_while_a_charge_may_still_succeed(world: World) -> None:
    saved = await save(world)
    await world.register()
    world.gateway.faults = [None, Fault.LOST_REQUEST]  # type: ignore[list-item] # none for the first
    with pytest.raises(GatewayUnavailable):
        await world.charge(method_id=saved.id, off_session=True)
    # Another tab, with another card.
    [intent] = world.intents()
    declined = world.pay_intent(intent["id"], intent["client_secret"], DECLINED)
    [payment] = await world.payments()

    assert 402 == declined.status
    with pytest.raises(GatewayUnavailable):
        await world.confirm(payment)
    world.clock.advance(seconds=10)
    charged = await world.charge(method_id=saved.id, off_session=True)
    assert PaymentStatus.SUCCEEDED is charged.payment.status
    assert PaymentStatus.SUCCEEDED is (await world.confirm(payment)).payment.status


# --- refusals -------------------------------------------------------------------------------------


async def test_nobody_elses_method_is_charged(world: World) -> None:
    saved = await save(world)
    await world.register("o-2", customer_id="c-2")
    with pytest.raises(NotFound):
        await world.charge("o-2", method_id=saved.id, off_session=True)

    assert [] == world.intents()


async def test_a_removed_method_is_not_charged(world: World) -> None:
    saved = await save(world)
    await world.container.remove_method()(RemoveMethodCommand(method_id=saved.id))
    await world.register()
    with pytest.raises(NotFound):
        await world.charge(method_id=saved.id)

    assert [] == world.intents()


async def test_a_method_that_the_provider_forgot_unheard_is_found_out_by_a_charge(
    world: World,
) -> None:
    saved = await save(world)
    network.detach_method(world.account, await token_of(world, saved))
    await world.register()
    with pytest.raises(NotFound):
        await world.charge(method_id=saved.id, off_session=True)

    assert [] == await world.saved()
    assert [] == world.charges_paid()


async def test_off_session_needs_a_method(world: World) -> None:
    await world.register()
    with pytest.raises(ValidationFailed):
        await world.charge(off_session=True)

    assert [] == world.intents()


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.STORED_500])
async def test_a_removed_card_is_not_charged_by_what_was_asked_before(
    world: World, fault: Fault
) -> None:
    """Nobody knows what became of the charge; then the customer takes the card away."""
    saved = await save(world)
    await world.register()
    world.gateway.faults = [None, fault]  # type: ignore[list-item] # none for the first
    with pytest.raises(GatewayUnavailable):
        await world.charge(method_id=saved.id, off_session=True)
    world.vault.is_down = True  # the provider hears of the removal later
    await world.container.remove_method()(RemoveMethodCommand(method_id=saved.id))

    await world.recover()

    [payment] = await world.payments()
    assert [] == world.charges_paid()
    assert PaymentStatus.REQUIRES_PAYMENT_METHOD is payment.status
    assert 0 == (await world.container.queries().health()).unresolved_operations


async def test_a_charge_that_took_place_before_its_card_was_removed_counts(world: World) -> None:
    saved = await save(world)
    await world.register()
    world.gateway.faults = [None, Fault.LOST_REPLY]  # type: ignore[list-item] # none for the first
    with pytest.raises(GatewayUnavailable):
        await world.charge(method_id=saved.id, off_session=True)
    await world.container.remove_method()(RemoveMethodCommand(method_id=saved.id))

    await world.recover()

    assert OrderStatus.PAID is (await world.order()).status
    assert 1 == len(world.charges_paid())
