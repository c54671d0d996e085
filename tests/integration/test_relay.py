"""The relay: at least once, each aggregate's in order, and no storm against who does not answer."""

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import anyio
import attrs
import pytest
from dependency_injector import providers

from markethub.domain.delivery import ATTEMPTS_MAXIMUM, Answer, Delivery, DeliveryStatus, Message
from markethub.domain.endpoint import BRAKE_AFTER, Endpoint
from markethub.domain.errors import NotFound
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.relay_outbox import LEASE, Relayed
from tests.support.storefront import Storefront
from tests.support.stores import Store
from tests.support.told import paid, tell
from tests.support.world import World

pytestmark = pytest.mark.anyio

MEMORY = pytest.mark.parametrize("store_url", ["memory"], indirect=True)
REFUSED = Answer(status=503, duration_ms=1)
GONE = Answer(status=410, duration_ms=1)


@pytest.fixture
def storefront(world: World) -> Storefront:
    """The one that this world's relay tells."""
    return listening(world)


def listening(world: World, id: str = "storefront") -> Storefront:
    """Let the world's relay tell a storefront at another address."""
    storefront = Storefront(endpoint_id=id)
    world.container.publisher.override(providers.Object(storefront))
    return storefront


async def relay(world: World, limit: int = 20) -> Relayed:
    return await world.container.relay_outbox()(limit)


async def replay(world: World, *ids: str) -> None:
    await world.container.replay_deliveries()(ids)


async def happened(world: World, order_id: str, *amounts: int, days_ago: float = 0) -> None:
    """Let events of an order happen; each is known by its amount."""
    store: Store = world.container.store()
    at = world.clock.now() - timedelta(days=days_ago)
    events = (paid(order_id, amount=amount, at=at) for amount in amounts or (1,))
    await tell(store, order_id, *events)


def told(messages: Sequence[Message]) -> list[int]:
    return [json.loads(message.body)["data"]["amount"] for message in messages]


async def listed(world: World) -> list[Delivery]:
    """Return all deliveries, oldest first."""
    page = await world.container.delivery_queries().deliveries()
    return [view.delivery for view in reversed(page.items)]


async def endpoint(world: World) -> Endpoint:
    health = await world.container.delivery_queries().outbox_health("storefront")
    found: Endpoint = health.endpoint
    return found


# --- telling ----------------------------------------------------------------------------------


async def test_what_happened_is_told_once(world: World, storefront: Storefront) -> None:
    await happened(world, "o-1", 5)
    counts = [(await relay(world)).delivered for _ in range(3)]

    assert [1, 0, 0] == counts
    assert [5] == told(storefront.told)


async def test_events_of_an_order_are_told_one_after_the_other(
    world: World, storefront: Storefront
) -> None:
    await happened(world, "o-1", 1, 2, 3)
    await happened(world, "o-2", 9)
    rounds = []
    for _ in range(3):
        before = len(storefront.told)
        await relay(world)
        rounds.append(told(storefront.told[before:]))

    assert [[1, 9], [2], [3]] == rounds


@MEMORY
async def test_a_failure_holds_back_the_later_events_of_its_order_alone(
    world: World, storefront: Storefront
) -> None:
    storefront.answer = lambda message: REFUSED if '"o-1"' in message.body else ok()
    await happened(world, "o-1", 1, 2)
    await happened(world, "o-2", 8, 9)
    for _ in range(3):
        await relay(world)

    assert [1, 8, 9] == told(storefront.told)


@MEMORY
async def test_sequences_tell_the_order_and_ids_the_repeats(
    world: World, storefront: Storefront
) -> None:
    storefront.answer = lambda message: REFUSED
    await happened(world, "o-1", 1, 2)
    await relay(world)
    storefront.answer = lambda message: ok()
    world.clock.advance(minutes=1)
    for _ in range(2):
        await relay(world)
    first, again, second = (json.loads(message.body) for message in storefront.told)

    assert first == again
    assert first["sequence"] < second["sequence"]
    assert first["id"] != second["id"]


async def test_what_was_sent_by_a_process_that_died_is_sent_again_under_the_same_id(
    world: World, storefront: Storefront
) -> None:
    class Killed(BaseException):
        """What no handler of errors sees."""

    async def die() -> None:
        raise Killed

    await happened(world, "o-1")
    storefront.meanwhile = die
    with pytest.raises(Killed):
        await relay(world)
    storefront.meanwhile = None
    before = await relay(world)
    world.clock.advance(seconds=LEASE.total_seconds())
    after = await relay(world)

    assert (0, 1) == (before.total, after.delivered)
    assert 1 == len({message.id for message in storefront.told})
    assert 2 == len(storefront.told)


async def test_a_relay_that_slept_past_its_lease_sends_nothing_out_of_turn(
    world: World, storefront: Storefront
) -> None:
    await happened(world, "o-1", 1, 2)
    transactions: Transactions = world.container.transactions()
    slept: list[Relayed] = []

    class Sleepy:
        """Falls asleep as soon as it has claimed something; others go on meanwhile."""

        async def run(self, work: Callable[[Transaction], Awaitable[Any]]) -> Any:
            claimed = await transactions.run(work)
            world.clock.advance(seconds=LEASE.total_seconds())
            slept.extend([await relay(world), await relay(world)])
            return claimed

    sleepy = attrs.evolve(world.container.relay_outbox(), transactions=Sleepy())
    woken = await sleepy()

    assert [1, 1] == [each.delivered for each in slept]
    assert 0 == woken.total
    assert [1, 2] == told(storefront.told)


async def test_relays_side_by_side_send_each_message_once(
    world: World, storefront: Storefront
) -> None:
    for number in range(20):
        await happened(world, f"o-{number}", number + 1)

    async def work() -> None:
        while (await relay(world, limit=3)).total:
            pass

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(work)

    assert list(range(1, 21)) == sorted(told(storefront.told))


@MEMORY
async def test_no_transaction_is_open_while_the_storefront_is_told(
    world: World, storefront: Storefront
) -> None:
    await happened(world, "o-1")
    seen: list[DeliveryStatus] = []

    async def look() -> None:
        # Would wait for ever for a row that is held.
        with anyio.fail_after(1):
            row = await world.container.transactions().run(lambda tx: tx.deliveries.lock(1))
        seen.append(row.status)

    storefront.meanwhile = look
    await relay(world)

    assert [DeliveryStatus.PENDING] == seen


# --- failing ----------------------------------------------------------------------------------


def ok() -> Answer:
    return Answer(status=200, duration_ms=1)


@MEMORY
async def test_a_message_that_is_refused_for_days_is_given_up_and_the_next_one_follows(
    world: World, storefront: Storefront
) -> None:
    await happened(world, "o-1", 1, 2)
    refused = '"amount":1,'
    storefront.answer = lambda message: REFUSED if refused in message.body else ok()
    dead = 0
    for number in range(ATTEMPTS_MAXIMUM):
        dead += (await relay(world)).dead
        # Others are taken all the while: the endpoint is not dead.
        await happened(world, f"other-{number}", 100 + number)
        world.clock.advance(hours=7)
    await relay(world)
    first, second, *_ = await listed(world)

    assert 1 == dead
    assert (DeliveryStatus.DEAD, "http_503", ATTEMPTS_MAXIMUM) == (
        first.status,
        first.reason,
        first.attempts,
    )
    assert DeliveryStatus.DELIVERED is second.status


async def test_every_attempt_is_in_the_log(world: World, storefront: Storefront) -> None:
    answers = [Answer(error="timeout", duration_ms=5000), REFUSED, ok()]
    storefront.answer = lambda message: answers[len(storefront.told) - 1]
    await happened(world, "o-1")
    moments = []
    for _ in answers:
        moments.append(world.clock.now())
        await relay(world)
        world.clock.advance(minutes=5)
    [view] = (await world.container.delivery_queries().deliveries()).items

    assert answers == [attempt.answer for attempt in view.log]
    assert moments == [attempt.at for attempt in view.log]


@MEMORY
async def test_an_endpoint_that_fails_everything_for_three_days_is_disabled_and_all_waits(
    world: World, storefront: Storefront
) -> None:
    storefront.answer = lambda message: REFUSED
    await happened(world, "o-1")
    disabled = []
    for _ in range(40):
        if (relayed := await relay(world)).disabled:
            disabled.append(relayed.disabled)
        world.clock.advance(hours=3)
    sent = len(storefront.told)
    world.clock.advance(days=30)
    await relay(world)

    assert ["failing"] == disabled
    assert sent == len(storefront.told)
    assert [DeliveryStatus.PENDING] == [each.status for each in await listed(world)]
    assert "failing" == (await endpoint(world)).disabled_reason


async def test_an_endpoint_that_is_gone_is_disabled_at_once(
    world: World, storefront: Storefront
) -> None:
    storefront.answer = lambda message: GONE
    await happened(world, "o-1")
    relayed = await relay(world)
    world.clock.advance(days=1)
    await happened(world, "o-2")
    await relay(world)

    assert "gone" == relayed.disabled
    assert 1 == len(storefront.told)


@MEMORY
async def test_an_endpoint_that_does_not_answer_is_tried_with_one_message_at_a_time(
    world: World, storefront: Storefront
) -> None:
    storefront.answer = lambda message: REFUSED
    for number in range(10 * BRAKE_AFTER):
        await happened(world, f"o-{number}")
    sizes = []
    for _ in range(BRAKE_AFTER + 2):
        before = len(storefront.told)
        await relay(world, limit=5)
        sizes.append(len(storefront.told) - before)
        world.clock.advance(seconds=5)
    await relay(world)
    resting = len(storefront.told)
    await relay(world)

    assert [*[5] * BRAKE_AFTER, 1, 1] == sizes
    assert resting == len(storefront.told)


@MEMORY
async def test_what_waited_is_told_when_the_endpoint_answers_again(
    world: World, storefront: Storefront
) -> None:
    storefront.answer = lambda message: REFUSED
    for number in range(5):
        await happened(world, f"o-{number}")
    for _ in range(BRAKE_AFTER):
        await relay(world)
        world.clock.advance(hours=1)
    storefront.answer = lambda message: ok()
    delivered = [(await relay(world)).delivered for _ in range(2)]

    assert [1, 4] == delivered


@MEMORY
async def test_a_round_in_which_anything_is_taken_shows_that_the_endpoint_lives(
    world: World, storefront: Storefront
) -> None:
    storefront.answer = lambda message: ok() if '"amount":0,' in message.body else REFUSED
    for number in range(3):
        await happened(world, f"o-{number}", number)
    await relay(world)

    assert (0, None) == ((await endpoint(world)).failures, (await endpoint(world)).failing_since)


# --- replaying --------------------------------------------------------------------------------


async def test_a_delivered_message_is_sent_again_when_it_is_replayed(
    world: World, storefront: Storefront
) -> None:
    await happened(world, "o-1")
    await relay(world)
    await replay(world, storefront.told[0].id)
    await relay(world)

    first, again = storefront.told
    assert (first.id, first.body) == (again.id, again.body)


async def test_a_replay_enables_the_endpoint(world: World, storefront: Storefront) -> None:
    storefront.answer = lambda message: GONE
    await happened(world, "o-1")
    await relay(world)
    storefront.answer = lambda message: ok()
    await replay(world)
    world.clock.advance(minutes=1)

    assert 1 == (await relay(world)).delivered


async def test_a_replay_of_an_unknown_message_changes_nothing(
    world: World, storefront: Storefront
) -> None:
    await happened(world, "o-1")
    await relay(world)
    known = storefront.told[0].id
    for unknown in ("msg_2_0123456789abcdef", f"{known}0", "evt_1", ""):
        with pytest.raises(NotFound):
            await replay(world, known, unknown)

    assert [DeliveryStatus.DELIVERED] == [each.status for each in await listed(world)]


# --- configuring ------------------------------------------------------------------------------


@MEMORY
async def test_nothing_is_touched_while_no_address_is_configured(world: World) -> None:
    await happened(world, "o-1")
    relayed = await relay(world)

    assert Relayed() == relayed
    assert [0] == [each.attempts for each in await listed(world)]


async def test_the_first_address_is_told_of_the_last_three_days(world: World) -> None:
    for number, days in enumerate((99, 3.1, 2.9, 0)):
        await happened(world, f"o-{number}", number + 1, days_ago=days)
    storefront = listening(world)
    relayed = await relay(world)

    assert (2, 2) == (relayed.skipped, relayed.delivered)
    assert [3, 4] == told(storefront.told)


async def test_what_was_skipped_is_sent_when_it_is_replayed(world: World) -> None:
    await happened(world, "o-1", 7, days_ago=99)
    storefront = listening(world)
    await relay(world)
    [skipped] = await listed(world)
    await replay(world, skipped.message_id)
    await relay(world)

    assert [7] == told(storefront.told)


@MEMORY
async def test_nothing_is_lost_by_a_change_of_address_however_long_nobody_was_told(
    world: World,
) -> None:
    listening(world, "the old one")
    await relay(world)
    await happened(world, "o-1", 7)
    world.clock.advance(days=99)
    storefront = listening(world, "the new one")
    await relay(world)

    assert [7] == told(storefront.told)


@MEMORY
async def test_a_new_address_is_not_held_to_what_the_old_one_did(
    world: World, storefront: Storefront
) -> None:
    storefront.answer = lambda message: GONE
    await happened(world, "o-1")
    await relay(world)
    other = listening(world, "the new one")
    world.clock.advance(minutes=1)
    await relay(world)

    assert 1 == len(other.told)
