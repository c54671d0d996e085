"""Several workers over one PostgreSQL, of which one is killed again and again."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from markethub.domain.events import OrderPaid, RefundSucceeded
from markethub.domain.ledger import Account as Book
from markethub.domain.ledger import EntryKind, balances
from markethub.domain.order import OrderStatus
from tests.support.processes import stop
from tests.support.worker_fleet import BusyShop, fleet_of, until

pytestmark = pytest.mark.anyio

KILLS = 5
SURVIVORS = 2
AMOUNT = 5000
BACKLOG = 40
"""Events: enough for all hands, few enough to be done soon."""
PACE_S = 0.05


@asynccontextmanager
async def selling(shop: BusyShop) -> AsyncIterator[None]:
    """Sell for as long as the body runs, so that there is always something to process."""
    is_over = asyncio.Event()

    async def sell() -> None:
        while not is_over.is_set():
            if (await shop.container.queries().health()).waiting_events < BACKLOG:
                await shop.sell(AMOUNT)
            # Not all of the machine: workers that start want some of it, too.
            await asyncio.sleep(PACE_S)

    trade = asyncio.create_task(sell())
    try:
        yield
    finally:
        is_over.set()
        await trade


@pytest.fixture
async def shop(tmp_path: Path, postgres_url: str) -> AsyncIterator[BusyShop]:
    opened = BusyShop(tmp_path, postgres_url)
    yield opened
    await opened.close()


async def test_what_killed_workers_had_in_hand_takes_effect_once(
    shop: BusyShop, tmp_path: Path, postgres_url: str
) -> None:
    with fleet_of(tmp_path, postgres_url) as fleet:
        survivors = [fleet.start() for _ in range(SURVIVORS)]
        async with selling(shop):
            in_hand = await fleet.kill_at_work(KILLS)

        async def is_all_done() -> bool:
            health = await shop.container.queries().health()
            return not shop.account.undelivered(1) and health.waiting_events == 0

        await until(is_all_done, "everything is processed")
        codes = [stop(each.process, signal.SIGTERM) for each in survivors]
    views = [await shop.container.queries().order(order_id) for order_id in shop.orders]
    entries = await shop.container.queries().ledger()
    told = Counter(type(event) for event in await shop.container.queries().outbox())
    health = await shop.container.queries().health()
    received = await _ids_of_received_events(postgres_url)

    assert in_hand >= KILLS
    assert [0] * SURVIVORS == codes
    # Nothing is lost.
    assert received == {event["id"] for event in shop.everything("/v1/events")}
    assert (0, 0) == (health.waiting_events, health.dead_events)
    sold = len(shop.orders)
    assert [(OrderStatus.PAID, [(AMOUNT, AMOUNT // 2)])] * sold == [
        (view.order.status, [(paid.captured.minor, paid.refunded.minor) for paid in view.payments])
        for view in views
        if view is not None
    ]
    # Nothing took effect twice.
    assert {OrderPaid: sold, RefundSucceeded: sold} == told
    assert {EntryKind.CHARGE: sold, EntryKind.FEE: sold, EntryKind.REFUND: sold} == Counter(
        entry.kind for entry in entries
    )
    net = sum(line["net"] for line in shop.everything("/v1/balance_transactions"))
    assert net == balances(entries)[Book.PROVIDER_BALANCE, "usd"]


async def _ids_of_received_events(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {row["id"] for row in await connection.fetch("SELECT id FROM inbox")}
    finally:
        await connection.close()
