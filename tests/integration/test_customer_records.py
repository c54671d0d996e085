"""A customer's record at the provider: one, whoever asks first, and made anew if it is lost."""

import asyncio

import pytest

from markethub.adapters.fake import network
from markethub.domain.errors import GatewayUnavailable
from tests.support.saved import C1, MASTERCARD, customers, provider_id_of
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def test_many_first_saves_at_once_make_one_customer_at_the_provider(world: World) -> None:
    setups = await asyncio.gather(*(world.container.start_setup()(C1) for _ in range(20)))

    assert 20 == len({setup.id for setup in setups})
    assert 1 == len(customers(world))


async def test_each_customer_has_a_record_of_their_own(world: World) -> None:
    await world.save_card(customer_id="c-1")
    await world.save_card(customer_id="c-2")

    assert 2 == len(customers(world))


async def test_a_customer_deleted_at_the_provider_is_made_anew_and_loses_the_methods(
    world: World,
) -> None:
    lost = await world.save_card()
    network.delete_customer(world.account, await provider_id_of(world))
    await world.work()
    deactivated = await world.saved()
    anew = await world.save_card(MASTERCARD)

    assert [(lost.id, False, False)] == [(m.id, m.is_active, m.is_default) for m in deactivated]
    assert (True, True) == (anew.is_active, anew.is_default)
    assert 1 == len(customers(world))


async def test_a_deleted_customer_is_found_out_by_a_setup_before_any_event(world: World) -> None:
    lost = await world.save_card()
    network.delete_customer(world.account, await provider_id_of(world))
    await world.container.start_setup()(C1)

    assert [(lost.id, False)] == [(m.id, m.is_active) for m in await world.saved()]
    assert 1 == len(customers(world))


async def test_a_deleted_customer_is_found_out_by_a_charge_before_any_event(world: World) -> None:
    lost = await world.save_card()
    network.delete_customer(world.account, await provider_id_of(world))
    world.clock.advance(seconds=1)  # cards are listed by age
    await world.register()
    started = await world.charge(save_method=True)
    world.pay(started, MASTERCARD)
    await world.confirm(started.payment)

    assert [(lost.id, False), ("4444", True)] == [
        (m.id if not m.is_active else m.card.last4, m.is_active) for m in await world.saved()
    ]


async def test_the_same_card_saved_by_the_customer_made_anew_is_the_same_method(
    world: World,
) -> None:
    lost = await world.save_card()
    network.delete_customer(world.account, await provider_id_of(world))
    await world.work()
    found = await world.save_card()

    assert (lost.id, True, True) == (found.id, found.is_active, found.is_default)


async def test_the_event_of_an_old_record_does_not_touch_the_new_one(world: World) -> None:
    await world.save_card()
    network.delete_customer(world.account, await provider_id_of(world))
    [deleted] = [e for e in world.pending_events() if e["type"] == "customer.deleted"]
    setup = await world.container.start_setup()(C1)
    world.set_up(setup, MASTERCARD)
    await world.work()
    await world.deliver(deleted)
    await world.work()

    assert [False, True] == [method.is_active for method in await world.saved()]


# --- unknown outcomes -------------------------------------------------------------------------


async def test_a_lost_reply_to_the_first_save_does_not_make_a_second_customer(
    world: World,
) -> None:
    world.vault.loses_replies = True
    with pytest.raises(GatewayUnavailable):
        await world.container.start_setup()(C1)
    world.vault.loses_replies = False
    await world.container.start_setup()(C1)

    assert 1 == len(customers(world))


async def test_a_customer_whose_key_is_too_old_is_looked_up_before_another_is_made(
    world: World,
) -> None:
    world.vault.loses_replies = True
    with pytest.raises(GatewayUnavailable):
        await world.container.start_setup()(C1)
    world.vault.loses_replies = False
    world.clock.advance(hours=25)
    world.account.advance(int(world.clock.now().timestamp()))
    await world.container.start_setup()(C1)

    assert 1 == len(customers(world))


async def test_a_customer_who_was_never_made_is_made_under_another_key(world: World) -> None:
    world.vault.is_down = True
    with pytest.raises(GatewayUnavailable):
        await world.container.start_setup()(C1)
    world.vault.is_down = False
    world.clock.advance(hours=25)
    world.account.advance(int(world.clock.now().timestamp()))
    await world.container.start_setup()(C1)

    assert 1 == len(customers(world))
