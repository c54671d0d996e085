"""What every store promises of the inbox, and of the stamp."""

from datetime import timedelta

import anyio
import attrs
import pytest

from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ports.stamp import Stamp
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import START, Store, event, later, receive

pytestmark = pytest.mark.anyio

EVT1 = EventId("evt_1")


async def stored(store: Store, id: EventId = EVT1) -> InboxEvent | None:
    """Return a stored event."""
    return await store.transactions.run(lambda tx: tx.inbox.lock(id))


# --- storing ------------------------------------------------------------------------------------


async def test_a_new_event_is_stored_with_every_field(store: Store) -> None:
    received = event(payload='{"id": "evt_1", "text": "ü☕"}', now=later(microseconds=1))

    assert await store.inbox.store(received)
    assert received == await stored(store)


async def test_an_event_that_is_there_already_stays_as_it_is(store: Store) -> None:
    first = event(payload='{"first": true}')

    assert await store.inbox.store(first)
    assert not await store.inbox.store(event(payload='{"first": false}', now=later(hours=1)))
    assert first == await stored(store)


async def test_an_event_that_was_processed_is_not_stored_again(store: Store) -> None:
    await receive(store, [event().process(now=later(seconds=1))])

    assert not await store.inbox.store(event())
    assert event().process(now=later(seconds=1)) == await stored(store)


async def test_of_twenty_concurrent_stores_of_an_event_one_is_new(store: Store) -> None:
    new: list[bool] = []

    async def deliver() -> None:
        new.append(await store.inbox.store(event()))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(deliver)

    assert [False] * 19 + [True] == sorted(new)
    assert 1 == (await store.queries.health()).waiting_events


async def test_concurrent_events_are_all_stored(store: Store) -> None:
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(store.inbox.store, event(f"evt_{number}"))

    assert 20 == (await store.queries.health()).waiting_events


async def test_an_event_without_an_api_version_is_stored(store: Store) -> None:
    received = attrs.evolve(event(), event=attrs.evolve(event().event, api_version=None))
    await store.inbox.store(received)

    assert received == await stored(store)


# --- processing ---------------------------------------------------------------------------------


async def test_an_event_nobody_stored_is_not_found(store: Store) -> None:
    assert await stored(store) is None


@pytest.mark.parametrize("status", InboxStatus)
async def test_what_became_of_an_event_is_kept(store: Store, status: InboxStatus) -> None:
    await store.inbox.store(event())
    seen = attrs.evolve(
        event(),
        status=status,
        reason="a reason",
        attempts=7,
        next_attempt_at=later(hours=1),
        updated_at=later(seconds=1, microseconds=1),
    )
    await store.transactions.run(lambda tx: tx.inbox.save(seen))

    assert seen == await stored(store)


async def test_a_transaction_sees_what_it_made_of_an_event(store: Store) -> None:
    await store.inbox.store(event())
    processed = event().process(now=later(seconds=1))

    async def work(tx: Transaction) -> tuple[InboxEvent | None, list[EventId]]:
        await tx.inbox.save(processed)
        return await tx.inbox.lock(EVT1), list(await tx.inbox.due(now=later(days=9), limit=9))

    assert (processed, []) == await store.transactions.run(work)


async def test_due_events_are_waiting_and_come_oldest_first(store: Store) -> None:
    ages = {"future": -1, "second": 20, "first": 30, "third": 0}
    made = [event(f"evt_{name}", now=START - timedelta(seconds=age)) for name, age in ages.items()]
    parked = event("evt_parked", now=START - timedelta(seconds=40)).park(
        "unknown_object", ours=True, now=START - timedelta(seconds=15)
    )
    old = START - timedelta(seconds=50)
    await receive(store, [*made, parked])
    await receive(
        store,
        [
            event("evt_processed", now=old).process(now=START),
            event("evt_ignored", now=old).ignore("unhandled_type", now=START),
            attrs.evolve(event("evt_dead", now=old), status=InboxStatus.DEAD, reason="x"),
        ],
    )

    async def due(tx: Transaction) -> list[list[EventId]]:
        return [
            list(await tx.inbox.due(now=START, limit=10)),
            list(await tx.inbox.due(now=START, limit=2)),
            list(await tx.inbox.due(now=START - timedelta(microseconds=1), limit=10)),
        ]

    # The parked one is retried five seconds after it was parked: ten seconds ago.
    assert [
        ["evt_first", "evt_second", "evt_parked", "evt_third"],
        ["evt_first", "evt_second"],
        ["evt_first", "evt_second", "evt_parked"],
    ] == await store.transactions.run(due)


# --- the stamp ----------------------------------------------------------------------------------


def stamp(number: int = 1) -> Stamp:
    return Stamp(gateway="stripe", mode="test", account_id=f"acct_{number}")


async def test_a_fresh_store_has_no_stamp(store: Store) -> None:
    assert await store.stamps.read() is None


async def test_a_fresh_store_is_stamped(store: Store) -> None:
    assert stamp() == await store.stamps.put(stamp())
    assert stamp() == await store.stamps.read()


async def test_an_earlier_stamp_stays(store: Store) -> None:
    await store.stamps.put(stamp(1))

    assert stamp(1) == await store.stamps.put(stamp(2))
    assert stamp(1) == await store.stamps.read()


async def test_of_concurrent_stamps_all_learn_of_the_same(store: Store) -> None:
    learned: list[Stamp] = []

    async def claim(number: int) -> None:
        learned.append(await store.stamps.put(stamp(number)))

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(claim, number)

    assert [await store.stamps.read()] * 10 == learned


# --- the schema ---------------------------------------------------------------------------------


async def test_the_schema_is_current_and_has_a_name(store: Store) -> None:
    assert await store.schema_is_current()
    assert await store.current_revision()


async def test_upgrading_what_is_current_loses_nothing(store: Store) -> None:
    await receive(store, [event()])
    await store.upgrade()

    assert await stored(store) is not None
