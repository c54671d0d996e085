"""Refunds: given back once, never more than was captured, and followed wherever they go."""

import asyncio
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from markethub.adapters.fake.account import AccountOptions
from markethub.adapters.fake.bank import Bank
from markethub.adapters.stripe.refunds import refund as read_refund
from markethub.domain.audit import Act
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    KeyReused,
    NotFound,
    PaymentNotRefundable,
    PlanOutdated,
    RefundExceedsCaptured,
    RefundUnresolved,
    RequestInProgress,
    ValidationFailed,
)
from markethub.domain.facts import CaptureMethod, ProviderRefund
from markethub.domain.ids import IntentId, PaymentId
from markethub.domain.ledger import Account as Book
from markethub.domain.payment import Action, Payment
from markethub.domain.ports.gateway import Declined
from markethub.domain.refund import PlanLine, RefundReason, RefundStatus
from markethub.domain.refund_plan import Precondition
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support import stripe_objects
from tests.support.faults import Crash, Fault
from tests.support.world import START, World

pytestmark = pytest.mark.anyio

FEE = 175  # 2.9 % of 50.00 and 30 minor units
PENDING_REFUND = "4000000000007726"
FAILING_REFUND = "4000000000005126"


async def now(world: World, payment: Payment) -> Payment:
    return await world.payment(payment.id)


async def cash(world: World) -> int:
    return (await world.books()).get((Book.PROVIDER_BALANCE, "usd"), 0)


def cash_at_stripe(world: World) -> int:
    lines = world.at_stripe("/v1/balance_transactions", {"limit": 100})["data"]
    return sum(line["net"] for line in lines)


async def told(world: World) -> list[str]:
    return [event.type for event in await world.container.queries().outbox()]


class TestARefund:
    async def test_gives_back_all_that_was_captured(self, world: World) -> None:
        payment = await world.paid()

        refund = await world.refund(payment, reason=RefundReason.GOODWILL, note="sorry")
        await world.work()

        assert (RefundStatus.SUCCEEDED, 5000) == (refund.status, refund.amount.minor)
        payment = await now(world, payment)
        assert (5000, 0, 0) == (
            payment.refunded.minor,
            payment.refund_reserved.minor,
            payment.amount_refundable.minor,
        )
        assert Action.REFUND not in payment.available_actions
        [stored] = await world.refunds(payment)
        assert ("ada", "sorry", RefundReason.GOODWILL) == (
            stored.actor,
            stored.note,
            stored.reason,
        )
        assert (await told(world)).count("refund.succeeded") == 1

    async def test_is_booked_once_and_the_fee_stays(self, world: World) -> None:
        payment = await world.paid()

        await world.refund(payment, 2000)
        await world.work()

        assert {
            (Book.PROVIDER_BALANCE, "usd"): 3000 - FEE,
            (Book.SALES, "usd"): -5000,
            (Book.PROCESSING_FEES, "usd"): FEE,
            (Book.REFUNDS, "usd"): 2000,
        } == await world.books()
        assert cash_at_stripe(world) == await cash(world)

    async def test_may_be_one_of_several_parts(self, world: World) -> None:
        payment = await world.paid()

        for amount in (1000, 1500, 2500):
            await world.refund(payment, amount)

        assert 5000 == (await now(world, payment)).refunded.minor
        with pytest.raises(PaymentNotRefundable):
            await world.refund(payment, 1)

    async def test_of_nothing_said_gives_back_the_rest(self, world: World) -> None:
        payment = await world.paid()
        await world.refund(payment, 1000)

        assert 4000 == (await world.refund(payment)).amount.minor

    async def test_never_exceeds_what_is_left(self, world: World) -> None:
        payment = await world.paid()
        await world.refund(payment, 3000)

        with pytest.raises(RefundExceedsCaptured):
            await world.refund(payment, 2001)

        assert 1 == len(world.refunds_at_stripe())

    @pytest.mark.parametrize("amount", [0, -1])
    async def test_of_nothing_is_refused(self, world: World, amount: int) -> None:
        payment = await world.paid()

        with pytest.raises(ValidationFailed):
            await world.refund(payment, amount)

    async def test_of_what_was_not_captured_says_to_cancel(self, world: World) -> None:
        await world.register()
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()

        with pytest.raises(PaymentNotRefundable, match="cancel"):
            await world.refund(started.payment)

        assert world.refunds_at_stripe() == []

    async def test_of_a_part_that_was_captured_gives_back_that_part(self, world: World) -> None:
        await world.register()
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()
        await world.container.capture_payment()(
            CapturePaymentCommand(payment_id=started.payment.id, amount_minor=2000)
        )

        refund = await world.refund(started.payment)
        await world.work()

        assert 2000 == refund.amount.minor
        assert cash_at_stripe(world) == await cash(world)

    async def test_of_an_unknown_payment_is_not_found(self, world: World) -> None:
        command = RefundPaymentCommand(payment_id=PaymentId("pay_none"), act=Act(actor="ada"))

        with pytest.raises(NotFound):
            await world.container.refund_payment()(command)

    async def test_tells_stripe_no_fraud(self, world: World) -> None:
        payment = await world.paid()

        await world.refund(payment, reason=RefundReason.FRAUD_SUSPECTED)

        [at_stripe] = world.refunds_at_stripe()
        assert at_stripe["reason"] is None
        assert "fraud_suspected" == at_stripe["metadata"]["markethub_refund_reason"]

    async def test_in_another_currency_is_booked_as_the_provider_settles_it(
        self, store_url: str
    ) -> None:
        options = AccountOptions(seed="test", settlement_currency="usd", exchange_rate=(11, 10))
        container = build_container(Settings(database=Database(url=store_url)))
        world = World(container, options)
        await world.register(currency="eur")
        started = await world.charge()
        world.pay(started)
        await world.work()

        await world.refund(started.payment, 2000)
        await world.work()

        books = await world.books()
        assert cash_at_stripe(world) == books[Book.PROVIDER_BALANCE, "usd"]
        assert 0 == books[Book.PROVIDER_BALANCE, "eur"]
        await container.store().close()


class TestADryRun:
    async def test_says_what_would_happen_and_does_nothing(self, world: World) -> None:
        payment = await world.paid()
        sent = len(world.gateway.sent)

        preview = await world.container.refund_payment().preview(
            RefundPaymentCommand(payment_id=payment.id, act=Act(actor="ada"), amount_minor=2000)
        )

        assert (2000, 3000) == (preview.amount.minor, preview.left.minor)
        assert await now(world, payment) == payment
        assert await world.refunds(payment) == []
        assert sent == len(world.gateway.sent)

    async def test_is_refused_while_an_earlier_refund_may_be_the_same(self, world: World) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REPLY]
        await world.refund(payment, 2000)

        with pytest.raises(RefundUnresolved):
            await world.container.refund_payment().preview(
                RefundPaymentCommand(payment_id=payment.id, act=Act(actor="ada"), amount_minor=2000)
            )

    async def test_is_refused_as_the_refund_would_be(self, world: World) -> None:
        payment = await world.paid()

        with pytest.raises(RefundExceedsCaptured):
            await world.container.refund_payment().preview(
                RefundPaymentCommand(payment_id=payment.id, act=Act(actor="ada"), amount_minor=5001)
            )


class TestTheSameRefund:
    async def test_by_the_same_origin_is_made_once(self, world: World) -> None:
        payment = await world.paid()

        first = await world.refund(payment, 2000, origin="k")
        second = await world.refund(payment, 2000, origin="k")

        assert first.id == second.id
        assert 1 == len(world.refunds_at_stripe())

    @pytest.mark.parametrize(
        ("amount", "other"), [(2000, 2001), (2000, None), (None, 5000), (None, 2000)]
    )
    async def test_by_the_same_origin_for_another_amount_is_refused(
        self, world: World, amount: int | None, other: int | None
    ) -> None:
        payment = await world.paid()
        await world.refund(payment, amount, origin="k")

        with pytest.raises(KeyReused):
            await world.refund(payment, other, origin="k")

    @pytest.mark.parametrize("said", [{"note": "sorry"}, {"reason": RefundReason.GOODWILL}])
    async def test_by_the_same_origin_for_something_else_is_refused(
        self, world: World, said: dict[str, Any]
    ) -> None:
        payment = await world.paid()
        await world.refund(payment, 2000, origin="k")

        with pytest.raises(KeyReused):
            await world.refund(payment, 2000, origin="k", **said)

    async def test_by_the_same_origin_for_all_that_is_left_is_made_once(self, world: World) -> None:
        payment = await world.paid()

        first = await world.refund(payment, origin="k")
        second = await world.refund(payment, origin="k")

        assert first.id == second.id

    async def test_that_was_refused_is_refused_again(self, world: World) -> None:
        payment = await world.paid()
        world.gateway.answers = [Declined(code="processing_error")]
        with pytest.raises(GatewayRejected):
            await world.refund(payment, 2000, origin="k")

        with pytest.raises(GatewayRejected):
            await world.refund(payment, 2000, origin="k")

        assert world.refunds_at_stripe() == []
        assert 5000 == (await now(world, payment)).amount_refundable.minor

    async def test_by_the_same_line_of_a_plan_is_made_once(self, world: World) -> None:
        payment = await world.paid()
        line = PlanLine(plan_hash="h", line=0)

        first = await world.refund(payment, 2000, plan=line)
        second = await world.refund(payment, 2000, plan=line)

        assert first.id == second.id
        assert 1 == len(world.refunds_at_stripe())

    async def test_is_not_made_where_the_payment_no_longer_stands_as_planned(
        self, world: World
    ) -> None:
        payment = await world.paid()
        planned = Precondition.of(payment)
        await world.refund(payment, 1000)

        with pytest.raises(PlanOutdated):
            await world.refund(
                payment, 2000, plan=PlanLine(plan_hash="h", line=0), precondition=planned
            )

    async def test_heard_of_by_its_own_webhook_is_one_refund(self, world: World) -> None:
        payment = await world.paid()

        async def overtake() -> None:
            """Let the webhook be here before the answer."""
            for event in world.pending_events():
                await world.deliver(event)
            await world.container.process_inbox()()

        world.gateway.after_send = overtake
        await world.refund(payment, 2000)
        await world.work()

        assert 1 == len(await world.refunds(payment))
        assert 2000 == (await now(world, payment)).refunded.minor
        assert cash_at_stripe(world) == await cash(world)


class TestFiftyAtOnce:
    async def test_end_at_the_exact_sum(self, world: World) -> None:
        payment = await world.paid()

        async def once(number: int) -> None:
            for _ in range(200):
                try:
                    await world.refund(payment, 150, origin=f"k{number}", again=True)
                except RequestInProgress:
                    continue
                except (RefundExceedsCaptured, PaymentNotRefundable):
                    return
                return

        await asyncio.gather(*(once(number) for number in range(50)))
        await world.work()

        # 33 parts of 1.50 fit into 50.00, and the rest of 0.50 stays.
        payment = await now(world, payment)
        assert (4950, 50) == (payment.refunded.minor, payment.amount_refundable.minor)
        assert [150] * 33 == [each["amount"] for each in world.refunds_at_stripe()]
        assert cash_at_stripe(world) == await cash(world)


class TestAnUnknownOutcome:
    async def test_is_pending_and_reserved_and_finished_by_recovery(self, world: World) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REPLY]

        refund = await world.refund(payment, 2000)
        before = await now(world, payment)
        await world.recover()

        assert (RefundStatus.PENDING, None) == (refund.status, refund.provider_id)
        assert (2000, 3000) == (before.refund_reserved.minor, before.amount_refundable.minor)
        after = await now(world, payment)
        assert (2000, 0) == (after.refunded.minor, after.refund_reserved.minor)
        assert 1 == len(world.refunds_at_stripe())

    async def test_of_a_request_that_never_arrived_is_sent_again(self, world: World) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REQUEST]
        await world.refund(payment, 2000)

        await world.recover()

        assert 2000 == (await now(world, payment)).refunded.minor
        assert 1 == len(world.refunds_at_stripe())

    @pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
    async def test_of_a_crash_is_finished_by_recovery(self, world: World, fault: Fault) -> None:
        payment = await world.paid()
        world.gateway.faults = [fault]
        with pytest.raises(Crash):
            await world.refund(payment, 2000)

        await world.recover()
        await world.work()

        assert 1 == len(world.refunds_at_stripe())
        assert 2000 == (await now(world, payment)).refunded.minor
        assert cash_at_stripe(world) == await cash(world)

    async def test_is_finished_by_its_webhook_alone(self, world: World) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REPLY]
        await world.refund(payment, 2000)

        await world.work()

        assert 2000 == (await now(world, payment)).refunded.minor
        health = await world.container.queries().health()
        assert 0 == health.unresolved_operations

    async def test_keeps_a_caller_without_a_key_from_refunding_the_same_again(
        self, world: World
    ) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REPLY]
        await world.refund(payment, 2000)

        with pytest.raises(RefundUnresolved):
            await world.refund(payment, 2000)

        assert 1 == len(await world.refunds(payment))

    async def test_is_finished_before_a_further_refund(self, world: World) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REPLY]
        await world.refund(payment, 2000)
        world.clock.advance(seconds=30)

        await world.refund(payment, 1000, again=True)

        assert 3000 == (await now(world, payment)).refunded.minor

    async def test_that_turns_out_refused_is_not_the_answer_to_a_further_refund(
        self, world: World
    ) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REQUEST]
        await world.refund(payment, 2000)
        world.clock.advance(seconds=30)
        world.gateway.answers = [Declined(code="processing_error")]

        refund = await world.refund(payment, 1000, again=True)

        assert (RefundStatus.SUCCEEDED, 1000) == (refund.status, refund.amount.minor)
        assert 1000 == (await now(world, payment)).refunded.minor

    @pytest.mark.parametrize("hours", [0, 24])
    async def test_that_the_dashboard_has_overtaken_ends_as_refused_or_never_made(
        self, world: World, hours: int
    ) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REQUEST]
        refund = await world.refund(payment)
        world.stripe_does("/v1/refunds", {"payment_intent": payment.intent_id})

        await world.work()
        between = await now(world, payment)
        world.clock.advance(hours=hours)
        await world.recover()
        world.clock.advance(hours=1)
        await world.recover()

        assert (5000, 0) == (between.refunded.minor, between.refund_reserved.minor)
        assert {(refund.id, RefundStatus.FAILED), (None, RefundStatus.SUCCEEDED)} == {
            (each.id if each.is_ours else None, each.status)
            for each in await world.refunds(payment)
        }
        after = await now(world, payment)
        assert (5000, 0) == (after.refunded.minor, after.amount_refundable.minor)
        assert 0 == (await world.container.queries().health()).unresolved_operations

    async def test_whose_5xx_is_stored_is_found_by_a_lookup(self, world: World) -> None:
        payment = await world.paid()
        world.account.provoke("stored_500")
        refund = await world.refund(payment, 2000)

        await world.recover()

        [stored] = await world.refunds(payment)
        assert (refund.id, RefundStatus.SUCCEEDED) == (stored.id, stored.status)
        assert 1 == len(world.refunds_at_stripe())

    async def test_whose_5xx_is_stored_without_effect_is_not_tried_again_at_once(
        self, world: World
    ) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.STORED_500]
        await world.refund(payment, 2000)

        await world.recover()
        soon = world.refunds_at_stripe()
        world.clock.advance(hours=1)
        await world.recover()
        await world.recover()

        assert soon == []
        assert [2000] == [each["amount"] for each in world.refunds_at_stripe()]
        assert 2000 == (await now(world, payment)).refunded.minor

    async def test_that_turned_up_after_its_5xx_is_not_told_as_refused(self, world: World) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.STORED_500]
        refund = await world.refund(payment)
        world.clock.advance(hours=1)
        await world.recover()
        # The provider carries it out after all, between our look and the second attempt.
        Bank(world.account).refund_in_dashboard(
            str(payment.charge_id), metadata={"markethub_refund_id": refund.id}
        )

        world.clock.advance(minutes=1)
        await world.recover()

        [found] = await world.refunds(payment)
        assert RefundStatus.SUCCEEDED is found.status
        assert "refund.failed" not in await told(world)

    async def test_whose_second_attempt_is_refused_stays_unknown_until_it_was_looked_up(
        self, world: World
    ) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.STORED_500]
        await world.refund(payment)
        world.clock.advance(hours=1)
        await world.recover()
        world.clock.advance(minutes=1)
        world.gateway.answers = [Declined(code="charge_already_refunded")]
        list_refunds = world.gateway.list_refunds

        async def unreadable(intent_id: IntentId) -> Sequence[ProviderRefund]:
            raise GatewayUnavailable("no listing")

        world.gateway.list_refunds = unreadable  # type: ignore[method-assign] # the fault itself
        await world.recover()
        between = await now(world, payment)
        world.gateway.list_refunds = list_refunds  # type: ignore[method-assign] # back again
        world.clock.advance(hours=1)
        await world.recover()

        assert 5000 == between.refund_reserved.minor
        assert 5000 == (await now(world, payment)).refunded.minor

    async def test_that_is_too_old_to_be_sent_is_looked_up(self, world: World) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REPLY]
        await world.refund(payment, 2000)
        sent = len(world.gateway.sent)
        world.clock.advance(hours=24)

        await world.recover()

        assert 2000 == (await now(world, payment)).refunded.minor
        assert sent == len(world.gateway.sent)

    async def test_that_is_too_old_and_missing_twice_has_failed_and_frees_its_amount(
        self, world: World
    ) -> None:
        payment = await world.paid()
        world.gateway.faults = [Fault.LOST_REQUEST]
        await world.refund(payment, 2000)
        world.clock.advance(hours=24)

        await world.recover()
        between = await now(world, payment)
        world.clock.advance(hours=1)
        await world.recover()

        assert 2000 == between.refund_reserved.minor
        [refund] = await world.refunds(payment)
        assert (RefundStatus.FAILED, "never_created") == (refund.status, refund.failure_reason)
        assert 5000 == (await now(world, payment)).amount_refundable.minor


class TestAtTheBank:
    async def test_a_pending_refund_settles_later(self, world: World) -> None:
        payment = await world.paid(card=PENDING_REFUND)

        refund = await world.refund(payment, 2000)
        before = await now(world, payment)
        world.clock.advance(minutes=1)
        await world.work()

        assert RefundStatus.PENDING is refund.status
        assert (0, 2000, 3000) == (
            before.refunded.minor,
            before.refund_reserved.minor,
            before.amount_refundable.minor,
        )
        after = await now(world, payment)
        assert (2000, 0) == (after.refunded.minor, after.refund_reserved.minor)

    async def test_a_refund_that_fails_after_it_succeeded_is_owed_again(self, world: World) -> None:
        payment = await world.paid(card=FAILING_REFUND)

        refund = await world.refund(payment)
        world.clock.advance(minutes=1)
        await world.work()

        assert RefundStatus.SUCCEEDED is refund.status
        [stored] = await world.refunds(payment)
        assert RefundStatus.FAILED is stored.status
        assert "expired_or_canceled_card" == stored.failure_reason
        assert 5000 == (await now(world, payment)).amount_refundable.minor
        assert 0 == (await world.books())[Book.REFUNDS, "usd"]
        assert cash_at_stripe(world) == await cash(world)
        [failed] = [
            event
            for event in await world.container.queries().outbox()
            if event.type == "refund.failed"
        ]
        assert getattr(failed, "had_succeeded", None) is True

    async def test_a_refund_made_in_the_dashboard_is_taken_over_once(self, world: World) -> None:
        payment = await world.paid()
        world.stripe_does("/v1/refunds", {"payment_intent": payment.intent_id, "amount": 1200})

        await world.work()
        await world.work()

        [refund] = await world.refunds(payment)
        assert (1200, None, RefundStatus.SUCCEEDED) == (
            refund.amount.minor,
            refund.actor,
            refund.status,
        )
        assert 1200 == (await now(world, payment)).refunded.minor
        assert cash_at_stripe(world) == await cash(world)

    async def test_a_refund_we_had_not_heard_of_is_found_when_ours_is_refused(
        self, world: World
    ) -> None:
        payment = await world.paid()
        world.stripe_does("/v1/refunds", {"payment_intent": payment.intent_id})

        with pytest.raises(PaymentNotRefundable):
            await world.refund(payment, 2000)

        payment = await now(world, payment)
        assert (5000, 0) == (payment.refunded.minor, payment.refund_reserved.minor)

    async def test_a_released_hold_that_shows_as_a_refund_is_none(self, world: World) -> None:
        await world.register()
        started = await world.charge(capture=CaptureMethod.MANUAL)
        world.pay(started)
        await world.work()
        await world.container.cancel_payment()(CancelPaymentCommand(payment_id=started.payment.id))
        await world.work()
        payment = await now(world, started.payment)
        shown = {
            "id": "re_released",
            "object": "refund",
            "amount": 5000,
            "balance_transaction": None,
            "charge": payment.charge_id,
            "created": int(START.timestamp()),
            "currency": "usd",
            "metadata": {},
            "payment_intent": payment.intent_id,
            "status": "succeeded",
        }

        async def listed(intent_id: IntentId) -> Sequence[ProviderRefund]:
            return [read_refund(shown)]

        world.gateway.list_refunds = listed  # type: ignore[method-assign] # as Stripe lists it
        await world.deliver(stripe_objects.event(shown, "refund.created", id="evt_released"))
        batch = await world.container.process_inbox()()

        assert (0, []) == (batch.failed, await world.refunds(payment))
        assert "refund.succeeded" not in await told(world)

    async def test_a_refund_that_bears_the_id_of_another_payments_is_a_strangers(
        self, world: World
    ) -> None:
        payment = await world.paid()
        other = await world.paid("o-2")
        world.gateway.answers = [Declined(code="balance_insufficient")]
        with pytest.raises(GatewayRejected):
            await world.refund(other, 1000)
        [refused] = await world.refunds(other)

        Bank(world.account).refund_in_dashboard(
            str(payment.charge_id), amount=2000, metadata={"markethub_refund_id": refused.id}
        )
        await world.work()

        assert 2000 == (await now(world, payment)).refunded.minor
        assert [refused] == await world.refunds(other)

    async def test_a_refund_heard_of_before_its_payment_waits_for_a_read(
        self, world: World
    ) -> None:
        await world.register()
        started = await world.charge()
        world.pay(started)
        world.stripe_does("/v1/refunds", {"payment_intent": started.payment.intent_id})
        events = world.pending_events()

        for event in reversed(events):
            await world.deliver(event)
            await world.container.process_inbox()()
        await world.work()

        payment = await now(world, started.payment)
        assert (5000, 5000) == (payment.captured.minor, payment.refunded.minor)
        assert cash_at_stripe(world) == await cash(world)

    async def test_a_quarantined_payment_can_be_given_back(self, world: World) -> None:
        await world.register(total=5000)
        started = await world.charge()
        world.gateway.is_down = True
        await world.register(total=7000)
        world.pay(started)
        world.gateway.is_down = False
        await world.work()
        await world.recover()

        await world.refund(started.payment)
        await world.work()

        payment = await now(world, started.payment)
        assert ("amount_mismatch", 5000) == (payment.error_code, payment.refunded.minor)


async def test_a_view_of_refunds_that_grew_old_while_it_was_fetched_is_fetched_again(
    world: World,
) -> None:
    payment = await world.paid()
    assert payment.charge_id is not None
    bank = Bank(world.account)
    bank.start_next_refund(payment.charge_id, "requires_action")
    refund_id = bank.refund_in_dashboard(payment.charge_id, amount=2000)["id"]

    async def overtake() -> None:
        """Let the refund arrive, and be seen to have, while an older view is on its way to us."""
        bank.give_details(refund_id)
        bank.settle_refund(refund_id)
        await world.container.refunds().refresh(payment.id)

    world.gateway.after_read = overtake
    await world.container.refunds().refresh(payment.id)

    [refund] = await world.refunds(payment)
    assert RefundStatus.SUCCEEDED is refund.status
    assert 2000 == (await now(world, payment)).refunded.minor


async def test_the_events_of_refunds_end_the_same_in_any_order_and_doubled() -> None:
    """The five events of a refund that came back, each twice, in every order."""
    ends = set()
    for order in permutations(range(5)):
        container = build_container(Settings(database=Database(url="memory://")))
        world = World(container)
        name = "o-" + "".join(map(str, order))
        await world.register(name)
        started = await world.charge(name)
        world.pay(started)
        await world.work()
        [payment] = await world.payments(name)
        made = world.stripe_does(
            "/v1/refunds", {"payment_intent": payment.intent_id, "amount": 2000}
        ).body
        Bank(world.account).fail_refund(made["id"])
        events = [event for event in world.pending_events() if "refund" in event["type"]]
        assert 5 == len(events)
        for index in (*order, *order):
            await world.deliver(events[index])
            await world.container.process_inbox()()
        [refund] = await world.refunds(payment)
        [payment] = await world.payments(name)
        ends.add(
            (
                refund.status,
                refund.failure_reason,
                payment.refunded.minor,
                payment.amount_refundable.minor,
            )
        )
        entries = await container.queries().ledger()
        assert 2 == sum(
            entry.payment_id == payment.id and entry.kind.value.startswith("refund")
            for entry in entries
        )
        await container.store().close()

    assert {(RefundStatus.FAILED, "unknown", 0, 5000)} == ends


async def test_a_refund_that_turned_up_is_answered_when_its_request_is_repeated(
    world: World,
) -> None:
    payment = await world.paid()
    world.gateway.faults.append(Fault.LOST_REQUEST)
    asked = await world.refund(payment, origin="storefront|POST /refunds|k-1")
    world.clock.advance(hours=23, minutes=1)
    for _ in range(3):
        await world.container.reconcile()()
        world.clock.advance(hours=1, seconds=30)
    [given_up] = await world.refunds(payment)
    assert given_up.status == "failed"
    Bank(world.account).refund_in_dashboard(
        str(payment.charge_id), metadata={"markethub_refund_id": asked.id}
    )
    await world.work()
    [turned_up] = await world.refunds(payment)
    assert turned_up.status == "succeeded"

    again = await world.refund(payment, origin="storefront|POST /refunds|k-1")

    assert turned_up == again


async def test_a_refund_that_came_back_and_is_under_way_again_has_not_arrived(
    world: World,
) -> None:
    payment = await world.paid()
    await world.refund(payment, 2000)
    await world.work()
    bank = Bank(world.account)
    [there] = world.refunds_at_stripe()
    bank.ask_for_details(there["id"])
    bank.give_details(there["id"])
    await world.work()

    [refund] = await world.refunds(payment)
    [payment] = await world.payments()
    [there] = world.refunds_at_stripe()
    assert there["status"] == refund.status.value
    assert (payment.refunded.minor, payment.refund_reserved.minor) == (0, 2000)
