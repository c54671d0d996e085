"""What a charge must survive: lost replies, crashes, races, and events in any order.

Each test runs on every store. The invariant behind all of them: at most one charge at the
provider for an order, and a true status once things have calmed down.
"""

import asyncio
from itertools import permutations
from typing import Any

import pytest

from markethub.adapters.memory.store import MemoryStore
from markethub.domain.errors import (
    GatewayUnavailable,
    InvalidTransition,
    OrderAlreadyPaid,
    PaymentQuarantined,
    RequestInProgress,
)
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import OrderId, PaymentId
from markethub.domain.ledger import Account as Book
from markethub.domain.operation import Operation
from markethub.domain.order import OrderStatus
from markethub.domain.payment import PaymentStatus, Quarantine
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.settlement import Asked
from tests.support.faults import Crash, Fault
from tests.support.world import CHALLENGE, DECLINED, World

pytestmark = pytest.mark.anyio

FEE = 175  # 2.9 % of 50.00 and 30 minor units


async def assert_paid_once(world: World) -> None:
    """Exactly one charge at the provider, one paid order here, and books that say the same."""
    assert len(world.charges_paid()) == 1
    assert (await world.order()).status is OrderStatus.PAID
    assert await world.books() == {
        (Book.PROVIDER_BALANCE, "usd"): 5000 - FEE,
        (Book.SALES, "usd"): -5000,
        (Book.PROCESSING_FEES, "usd"): FEE,
    }


async def test_a_paid_order_is_booked_with_its_fee(world: World) -> None:
    await world.register()
    world.pay(await world.charge())

    await world.work()

    await assert_paid_once(world)


async def test_fifty_concurrent_calls_make_one_payment_and_one_intent(world: World) -> None:
    await world.register()

    started = await asyncio.gather(*(world.charge() for _ in range(50)))

    assert len({each.payment.id for each in started}) == 1
    assert len(world.intents()) == 1


class TestALostReply:
    async def test_leaves_the_payment_pending_and_nobody_is_told_failed(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REPLY]

        with pytest.raises(GatewayUnavailable):
            await world.charge()

        [payment] = await world.payments()
        assert payment.status is PaymentStatus.PENDING
        assert payment.failure is None

    async def test_is_finished_by_the_same_call_under_the_same_key(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await world.charge()

        started = await world.charge()

        assert [intent["id"] for intent in world.intents()] == [started.payment.intent_id]
        assert len({key for _, key in world.gateway.sent}) == 1

    async def test_is_finished_by_recovery(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await world.charge()

        await world.recover()

        [payment] = await world.payments()
        assert payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
        assert [intent["id"] for intent in world.intents()] == [payment.intent_id]

    async def test_is_finished_by_the_webhook_alone(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await world.charge()

        await world.work()

        [payment] = await world.payments()
        assert payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD

    async def test_of_a_capture_ends_with_one_capture(self, world: World) -> None:
        await world.register()
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()
        world.gateway.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await world.container.capture_payment()(
                CapturePaymentCommand(payment_id=started.payment.id)
            )

        await world.recover()
        await world.work()

        await assert_paid_once(world)

    async def test_of_a_request_that_never_arrived_is_sent_again(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await world.charge()

        await world.recover()
        world.pay(await world.charge())
        await world.work()

        await assert_paid_once(world)


class TestAStored500:
    async def test_is_settled_by_a_lookup_where_the_effect_took_place(self, world: World) -> None:
        await world.register()
        world.account.provoke("stored_500")

        # The repetition under the same key replays the 500: only the lookup tells.
        started = await world.charge()
        world.pay(started)
        await world.work()

        assert len(world.intents()) == 1
        await assert_paid_once(world)

    async def test_without_effect_is_followed_by_a_new_payment(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.STORED_500]
        with pytest.raises(GatewayUnavailable):
            await world.charge()
        world.clock.advance(seconds=10)

        started = await world.charge()
        world.pay(started)
        await world.work()

        assert len(world.intents()) == 1
        await assert_paid_once(world)

    async def test_of_an_outage_asks_the_provider_once_in_a_while(self, world: World) -> None:
        await world.register()
        for _ in range(3):
            for _ in range(5):
                world.gateway.faults = [Fault.STORED_500]
                with pytest.raises(GatewayUnavailable):
                    await world.charge()
            world.clock.advance(seconds=10)

        assert 3 == len(await world.payments())
        assert [] == list(await world.container.queries().outbox())

    async def test_without_effect_is_ended_by_recovery(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.CRASH_BEFORE]
        with pytest.raises(Crash):
            await world.charge()
        world.gateway.faults = [Fault.STORED_500]

        await world.recover()

        assert (await world.register(total=7000)).total.minor == 7000

    async def test_that_the_provider_carries_out_afterwards_leaves_one_intent_alive(
        self, world: World
    ) -> None:
        await world.register()
        world.gateway.faults = [Fault.STORED_500]
        with pytest.raises(GatewayUnavailable):
            await world.charge()
        world.clock.advance(seconds=10)
        started = await world.charge()
        [superseded] = [p for p in await world.payments() if p.id != started.payment.id]
        world.stripe_does(
            "/v1/payment_intents",
            {
                "amount": 5000,
                "currency": "usd",
                "metadata": {
                    "markethub_payment_id": superseded.id,
                    "markethub_order_id": "o-1",
                    "markethub_customer_id": "c-1",
                },
            },
        )

        await world.work()
        await world.recover()
        await world.work()

        assert sorted(i["status"] for i in world.intents()) == [
            "canceled",
            "requires_payment_method",
        ]
        world.pay(started)
        await world.work()
        assert (await world.order()).paid_by == started.payment.id

    async def test_of_a_capture_ends_with_one_capture(self, world: World) -> None:
        await world.register()
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()
        world.account.provoke("stored_500")
        capture = CapturePaymentCommand(payment_id=started.payment.id)
        await world.container.capture_payment()(capture)
        await world.work()

        await assert_paid_once(world)

    async def test_that_two_look_for_begins_one_further_attempt(self, world: World) -> None:
        await world.register()
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()
        world.gateway.faults = [Fault.CRASH_BEFORE]
        with pytest.raises(Crash):
            await world.container.capture_payment()(
                CapturePaymentCommand(payment_id=started.payment.id)
            )
        first = await _unresolved(world, started.payment.id)
        world.gateway.faults = [Fault.STORED_500, Fault.STORED_500]
        for _ in range(2):
            with pytest.raises(GatewayUnavailable):
                await world.container.drive()(Asked(operation=first, payment_version=0))

        assert (await _unresolved(world, started.payment.id)).attempt == first.attempt + 1


async def _unresolved(world: World, payment_id: PaymentId) -> Operation:
    found = await world.container.transactions().run(
        lambda tx: tx.operations.unresolved(payment_id)
    )
    assert isinstance(found, Operation)
    return found


class TestACrash:
    @pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
    async def test_between_the_two_transactions_is_finished_by_recovery(
        self, world: World, fault: Fault
    ) -> None:
        await world.register()
        world.gateway.faults = [fault]
        with pytest.raises(Crash):
            await world.charge()

        await world.recover()
        world.pay(await world.charge())
        await world.work()

        assert len(world.intents()) == 1
        await assert_paid_once(world)

    @pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
    async def test_in_a_capture_is_finished_by_recovery(self, world: World, fault: Fault) -> None:
        await world.register()
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()
        world.gateway.faults = [fault]
        with pytest.raises(Crash):
            await world.container.capture_payment()(
                CapturePaymentCommand(payment_id=started.payment.id)
            )

        await world.recover()
        await world.work()

        await assert_paid_once(world)

    async def test_in_the_canceling_of_an_order_is_finished_by_recovery(self, world: World) -> None:
        await world.register()
        await world.charge()
        world.gateway.faults = [Fault.CRASH_AFTER]
        with pytest.raises(Crash):
            await world.container.cancel_order()(CancelOrderCommand(order_id=OrderId("o-1")))

        await world.recover()

        assert (await world.order()).status is OrderStatus.CANCELED
        assert [intent["status"] for intent in world.intents()] == ["canceled"]


class TestAnOldUnknownOutcome:
    async def test_is_looked_up_and_never_sent_again_after_23_hours(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await world.charge()
        world.clock.advance(hours=25)
        world.account.advance(int(world.clock.now().timestamp()))

        await world.recover()

        [payment] = await world.payments()
        assert payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
        assert len(world.intents()) == 1
        assert len(world.gateway.sent) == 1

    async def test_is_closed_after_two_empty_listings_an_hour_apart(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await world.charge()
        world.clock.advance(hours=24)

        await world.recover()
        [after_one] = await world.payments()
        world.clock.advance(hours=1)
        await world.recover()
        [after_two] = await world.payments()

        assert after_one.status is PaymentStatus.PENDING
        assert after_two.status is PaymentStatus.CANCELED
        assert after_two.error_code == "never_created"

    async def test_that_turns_up_after_it_was_closed_is_canceled(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await world.charge()
        [closed] = await self._close(world)
        self._create_late(world, closed.id)

        await world.work()
        await world.recover()
        await world.work()

        assert [intent["status"] for intent in world.intents()] == ["canceled"]
        assert (await world.payment(closed.id)).status is PaymentStatus.CANCELED
        told = [event.type for event in await world.container.queries().outbox()]
        assert told == ["payment.canceled"]

    async def test_that_nobody_foresaw_does_not_keep_the_others_waiting(self, world: World) -> None:
        world.gateway.faults = [Fault.LOST_REQUEST] * 3
        for order_id in ("o-1", "o-2", "o-3"):
            await world.register(order_id)
            with pytest.raises(GatewayUnavailable):
                await world.charge(order_id)
        world.gateway.is_down = True
        world.clock.advance(seconds=30)
        unknown = await world.container.reconcile()()
        world.gateway.is_down = False
        world.clock.advance(seconds=30)
        world.gateway.stumbles = [ZeroDivisionError("unforeseen")]

        with pytest.raises(ExceptionGroup) as stumbled:
            await world.container.reconcile()()

        assert (0, 3) == (unknown.resolved, unknown.unresolved)
        assert [ZeroDivisionError] == [type(each) for each in stumbled.value.exceptions]
        assert len(world.intents()) == 2

    async def test_that_turns_up_paid_is_quarantined(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REQUEST]
        with pytest.raises(GatewayUnavailable):
            await world.charge()
        [closed] = await self._close(world)
        intent = self._create_late(world, closed.id)
        world.stripe_does(
            f"/v1/payment_intents/{intent['id']}/confirm", {"payment_method": "pm_card_visa"}
        )

        await world.work()

        late = await world.payment(closed.id)
        assert late.quarantine is Quarantine.UNEXPECTED_CAPTURE
        assert (await world.order()).status is OrderStatus.OPEN

    async def _close(self, world: World) -> list[Any]:
        world.clock.advance(hours=24)
        await world.recover()
        world.clock.advance(hours=1)
        await world.recover()
        return await world.payments()

    def _create_late(self, world: World, payment_id: PaymentId) -> dict[str, Any]:
        """Roll the request forward that everybody had given up."""
        response = world.stripe_does(
            "/v1/payment_intents",
            {
                "amount": 5000,
                "currency": "usd",
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "metadata": {
                    "markethub_payment_id": payment_id,
                    "markethub_order_id": "o-1",
                    "markethub_customer_id": "c-1",
                },
            },
        )
        assert response.status == 200, response.body
        return dict(response.body)


class TestAnEvent:
    async def test_may_arrive_before_the_response(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await world.charge()
        [intent] = world.intents()
        paid = world.stripe_does(
            f"/v1/payment_intents/{intent['id']}/confirm",
            {"payment_method": "pm_card_visa", "return_url": "https://shop.example/back"},
        )
        assert paid.status == 200
        await world.work()

        with pytest.raises(OrderAlreadyPaid):
            await world.charge()

        await assert_paid_once(world)

    async def test_may_arrive_twice_and_concurrently(self, world: World) -> None:
        await world.register()
        world.pay(await world.charge())
        events = world.pending_events()

        stored = await asyncio.gather(*(world.deliver(e) for e in events for _ in range(3)))
        await asyncio.gather(*(world.container.process_inbox()() for _ in range(4)))
        await world.work()

        assert sum(stored) == len(events)
        await assert_paid_once(world)

    async def test_may_have_a_twin_about_the_same_change(self, world: World) -> None:
        await world.register()
        world.pay(await world.charge())
        for event in world.pending_events():
            await world.deliver(event)
            await world.deliver({**event, "id": f"{event['id']}_twin"})

        await world.work()

        await assert_paid_once(world)

    async def test_of_success_never_pays_what_the_object_denies(self, world: World) -> None:
        await world.register()
        await world.charge()
        [created] = [e for e in world.pending_events() if e["type"] == "payment_intent.created"]
        await world.deliver({**created, "id": "evt_lie", "type": "payment_intent.succeeded"})

        await world.work()

        assert (await world.order()).status is OrderStatus.OPEN
        assert await world.books() == {}

    async def test_of_failure_does_not_hide_that_the_object_succeeded(self, world: World) -> None:
        await world.register()
        world.pay(await world.charge())
        [won] = [e for e in world.pending_events() if e["type"] == "payment_intent.succeeded"]
        await world.deliver({**won, "type": "payment_intent.payment_failed"})

        await world.work()

        await assert_paid_once(world)

    async def test_of_success_that_names_no_charge_is_booked_from_a_read(
        self, world: World
    ) -> None:
        await world.register()
        world.pay(await world.charge())
        [won] = [e for e in world.pending_events() if e["type"] == "payment_intent.succeeded"]
        intent = {**won["data"]["object"], "latest_charge": None}
        await world.deliver({**won, "data": {"object": intent}})

        await world.work()

        await assert_paid_once(world)

    async def test_of_the_other_mode_changes_nothing(self, world: World) -> None:
        await world.register()
        world.pay(await world.charge())
        for event in world.pending_events():
            await world.deliver({**event, "livemode": True})

        await world.work()

        assert (await world.order()).status is OrderStatus.OPEN

    async def test_about_an_intent_of_others_is_parked_and_ignored_after_three_days(
        self, world: World
    ) -> None:
        world.stripe_does("/v1/payment_intents", {"amount": 700, "currency": "usd"})
        [event] = world.pending_events()
        await world.deliver(event)

        first = await world.container.process_inbox()()
        world.clock.advance(hours=73)
        last = await world.container.process_inbox()()

        assert first.parked == 1
        assert last.ignored == 1

    async def test_about_a_second_intent_of_a_payment_ends_in_the_dead_letter(
        self, world: World
    ) -> None:
        await world.register()
        started = await world.charge()
        ours = world.intents()[0]["metadata"]
        world.stripe_does(
            "/v1/payment_intents",
            {
                "amount": 5000,
                "currency": "usd",
                "confirm": "true",
                "payment_method": "pm_card_visa",
                "metadata": ours,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            },
        )
        await world.work()
        parked = (await world.container.queries().health()).waiting_events

        world.clock.advance(hours=72)
        last = await world.container.process_inbox()()

        assert (parked, parked) == (len(last.dead), last.total)
        assert parked > 0
        assert (await world.container.queries().health()).waiting_events == 0
        assert (await world.payment(started.payment.id)).intent_id == started.payment.intent_id
        assert (await world.order()).status is OrderStatus.OPEN

    async def test_from_before_what_is_known_does_not_turn_it_back(self, world: World) -> None:
        await world.register()
        started = await world.charge()
        world.pay(started, CHALLENGE)
        early = world.pending_events()
        world.answer_challenge(started, authenticated=True)
        await world.confirm(started.payment)
        for event in early:
            await world.deliver(event)

        await world.work()

        await assert_paid_once(world)

    async def test_set_in_any_order_gives_the_same_books(self, world: World) -> None:
        """A decline and a success: five events, delivered in every order to memory."""
        every = 1 if isinstance(world.container.store(), MemoryStore) else 12
        orders = list(permutations(range(5)))[::every]
        for number, order in enumerate(orders):
            await world.register(f"o-{number}")
            started = await world.charge(f"o-{number}")
            world.pay(started, DECLINED)
            world.pay(started)
            events = world.pending_events()
            assert len(events) == 5
            for position in order:
                await world.deliver(events[position])
                await world.container.process_inbox()()

        paid = [await world.order(f"o-{number}") for number in range(len(orders))]
        assert {order.status for order in paid} == {OrderStatus.PAID}
        assert await world.books() == {
            (Book.PROVIDER_BALANCE, "usd"): (5000 - FEE) * len(orders),
            (Book.SALES, "usd"): -5000 * len(orders),
            (Book.PROCESSING_FEES, "usd"): FEE * len(orders),
        }


class TestAnOrderThatChanges:
    async def test_takes_its_intent_along(self, world: World) -> None:
        await world.register(total=5000)
        first = await world.charge()

        await world.register(total=7000)
        second = await world.charge()

        assert second.payment.id == first.payment.id
        assert [intent["amount"] for intent in world.intents()] == [7000]

    async def test_replaces_an_intent_that_waits_for_a_challenge(self, world: World) -> None:
        await world.register(total=5000)
        first = await world.charge()
        world.pay(first, CHALLENGE)
        await world.confirm(first.payment)

        await world.register(total=7000)
        second = await world.charge()

        assert second.payment.id != first.payment.id
        assert sorted((i["amount"], i["status"]) for i in world.intents()) == [
            (5000, "canceled"),
            (7000, "requires_payment_method"),
        ]

    @pytest.mark.parametrize("change", [{"currency": "eur"}, {"customer_id": "c-2"}])
    async def test_of_currency_or_customer_replaces_the_intent(
        self, world: World, change: dict[str, str]
    ) -> None:
        await world.register()
        first = await world.charge()

        await world.register(**change)  # type: ignore[arg-type]  # only string arguments here
        second = await world.charge()

        assert second.payment.id != first.payment.id
        assert sorted(i["status"] for i in world.intents()) == [
            "canceled",
            "requires_payment_method",
        ]

    async def test_cannot_be_paid_with_the_old_amount_unnoticed(self, world: World) -> None:
        await world.register(total=5000)
        started = await world.charge()
        world.gateway.is_down = True
        await world.register(total=7000)
        world.pay(started)
        world.gateway.is_down = False

        await world.work()
        await world.recover()

        [payment] = await world.payments()
        assert payment.status is PaymentStatus.SUCCEEDED
        assert payment.error_code == "amount_mismatch"
        assert (await world.order()).status is OrderStatus.OPEN
        with pytest.raises(PaymentQuarantined):
            await world.charge()

    async def test_is_found_paid_before_its_total_is_touched(self, world: World) -> None:
        await world.register(total=5000)
        world.pay(await world.charge())

        with pytest.raises(OrderAlreadyPaid):
            await world.register(total=7000)

        order = await world.order()
        assert (OrderStatus.PAID, 5000) == (order.status, order.total.minor)

    async def test_is_found_authorized_before_its_total_is_touched(self, world: World) -> None:
        await world.register(total=5000)
        world.pay(await world.charge(capture=CaptureMethod.MANUAL))

        with pytest.raises(InvalidTransition):
            await world.register(total=7000)

        assert (await world.order()).total.minor == 5000

    async def test_while_its_customer_pays_is_quarantined_and_says_so(self, world: World) -> None:
        await world.register(total=5000)
        started = await world.charge()

        async def customer_pays() -> None:
            world.pay(started)

        world.gateway.after_read = customer_pays

        with pytest.raises(PaymentQuarantined):
            await world.register(total=7000)

        assert (await world.payment(started.payment.id)).error_code == "amount_mismatch"
        assert (await world.order()).status is OrderStatus.OPEN

    async def test_while_its_card_is_authorized_says_that_the_intent_did_not_follow(
        self, world: World
    ) -> None:
        await world.register(total=5000)
        started = await world.charge(capture=CaptureMethod.MANUAL)

        async def customer_confirms() -> None:
            world.pay(started)

        world.gateway.after_read = customer_confirms

        with pytest.raises(InvalidTransition):
            await world.register(total=7000)

        assert (await world.payment(started.payment.id)).status is PaymentStatus.AUTHORIZED

    async def test_waits_while_its_payment_is_pending(self, world: World) -> None:
        await world.register()
        world.gateway.faults = [Fault.LOST_REPLY]
        with pytest.raises(GatewayUnavailable):
            await world.charge()

        with pytest.raises(RequestInProgress):
            await world.register(total=7000)

        assert (await world.order()).total.minor == 5000


async def test_a_view_that_grew_old_while_it_was_fetched_is_fetched_again(world: World) -> None:
    await world.register()
    started = await world.charge()

    async def overtake() -> None:
        """Let the challenge begin, and be seen, while an older view is on its way to us."""
        world.pay(started, CHALLENGE)
        await world.confirm(started.payment)

    world.gateway.after_read = overtake
    confirmed = await world.confirm(started.payment)

    assert confirmed.payment.status is PaymentStatus.REQUIRES_ACTION
    assert (await world.payment(started.payment.id)).status is PaymentStatus.REQUIRES_ACTION
