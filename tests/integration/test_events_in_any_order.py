"""Whatever order the events of a payment come in, with duplicates, the final state is one.

Disputes whose reads a test invents have a suite of their own.
"""

from collections.abc import Sequence
from itertools import permutations

import pytest

from markethub.domain.ledger import Account as Book
from markethub.domain.order import OrderStatus
from markethub.domain.payment import PaymentStatus
from tests.support.final_state import final_state
from tests.support.histories import HISTORIES, live_through, played
from tests.support.world import World

pytestmark = pytest.mark.anyio

ENDS = {
    "paid": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 0),
    "declined_then_paid": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 0),
    "challenged_then_paid": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 0),
    "captured": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 3000, 0),
    "canceled": (PaymentStatus.CANCELED, OrderStatus.OPEN, 0, 0),
    "saved": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 0),
    "refunded": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 0),
    "refunded_by_us": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 2000),
    "refunded_later": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 2000),
    "warned": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 0),
    "disputed": (PaymentStatus.SUCCEEDED, OrderStatus.PAID, 5000, 0),
}
"""What the end of each history is: the payment's and the order's status, captured, refunded."""


async def end_of(name: str, order: Sequence[int] | None = None, url: str = "memory://") -> object:
    """Let a history's events come in an order, and return the final state."""
    world, events = await played(HISTORIES[name], url)
    await live_through(world, events, range(len(events)) if order is None else order)
    end = await final_state(world)
    await world.close()
    return end


async def summary(world: World) -> object:
    [payment] = await world.payments()
    order = await world.order()
    assert payment.quarantine is None
    return payment.status, order.status, payment.captured.minor, payment.refunded.minor


async def orders_of(name: str) -> list[tuple[int, ...]]:
    _, events = await played(HISTORIES[name])
    return list(permutations(range(len(events))))


@pytest.mark.parametrize("name", HISTORIES)
async def test_every_order_with_duplicates_ends_the_same(name: str) -> None:
    orders = await orders_of(name)
    expected = await end_of(name)

    different = [order for order in orders if await end_of(name, order) != expected]

    assert [] == different


@pytest.mark.parametrize("name", HISTORIES)
async def test_every_fifth_order_ends_the_same_when_all_has_happened_before(name: str) -> None:
    expected = await end_of(name)
    different = []
    for order in (await orders_of(name))[::5]:
        world, events = await played(HISTORIES[name])
        for each in (*order, *order):
            await world.deliver(events[each])
        await world.rest()
        if await final_state(world) != expected:
            different.append(order)

    assert [] == different


@pytest.mark.parametrize("name", HISTORIES)
async def test_the_end_is_the_right_one(name: str) -> None:
    world, events = await played(HISTORIES[name])

    await live_through(world, events, range(len(events)))

    assert ENDS[name] == await summary(world)
    books = await world.books()
    cash = sum(line["net"] for line in world.at_stripe("/v1/balance_transactions")["data"])
    assert cash == books.get((Book.PROVIDER_BALANCE, "usd"), 0)


@pytest.mark.parametrize("name", HISTORIES)
async def test_the_last_event_alone_ends_so_too(name: str) -> None:
    """The object that it is about tells all but what is told of its charge: its card, its fee."""
    world, events = await played(HISTORIES[name])

    await world.deliver(events[-1])
    await world.rest()

    assert ENDS[name] == await summary(world)


@pytest.mark.parametrize("name", HISTORIES)
async def test_the_orders_end_the_same_in_a_database(name: str, store_url: str) -> None:
    """One order on each store: the backward one is the one that surprises most."""
    orders = await orders_of(name)

    assert await end_of(name) == await end_of(name, orders[-1], store_url)
