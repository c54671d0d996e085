"""Saved methods: saved by a setup or a charge, listed, chosen, removed, and changed by others."""

import asyncio

import pytest

from markethub.adapters.fake import network
from markethub.domain.errors import NotFound
from markethub.domain.events import MethodRemoved, MethodSaved
from markethub.domain.ids import CustomerId, MethodId
from markethub.domain.payment import PaymentStatus
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.domain.usecases.set_default_method import SetDefaultMethodCommand
from tests.support.saved import C1, MASTERCARD, customers, provider_id_of, token_of
from tests.support.world import CHALLENGE, World

pytestmark = pytest.mark.anyio


async def remove(world: World, method_id: MethodId, customer_id: CustomerId | None = C1) -> None:
    command = RemoveMethodCommand(method_id=method_id, customer_id=customer_id)
    await world.container.remove_method()(command)


async def choose(world: World, method_id: MethodId, customer_id: CustomerId | None = C1) -> None:
    command = SetDefaultMethodCommand(method_id=method_id, customer_id=customer_id)
    await world.container.set_default_method()(command)


async def attached(world: World, customer_id: CustomerId = C1) -> list[str]:
    """Return the tokens that the provider keeps for a customer."""
    owner = await provider_id_of(world, customer_id)
    listed = world.at_stripe("/v1/payment_methods", {"customer": owner, "limit": 100})["data"]
    return sorted(method["id"] for method in listed)


# --- saving -------------------------------------------------------------------------------------


async def test_a_card_is_saved_by_a_setup_that_the_browser_confirms(world: World) -> None:
    saved = await world.save_card()

    assert ("visa", "4242", 12, 2030) == (
        saved.card.brand,
        saved.card.last4,
        saved.card.exp_month,
        saved.card.exp_year,
    )
    assert saved.is_active
    assert saved.is_default


async def test_a_setup_that_is_not_confirmed_saves_nothing(world: World) -> None:
    await world.container.start_setup()(C1)
    await world.work()

    assert [] == await world.saved()


async def test_a_charge_saves_its_card_where_that_is_asked(world: World) -> None:
    await world.register()
    started = await world.charge(save_method=True)
    world.pay(started)
    await world.confirm(started.payment)

    assert ["4242"] == [method.card.last4 for method in await world.saved()]


async def test_a_charge_that_is_known_only_by_its_events_saves_its_card_too(world: World) -> None:
    await world.register()
    world.pay(await world.charge(save_method=True))
    await world.work()

    assert ["4242"] == [method.card.last4 for method in await world.saved()]


async def test_the_success_alone_brings_the_card_where_its_own_event_is_lost(world: World) -> None:
    await world.register()
    world.pay(await world.charge(save_method=True))
    for event in world.pending_events():
        if event["type"] == "payment_intent.succeeded":
            await world.deliver(event)
    await world.container.process_inbox()()

    assert ["4242"] == [method.card.last4 for method in await world.saved()]


async def test_a_charge_saves_nothing_unless_that_is_asked(world: World) -> None:
    await world.register()
    started = await world.charge()
    world.pay(started)
    await world.confirm(started.payment)
    await world.work()

    assert [] == await world.saved()
    assert [] == customers(world)


async def test_a_live_payment_is_told_to_save_the_card_and_told_not_to(world: World) -> None:
    await world.register()
    first = await world.charge()
    saving = await world.charge(save_method=True)
    not_saving = await world.charge(save_method=False)
    world.pay(not_saving)
    await world.work()

    assert first.payment.intent_id == saving.payment.intent_id == not_saving.payment.intent_id
    assert [] == await world.saved()


async def test_a_declined_card_is_not_saved(world: World) -> None:
    await world.register()
    started = await world.charge(save_method=True)
    world.pay(started, "4000000000000341")
    await world.confirm(started.payment)
    await world.work()

    assert [] == await world.saved()


async def test_a_method_that_is_saved_is_told_once(world: World) -> None:
    await world.register()
    started = await world.charge(save_method=True)
    world.pay(started)
    await world.confirm(started.payment)
    await world.work()
    outbox = await world.container.queries().outbox()
    told = [event for event in outbox if isinstance(event, MethodSaved)]

    assert [("c-1", "visa", "4242")] == [(e.customer_id, e.brand, e.last4) for e in told]


async def test_a_strangers_method_is_none_of_ours(world: World) -> None:
    owner = world.stripe_does("/v1/customers").body["id"]
    world.stripe_does("/v1/payment_methods/pm_card_visa/attach", {"customer": owner})
    await world.work()

    assert [] == await world.saved()
    assert 0 == (await world.container.queries().health()).waiting_events


async def test_a_challenge_is_answered_before_a_card_is_saved(world: World) -> None:
    setup = await world.container.start_setup()(C1)
    world.set_up(setup, CHALLENGE)
    await world.work()
    before = await world.saved()
    world.account.answer_challenge(setup.id, setup.client_secret.reveal(), authenticated=True)
    await world.work()

    assert [] == before
    assert ["3184"] == [method.card.last4 for method in await world.saved()]


# --- the same card ----------------------------------------------------------------------------


async def test_the_same_card_saved_twice_is_one_method_with_the_newer_token(world: World) -> None:
    first = await world.save_card()
    old = await token_of(world, first)
    world.clock.advance(seconds=5)
    world.account.advance(int(world.clock.now().timestamp()))
    second = await world.save_card()
    new = await token_of(world, second)

    assert first.id == second.id
    assert 1 == len(await world.saved())
    assert old != new


async def test_the_older_token_of_a_card_is_forgotten_at_the_provider(world: World) -> None:
    await world.save_card()
    world.account.advance(int(world.clock.now().timestamp()) + 5)
    kept = await world.save_card()
    before = await attached(world)
    await world.container.detach_methods()()

    assert 2 == len(before)
    assert [await token_of(world, kept)] == await attached(world)


async def test_the_same_card_of_two_customers_is_two_methods(world: World) -> None:
    one = await world.save_card(customer_id="c-1")
    other = await world.save_card(customer_id="c-2")

    assert one.id != other.id


async def test_many_saves_of_one_card_at_once_are_one_method(world: World) -> None:
    setups = [await world.container.start_setup()(C1) for _ in range(4)]
    for setup in setups:
        world.set_up(setup)
    pump, process = world.container.pump(), world.container.process_inbox()
    await pump()
    await asyncio.gather(*(process() for _ in range(4)))
    await world.work()
    await world.container.detach_methods()()

    assert 1 == len(await world.saved())
    assert 1 == len(await attached(world))


# --- changes by the card networks -----------------------------------------------------------------


async def test_a_new_expiry_arrives_by_event(world: World) -> None:
    saved = await world.save_card()
    network.update_card(world.account, await token_of(world, saved), exp_month=3, exp_year=2035)
    await world.work()

    assert [(3, 2035)] == [(m.card.exp_month, m.card.exp_year) for m in await world.saved()]


async def test_a_new_number_arrives_by_event(world: World) -> None:
    saved = await world.save_card()
    network.update_card(world.account, await token_of(world, saved), last4="9999")
    await world.work()

    assert [(saved.id, "9999")] == [(m.id, m.card.last4) for m in await world.saved()]


async def test_a_change_made_at_the_provider_arrives_by_event(world: World) -> None:
    saved = await world.save_card()
    path = f"/v1/payment_methods/{await token_of(world, saved)}"
    world.stripe_does(path, {"card": {"exp_month": 5, "exp_year": 2031}})
    await world.work()

    assert [(5, 2031)] == [(m.card.exp_month, m.card.exp_year) for m in await world.saved()]


async def test_an_old_event_does_not_undo_a_newer_change(world: World) -> None:
    saved = await world.save_card()
    token = await token_of(world, saved)
    network.update_card(world.account, token, exp_year=2035)
    network.update_card(world.account, token, exp_year=2036)
    for event in reversed(world.pending_events()):
        await world.deliver(event)
        await world.container.process_inbox()()

    assert [2036] == [m.card.exp_year for m in await world.saved()]


async def test_a_method_detached_at_the_provider_is_gone_and_another_is_the_default(
    world: World,
) -> None:
    first = await world.save_card()
    second = await world.save_card(MASTERCARD)
    network.detach_method(world.account, await token_of(world, first))
    await world.work()

    assert [(second.id, True)] == [(m.id, m.is_default) for m in await world.saved()]


# --- the default ------------------------------------------------------------------------------


async def test_there_is_exactly_one_default_and_it_can_be_chosen(world: World) -> None:
    first = await world.save_card()
    second = await world.save_card(MASTERCARD)
    await choose(world, second.id)

    assert [(first.id, False), (second.id, True)] == [
        (m.id, m.is_default) for m in await world.saved()
    ]


async def test_many_choices_at_once_leave_one_default(world: World) -> None:
    ids = [(await world.save_card()).id, (await world.save_card(MASTERCARD)).id]
    await asyncio.gather(*(choose(world, ids[turn % 2]) for turn in range(8)))

    assert 1 == sum(method.is_default for method in await world.saved())


async def test_nobody_elses_method_can_be_chosen_or_removed(world: World) -> None:
    saved = await world.save_card()
    for deed in (choose, remove):
        with pytest.raises(NotFound):
            await deed(world, saved.id, CustomerId("c-2"))

    assert [saved] == await world.saved()


# --- removing ---------------------------------------------------------------------------------


async def test_a_removed_method_is_gone_here_and_at_the_provider(world: World) -> None:
    saved = await world.save_card()
    await remove(world, saved.id)
    await world.work()

    assert [] == await world.saved()
    assert [] == await attached(world)


async def test_a_method_is_removed_once(world: World) -> None:
    saved = await world.save_card()
    await remove(world, saved.id)
    with pytest.raises(NotFound):
        await remove(world, saved.id)
    outbox = await world.container.queries().outbox()

    assert 1 == sum(isinstance(event, MethodRemoved) for event in outbox)


async def test_removing_the_default_makes_another_the_default(world: World) -> None:
    first = await world.save_card()
    second = await world.save_card(MASTERCARD)
    await remove(world, first.id)

    assert [(second.id, True)] == [(m.id, m.is_default) for m in await world.saved()]


async def test_a_removed_card_that_is_saved_again_is_another_method(world: World) -> None:
    first = await world.save_card()
    await remove(world, first.id)
    second = await world.save_card()

    assert first.id != second.id
    assert [second] == await world.saved()


async def test_what_the_provider_could_not_be_told_it_is_told_by_the_worker(
    world: World,
) -> None:
    saved = await world.save_card()
    world.vault.is_down = True
    await remove(world, saved.id)
    gone = await world.saved()
    left = await attached(world)
    world.vault.is_down = False
    world.clock.advance(seconds=30)
    await world.container.recover()()

    assert [] == gone
    assert 1 == len(left)
    assert [] == await attached(world)


async def test_a_detachment_whose_reply_was_lost_is_finished(world: World) -> None:
    saved = await world.save_card()
    world.vault.loses_replies = True
    await remove(world, saved.id)
    world.vault.loses_replies = False
    world.clock.advance(seconds=30)

    assert 1 == await world.container.detach_methods()()
    world.clock.advance(hours=2)
    assert 0 == await world.container.detach_methods()()


async def test_a_method_that_cannot_be_read_does_not_hide_that_its_order_is_paid(
    world: World,
) -> None:
    """The success of an intent is money; what it saves is a convenience."""
    await world.register()
    started = await world.charge(save_method=True)
    world.pay(started)

    world.vault.may_not_read = True
    for event in world.pending_events():
        if event["type"] == "payment_intent.succeeded":
            await world.deliver(event)
    await world.container.process_inbox()()

    [paid] = await world.payments()
    hidden = await world.saved()
    world.vault.may_not_read = False
    world.clock.advance(hours=1)
    await world.container.process_inbox()()

    assert paid.status is PaymentStatus.SUCCEEDED
    assert (0, 1) == (len(hidden), len(await world.saved()))
