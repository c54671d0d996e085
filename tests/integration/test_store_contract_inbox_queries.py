"""What every store promises to people who look at the inbox."""

import attrs
import pytest

from markethub.domain.errors import InvalidTransition, NotFound, ValidationFailed
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ports.inbox import InboxFilter
from markethub.domain.usecases.replay_event import ReplayEvent
from tests.support.stores import START, Store, event, later, receive
from tests.support.world import ManualClock

pytestmark = pytest.mark.anyio

EVT1 = EventId("evt_1")
ALL = InboxFilter()


def numbered(number: int, *, type: str = "charge.updated", minutes: int = 0) -> InboxEvent:
    taken = event(f"evt_{number}", now=later(minutes=minutes))
    return attrs.evolve(taken, event=attrs.evolve(taken.event, type=type))


def dead(number: int, *, minutes: int = 0) -> InboxEvent:
    error = "Traceback: " + "x" * 9000
    return (
        numbered(number, minutes=minutes)
        .fail("broken", error=error, now=later(hours=1))
        .bury("broken", now=later(hours=2))
    )


async def ids(store: Store, wanted: InboxFilter) -> list[str]:
    return [each.event.id for each in (await store.inbox_queries.events(wanted)).items]


async def test_an_event_is_shown_with_every_field(store: Store) -> None:
    await receive(store, [dead(1)])

    assert dead(1) == await store.inbox_queries.event(EVT1)


async def test_an_event_that_never_came_is_not_shown(store: Store) -> None:
    assert await store.inbox_queries.event(EVT1) is None


async def test_no_token_is_shown(store: Store) -> None:
    payload = '{"a":["pm_1abc","cus_1abc"],"fingerprint":"Xt5","id":"evt_1","note":"pm_1 is in it"}'
    await receive(store, [event(payload=payload)])
    await receive(store, [event("evt_2", payload='{"pretends":"sealed:00ff"}')])

    shown = await store.inbox_queries.event(EVT1)
    [second, first] = (await store.inbox_queries.events(ALL)).items
    assert shown == first
    assert '{"a":["***","***"],"fingerprint":"***","id":"evt_1","note":"pm_1 is in it"}' == (
        first.event.payload
    )
    assert "evt_2" == second.event.id


async def test_the_last_received_comes_first(store: Store) -> None:
    await receive(store, [numbered(1, minutes=1), numbered(2), numbered(3, minutes=2)])

    assert ["evt_3", "evt_1", "evt_2"] == await ids(store, ALL)


async def test_a_filter_restricts_by_status_and_by_type(store: Store) -> None:
    await receive(store, [numbered(1), dead(2), numbered(3, type="refund.created")])

    assert ["evt_2"] == await ids(store, InboxFilter(status=InboxStatus.DEAD))
    assert ["evt_3"] == await ids(store, InboxFilter(type="refund.created"))
    assert [] == await ids(store, InboxFilter(status=InboxStatus.DEAD, type="refund.created"))


async def test_a_filter_restricts_by_what_events_are_about(store: Store) -> None:
    about = attrs.evolve(numbered(1), event=attrs.evolve(numbered(1).event, subject="pi_1"))
    await receive(store, [about, numbered(2)])

    assert ["evt_1"] == await ids(store, InboxFilter(subject="pi_1"))
    assert [] == await ids(store, InboxFilter(subject="pi_1", type="refund.created"))


async def test_pages_follow_one_another_without_gap_or_repetition(store: Store) -> None:
    await receive(store, [numbered(number, minutes=number // 2) for number in range(5)])

    pages, cursor = [], None
    while True:
        page = await store.inbox_queries.events(ALL, cursor=cursor, limit=2)
        pages.append([each.event.id for each in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [["evt_4", "evt_3"], ["evt_2", "evt_1"], ["evt_0"]] == pages


async def test_a_cursor_of_nobody_is_refused(store: Store) -> None:
    with pytest.raises(ValidationFailed):
        await store.inbox_queries.events(ALL, cursor="nonsense")


async def test_a_dead_event_that_is_replayed_is_due_at_once_and_keeps_its_payload(
    store: Store,
) -> None:
    sensitive = event(payload='{"payment_method":"pm_1abc"}').bury("broken", now=START)
    await receive(store, [sensitive])
    clock = ManualClock(later(days=4))

    replayed = await ReplayEvent(transactions=store.transactions, clock=clock)(EVT1)

    stored = await store.transactions.run(lambda tx: tx.inbox.lock(EVT1))
    assert (InboxStatus.PENDING, clock.now()) == (replayed.status, replayed.next_attempt_at)
    assert replayed == stored
    assert '{"payment_method":"pm_1abc"}' == replayed.event.payload


async def test_what_never_came_or_is_of_the_other_mode_is_not_replayed(store: Store) -> None:
    await receive(store, [InboxEvent.receive(event().event, livemode=True, now=START)])
    replay = ReplayEvent(transactions=store.transactions, clock=ManualClock())

    with pytest.raises(InvalidTransition):
        await replay(EVT1)
    with pytest.raises(NotFound):
        await replay(EventId("evt_9"))
