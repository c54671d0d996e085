"""What every store promises of deliveries to the storefront."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import anyio
import attrs
import pytest

from markethub.domain.delivery import Answer, Attempt, Delivery, DeliveryStatus
from markethub.domain.endpoint import Endpoint
from markethub.domain.errors import ValidationFailed
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import START, Store, later, order
from tests.support.told import paid, private, tell

pytestmark = pytest.mark.anyio

TAKEN = Answer(status=200, duration_ms=12)
REFUSED = Answer(status=500, duration_ms=34)
LOST = Answer(error="timeout", duration_ms=5000)
LEASE = timedelta(seconds=30)


async def claim(
    store: Store, *, now: datetime = START, limit: int = 10, lease: str = "lse_1"
) -> Sequence[Delivery]:
    return await store.transactions.run(
        lambda tx: tx.deliveries.claim(now=now, limit=limit, lease=lease, until=now + LEASE)
    )


async def settle(store: Store, settled: Delivery, *, lease: str = "lse_1") -> bool:
    return await store.transactions.run(lambda tx: tx.deliveries.settle(settled, lease=lease))


async def stored(store: Store, sequence: int = 1) -> Delivery | None:
    return await store.transactions.run(lambda tx: tx.deliveries.lock(sequence))


async def save(store: Store, delivery: Delivery) -> None:
    await store.transactions.run(lambda tx: tx.deliveries.save(delivery))


async def open_endpoint(store: Store, id: str = "e", *, now: datetime = START) -> Endpoint:
    return await store.transactions.run(lambda tx: tx.deliveries.open_endpoint(id, now=now))


async def statuses(store: Store) -> list[DeliveryStatus]:
    page = await store.delivery_queries.deliveries()
    return [view.delivery.status for view in reversed(page.items)]


# --- staging ----------------------------------------------------------------------------------


async def test_a_public_event_waits_for_its_delivery_with_every_field(store: Store) -> None:
    told = paid("o-1", at=later(microseconds=1))
    await tell(store, "o-1", told)

    expected = Delivery.of(told, sequence=1, aggregate_id="o-1")
    assert expected == await stored(store)


async def test_no_delivery_is_made_of_an_event_that_is_not_public(store: Store) -> None:
    await tell(store, "o-1", private("o-1"), paid("o-1"))

    assert [2] == [each.sequence for each in await claim(store)]
    assert 2 == len(await store.queries.outbox())


async def test_what_is_rolled_back_is_never_delivered(store: Store) -> None:
    async def fail(tx: Transaction) -> None:
        await tx.orders.save(attrs.evolve(order("o-1"), events=(paid("o-1"),)))
        raise RuntimeError("too late")

    with pytest.raises(RuntimeError):
        await store.transactions.run(fail)

    assert [] == list(await claim(store))


# --- claiming ---------------------------------------------------------------------------------


async def test_the_longest_due_are_claimed_first_and_no_more_than_asked_for(store: Store) -> None:
    for number, at in enumerate((later(seconds=3), later(seconds=1), later(seconds=2))):
        await tell(store, f"o-{number}", paid(f"o-{number}", at=at))
    claimed = await claim(store, now=later(seconds=9), limit=2)

    assert ["o-1", "o-2"] == [each.aggregate_id for each in claimed]
    assert {"lse_1"} == {each.lease for each in claimed}


async def test_what_is_not_due_is_not_claimed(store: Store) -> None:
    await tell(store, "o-1", paid("o-1", at=later(seconds=1)))

    assert [] == list(await claim(store, now=START))


async def test_of_an_aggregate_only_the_first_is_claimed_and_others_proceed(store: Store) -> None:
    await tell(store, "o-1", paid("o-1", amount=1), paid("o-1", amount=2))
    await tell(store, "o-2", paid("o-2"))

    assert [1, 3] == [each.sequence for each in await claim(store)]
    assert [] == list(await claim(store, lease="lse_2"))


async def test_the_next_of_an_aggregate_follows_when_the_first_is_delivered(store: Store) -> None:
    await tell(store, "o-1", paid("o-1", amount=1), paid("o-1", amount=2))
    [first] = await claim(store)
    assert await settle(store, first.settle(TAKEN, now=START))

    assert [2] == [each.sequence for each in await claim(store)]


async def test_the_next_of_an_aggregate_waits_while_the_first_is_to_be_tried_again(
    store: Store,
) -> None:
    await tell(store, "o-1", paid("o-1", amount=1), paid("o-1", amount=2))
    [first] = await claim(store)
    await settle(store, first.settle(REFUSED, now=START))

    assert [] == list(await claim(store))
    assert [1] == [each.sequence for each in await claim(store, now=later(minutes=1))]


async def test_the_next_of_an_aggregate_follows_one_that_was_given_up(store: Store) -> None:
    await tell(store, "o-1", paid("o-1", amount=1), paid("o-1", amount=2))
    [first] = await claim(store)
    await save(store, attrs.evolve(first.skip(now=START), status=DeliveryStatus.DEAD))

    assert [2] == [each.sequence for each in await claim(store)]


async def test_a_claim_is_the_claimers_until_it_ends(store: Store) -> None:
    await tell(store, "o-1", paid("o-1"))
    await claim(store)

    assert [] == list(await claim(store, now=later(seconds=29), lease="lse_2"))
    [again] = await claim(store, now=later(seconds=30), lease="lse_2")
    assert "lse_2" == again.lease


async def test_a_claim_that_was_lost_settles_nothing(store: Store) -> None:
    await tell(store, "o-1", paid("o-1"))
    [mine] = await claim(store)
    await claim(store, now=later(minutes=1), lease="lse_2")
    settled = await settle(store, mine.settle(REFUSED, now=later(minutes=2)))

    assert not settled
    delivery = await stored(store)
    assert delivery is not None
    assert ("lse_2", 0) == (delivery.lease, delivery.attempts)


async def test_claims_at_once_never_share_a_delivery(store: Store) -> None:
    for number in range(12):
        await tell(store, f"o-{number}", paid(f"o-{number}"))
    claimed: list[int] = []

    async def work(lease: str) -> None:
        while taken := await claim(store, limit=3, lease=lease):
            claimed.extend(each.sequence for each in taken)

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(work, f"lse_{number}")

    assert list(range(1, 13)) == sorted(claimed)


async def test_what_is_settled_is_stored_with_every_field(store: Store) -> None:
    await tell(store, "o-1", paid("o-1"))
    [claimed] = await claim(store)
    settled = claimed.settle(LOST, now=later(seconds=5))
    await settle(store, settled)

    assert settled == await stored(store)


async def test_what_is_replayed_is_claimed_again(store: Store) -> None:
    await tell(store, "o-1", paid("o-1"))
    [claimed] = await claim(store)
    await settle(store, claimed.settle(TAKEN, now=START))
    delivered = await stored(store)
    assert delivered is not None
    await save(store, delivered.replay(now=START))

    assert [1] == [each.sequence for each in await claim(store)]


# --- skipping ---------------------------------------------------------------------------------


async def test_what_was_due_long_ago_is_skipped_in_portions(store: Store) -> None:
    for number in range(4):
        await tell(store, f"o-{number}", paid(f"o-{number}", at=later(days=number)))

    async def skip(tx: Transaction) -> int:
        return await tx.deliveries.skip_older(later(days=3), now=later(days=9), limit=2)

    assert [2, 1, 0] == [await store.transactions.run(skip) for _ in range(3)]
    assert ["skipped", "skipped", "skipped", "pending"] == await statuses(store)


# --- the log ----------------------------------------------------------------------------------


async def test_every_attempt_is_logged_with_its_answer_oldest_first(store: Store) -> None:
    await tell(store, "o-1", paid("o-1"))
    attempts = [
        Attempt(sequence=1, at=later(seconds=number), answer=answer)
        for number, answer in enumerate((LOST, REFUSED, TAKEN))
    ]
    await store.transactions.run(lambda tx: tx.deliveries.log(attempts[:1]))
    await store.transactions.run(lambda tx: tx.deliveries.log(attempts[1:]))

    [view] = (await store.delivery_queries.deliveries()).items
    assert attempts == list(view.log)


async def test_a_log_of_no_attempts_changes_nothing(store: Store) -> None:
    await tell(store, "o-1", paid("o-1"))
    await store.transactions.run(lambda tx: tx.deliveries.log([]))

    [view] = (await store.delivery_queries.deliveries()).items
    assert [] == list(view.log)


# --- lists ------------------------------------------------------------------------------------


async def test_deliveries_are_listed_newest_first_in_pages(store: Store) -> None:
    for number in range(5):
        await tell(store, f"o-{number}", paid(f"o-{number}"))
    seen, cursor = [], None
    for _ in range(3):
        page = await store.delivery_queries.deliveries(cursor=cursor, limit=2)
        seen.append([view.delivery.sequence for view in page.items])
        cursor = page.next_cursor

    assert [[5, 4], [3, 2], [1]] == seen
    assert cursor is None


async def test_deliveries_are_listed_by_status(store: Store) -> None:
    await tell(store, "o-1", paid("o-1"))
    await tell(store, "o-2", paid("o-2"))
    [first, _] = await claim(store)
    await settle(store, first.settle(TAKEN, now=START))
    queries = store.delivery_queries
    by_status = {
        status: [each.delivery.sequence for each in (await queries.deliveries(status)).items]
        for status in DeliveryStatus
    }

    assert {"pending": [2], "delivered": [1], "dead": [], "skipped": []} == by_status


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "²", "9" * 40])
async def test_a_cursor_that_is_not_ours_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(ValidationFailed):
        await store.delivery_queries.deliveries(cursor=cursor)


async def test_health_counts_what_waits_and_what_is_dead(store: Store) -> None:
    for number in range(4):
        await tell(store, f"o-{number}", paid(f"o-{number}", at=later(seconds=number)))
    claimed = await claim(store, now=later(minutes=1))
    await settle(store, claimed[0].settle(TAKEN, now=START))
    dead = attrs.evolve(claimed[1].skip(now=START), status=DeliveryStatus.DEAD)
    await settle(store, dead)
    health = await store.delivery_queries.outbox_health("e")

    assert (2, later(seconds=2), 1) == (health.waiting, health.oldest_waiting_at, health.dead)
    assert health.endpoint is None


async def test_health_of_an_empty_store_is_nothing(store: Store) -> None:
    health = await store.delivery_queries.outbox_health("e")

    assert (0, None, 0) == (health.waiting, health.oldest_waiting_at, health.dead)


# --- endpoints --------------------------------------------------------------------------------


async def test_an_endpoint_begins_when_it_is_first_opened(store: Store) -> None:
    await open_endpoint(store, now=START)

    assert Endpoint(id="e", since=START) == await open_endpoint(store, now=later(days=1))


async def test_another_endpoint_begins_where_the_first_did(store: Store) -> None:
    await open_endpoint(store, now=START)

    assert Endpoint(id="f", since=START) == await open_endpoint(store, "f", now=later(days=1))


async def test_an_endpoint_is_stored_with_every_field(store: Store) -> None:
    endpoint = Endpoint(id="e", since=START)
    for number in range(12):
        endpoint = endpoint.fail(gone=False, now=later(seconds=number))
    endpoint = endpoint.fail(gone=True, now=later(minutes=1))

    async def work(tx: Transaction) -> None:
        await tx.deliveries.open_endpoint("e", now=START)
        await tx.deliveries.save_endpoint(endpoint)

    await store.transactions.run(work)

    assert endpoint == await store.transactions.run(lambda tx: tx.deliveries.find_endpoint("e"))
    assert endpoint == (await store.delivery_queries.outbox_health("e")).endpoint


async def test_an_endpoint_that_was_never_opened_is_not_found(store: Store) -> None:
    assert await store.transactions.run(lambda tx: tx.deliveries.find_endpoint("e")) is None


async def test_eight_workers_that_open_an_endpoint_at_once_share_one(store: Store) -> None:
    opened: list[Endpoint] = []

    async def work() -> None:
        opened.append(await open_endpoint(store))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(work)

    assert [Endpoint(id="e", since=START)] * 8 == opened
