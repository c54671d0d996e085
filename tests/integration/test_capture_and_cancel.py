"""Manual capture, cancel and give-up: what may be done to a payment, and what it leaves."""

import asyncio

import attrs
import pytest

from markethub.adapters.fake.account import AccountOptions
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    InvalidTransition,
    KeyReused,
    NotFound,
    OrderAlreadyPaid,
    PaymentQuarantined,
    RequestInProgress,
    TooManyDeclines,
    ValidationFailed,
)
from markethub.domain.facts import CaptureMethod, IntentStatus
from markethub.domain.ids import CustomerId, OrderId, PaymentId
from markethub.domain.ledger import Account as Book
from markethub.domain.money import Money
from markethub.domain.order import Order, OrderStatus
from markethub.domain.payment import DECLINES_MAXIMUM, Payment, PaymentStatus, Quarantine
from markethub.domain.ports.gateway import Declined
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeOrderCommand, ChargeStarted
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.faults import Fault
from tests.support.world import CHALLENGE, DECLINED, World

pytestmark = pytest.mark.anyio


async def authorize(world: World) -> ChargeStarted:
    """Let a customer's card hold 50.00 for order o-1."""
    await world.register()
    started = await world.charge(capture=CaptureMethod.MANUAL)
    world.pay(started)
    await world.work()
    return started


async def capture(
    world: World, payment_id: PaymentId, amount: int | None = None, origin: str | None = None
) -> Payment:
    return await world.container.capture_payment()(
        CapturePaymentCommand(payment_id=payment_id, amount_minor=amount, origin=origin)
    )


async def cancel(
    world: World, payment_id: PaymentId, reason: str | None = None, origin: str | None = None
) -> Payment:
    return await world.container.cancel_payment()(
        CancelPaymentCommand(payment_id=payment_id, reason=reason, origin=origin)
    )


async def cancel_order(world: World) -> Order:
    return await world.container.cancel_order()(CancelOrderCommand(order_id=OrderId("o-1")))


class TestACapture:
    async def test_waits_until_it_is_asked_for(self, world: World) -> None:
        started = await authorize(world)

        payment = await world.payment(started.payment.id)
        assert payment.status is PaymentStatus.AUTHORIZED
        assert payment.authorized.minor == 5000
        assert (await world.order()).status is OrderStatus.OPEN
        assert await world.books() == {}

    async def test_takes_all_that_is_held(self, world: World) -> None:
        started = await authorize(world)

        payment = await capture(world, started.payment.id)

        assert payment.status is PaymentStatus.SUCCEEDED
        assert payment.captured.minor == 5000
        assert (await world.order()).status is OrderStatus.PAID

    async def test_may_take_a_part_and_the_order_is_paid(self, world: World) -> None:
        started = await authorize(world)

        payment = await capture(world, started.payment.id, 2000)
        await world.work()

        assert payment.captured.minor == 2000
        assert (await world.order()).status is OrderStatus.PAID
        assert (await world.books())[Book.SALES, "usd"] == -2000

    @pytest.mark.parametrize("amount", [0, -1, 5001])
    async def test_refuses_what_is_not_held(self, world: World, amount: int) -> None:
        started = await authorize(world)

        with pytest.raises(ValidationFailed):
            await capture(world, started.payment.id, amount)

        assert (await world.payment(started.payment.id)).status is PaymentStatus.AUTHORIZED

    async def test_repeated_by_the_same_origin_finds_the_first(self, world: World) -> None:
        started = await authorize(world)
        await capture(world, started.payment.id, 2000, origin="shop|capture|k1")

        again = await capture(world, started.payment.id, 2000, origin="shop|capture|k1")

        assert again.captured.minor == 2000

    async def test_by_the_same_origin_for_another_amount_is_refused(self, world: World) -> None:
        started = await authorize(world)
        await capture(world, started.payment.id, 2000, origin="shop|capture|k1")

        with pytest.raises(KeyReused):
            await capture(world, started.payment.id, 3000, origin="shop|capture|k1")

    async def test_of_everything_repeated_by_the_same_origin_finds_the_first(
        self, world: World
    ) -> None:
        started = await authorize(world)
        await capture(world, started.payment.id, origin="shop|capture|k1")

        again = await capture(world, started.payment.id, origin="shop|capture|k1")

        assert again.captured.minor == 5000

    async def test_that_was_refused_is_refused_again_to_the_same_origin(self, world: World) -> None:
        started = await authorize(world)
        world.gateway.answers = [Declined(code="processing_error")]
        with pytest.raises(GatewayRejected):
            await capture(world, started.payment.id, origin="shop|capture|k1")

        with pytest.raises(GatewayRejected, match="processing_error"):
            await capture(world, started.payment.id, origin="shop|capture|k1")

        assert world.charges_paid() == []

    async def test_that_never_took_place_is_not_reported_as_done(self, world: World) -> None:
        started = await authorize(world)
        world.gateway.is_down = True
        with pytest.raises(GatewayUnavailable):
            await capture(world, started.payment.id, origin="shop|capture|k1")
        world.clock.advance(hours=23, minutes=1)
        world.gateway.is_down = False
        await world.recover()

        with pytest.raises(InvalidTransition):
            await capture(world, started.payment.id, origin="shop|capture|k1")

        assert world.charges_paid() == []

    async def test_of_an_order_that_has_changed_takes_nothing(self, world: World) -> None:
        await world.register(total=5000)
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        world.gateway.is_down = True
        await world.register(total=9000)
        world.gateway.is_down = False
        await world.work()

        with pytest.raises(InvalidTransition):
            await capture(world, started.payment.id)

        assert world.charges_paid() == []
        assert (await world.payment(started.payment.id)).quarantine is None

    async def test_that_fails_later_leaves_a_payment_that_can_be_given_up(
        self, world: World
    ) -> None:
        started = await authorize(world)
        intent_id = started.payment.intent_id
        assert intent_id is not None
        real = await world.gateway.read_intent(intent_id)
        failed = attrs.evolve(
            real,
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            capturable=Money.zero(real.amount.currency),
        )
        world.gateway.answers = [Declined(code="capture_failed", intent=failed)]
        world.gateway.views = [failed, failed]

        with pytest.raises(InvalidTransition):
            await capture(world, started.payment.id)

        payment = await world.payment(started.payment.id)
        assert payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
        assert payment.capture_asked is None
        assert (await cancel(world, payment.id)).status is PaymentStatus.CANCELED

    async def test_of_a_part_in_another_currency_is_booked_as_the_provider_settles_it(
        self, store_url: str
    ) -> None:
        options = AccountOptions(
            seed="test", settlement_currency="usd", exchange_rate=(11, 10), fee_later=True
        )
        container = build_container(Settings(database=Database(url=store_url)))
        world = World(container, options)
        await world.register(currency="eur")
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()

        await capture(world, started.payment.id, 2000)
        world.clock.advance(minutes=1)
        await world.work()

        lines = world.at_stripe("/v1/balance_transactions", {"limit": 10})["data"]
        books = await world.books()
        assert sum(line["net"] for line in lines) == books[Book.PROVIDER_BALANCE, "usd"]
        assert 0 == books[Book.PROVIDER_BALANCE, "eur"]
        await container.store().close()

    async def test_cannot_be_done_twice(self, world: World) -> None:
        started = await authorize(world)
        await capture(world, started.payment.id, 2000)

        with pytest.raises(InvalidTransition):
            await capture(world, started.payment.id, 2000)

    async def test_by_fifty_at_once_takes_the_money_once(self, world: World) -> None:
        started = await authorize(world)

        results = await asyncio.gather(
            *(capture(world, started.payment.id) for _ in range(50)), return_exceptions=True
        )

        captured = [each for each in results if isinstance(each, Payment)]
        others = [each for each in results if not isinstance(each, Payment)]
        assert {each.captured.minor for each in captured} == {5000}
        assert all(isinstance(each, InvalidTransition | RequestInProgress) for each in others)
        assert len(world.charges_paid()) == 1

    async def test_that_nobody_here_asked_for_is_quarantined(self, world: World) -> None:
        started = await authorize(world)
        world.stripe_does(f"/v1/payment_intents/{started.payment.intent_id}/capture")

        await world.work()

        payment = await world.payment(started.payment.id)
        assert payment.quarantine is Quarantine.UNEXPECTED_CAPTURE
        assert (await world.order()).status is OrderStatus.OPEN

    async def test_that_the_dashboard_was_faster_with_is_quarantined_and_says_so(
        self, world: World
    ) -> None:
        started = await authorize(world)
        path = f"/v1/payment_intents/{started.payment.intent_id}/capture"
        world.stripe_does(path, {"amount_to_capture": 2000})

        for _ in range(2):
            with pytest.raises(PaymentQuarantined):
                await capture(world, started.payment.id, origin="shop|capture|k1")

    async def test_of_a_part_that_is_worth_nothing_elsewhere_is_booked_all_the_same(
        self, store_url: str
    ) -> None:
        options = AccountOptions(
            seed="test", settlement_currency="usd", exchange_rate=(1, 1000), fee_fixed=0
        )
        container = build_container(Settings(database=Database(url=store_url)))
        world = World(container, options)
        await world.register(total=50_000, currency="krw")
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()

        await capture(world, started.payment.id, 1)
        await world.work()

        assert (await world.payment(started.payment.id)).captured.minor == 1
        assert 0 == (await world.books())[Book.PROVIDER_BALANCE, "krw"]
        assert 0 == (await container.queries().health()).waiting_events
        await container.store().close()

    async def test_comes_too_late_when_the_hold_has_expired(self, world: World) -> None:
        started = await authorize(world)
        world.clock.advance(days=8)
        await world.work()

        with pytest.raises(InvalidTransition):
            await capture(world, started.payment.id)

        assert (await world.payment(started.payment.id)).status is PaymentStatus.CANCELED

    async def test_of_an_unknown_payment_is_not_found(self, world: World) -> None:
        with pytest.raises(NotFound):
            await capture(world, PaymentId("pay_none"))


class TestACancel:
    async def test_frees_the_slot_and_leaves_the_order_open(self, world: World) -> None:
        await world.register()
        first = await world.charge()

        canceled = await cancel(world, first.payment.id, "abandoned")
        second = await world.charge()

        assert canceled.status is PaymentStatus.CANCELED
        assert (await world.order()).status is OrderStatus.OPEN
        assert second.payment.id != first.payment.id

    async def test_releases_a_held_amount(self, world: World) -> None:
        started = await authorize(world)

        payment = await cancel(world, started.payment.id)

        assert payment.status is PaymentStatus.CANCELED
        assert world.charges_paid() == []

    async def test_refuses_a_payment_that_succeeded(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        world.pay(started)
        await world.work()

        with pytest.raises(InvalidTransition):
            await cancel(world, started.payment.id)

    async def test_that_meets_a_success_we_had_not_heard_of_settles_it(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        world.pay(started)

        with pytest.raises(InvalidTransition):
            await cancel(world, started.payment.id)

        assert (await world.order()).status is OrderStatus.PAID

    async def test_that_was_refused_is_refused_again_to_the_same_origin(self, world: World) -> None:
        started = await authorize(world)
        world.gateway.answers = [Declined(code="processing_error")]
        with pytest.raises(GatewayRejected):
            await cancel(world, started.payment.id, origin="shop|cancel|k1")

        with pytest.raises(GatewayRejected, match="processing_error"):
            await cancel(world, started.payment.id, origin="shop|cancel|k1")

        assert (await world.payment(started.payment.id)).status is PaymentStatus.AUTHORIZED

    async def test_knows_stripes_reasons_only(self, world: World) -> None:
        await world.register()
        started = await world.charge()

        with pytest.raises(ValidationFailed):
            await cancel(world, started.payment.id, "bored")


class TestCancelingAnOrder:
    async def test_cancels_its_intent_first(self, world: World) -> None:
        await world.register()
        await world.charge()

        order = await cancel_order(world)

        assert order.status is OrderStatus.CANCELED
        assert [intent["status"] for intent in world.intents()] == ["canceled"]

    async def test_needs_no_provider_where_there_is_no_payment(self, world: World) -> None:
        await world.register()
        world.gateway.is_down = True

        order = await cancel_order(world)

        assert order.status is OrderStatus.CANCELED

    async def test_twice_is_once(self, world: World) -> None:
        await world.register()
        await cancel_order(world)

        assert (await cancel_order(world)).status is OrderStatus.CANCELED

    async def test_that_meets_a_success_says_already_paid(self, world: World) -> None:
        await world.register()
        world.pay(await world.charge())

        with pytest.raises(OrderAlreadyPaid):
            await cancel_order(world)

        assert (await world.order()).status is OrderStatus.PAID

    async def test_stays_open_until_the_intent_is_known_to_be_canceled(self, world: World) -> None:
        await world.register()
        await world.charge()
        world.gateway.faults = [Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await cancel_order(world)

        assert (await world.order()).status is OrderStatus.OPEN

    async def test_is_not_concluded_from_news_of_something_else(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        world.gateway.faults = [Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await cancel_order(world)
        world.pay(started, DECLINED)

        await world.work()

        assert (await world.order()).status is OrderStatus.OPEN

    async def test_is_refused_while_its_payment_is_pending(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await world.charge()

        with pytest.raises(RequestInProgress):
            await cancel_order(world)

    async def test_cannot_be_charged_afterwards(self, world: World) -> None:
        await world.register()
        await cancel_order(world)

        with pytest.raises(InvalidTransition):
            await world.charge()


class TestAnAttempt:
    async def test_that_is_declined_can_be_followed_by_a_good_card(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        world.pay(started, DECLINED)
        await world.work()
        declined = await world.payment(started.payment.id)

        world.pay(started)
        await world.work()

        assert declined.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
        assert declined.error_code == "card_declined"
        assert (await world.order()).status is OrderStatus.PAID
        assert (await world.payment(started.payment.id)).error_code is None

    async def test_with_a_challenge_says_what_to_do(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        world.pay(started, CHALLENGE)

        confirmed = await world.confirm(started.payment)

        assert confirmed.payment.status is PaymentStatus.REQUIRES_ACTION
        assert confirmed.next_action is not None

    async def test_whose_challenge_fails_may_be_repeated(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        world.pay(started, CHALLENGE)
        world.answer_challenge(started, authenticated=False)

        confirmed = await world.confirm(started.payment)

        assert confirmed.payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
        assert confirmed.payment.error_code == "payment_intent_authentication_failure"

    async def test_too_many_rest_for_an_hour(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        for _ in range(DECLINES_MAXIMUM):
            world.pay(started, DECLINED)
            await world.work()

        with pytest.raises(TooManyDeclines):
            await world.charge()
        await world.recover()
        world.clock.advance(hours=1)

        again = await world.charge()
        assert again.payment.id != started.payment.id
        assert (await world.charge()).payment.id == again.payment.id

    async def test_too_many_end_the_intent_that_a_browser_could_go_on_with(
        self, world: World
    ) -> None:
        await world.register()
        started = await world.charge()
        for _ in range(DECLINES_MAXIMUM):
            world.pay(started, DECLINED)
            await world.work()

        await world.recover()
        await world.work()

        assert world.pay(started).status == 400
        assert [intent["status"] for intent in world.intents()] == ["canceled"]
        assert (await world.payment(started.payment.id)).status is PaymentStatus.CANCELED
        assert (await world.order()).status is OrderStatus.OPEN

    async def test_one_before_too_many_leaves_the_intent_alive(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        for _ in range(DECLINES_MAXIMUM - 1):
            world.pay(started, DECLINED)
            await world.work()

        await world.recover()
        world.pay(started)
        await world.work()

        assert (await world.order()).status is OrderStatus.PAID


class TestOwnership:
    async def test_a_foreign_order_is_not_found(self, world: World) -> None:
        await world.register(customer_id="c-1")

        with pytest.raises(NotFound):
            await world.container.charge_order()(
                ChargeOrderCommand(order_id=OrderId("o-1"), customer_id=CustomerId("c-2"))
            )

    async def test_a_foreign_payment_is_not_found(self, world: World) -> None:
        await world.register(customer_id="c-1")
        started = await world.charge()
        assert started.payment.intent_id is not None

        with pytest.raises(NotFound):
            await world.container.confirm_payment()(
                ConfirmPaymentCommand(
                    intent_id=started.payment.intent_id, customer_id=CustomerId("c-2")
                )
            )


async def test_another_capture_method_than_the_live_payments_is_refused(world: World) -> None:
    await world.register()
    await world.charge(capture=CaptureMethod.AUTOMATIC)

    with pytest.raises(InvalidTransition):
        await world.charge(capture=CaptureMethod.MANUAL)
