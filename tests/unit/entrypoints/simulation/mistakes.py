"""For each planted mistake a short story, and what is right at its end.

A story returns what is seen; errors of ours are seen by their names. What production shows is
pinned beside it, so that a story that no longer reaches the mistake fails, too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import attrs
import structlog
from dependency_injector import providers

from markethub.adapters.fake.bank import Bank
from markethub.adapters.memory.database import Database
from markethub.adapters.memory.locks import RowLocks
from markethub.adapters.memory.unit_of_work import MemoryTransaction
from markethub.domain.delivery import Answer, DeliveryStatus
from markethub.domain.errors import (
    CommitUnknown,
    GatewayUnavailable,
    PaymentsError,
    StoreUnavailable,
)
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId, EventId, LeaseId, OrderId
from markethub.domain.ledger import EntryKind
from markethub.domain.payment import Payment
from markethub.domain.ports.audit import AuditFilter
from markethub.domain.ports.inbox import Lease
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.process_inbox import LEASE
from markethub.domain.usecases.receive_event import ReceiveEventCommand
from markethub.entrypoints.simulation.secrets_said import listen, secret_in
from tests.support.faults import Crash, Fault
from tests.support.storefront import Storefront
from tests.support.told import paid as told_paid
from tests.support.told import tell
from tests.support.world import World, signed

T = TypeVar("T")
Tell = Callable[[World], Awaitable[object]]


@attrs.frozen
class Story:
    """What happens, and what must be seen then."""

    tell: Tell
    right: object


STORIES: dict[str, Story] = {}


def right(seen: object, *names: str) -> Callable[[Tell], Tell]:
    """Note a story for mistakes of these names; ``seen`` is what production shows."""

    def noted(tell: Tell) -> Tell:
        for name in names:
            STORIES[name] = Story(tell, seen)
        return tell

    return noted


async def seen(world: World, story: Story) -> object:
    """Tell the story, and say what is seen."""
    try:
        return await story.tell(world)
    except PaymentsError as error:
        return type(error).__name__


# --- helpers ----------------------------------------------------------------------------------


async def run(world: World, work: Callable[[Transaction], Awaitable[T]]) -> T:
    result: T = await world.container.transactions().run(work)
    return result


async def status_of(world: World, event_id: str) -> object:
    found = await world.container.inbox_queries().event(EventId(event_id))
    return None if found is None else found.status.value


async def refund_status(world: World, payment: Payment) -> str:
    [refund] = await world.refunds(payment)
    return refund.status.value


async def entries(world: World, kind: EntryKind) -> int:
    return sum(entry.kind is kind for entry in await world.container.queries().ledger())


def event_of(world: World, type: str) -> dict[str, Any]:
    [found] = [event for event in world.pending_events() if event["type"] == type]
    return found


async def recover_after(world: World, **amount: float) -> None:
    world.clock.advance(**amount)
    world.account.advance(int(world.clock.now().timestamp()))
    await world.recover()


async def held(world: World) -> Payment:
    """Register an order and let a card hold its amount."""
    await world.register()
    started = await world.charge(capture=CaptureMethod.MANUAL)
    world.pay(started)
    return started.payment


# --- asking -----------------------------------------------------------------------------------


@right(1, "fresh_key", "attempt_raised_at_once")
async def a_refund_whose_answer_was_lost(world: World) -> object:
    payment = await world.paid()
    world.gateway.faults = [Fault.LOST_REPLY]
    await world.refund(payment, 1000)
    await world.recover()
    return len(world.refunds_at_stripe())


@right("succeeded", "attempt_left_out", "stored_500_for_ever")
async def a_refund_that_ended_in_a_500_without_effect(world: World) -> object:
    payment = await world.paid()
    world.gateway.faults = [Fault.STORED_500]
    await world.refund(payment, 1000)
    for _ in range(4):
        await recover_after(world, hours=1)
    return await refund_status(world, payment)


@right(2, "key_of_content")
async def two_refunds_of_one_amount(world: World) -> object:
    payment = await world.paid()
    await world.refund(payment, 1000)
    with suppress(PaymentsError):
        await world.refund(payment, 1000)
    return len(world.refunds_at_stripe())


@right(1, "key_age_ignored")
async def a_refund_left_unknown_for_a_day(world: World) -> object:
    payment = await world.paid()
    world.gateway.faults = [Fault.LOST_REPLY]
    await world.refund(payment, 1000)
    await recover_after(world, hours=25)
    return len(world.refunds_at_stripe())


@right(1, "effect_before_mark")
async def a_crash_right_after_the_provider_was_asked(world: World) -> object:
    payment = await world.paid()
    world.gateway.faults = [Fault.CRASH_AFTER]
    with suppress(Crash):
        await world.refund(payment, 1000)
    return len(await world.refunds(payment))


@right("pending", "timeout_is_failure", "unknown_refund_released")
async def a_refund_that_was_not_answered(world: World) -> object:
    payment = await world.paid()
    world.gateway.faults = [Fault.LOST_REQUEST]
    with suppress(PaymentsError):
        await world.refund(payment, 1000)
    return await refund_status(world, payment)


@right("pending", "stored_500_is_failure")
async def a_refund_that_ended_in_a_500(world: World) -> object:
    payment = await world.paid()
    world.gateway.faults = [Fault.STORED_500]
    with suppress(PaymentsError):
        await world.refund(payment, 1000)
    return await refund_status(world, payment)


@right(1, "old_intent_left")
async def an_order_that_changes_its_currency(world: World) -> object:
    await world.register()
    await world.charge()
    await world.register(currency="eur")
    await world.charge()
    return sum(intent["status"] != "canceled" for intent in world.intents())


@right(2, "superseded_sent_again")
async def a_creation_that_ended_in_a_500(world: World) -> object:
    await world.register()
    world.gateway.faults = [Fault.STORED_500]
    with suppress(GatewayUnavailable):
        await world.charge()
    world.clock.advance(seconds=30)
    await world.charge()
    return len(await world.payments())


# --- receiving --------------------------------------------------------------------------------


async def _an_event(world: World) -> dict[str, Any]:
    await world.register()
    world.pay(await world.charge())
    return event_of(world, "charge.succeeded")


@right("pending", "ack_before_durable")
async def an_event_the_moment_it_is_answered(world: World) -> object:
    event = await _an_event(world)
    await world.deliver(event)
    return await status_of(world, event["id"])


class _BrokenInbox:
    async def store(self, event: object) -> bool:
        raise StoreUnavailable("no connection")


@right("StoreUnavailable", "ack_despite_error")
async def an_event_that_cannot_be_stored(world: World) -> object:
    event = await _an_event(world)
    world.container.store().inbox = _BrokenInbox()
    await world.deliver(event)
    return "answered"


@right("pending", "known_by_subject")
async def a_second_event_of_one_type_about_one_object(world: World) -> object:
    event = await _an_event(world)
    await world.deliver(event)
    await world.deliver({**event, "id": "evt_second"})
    return await status_of(world, "evt_second")


@right("ignored", "wrong_mode_applied")
async def an_event_of_the_other_mode(world: World) -> object:
    event = await _an_event(world)
    await world.deliver({**event, "livemode": True})
    return await status_of(world, event["id"])


@right("InvalidSignature", "signature_unchecked")
async def a_forged_event(world: World) -> object:
    signature = signed(b"{}", at=world.clock.now(), secret="guessed")
    body = b'{"id":"evt_1","object":"event","type":"a.b","livemode":false,"created":1}'
    command = ReceiveEventCommand(body=body, signature=signature)
    return await world.container.receive_event()(command)


@right("pending", "mark_before_effect")
async def a_crash_while_an_event_is_worked_off(world: World) -> object:
    event = await _an_event(world)
    await world.deliver(event)

    async def crash() -> None:
        raise Crash

    world.gateway.after_read = crash
    with suppress(Crash):
        await world.container.process_inbox()()
    return await status_of(world, event["id"])


@right("parked", "unknown_dropped")
async def an_event_about_something_unknown(world: World) -> object:
    event = await _an_event(world)
    about = {**event["data"]["object"], "payment_intent": "pi_unknown", "metadata": {}}
    await world.deliver({**event, "data": {"object": {**about, "id": "ch_unknown"}}})
    await world.container.process_inbox()()
    return await status_of(world, event["id"])


@right("pending", "unreadable_dropped", "dead_at_once")
async def an_event_while_the_provider_is_down(world: World) -> object:
    event = await _an_event(world)
    await world.deliver(event)
    world.gateway.is_down = True
    await world.container.process_inbox()()
    return await status_of(world, event["id"])


@right("processed", "poison_blocks")
async def an_event_behind_one_that_nobody_can_read(world: World) -> object:
    event = await _an_event(world)
    await world.deliver({**event, "id": "evt_poison", "data": {"object": {"id": 7}}})
    world.clock.advance(seconds=1)
    await world.deliver(event)
    for _ in range(3):
        with suppress(PaymentsError):
            await world.container.process_inbox()()
    return await status_of(world, event["id"])


@right(None, "lease_unfenced")
async def a_worker_that_slept_longer_than_its_lease(world: World) -> object:
    await world.deliver(await _an_event(world))
    sleeper = world.container.process_inbox()
    lease = Lease(id=LeaseId("lease"), holder="a", until=world.clock.now() + LEASE)
    [event] = await run(world, lambda tx: tx.inbox.claim(lease, now=world.clock.now(), limit=1))
    world.clock.advance(seconds=60)
    await world.container.process_inbox()()
    return await sleeper._process(event, lease.id)


@right(1, "lease_of_nobody")
async def a_claim_that_was_committed_and_never_confirmed(world: World) -> object:
    await world.deliver(await _an_event(world))
    now = world.clock.now()
    lost = Lease(id=LeaseId("lost"), holder="a", until=now + LEASE)
    await run(world, lambda tx: tx.inbox.claim(lost, now=now, limit=1))
    for _ in range(4):
        world.clock.advance(seconds=LEASE.total_seconds() / 3)
        await world.container.renew_leases()()
    return (await world.container.process_inbox()()).total


@right(1, "booked_by_event")
async def twin_events_of_a_charge(world: World) -> object:
    await world.register()
    world.pay(await world.charge())
    event = event_of(world, "payment_intent.succeeded")
    await world.deliver(event)
    await world.deliver({**event, "id": event["id"] + "twin"})
    await world.container.process_inbox()()
    return await entries(world, EntryKind.CHARGE)


@right("open", "type_trusted")
async def an_event_whose_type_is_wrong(world: World) -> object:
    await world.register()
    await world.charge()
    event = event_of(world, "payment_intent.created")
    await world.deliver({**event, "type": "payment_intent.succeeded"})
    await world.container.process_inbox()()
    return (await world.order()).status.value


@right("succeeded", "last_event_wins")
async def an_event_that_is_late(world: World) -> object:
    await world.register()
    started = await world.charge()
    created = event_of(world, "payment_intent.created")
    world.pay(started)
    await world.work()
    await world.deliver(created)
    await world.container.process_inbox()()
    return (await world.payment(started.payment.id)).status.value


# --- merging ----------------------------------------------------------------------------------


@right("authorized", "stale_read")
async def a_read_of_an_intent_that_is_late(world: World) -> object:
    await world.register()
    started = await world.charge(capture=CaptureMethod.MANUAL)
    payment = await world.payment(started.payment.id)
    assert payment.intent_id is not None
    read = await world.gateway.read_intent(payment.intent_id)
    world.pay(started)
    await world.confirm(payment)
    settlement = world.container.settlement()
    await run(
        world,
        lambda tx: settlement.apply(tx, payment.id, read, seen_version=payment.version),
    )
    return (await world.payment(payment.id)).status.value


async def _disputed(world: World) -> tuple[Payment, Bank, str]:
    payment = await world.paid()
    assert payment.charge_id is not None
    bank = Bank(world.account)
    opened = bank.open_dispute(payment.charge_id)
    await world.work()
    return payment, bank, opened["id"]


async def _dispute_status(world: World, payment: Payment) -> str:
    [dispute] = await run(world, lambda tx: tx.disputes.of_payment(payment.id))
    return dispute.status.value


@right("StaleWrite", "lost_update")
async def a_payment_written_as_it_was(world: World) -> object:
    await world.register()
    started = await world.charge()
    old = await world.payment(started.payment.id)
    await run(world, lambda tx: tx.payments.save(old))
    await run(world, lambda tx: tx.payments.save(old))
    return "written"


async def _changed_while_paid(world: World, **order: Any) -> object:
    await world.register()
    started = await world.charge()
    world.gateway.is_down = True
    with suppress(PaymentsError):
        await world.register(**order)
    world.gateway.is_down = False
    world.pay(started)
    await world.work()
    return (await world.order()).status.value


@right("open", "amount_not_compared")
async def an_order_that_costs_more_meanwhile(world: World) -> object:
    return await _changed_while_paid(world, total=6000)


@right("open", "currency_not_compared")
async def an_order_in_another_currency_meanwhile(world: World) -> object:
    return await _changed_while_paid(world, currency="eur")


@right("paid", "canceled_order_takes_money")
async def an_order_canceled_while_the_provider_is_down(world: World) -> object:
    await world.register()
    started = await world.charge()
    world.gateway.is_down = True
    with suppress(PaymentsError):
        await world.container.cancel_order()(CancelOrderCommand(order_id=OrderId("o-1")))
    world.gateway.is_down = False
    world.pay(started)
    await world.work()
    assert (await world.payment(started.payment.id)).quarantine is None
    return (await world.order()).status.value


@right("open", "authorized_is_paid")
async def a_card_that_holds_the_amount(world: World) -> object:
    await held(world)
    await world.work()
    return (await world.order()).status.value


@right("canceled", "strays_left")
async def an_intent_that_turns_up_late(world: World) -> object:
    await world.register()
    world.gateway.faults = [Fault.STORED_500]
    with suppress(GatewayUnavailable):
        await world.charge()
    [payment] = await world.payments()
    ours = {"markethub_payment_id": payment.id, "markethub_order_id": payment.order_id}
    params = {"amount": 5000, "currency": "usd", "metadata": ours}
    made = world.stripe_does("/v1/payment_intents", params).body
    await world.work()
    await recover_after(world, hours=1)
    await world.container.cancel_abandoned()()
    return world.at_stripe(f"/v1/payment_intents/{made['id']}")["status"]


@right("won", "late_win_ignored")
async def a_dispute_that_is_won_after_it_was_lost(world: World) -> object:
    payment, bank, opened = await _disputed(world)
    bank.lose_dispute(opened)
    await world.work()
    bank.win_dispute(opened)
    await world.work()
    return await _dispute_status(world, payment)


# --- money back -------------------------------------------------------------------------------


@attrs.frozen
class _Dawdling:
    """Transactions before each of which others have a turn."""

    inner: Any

    async def run(self, work: Any) -> Any:
        await asyncio.sleep(0)
        return await self.inner.run(work)


@right(1, "check_then_act")
async def two_refunds_at_once(world: World) -> object:
    payment = await world.paid()
    inner = world.container.store.provided.transactions
    world.container.transactions.override(providers.Factory(_Dawdling, inner))
    await asyncio.gather(
        world.refund(payment, 3000, again=True),
        world.refund(payment, 3000, again=True),
        return_exceptions=True,
    )
    return len(await world.refunds(payment))


@right(1, "no_reservation")
async def a_refund_beside_one_under_way(world: World) -> object:
    payment = await world.paid()
    assert payment.charge_id is not None
    Bank(world.account).start_next_refund(payment.charge_id, "pending")
    await world.refund(payment, 3000)
    with suppress(PaymentsError):  # Stripe refuses it, too
        await world.refund(payment, 3000)
    return len(await world.refunds(payment))


@right(0, "refund_in_dispute")
async def a_refund_while_a_chargeback_is_open(world: World) -> object:
    payment, _, _ = await _disputed(world)
    with suppress(PaymentsError):  # Stripe refuses it, too
        await world.refund(payment, 1000)
    return len(await world.refunds(payment))


@right(1, "origin_ignored")
async def a_refund_that_its_caller_repeats(world: World) -> object:
    payment = await world.paid()
    await world.refund(payment, 1000, origin="ada 1")
    await world.refund(payment, 1000, origin="ada 1")
    return len(world.refunds_at_stripe())


@right("failed", "refund_failure_ignored")
async def a_refund_that_comes_back(world: World) -> object:
    payment = await world.paid()
    refund = await world.refund(payment, 1000)
    assert refund.provider_id is not None
    Bank(world.account).fail_refund(refund.provider_id)
    await world.work()
    return await refund_status(world, payment)


@right(1, "dashboard_ignored")
async def a_refund_in_the_dashboard(world: World) -> object:
    payment = await world.paid()
    assert payment.charge_id is not None
    Bank(world.account).refund_in_dashboard(payment.charge_id, amount=1000)
    await world.work()
    return len(await world.refunds(payment))


@right(1, "closing_moves_money")
async def a_dispute_that_is_open(world: World) -> object:
    await _disputed(world)
    return await entries(world, EntryKind.DISPUTE_WITHDRAWN)


@right(1, "fee_twice")
async def a_charge(world: World) -> object:
    await world.paid()
    return await entries(world, EntryKind.FEE)


@right(1, "partial_fee_lost")
async def a_charge_captured_in_part(world: World) -> object:
    payment = await held(world)
    await world.work()
    command = CapturePaymentCommand(payment_id=payment.id, amount_minor=2000)
    await world.container.capture_payment()(command)
    await world.work()
    return await entries(world, EntryKind.FEE)


# --- telling ----------------------------------------------------------------------------------


async def _something_to_tell(world: World) -> Storefront:
    storefront = Storefront()
    world.container.publisher.override(providers.Object(storefront))
    await tell(world.container.store(), "o-1", told_paid(at=world.clock.now()))
    return storefront


async def _delivery_status(world: World) -> DeliveryStatus:
    page = await world.container.delivery_queries().deliveries()
    status: DeliveryStatus = page.items[0].delivery.status
    return status


@right(DeliveryStatus.PENDING, "told_once")
async def a_message_that_is_refused(world: World) -> object:
    storefront = await _something_to_tell(world)
    storefront.answer = lambda _: Answer(status=503, duration_ms=1)
    await world.container.relay_outbox()()
    return await _delivery_status(world)


@right(DeliveryStatus.PENDING, "marked_before_told")
async def a_crash_while_a_message_is_sent(world: World) -> object:
    storefront = await _something_to_tell(world)

    async def crash() -> None:
        raise Crash

    storefront.meanwhile = crash
    with suppress(Crash):
        await world.container.relay_outbox()()
    return await _delivery_status(world)


@right(1, "id_per_attempt")
async def a_message_that_is_sent_again(world: World) -> object:
    storefront = await _something_to_tell(world)
    storefront.answer = lambda _: Answer(status=503, duration_ms=1)
    for _ in range(2):
        await world.container.relay_outbox()()
        world.clock.advance(hours=1)
    assert len(storefront.told) == 2
    return len({message.id for message in storefront.told})


@attrs.frozen
class _Unheard:
    """Transactions whose commit nobody hears of; none was committed."""

    async def run(self, work: Any) -> Any:
        await work(MemoryTransaction(Database(), RowLocks()))
        raise CommitUnknown("the connection died at COMMIT")


@right("CommitUnknown", "commit_unknown_is_done")
async def a_commit_that_nobody_heard_of(world: World) -> object:
    world.container.store().transactions = _Unheard()
    return (await world.register()).status.value


@right("NotFound", "owner_ignored")
async def a_stranger_asks_for_a_payment(world: World) -> object:
    await world.register(customer_id="c-1")
    started = await world.charge()
    assert started.payment.intent_id is not None
    command = ConfirmPaymentCommand(
        intent_id=started.payment.intent_id, customer_id=CustomerId("c-2")
    )
    return (await world.container.confirm_payment()(command)).payment.status.value


@right(["refund.request"], "act_unwritten")
async def money_that_is_given_back(world: World) -> object:
    payment = await world.paid()
    await world.refund(payment, 1000)
    page = await world.container.audit_queries().entries(AuditFilter(payment_id=payment.id))
    return [line.action.value for line in page.items]


@right(None, "secret_logged")
async def a_charge_that_is_begun(world: World) -> object:
    before = structlog.get_config()
    lines: list[str] = []
    listen(lines.append)
    try:
        await world.register()
        await world.charge()
    finally:
        structlog.configure(**before)
    return secret_in("\n".join(lines))
