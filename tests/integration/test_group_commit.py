"""Events made durable together, where the database or the process does not cooperate."""

import anyio
import attrs
import pytest

from markethub.domain.errors import StoreUnavailable
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent
from tests.support.sql_connections import killer
from tests.support.stores import Store, claim, event, later, open_store

pytestmark = pytest.mark.anyio

IDS = [EventId(f"evt_{number}") for number in range(60)]

on_sql = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
on_postgres = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


def received(id: EventId, *, reason: str | None = None) -> InboxEvent:
    return attrs.evolve(event(id=id, now=later()), reason=reason)


async def store_all(store: Store, events: list[InboxEvent]) -> dict[EventId, bool | Exception]:
    """Store at once; return what each caller was told."""
    told: dict[EventId, bool | Exception] = {}

    async def deliver(each: InboxEvent) -> None:
        try:
            told[each.event.id] = await store.inbox.store(each)
        except Exception as error:  # noqa: BLE001 - what was raised is what is judged
            told[each.event.id] = error

    async with anyio.create_task_group() as tasks:
        for each in events:
            tasks.start_soon(deliver, each)
    return told


async def durable(url: str) -> set[EventId]:
    """Return which of the events are there, as another process sees it."""
    other = open_store(url)
    try:
        return {each.event.id for each in await claim(other, now=later(days=1), limit=1000)}
    finally:
        await other.close()


@on_sql
async def test_everybody_who_was_told_so_is_durable(store: Store, store_url: str) -> None:
    told = await store_all(store, [received(each) for each in IDS])

    assert dict.fromkeys(IDS, True) == told
    assert set(IDS) == await durable(store_url)


@on_postgres
async def test_a_bad_row_in_a_batch_fails_alone(store: Store, store_url: str) -> None:
    bad = received(EventId("evt_bad"), reason="no database takes a \0")

    told = await store_all(store, [bad, *(received(each) for each in IDS)])

    assert isinstance(told.pop(EventId("evt_bad")), Exception)
    assert dict.fromkeys(IDS, True) == told
    assert set(IDS) == await durable(store_url)


@on_postgres
async def test_a_lost_connection_costs_nobody_anything(store: Store, store_url: str) -> None:
    await store.inbox.store(received(EventId("evt_first")))
    async with killer(store_url) as kill:
        await kill("idle")

    told = await store_all(store, [received(each) for each in IDS])

    assert dict.fromkeys(IDS, True) == told
    assert {EventId("evt_first"), *IDS} == await durable(store_url)


@on_sql
async def test_a_store_that_closes_keeps_what_it_took(store_url: str) -> None:
    store = open_store(store_url)
    async with anyio.create_task_group() as tasks:
        for each in IDS:
            tasks.start_soon(store.inbox.store, received(each))
        await anyio.lowlevel.checkpoint()
        await store.close()

    assert set(IDS) == await durable(store_url)


async def test_without_a_database_everybody_is_told() -> None:
    store = open_store("postgresql://nobody@127.0.0.1:1/nothing")

    told = await store_all(store, [received(each) for each in IDS[:3]])

    assert [StoreUnavailable] * 3 == [type(answer) for answer in told.values()]
