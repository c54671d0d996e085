"""Fetching missed events: in which order, how far back, and what is counted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs
import pytest

from markethub.adapters.memory.store import MemoryStore
from markethub.domain.errors import GatewayUnavailable, ValidationFailed
from markethub.domain.facts import ReceivedEvent
from markethub.domain.ports.event_source import ListedEvents
from markethub.domain.ports.inbox import InboxFilter
from markethub.domain.usecases.backfill_events import WINDOW, Backfilled, BackfillEvents
from tests.support.stores import event, later
from tests.support.world import ManualClock

pytestmark = pytest.mark.anyio

NOW = later(days=60)


def happened(id: str, *, hours_ago: float, livemode: bool = False) -> ReceivedEvent:
    created_at = (NOW - timedelta(hours=hours_ago)).replace(microsecond=0)
    return attrs.evolve(event(id).event, created_at=created_at, livemode=livemode)


class Listed:
    """A provider that lists these events, until it breaks down."""

    def __init__(self, *events: ReceivedEvent, unreadable: int = 0) -> None:
        self.events_there = sorted(events, key=lambda each: each.created_at)
        self.unreadable = unreadable
        self.asked: list[tuple[datetime, datetime]] = []
        self.answers = 1_000_000

    async def events(self, *, created_from: datetime, created_until: datetime) -> ListedEvents:
        if len(self.asked) == self.answers:
            raise GatewayUnavailable("down")
        self.asked.append((created_from, created_until))
        within = [e for e in self.events_there if created_from <= e.created_at < created_until]
        return ListedEvents(events=within, unreadable=self.unreadable)

    async def close(self) -> None:
        """Nothing is held open."""


class Shop:
    def __init__(self, listed: Listed) -> None:
        self.listed = listed
        self.store = MemoryStore()
        self.clock = ManualClock(NOW)
        self.shown: list[Backfilled] = []

    async def backfill(self, since: datetime | timedelta) -> Backfilled:
        work = BackfillEvents(
            source=self.listed, inbox=self.store.inbox, clock=self.clock, livemode=False
        )
        return await work(since, progress=self.shown.append)

    async def stored(self) -> Sequence[str]:
        """Name what is in the inbox, in the order in which it was stored."""
        page = await self.store.inbox_queries.events(InboxFilter(), limit=100)
        return sorted(each.event.id for each in page.items)


def counts(done: Backfilled) -> tuple[int, int, int, int]:
    return done.new, done.known, done.other_mode, done.unreadable


async def test_what_was_missed_is_stored_and_what_is_known_stays() -> None:
    shop = Shop(Listed(happened("evt_1", hours_ago=30), happened("evt_2", hours_ago=1)))
    await shop.store.inbox.store(event("evt_2"))

    assert (1, 1, 0, 0) == counts(await shop.backfill(timedelta(days=2)))
    assert ["evt_1", "evt_2"] == await shop.stored()


async def test_once_more_finds_nothing_new() -> None:
    shop = Shop(Listed(happened("evt_1", hours_ago=30), happened("evt_2", hours_ago=1)))
    await shop.backfill(timedelta(days=2))

    assert (0, 2, 0, 0) == counts(await shop.backfill(timedelta(days=2)))


async def test_one_of_the_other_mode_is_counted_and_never_applied() -> None:
    shop = Shop(Listed(happened("evt_1", hours_ago=1, livemode=True)))

    assert (0, 0, 1, 0) == counts(await shop.backfill(timedelta(hours=2)))
    [stored] = (await shop.store.inbox_queries.events(InboxFilter())).items
    assert ("ignored", "wrong_mode") == (stored.status.value, stored.reason)


async def test_what_nobody_can_read_is_counted() -> None:
    done = await Shop(Listed(unreadable=2)).backfill(timedelta(hours=1))

    assert (0, 0, 0, 2) == counts(done)


async def test_the_oldest_is_asked_for_first_without_gap_or_overlap() -> None:
    shop = Shop(Listed())
    done = await shop.backfill(timedelta(days=30))

    starts, ends = zip(*shop.listed.asked, strict=True)
    assert NOW - timedelta(days=30) == starts[0]
    assert starts[1:] == ends[:-1]
    assert NOW < ends[-1] <= NOW + timedelta(seconds=1)
    assert all(end - start <= WINDOW for start, end in shop.listed.asked)
    assert (done.windows, done.windows) == (len(shop.listed.asked), done.windows_done)


async def test_what_happens_this_very_second_is_found() -> None:
    shop = Shop(Listed(happened("evt_1", hours_ago=0)))

    assert 1 == (await shop.backfill(timedelta(0))).new


async def test_after_an_outage_what_was_found_stays_and_the_rest_follows() -> None:
    shop = Shop(Listed(happened("evt_1", hours_ago=30), happened("evt_2", hours_ago=1)))
    shop.listed.answers = 5
    with pytest.raises(GatewayUnavailable):
        await shop.backfill(timedelta(days=2))
    assert ["evt_1"] == await shop.stored()

    shop.listed.answers = 1_000_000
    assert (1, 1, 0, 0) == counts(await shop.backfill(timedelta(days=2)))


async def test_progress_is_told_after_each_window() -> None:
    shop = Shop(Listed(happened("evt_1", hours_ago=7), happened("evt_2", hours_ago=1)))
    done = await shop.backfill(timedelta(hours=11))

    assert [(1, 2, 1), (2, 2, 2)] == [
        (each.windows_done, each.windows, each.new) for each in shop.shown
    ]
    assert done == shop.shown[-1]


@pytest.mark.parametrize(
    "since", [timedelta(days=30, seconds=1), NOW - timedelta(days=31), NOW + timedelta(seconds=1)]
)
async def test_what_the_provider_does_not_list_is_not_asked_for(
    since: datetime | timedelta,
) -> None:
    shop = Shop(Listed())

    with pytest.raises(ValidationFailed):
        await shop.backfill(since)
    assert [] == shop.listed.asked
