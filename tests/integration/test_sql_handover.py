"""Connections passed from transaction to transaction: bounded, in order, none lost."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.handover import Handover
from markethub.domain.order import Order
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import Store, order, put

pytestmark = pytest.mark.anyio

POSTGRES = pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)


@pytest.fixture
async def handover(postgres_url: str) -> AsyncIterator[Handover]:
    """Two connections, and little patience."""
    engines = engines_for(postgres_url)
    yield Handover(engines.writer, at_most=2, wait_s_maximum=0.01)
    await engines.dispose()


async def waiting_for(handover: Handover) -> "asyncio.Task[PoolProxiedConnection]":
    """Return a task that waits for a connection."""
    task = asyncio.create_task(handover.take())
    await asyncio.sleep(0)
    return task


async def test_who_waits_gets_the_very_connection_in_the_order_they_came(
    handover: Handover,
) -> None:
    first, second = await handover.take(), await handover.take()
    waiting = [await waiting_for(handover) for _ in range(2)]

    await handover.give_back(second)
    await handover.give_back(first)

    assert [second, first] == [await each for each in waiting]
    await handover.give_back(first)
    await handover.give_back(second)


async def test_who_waits_too_long_is_told_so(handover: Handover) -> None:
    taken = [await handover.take() for _ in range(2)]

    with pytest.raises(NoConnectionFree):
        await handover.take()

    for each in taken:
        await handover.give_back(each)


async def test_a_turn_that_a_canceled_task_got_goes_to_the_next(handover: Handover) -> None:
    first, second = await handover.take(), await handover.take()
    canceled, next_one = await waiting_for(handover), await waiting_for(handover)

    await handover.give_back(first)
    canceled.cancel()  # it has its connection already, and has not run since

    assert first == await next_one
    with pytest.raises(asyncio.CancelledError):
        await canceled
    await handover.give_back(first)
    await handover.give_back(second)


async def test_a_discarded_connection_is_replaced_for_who_waits(handover: Handover) -> None:
    first, second = await handover.take(), await handover.take()
    waiting = await waiting_for(handover)

    await handover.discard(first)
    replacement = await waiting

    assert first != replacement
    await handover.give_back(replacement)
    await handover.give_back(second)


async def test_a_connection_that_the_server_has_closed_is_not_handed_on(
    handover: Handover, postgres_url: str
) -> None:
    first, second = await handover.take(), await handover.take()
    waiting = await waiting_for(handover)
    driver: asyncpg.Connection = first.driver_connection
    driver.terminate()

    await handover.give_back(first)
    replacement = await waiting

    assert first != replacement
    await handover.give_back(replacement)
    await handover.give_back(second)


@POSTGRES
async def test_a_canceled_transaction_keeps_nothing_and_no_connection(store: Store) -> None:
    await put(store, order())
    holds = asyncio.Event()

    async def work(tx: Transaction) -> None:
        await tx.orders.lock(order().id)
        holds.set()
        await asyncio.Event().wait()

    for _ in range(20):  # more than there are connections
        task = asyncio.create_task(store.transactions.run(work))
        await holds.wait()
        holds.clear()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def outer(_: Transaction) -> Order | None:
        # On another connection: one of the first kind would hold the row still.
        return await store.transactions.run(lambda tx: tx.orders.lock(order().id))

    assert await store.transactions.run(outer) is not None
