"""The simulation hears of everything that is committed, and of nothing else."""

from typing import Any

import pytest

from markethub.adapters.memory.store import MemoryStore
from markethub.domain.ids import CustomerId, OrderId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line, Order
from markethub.domain.ports.unit_of_work import Transaction
from markethub.entrypoints.simulation.observed import ObservedDatabase, ObservedStore
from markethub.entrypoints.simulation.ports import START

pytestmark = pytest.mark.anyio


def order(id: str) -> Order:
    line = Line(sku="tea", title="Tea", unit_price=500, quantity=1)
    cart = Cart(customer_id=CustomerId("c-1"), currency=Currency.of("usd"), lines=(line,))
    return Order.register(id=OrderId(id), cart=cart, now=START)


async def test_a_commit_is_told_row_by_row_and_then_its_end() -> None:
    heard: list[Any] = []
    database = ObservedDatabase(
        on_put=lambda table, key, before, row: heard.append((table, key, before, row.version)),
        on_commit=lambda events: heard.append(len(events)),
    )

    async def save(tx: Transaction) -> None:
        await tx.orders.save(order("o-1"))

    await MemoryStore(database).transactions.run(save)

    assert [("orders", "o-1", None, 1), len(database.outbox)] == heard


async def test_what_is_rolled_back_is_never_heard_of() -> None:
    heard: list[Any] = []
    database = ObservedDatabase(on_put=lambda *row: heard.append(row), on_commit=heard.append)

    async def fail(tx: Transaction) -> None:
        await tx.orders.save(order("o-1"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await MemoryStore(database).transactions.run(fail)

    assert [] == heard


def test_the_account_is_heard_when_its_outermost_block_has_ended() -> None:
    heard: list[Any] = []
    store = ObservedStore(lambda *put: heard.append(put))
    with store.atomic():
        with store.atomic():
            store.put("charge", "ch_1", {"amount": 1})
            store.put("charge", "ch_1", {"amount": 2})
        inside = list(heard)

    assert ([], [("charge", "ch_1", {"amount": 2})]) == (inside, heard)


def test_a_block_that_fails_is_never_heard_of() -> None:
    heard: list[Any] = []
    store = ObservedStore(lambda *put: heard.append(put))

    def fail() -> None:
        with store.atomic():
            store.put("charge", "ch_1", {"amount": 1})
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    with store.atomic():
        pass

    assert [] == heard
