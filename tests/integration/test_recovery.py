"""What nobody finishes is finished: abandoned intents, strays, and holds that end."""

from datetime import timedelta

import attrs
import pytest

from markethub.domain.errors import GatewayUnavailable
from markethub.domain.facts import CaptureMethod, IntentStatus
from markethub.domain.ids import OrderId
from markethub.domain.order import OrderStatus
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.gateway import Declined
from markethub.domain.usecases.cancel_abandoned import STRAY_AFTER
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeStarted
from markethub.domain.usecases.recover import Recovered
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.faults import Fault
from tests.support.world import CHALLENGE, SUCCESS, World

pytestmark = pytest.mark.anyio


async def begun(world: World, *, capture: CaptureMethod | None = None) -> ChargeStarted:
    await world.register()
    return await world.charge(capture=capture)


async def stray(world: World) -> Payment:
    """Let an intent turn up that was given up, and its cancel be refused once."""
    await world.register()
    world.gateway.faults = [Fault.STORED_500]
    with pytest.raises(GatewayUnavailable):
        await world.charge()
    [closed] = await world.payments()
    metadata = {"markethub_payment_id": closed.id, "markethub_order_id": "o-1"}
    world.stripe_does(
        "/v1/payment_intents", {"amount": 5000, "currency": "usd", "metadata": metadata}
    )
    await world.work()
    world.gateway.answers = [Declined(code="processing_error")]
    await world.recover()
    return await world.payment(closed.id)


async def cancel_abandoned(world: World) -> int:
    done: int = await world.container.cancel_abandoned()()
    return done


class TestAnUnpaidIntent:
    async def test_that_was_left_for_a_day_is_canceled_and_frees_its_order(
        self, world: World
    ) -> None:
        left = await begun(world)
        world.clock.advance(hours=24)

        assert 1 == await cancel_abandoned(world)
        [intent] = world.intents()
        assert ("canceled", "abandoned") == (intent["status"], intent["cancellation_reason"])
        assert OrderStatus.OPEN is (await world.order()).status
        again = await world.charge()
        assert left.payment.id != again.payment.id

    async def test_that_waits_for_a_challenge_is_canceled_too(self, world: World) -> None:
        started = await begun(world)
        world.pay(started, CHALLENGE)
        await world.work()
        world.clock.advance(hours=24)

        assert 1 == await cancel_abandoned(world)

    async def test_that_was_touched_since_is_left_to_its_customer(self, world: World) -> None:
        started = await begun(world)
        world.clock.advance(hours=23)
        world.pay(started, CHALLENGE)
        await world.work()
        world.clock.advance(hours=23)

        assert 0 == await cancel_abandoned(world)

    async def test_that_is_paid_at_this_very_moment_is_paid(self, world: World) -> None:
        started = await begun(world)
        world.clock.advance(hours=24)
        world.pay(started, SUCCESS)

        assert 0 == await cancel_abandoned(world)
        assert OrderStatus.PAID is (await world.order()).status
        assert PaymentStatus.SUCCEEDED is (await world.payment(started.payment.id)).status

    async def test_is_left_alone_while_its_capture_is_unresolved(self, world: World) -> None:
        started = await begun(world, capture=CaptureMethod.MANUAL)
        world.pay(started, SUCCESS)
        await world.work()
        world.gateway.faults = [Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await world.container.capture_payment()(
                CapturePaymentCommand(payment_id=started.payment.id)
            )
        sent = len(world.gateway.sent)
        world.clock.advance(hours=48)

        assert 0 == await cancel_abandoned(world)
        assert sent == len(world.gateway.sent)

    async def test_whose_cancel_is_lost_is_canceled_by_recovery(self, world: World) -> None:
        await begun(world)
        world.clock.advance(hours=24)
        world.gateway.faults = [Fault.LOST_REQUEST]
        first = await cancel_abandoned(world)
        await world.recover()

        assert 0 == first
        assert ["canceled"] == [intent["status"] for intent in world.intents()]


async def test_a_stray_whose_cancel_failed_is_asked_again_only_a_quarter_of_an_hour_later(
    world: World,
) -> None:
    found = await stray(world)
    asked: list[timedelta] = []
    for _ in range(80):
        world.clock.advance(seconds=30)
        sent = len(world.gateway.sent)
        await cancel_abandoned(world)
        if len(world.gateway.sent) > sent:
            asked.append(world.clock.now() - found.updated_at)

    assert [STRAY_AFTER] == asked
    assert PaymentStatus.CANCELED is (await world.payment(found.id)).status


@pytest.mark.parametrize("capture", [CaptureMethod.AUTOMATIC, CaptureMethod.MANUAL])
async def test_money_that_is_held_or_taken_is_never_abandoned(
    world: World, capture: CaptureMethod
) -> None:
    started = await begun(world, capture=capture)
    world.pay(started, SUCCESS)
    await world.work()
    world.clock.advance(hours=47)

    assert 0 == await cancel_abandoned(world)


async def test_without_an_age_nothing_is_abandoned() -> None:
    settings = Settings(database=Database(url="memory://"), abandoned_after=None)
    world = World(build_container(settings))
    await begun(world)
    world.clock.advance(days=100)

    assert 0 == await cancel_abandoned(world)


async def test_an_intent_whose_cancel_met_a_day_of_outage_is_canceled_afterwards(
    world: World,
) -> None:
    started = await begun(world)
    world.gateway.faults = [Fault.LOST_REQUEST]
    with pytest.raises(GatewayUnavailable):
        await world.container.cancel_order()(CancelOrderCommand(order_id=OrderId("o-1")))
    world.gateway.is_down = True
    for _ in range(30):
        world.clock.advance(hours=1)
        await world.container.reconcile()()
    world.gateway.is_down = False
    world.clock.advance(hours=2)
    await world.container.recover()()
    world.clock.advance(hours=2)
    await world.container.recover()()

    assert PaymentStatus.CANCELED is (await world.payment(started.payment.id)).status
    assert ["canceled"] == [intent["status"] for intent in world.intents()]


class TestAHold:
    async def held(self, world: World) -> ChargeStarted:
        started = await begun(world, capture=CaptureMethod.MANUAL)
        world.pay(started, SUCCESS)
        await world.work()
        return started

    async def test_that_ends_within_a_day_is_reported_once(self, world: World) -> None:
        started = await self.held(world)
        world.clock.advance(days=6, seconds=1)

        [told] = await world.container.report_expiring()()
        again = await world.container.report_expiring()()

        assert (started.payment.id, "o-1", 5000) == (
            told.payment_id,
            told.order_id,
            told.amount.minor,
        )
        assert timedelta(hours=23) < told.capture_before - world.clock.now() < timedelta(hours=24)
        assert [] == again

    async def test_that_lasts_longer_is_not_reported(self, world: World) -> None:
        await self.held(world)
        world.clock.advance(days=5, hours=23)

        assert [] == await world.container.report_expiring()()

    async def test_that_was_captured_is_not_reported(self, world: World) -> None:
        started = await self.held(world)
        world.stripe_does(f"/v1/payment_intents/{started.payment.intent_id}/capture")
        await world.work()
        world.clock.advance(days=6, hours=12)

        assert [] == await world.container.report_expiring()()


async def test_a_pass_that_finds_nothing_says_so(world: World) -> None:
    """The worker logs a pass unless it is this one, several times a second."""
    assert Recovered() == await world.container.recover()()


async def test_a_step_that_stumbles_does_not_keep_the_others_from_being_taken(
    world: World,
) -> None:
    await begun(world)
    world.clock.advance(hours=23, minutes=30)
    await world.register("o-2")
    world.gateway.faults = [Fault.LOST_REQUEST]
    with pytest.raises(GatewayUnavailable):
        await world.charge("o-2")
    world.clock.advance(minutes=40)
    world.gateway.stumbles = [ZeroDivisionError("unforeseen")]
    with pytest.raises(ExceptionGroup):
        await world.container.recover()()

    assert "canceled" in {intent["status"] for intent in world.intents()}


async def test_a_capture_that_the_provider_is_still_at_is_waited_for(world: World) -> None:
    started = await begun(world, capture=CaptureMethod.MANUAL)
    world.pay(started, SUCCESS)
    await world.work()
    world.gateway.faults = [Fault.LOST_REQUEST]
    with pytest.raises(GatewayUnavailable):
        await world.container.capture_payment()(
            CapturePaymentCommand(payment_id=started.payment.id)
        )
    assert started.payment.intent_id is not None
    seen = await world.gateway.read_intent(started.payment.intent_id)
    world.clock.advance(hours=24)
    world.gateway.views = [attrs.evolve(seen, status=IntentStatus.PROCESSING)]
    await world.container.reconcile()()
    health = await world.container.queries().health()
    payment = await world.payment(started.payment.id)

    assert 1 == health.unresolved_operations
    assert payment.capture_asked is not None
