"""How stored events are worked off: what fails steps aside, what sleeps too long lets go."""

from datetime import timedelta
from typing import Any

import attrs
import pytest
from dependency_injector import providers

from markethub.domain.errors import GatewayUnavailable
from markethub.domain.events import OrderPaid
from markethub.domain.facts import ReceivedEvent
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import FAILURES_MAXIMUM, PATIENCE, InboxEvent, InboxStatus
from markethub.domain.payment import PaymentStatus
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.charge_order import ChargeStarted
from markethub.domain.usecases.inbox_handler import Step
from markethub.domain.usecases.process_inbox import LEASE, InboxBatch, ProcessInbox
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.stores import claim, receive
from tests.support.world import SUCCESS, World

pytestmark = pytest.mark.anyio


@pytest.fixture
def small_world() -> World:
    """A core in memory, where many events cost little."""
    return World(build_container(Settings(database=Database(url="memory://"))))


def stored(world: World, id: str, type: str = "balance.available") -> InboxEvent:
    """Make an event without an object: unheard of, or, of a type that we know, unreadable."""
    now = world.clock.now()
    received = ReceivedEvent(
        id=EventId(id), type=type, livemode=False, created_at=now, api_version=None, payload="{}"
    )
    return InboxEvent.receive(received, livemode=False, now=now)


def poison(world: World, id: str = "evt_poison") -> InboxEvent:
    return stored(world, id, "payment_intent.succeeded")


async def found(world: World, id: str) -> InboxEvent:
    transactions: Transactions = world.container.transactions()
    event = await transactions.run(lambda tx: tx.inbox.lock(EventId(id)))
    assert event is not None
    return event


async def process(world: World) -> InboxBatch:
    return await world.container.process_inbox()()


async def deliver_all(world: World) -> int:
    """Deliver what is pending, and say how much that was."""
    events = world.pending_events()
    for event in events:
        await world.deliver(event)
    return len(events)


# --- poison --------------------------------------------------------------------------------------


async def test_one_poisoned_event_in_a_thousand_stops_none_of_the_others(
    small_world: World,
) -> None:
    world = small_world
    others = [stored(world, f"evt_{number}") for number in range(999)]
    await receive(world.container.store(), [poison(world), *others])
    batches = [await process(world)]
    while batches[-1].is_full:
        batches.append(await process(world))

    assert (999, 1) == (sum(b.ignored for b in batches), sum(b.failed for b in batches))


async def test_a_poisoned_event_is_dead_in_the_end_and_says_why(world: World) -> None:
    await receive(world.container.store(), [poison(world)])
    batches = []
    for _ in range(FAILURES_MAXIMUM):
        batches.append(await process(world))
        world.clock.advance(hours=1)
    dead = await found(world, "evt_poison")

    assert [1] * (FAILURES_MAXIMUM - 1) + [0] == [batch.failed for batch in batches]
    assert ["evt_poison"] == list(batches[-1].dead)
    assert (InboxStatus.DEAD, "ValidationFailed") == (dead.status, dead.reason)
    assert dead.error is not None
    assert dead.error.startswith("Traceback")


async def test_a_poisoned_event_does_not_block_the_later_ones_of_its_subject(world: World) -> None:
    started = await _charged(world)
    bad = poison(world)
    subject = f"{started.payment.intent_id}"
    bad = attrs.evolve(bad, event=attrs.evolve(bad.event, subject=subject))
    await receive(world.container.store(), [bad])
    later = await deliver_all(world)
    batch = await process(world)

    assert (1, later) == (batch.failed, batch.processed + batch.ignored)
    assert PaymentStatus.SUCCEEDED is (await world.payment(started.payment.id)).status


async def test_an_error_whose_message_is_no_text_stops_none_of_the_others(world: World) -> None:
    async def stumble(tx: Transaction, fact: Any) -> Step:
        raise ValueError("quotes \udc80 and \0")

    await _charged(world)
    delivered = await deliver_all(world)
    await receive(world.container.store(), [stored(world, "evt_other")])
    process_inbox = _worker(world, "wrk_1")
    handlers = dict.fromkeys(process_inbox.handlers, stumble)
    batch = await attrs.evolve(process_inbox, handlers=handlers)()

    assert batch.failed
    assert delivered + 1 == batch.failed + batch.ignored


# --- others in the way ---------------------------------------------------------------------------


async def test_an_outage_puts_events_off_and_counts_as_nobodys_failure(world: World) -> None:
    await world.paid()
    await _refunded_in_the_dashboard(world)
    await deliver_all(world)
    world.gateway.is_down = True
    batches = []
    for _ in range(FAILURES_MAXIMUM + 3):
        batches.append(await process(world))
        world.clock.advance(minutes=10)
    health = await world.container.queries().health()
    world.gateway.is_down = False
    await process(world)
    [payment] = await world.payments()

    assert all(batch.failed for batch in batches)
    assert (0, 0) == (health.failing_events, health.dead_events)
    assert 1000 == payment.refunded.minor


# --- asleep --------------------------------------------------------------------------------------


async def test_a_worker_that_slept_past_its_lease_does_nothing_more(world: World) -> None:
    started = await _charged(world)
    delivered = await deliver_all(world)
    taken: list[InboxEvent] = []

    async def sleep() -> None:
        world.clock.advance(seconds=LEASE.total_seconds())
        taken.extend(await claim(world.container.store(), now=world.clock.now(), holder="wrk_2"))

    world.gateway.after_read = sleep
    slept = await _worker(world, "wrk_1")()
    left = [await found(world, event.event.id) for event in taken]

    assert (0, delivered) == (slept.total, len(taken))
    assert taken == left
    assert PaymentStatus.REQUIRES_PAYMENT_METHOD is (await world.payment(started.payment.id)).status


async def test_a_claim_that_was_never_confirmed_is_not_kept_alive(world: World) -> None:
    await receive(world.container.store(), [stored(world, "evt_1")])
    # Committed, but the answer was lost: the process does not know that it has it.
    await claim(
        world.container.store(), now=world.clock.now(), holder=world.container.worker_name()
    )
    for _ in range(4):
        world.clock.advance(seconds=LEASE.total_seconds() / 3)
        await world.container.renew_leases()()

    assert 1 == (await process(world)).ignored


async def test_a_replay_is_not_undone_by_who_is_at_the_event_just_then(world: World) -> None:
    await _charged(world)
    [charged] = [each for each in world.pending_events() if each["type"] == "charge.succeeded"]
    await world.deliver(charged)
    world.clock.advance(seconds=PATIENCE.total_seconds())  # one more failure, and it is dead

    async def replay_and_fail() -> None:
        await world.container.replay_event()(EventId(charged["id"]))
        raise GatewayUnavailable("down")

    world.gateway.after_read = replay_and_fail
    during = await process(world)
    replayed = await found(world, charged["id"])
    after = await process(world)

    assert (0, ()) == (during.total, tuple(during.dead))
    assert (InboxStatus.PENDING, world.clock.now()) == (replayed.status, replayed.replayed_at)
    assert 1 == after.processed


async def test_an_event_that_others_finished_meanwhile_is_left_as_it_is(world: World) -> None:
    started = await _charged(world)
    await deliver_all(world)
    others: list[InboxBatch] = []

    async def sleep() -> None:
        world.clock.advance(seconds=LEASE.total_seconds())
        others.append(await _worker(world, "wrk_2")())

    world.gateway.after_read = sleep
    slept = await _worker(world, "wrk_1")()
    [paid] = [e for e in await world.container.queries().outbox() if isinstance(e, OrderPaid)]

    assert 0 == slept.total
    assert others[0].processed > 0
    assert started.payment.id == paid.payment_id


async def test_what_a_worker_had_claimed_is_free_when_it_is_cut_off(world: World) -> None:
    await _charged(world)
    await deliver_all(world)

    async def cut_off() -> None:
        raise KeyboardInterrupt

    world.gateway.after_read = cut_off
    with pytest.raises(KeyboardInterrupt):
        await _worker(world, "wrk_first")()
    batch = await _worker(world, "wrk_second")()

    assert batch.processed > 0


# --- two intents for one payment -----------------------------------------------------------------


async def test_money_on_another_intent_with_our_payments_id_is_dead_and_counted(
    world: World,
) -> None:
    started = await _charged(world)
    await world.work()
    metadata = {"markethub_payment_id": started.payment.id}
    world.stripe_does(
        "/v1/payment_intents",
        {
            "amount": 5000,
            "currency": "usd",
            "metadata": metadata,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        },
    )
    events = world.pending_events()
    for event in events:
        await world.deliver(event)
    batch = await process(world)
    world.clock.advance(seconds=(PATIENCE + timedelta(minutes=1)).total_seconds())
    await process(world)
    health = await world.container.queries().health()
    [succeeded] = [event for event in events if event["type"] == "payment_intent.succeeded"]
    dead = await found(world, succeeded["id"])

    assert batch.parked > 0
    assert (InboxStatus.DEAD, "another_intent") == (dead.status, dead.reason)
    assert (0, batch.parked) == (health.waiting_events, health.dead_events)


async def _charged(world: World) -> ChargeStarted:
    await world.register()
    started = await world.charge()
    world.pay(started, SUCCESS)
    return started


async def _refunded_in_the_dashboard(world: World) -> None:
    [intent] = world.intents()
    world.stripe_does("/v1/refunds", {"payment_intent": intent["id"], "amount": 1000})


def _worker(world: World, name: str) -> ProcessInbox:
    with world.container.worker_name.override(providers.Object(name)):
        return world.container.process_inbox()
