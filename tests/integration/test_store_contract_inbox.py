"""What every store promises of the inbox, and of the stamp."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import anyio
import asyncpg
import attrs
import pytest

from markethub.domain.ids import EventId, LeaseId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ports.inbox import Lease
from markethub.domain.ports.stamp import Stamp
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import START, Store, claim, event, later, receive

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
        error="a traceback",
        attempts=7,
        failures=3,
        replayed_at=later(minutes=1),
        next_attempt_at=later(hours=1),
        updated_at=later(seconds=1, microseconds=1),
    )
    await store.transactions.run(lambda tx: tx.inbox.save(seen))

    assert seen == await stored(store)


async def test_a_transaction_sees_what_it_made_of_an_event(store: Store) -> None:
    await store.inbox.store(event())
    processed = event().process(now=later(seconds=1))
    lease = Lease(id=LeaseId("lse_1"), holder="wrk_1", until=later(days=10))

    async def work(tx: Transaction) -> tuple[InboxEvent | None, list[InboxEvent]]:
        await tx.inbox.save(processed)
        claimed = await tx.inbox.claim(lease, now=later(days=9), limit=9)
        return await tx.inbox.lock(EVT1), list(claimed)

    assert (processed, []) == await store.transactions.run(work)


# --- claiming -----------------------------------------------------------------------------------


def about(subject: str, id: str, *, now: datetime = START) -> InboxEvent:
    made = event(id, now=now)
    return attrs.evolve(made, event=attrs.evolve(made.event, subject=subject))


def ids(events: Iterable[InboxEvent]) -> list[str]:
    return [each.event.id for each in events]


async def holds(store: Store, claimed: InboxEvent, lease: str) -> bool:
    return await store.transactions.run(lambda tx: tx.inbox.hold(claimed, lease=LeaseId(lease)))


async def release(store: Store, lease: str) -> None:
    await store.transactions.run(lambda tx: tx.inbox.release(LeaseId(lease)))


async def test_due_events_are_waiting_and_are_claimed_oldest_first(store: Store) -> None:
    ages = {"future": -1, "second": 20, "first": 30, "third": 0}
    made = [event(f"evt_{name}", now=START - timedelta(seconds=age)) for name, age in ages.items()]
    parked = attrs.evolve(
        event("evt_parked", now=START - timedelta(seconds=40)),
        status=InboxStatus.PARKED,
        next_attempt_at=START - timedelta(seconds=10),
    )
    old = START - timedelta(seconds=50)
    await receive(store, [*made, parked])
    await receive(
        store,
        [
            event("evt_processed", now=old).process(now=START),
            event("evt_ignored", now=old).ignore("unhandled_type", now=START),
            event("evt_dead", now=old).bury("x", now=START),
        ],
    )
    early = await claim(store, now=START - timedelta(microseconds=1), lease="lse_early")
    await release(store, "lse_early")
    two = await claim(store, limit=2, lease="lse_two")
    await release(store, "lse_two")

    assert ["evt_first", "evt_second", "evt_parked"] == ids(early)
    assert ["evt_first", "evt_second"] == ids(two)
    assert ["evt_first", "evt_second", "evt_parked", "evt_third"] == ids(await claim(store))


async def test_a_claimed_event_is_whole(store: Store) -> None:
    received = about("pi_1", "evt_1")
    await receive(store, [received])

    assert [received] == await claim(store)


async def test_what_one_worker_has_claimed_another_does_not_get(store: Store) -> None:
    await receive(store, [event("evt_1"), event("evt_2")])
    first = await claim(store, lease="lse_1", limit=1)

    assert ["evt_1"] == ids(first)
    assert ["evt_2"] == ids(await claim(store, lease="lse_2"))


async def test_events_of_a_subject_are_in_one_hand_in_their_order(store: Store) -> None:
    later_one = about("pi_1", "evt_2", now=later(seconds=1))
    await receive(store, [later_one, about("pi_1", "evt_1"), about("pi_2", "evt_3")])
    now = later(seconds=2)
    first = await claim(store, now=now, lease="lse_1", limit=1)
    others = await claim(store, now=now, lease="lse_2")
    await release(store, "lse_1")

    assert ["evt_1"] == ids(first)
    assert ["evt_3"] == ids(others)
    assert ["evt_1", "evt_2"] == ids(await claim(store, now=now, lease="lse_3"))


async def test_of_many_workers_at_once_each_event_goes_to_one(store: Store) -> None:
    await receive(store, [about(f"pi_{n % 7}", f"evt_{n}") for n in range(30)])
    hands: dict[str, list[InboxEvent]] = {}

    async def work(lease: str) -> None:
        hands[lease] = await claim(store, lease=lease, limit=9)

    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(work, f"lse_{number}")

    of_subject: dict[str, set[str]] = {}
    for lease, claimed in hands.items():
        for each in claimed:
            of_subject.setdefault(each.event.subject, set()).add(lease)
    claimed_ids = [each.event.id for claimed in hands.values() for each in claimed]
    assert len(claimed_ids) == len(set(claimed_ids)) > 0
    assert {1} == {len(leases) for leases in of_subject.values()}


async def test_a_lease_holds_its_events_and_no_other_lease_does(store: Store) -> None:
    await receive(store, [event()])
    [claimed] = await claim(store, lease="lse_1")

    assert await holds(store, claimed, "lse_1")
    assert not await holds(store, claimed, "lse_2")


async def test_an_expired_lease_is_anybodys_and_the_sleeper_finds_out(store: Store) -> None:
    await receive(store, [event()])
    [claimed] = await claim(store, lease="lse_sleeper", for_s=15)
    just_before = await claim(store, now=later(seconds=14.9), lease="lse_2")
    just_after = await claim(store, now=later(seconds=15), lease="lse_2")

    assert [] == just_before
    assert [claimed] == just_after
    assert not await holds(store, claimed, "lse_sleeper")
    assert await holds(store, claimed, "lse_2")


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_sleeper_within_a_transaction_holds_up_nobody_elses_events(
    store: Store, store_url: str
) -> None:
    await receive(store, [about("pi_1", "evt_1"), about("pi_1", "evt_2"), about("pi_2", "evt_3")])
    await claim(store, limit=1, for_s=15)
    sleeper = await asyncpg.connect(store_url)
    async with sleeper.transaction():
        await sleeper.execute(
            "SELECT FROM inbox JOIN inbox_leases USING (subject) WHERE id = 'evt_1' FOR UPDATE"
        )
        with anyio.fail_after(3):  # the database itself would wait for five
            meanwhile = await claim(store, now=later(seconds=15), lease="lse_2", for_s=60)
    await sleeper.close()
    after = await claim(store, now=later(seconds=15), lease="lse_3")

    assert ["evt_3"] == ids(meanwhile)
    assert ["evt_1", "evt_2"] == ids(after)


async def test_a_sleeper_finds_out_also_when_the_other_is_done(store: Store) -> None:
    await receive(store, [event()])
    [claimed] = await claim(store, lease="lse_sleeper", for_s=15)
    await claim(store, now=later(seconds=16), lease="lse_2")
    await release(store, "lse_2")

    assert not await holds(store, claimed, "lse_sleeper")


async def test_a_renewed_lease_lasts(store: Store) -> None:
    await receive(store, [event("evt_1"), event("evt_2")])
    await claim(store, lease="lse_1", limit=1)
    await claim(store, lease="lse_2")
    await store.transactions.run(
        lambda tx: tx.inbox.renew(LeaseId("lse_1"), until=later(seconds=60))
    )

    assert ["evt_2"] == ids(await claim(store, now=later(seconds=30), lease="lse_3"))


async def test_what_is_let_go_is_anybodys_at_once(store: Store) -> None:
    await receive(store, [event("evt_1"), event("evt_2")])
    await claim(store, lease="lse_1", limit=1)
    await claim(store, lease="lse_2")
    await release(store, "lse_1")

    assert ["evt_1"] == ids(await claim(store, lease="lse_3"))


async def test_an_event_that_is_done_is_held_by_nobody(store: Store) -> None:
    await receive(store, [event()])
    [claimed] = await claim(store, lease="lse_1")
    await store.transactions.run(lambda tx: tx.inbox.save(claimed.process(now=START)))

    assert not await holds(store, claimed, "lse_1")


async def test_an_event_that_was_replayed_since_it_was_claimed_is_held_by_nobody(
    store: Store,
) -> None:
    await receive(store, [event()])
    [claimed] = await claim(store, lease="lse_1")
    replayed = claimed.replay(now=later(seconds=1))
    await store.transactions.run(lambda tx: tx.inbox.save(replayed))

    assert not await holds(store, claimed, "lse_1")
    assert await holds(store, replayed, "lse_1")


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
