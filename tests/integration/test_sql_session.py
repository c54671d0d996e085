"""What a transaction writes is sent together on PostgreSQL: nothing may be lost by that."""

from contextlib import suppress
from typing import Any

import attrs
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from markethub.domain.errors import StaleWrite
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import (
    Store,
    entry,
    later,
    operation,
    order,
    payment,
    put,
)

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


@BOTH
async def test_two_saves_of_one_row_in_a_transaction_both_count(store: Store) -> None:
    await put(store, order(), payment())

    async def work(tx: Transaction) -> int:
        held = await tx.payments.lock(payment().id)
        assert held is not None
        once = await tx.payments.save(held.touch(now=later(seconds=1)))
        twice = await tx.payments.save(once.touch(now=later(seconds=2)))
        return twice.version

    version = await store.transactions.run(work)
    found = await store.queries.payment(payment().id)

    assert found is not None
    assert (3, 3, later(seconds=2)) == (version, found.version, found.updated_at)


@BOTH
async def test_one_stale_row_among_others_keeps_all_of_them_out(store: Store) -> None:
    await put(store, order(), payment())
    current = await store.queries.order(order().id)
    assert current is not None
    stale = attrs.evolve(payment(), version=7)

    async def work(tx: Transaction) -> None:
        await tx.orders.save(current.order.cancel(now=later(seconds=1)))
        await tx.operations.save(operation())
        await tx.payments.save(stale)

    with pytest.raises(StaleWrite):
        await store.transactions.run(work)
    after = await store.queries.order(order().id)

    assert current == after


@BOTH
async def test_what_is_written_is_read_in_the_same_transaction(store: Store) -> None:
    await put(store, order(), payment())

    async def work(tx: Transaction) -> tuple[object, object]:
        held = await tx.orders.lock(order().id)
        assert held is not None
        canceled = await tx.orders.save(held.cancel(now=later(seconds=1)))
        saved = await tx.operations.save(operation())
        assert canceled == await tx.orders.find(order().id)
        return saved, await tx.operations.unresolved(payment().id)

    saved, found = await store.transactions.run(work)

    assert saved == found


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_transaction_that_goes_on_after_a_failed_statement_is_never_called_committed(
    store: Store,
) -> None:
    await put(store, order(), payment())

    async def work(tx: Any) -> None:
        await tx.ledger.post(entry())
        with suppress(DBAPIError):
            await tx.orders._session.execute(text("SELECT 1 / 0"))

    with pytest.raises(StaleWrite):
        await store.transactions.run(work)

    assert [] == list(await store.queries.ledger())
