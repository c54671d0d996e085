"""What goes wrong with saved methods."""

import asyncio

import pytest

from markethub.domain.errors import GatewayRejected, PaymentsError
from markethub.domain.ids import CustomerId
from markethub.domain.operation import ProviderRequest
from markethub.domain.payment import PaymentStatus
from markethub.domain.ports.gateway import GatewayOutcome
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.domain.usecases.set_default_method import SetDefaultMethodCommand
from tests.support.faults import Fault
from tests.support.saved import MASTERCARD, provider_id_of, token_of
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def test_a_method_that_cannot_be_read_does_not_hide_that_its_order_is_paid(
    world: World,
) -> None:
    """The success of an intent is money; what it saves is a convenience."""
    await world.register()
    started = await world.charge(save_method=True)
    world.pay(started)

    async def refused(token: object) -> object:
        raise GatewayRejected("the restricted key may not read payment methods")

    world.vault.read_method = refused  # type: ignore[method-assign, assignment]
    for event in world.pending_events():
        if event["type"] == "payment_intent.succeeded":
            await world.deliver(event)
    await world.container.process_inbox()()

    [payment] = await world.payments()
    assert payment.status is PaymentStatus.SUCCEEDED


async def test_a_removed_card_is_not_charged_by_what_was_asked_before(world: World) -> None:
    """Nobody knows what became of the charge; then the customer takes the card away."""
    method = await world.save_card()
    await world.register()
    # The intent is made; its confirmation never arrives.
    sent = world.gateway.send

    async def lost(request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        if idempotency_key.startswith("confirm:"):
            world.gateway.faults.append(Fault.LOST_REQUEST)
        return await sent(request, idempotency_key=idempotency_key)

    world.gateway.send = lost  # type: ignore[method-assign]
    with pytest.raises(PaymentsError):
        await world.charge(method_id=method.id, off_session=True)
    world.gateway.send = sent  # type: ignore[method-assign]
    world.vault.is_down = True
    await world.container.remove_method()(RemoveMethodCommand(method_id=method.id))

    await world.recover()

    assert [] == world.charges_paid()


async def test_a_method_of_the_record_before_is_never_active_again(world: World) -> None:
    """An event of a deleted record's method, late, under a new record with the same card."""
    old = await world.save_card()
    token = await token_of(world, old)
    provider_id = await provider_id_of(world)
    world.account.request(
        method="DELETE", path=f"/v1/customers/{provider_id}", params={}, auth="sk_test_dev"
    )
    await world.work()
    new = await world.save_card()
    await world.work()

    methods = await world.saved()
    assert [new.id] == [m.id for m in methods if m.is_active]
    assert await token_of(world, new) != token
    assert sum(m.is_default for m in methods) == 1


async def test_a_customer_deleted_while_a_card_is_saved_leaves_nothing_active(
    world: World,
) -> None:
    await world.save_card()
    setup = await world.container.start_setup()(CustomerId("c-1"))
    world.set_up(setup, MASTERCARD)
    provider_id = await provider_id_of(world)
    world.account.request(
        method="DELETE", path=f"/v1/customers/{provider_id}", params={}, auth="sk_test_dev"
    )
    events = world.pending_events()
    for event in reversed(events):
        await world.deliver(event)
    for _ in range(3):
        await asyncio.gather(*(world.container.process_inbox()() for _ in range(3)))
        world.clock.advance(minutes=5)

    assert not [m for m in await world.saved() if m.is_active]


async def test_two_saves_of_two_cards_and_a_choice_at_once_leave_one_default(
    world: World,
) -> None:
    for card in ("4242424242424242", MASTERCARD, "4000056655665556"):
        setup = await world.container.start_setup()(CustomerId("c-1"))
        world.set_up(setup, card)
    for event in world.pending_events():
        await world.deliver(event)
    await asyncio.gather(*(world.container.process_inbox()() for _ in range(6)))
    await world.work()
    methods = await world.saved()
    assert len(methods) == 3
    assert sum(m.is_default for m in methods) == 1
    default = next(m for m in methods if m.is_default)
    other = next(m for m in methods if not m.is_default)
    await asyncio.gather(
        world.container.remove_method()(RemoveMethodCommand(method_id=default.id)),
        world.container.set_default_method()(SetDefaultMethodCommand(method_id=other.id)),
        world.container.remove_method()(RemoveMethodCommand(method_id=methods[2].id)),
        return_exceptions=True,
    )
    left = await world.saved()

    assert sum(m.is_default for m in left) == (1 if left else 0)
