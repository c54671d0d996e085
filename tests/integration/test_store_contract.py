"""What every store promises of its transactions: the port's sentences, one by one."""

import anyio
import attrs
import pytest

from markethub.domain.errors import InvalidTransition, StaleWrite
from markethub.domain.events import OrderCanceled
from markethub.domain.ids import IntentId, OperationId, OrderId, PaymentId
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import (
    Store,
    cart,
    entry,
    event,
    later,
    let_others_run,
    operation,
    order,
    payment,
    put,
    receive,
    together,
)

pytestmark = pytest.mark.anyio

O1 = OrderId("o-1")


async def stored_version(store: Store, id: OrderId = O1) -> int:
    """Return the committed version of an order; 0 if there is none."""
    view = await store.queries.order(id)
    return view.order.version if view else 0


# --- run: begin, commit, roll back, repeat ------------------------------------------------------


async def test_the_result_of_the_work_is_returned_and_its_writes_are_kept(store: Store) -> None:
    saved = await store.transactions.run(lambda tx: tx.orders.save(order()))
    view = await store.queries.order(O1)

    assert view is not None
    assert saved == view.order


async def test_an_exception_rolls_back_everything_and_is_raised_as_it_is(store: Store) -> None:
    await put(store, order("o-0"), payment("pay_0", of=order("o-0")))
    await receive(store, [event()])

    async def work(tx: Transaction) -> None:
        await tx.orders.save(order().cancel(now=later(seconds=1)))
        await tx.payments.save(payment())
        await tx.ledger.post(entry(payment_id="pay_0"))
        stored = await tx.inbox.lock(event().event.id)
        assert stored is not None
        await tx.inbox.save(stored.process(now=later(seconds=1)))
        raise InvalidTransition("no")

    with pytest.raises(InvalidTransition):
        await store.transactions.run(work)

    assert await store.queries.order(O1) is None
    assert [] == list(await store.queries.outbox())
    assert [] == list(await store.queries.ledger())
    assert 1 == (await store.queries.health()).waiting_events


async def test_an_exception_of_no_database_is_not_repeated(store: Store) -> None:
    attempts = 0

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        raise InvalidTransition("no")

    with pytest.raises(InvalidTransition):
        await store.transactions.run(work)

    assert 1 == attempts


async def test_a_stale_write_repeats_the_work_from_the_start(store: Store) -> None:
    attempts = 0

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tx.orders.save(order(f"o-{attempts}").cancel(now=later(seconds=1)))
        if attempts < 3:
            raise StaleWrite("somebody else was faster")

    await store.transactions.run(work)
    versions = [await stored_version(store, OrderId(f"o-{number}")) for number in (1, 2, 3)]

    assert [0, 0, 1] == versions
    assert 1 == len(await store.queries.outbox())


async def test_work_that_is_always_stale_is_given_up(store: Store) -> None:
    attempts = 0

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        raise StaleWrite("somebody else was faster")

    with pytest.raises(StaleWrite):
        await store.transactions.run(work)

    assert 1 < attempts <= 100


async def test_cancellation_rolls_back_and_frees_the_rows(store: Store) -> None:
    await put(store, order())
    holds, cancel = anyio.Event(), anyio.CancelScope()

    async def work(tx: Transaction) -> None:
        held = await tx.orders.lock(O1)
        assert held is not None
        await tx.orders.save(held.cancel(now=later(seconds=1)))
        holds.set()
        await anyio.sleep_forever()

    async def canceled() -> None:
        with cancel:
            await store.transactions.run(work)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(canceled)
        await holds.wait()
        cancel.cancel()
    after = await store.transactions.run(lambda tx: tx.orders.lock(O1))

    assert after is not None
    assert (True, 1) == (after.is_open, after.version)
    assert [] == list(await store.queries.outbox())


# --- isolation ----------------------------------------------------------------------------------


async def test_a_transaction_reads_its_own_writes(store: Store) -> None:
    async def work(tx: Transaction) -> None:
        first = await tx.orders.save(order())
        second = await tx.orders.save(first.replace_cart(cart(shipping=1), now=later(seconds=1)))
        started = await tx.payments.save(payment(of=second, intent_id="pi_1"))

        assert second == await tx.orders.find(O1)
        assert second == await tx.orders.lock(O1)
        assert started == await tx.payments.find(started.id)
        assert started == await tx.payments.find_by_intent(IntentId("pi_1"))
        assert [started] == list(await tx.payments.of_order(O1))
        assert await tx.ledger.post(entry())
        assert [entry()] == list(await tx.ledger.of_payment(started.id))

    await store.transactions.run(work)


async def test_what_is_staged_is_invisible_to_others_until_it_is_committed(store: Store) -> None:
    await put(store, order("o-0"), payment("pay_0", of=order("o-0")))
    staged, go_on = anyio.Event(), anyio.Event()

    async def work(tx: Transaction) -> None:
        await tx.orders.save(order().cancel(now=later(seconds=1)))
        await tx.ledger.post(entry(payment_id="pay_0"))
        staged.set()
        await go_on.wait()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.transactions.run, work)
        await staged.wait()
        seen = (
            await store.queries.order(O1),
            list(await store.queries.ledger()),
            list(await store.queries.outbox()),
        )
        go_on.set()

    assert (None, [], []) == seen
    assert 1 == await stored_version(store)


# --- versions -----------------------------------------------------------------------------------


async def test_saving_raises_the_version_and_takes_the_events(store: Store) -> None:
    canceled = order().cancel(now=later(seconds=1))
    saved = await store.transactions.run(lambda tx: tx.orders.save(canceled))

    assert attrs.evolve(canceled, version=1, events=()) == saved
    assert canceled.events == tuple(await store.queries.outbox())


async def test_events_are_staged_in_the_order_in_which_they_were_saved(store: Store) -> None:
    orders = [order(f"o-{number}").cancel(now=later(seconds=1)) for number in (3, 1, 2)]
    await put(store, *orders)
    told = [getattr(event, "order_id", None) for event in await store.queries.outbox()]

    assert ["o-3", "o-1", "o-2"] == told


async def test_an_events_every_field_survives(store: Store) -> None:
    told = OrderCanceled(order_id=O1, occurred_at=later(seconds=1, microseconds=1))
    await put(store, attrs.evolve(order(), events=(told,)))

    assert [told] == list(await store.queries.outbox())


async def test_an_order_that_was_saved_since_it_was_read_is_stale(store: Store) -> None:
    await put(store, order())
    read = await store.transactions.run(lambda tx: tx.orders.find(O1))
    assert read is not None
    await put(store, read.replace_cart(cart(shipping=1), now=later(seconds=1)))

    with pytest.raises(StaleWrite):
        await put(store, read.cancel(now=later(seconds=2)))

    assert 2 == await stored_version(store)
    assert [] == list(await store.queries.outbox())


async def test_a_payment_that_was_saved_since_it_was_read_is_stale(store: Store) -> None:
    await put(store, order(), payment())
    read = await store.transactions.run(lambda tx: tx.payments.find(PaymentId("pay_1")))
    assert read is not None
    await put(store, read.touch(now=later(seconds=1)))

    with pytest.raises(StaleWrite):
        await put(store, read.touch(now=later(seconds=2)))


async def test_an_operation_that_was_saved_since_it_was_read_is_stale(store: Store) -> None:
    await put(store, order(), payment(), operation())
    read = await store.transactions.run(lambda tx: tx.operations.find(OperationId("op_1")))
    assert read is not None
    await put(store, read.postpone(now=later(seconds=1)))

    with pytest.raises(StaleWrite):
        await put(store, read.refuse("late", now=later(seconds=2)))


async def test_a_row_that_was_inserted_already_is_not_inserted_again(store: Store) -> None:
    await put(store, order(), payment(), operation())

    with pytest.raises(StaleWrite):
        await put(store, order())
    with pytest.raises(StaleWrite):
        await put(store, payment())
    with pytest.raises(StaleWrite):
        await put(store, operation())


async def test_within_a_transaction_an_older_version_is_stale_as_well(store: Store) -> None:
    async def work(tx: Transaction) -> None:
        first = await tx.orders.save(order())
        await tx.orders.save(first.replace_cart(cart(shipping=1), now=later(seconds=1)))
        await tx.orders.save(first.replace_cart(cart(shipping=2), now=later(seconds=1)))

    with pytest.raises(StaleWrite):
        await store.transactions.run(work)


async def test_of_concurrent_inserts_of_one_row_one_is_kept(store: Store) -> None:
    async def work(tx: Transaction) -> int:
        found = await tx.orders.find(O1)
        await anyio.lowlevel.checkpoint()
        return 0 if found else (await tx.orders.save(order())).version

    inserted = await together(store, work, times=20)

    assert 1 == sum(inserted)
    assert 1 == await stored_version(store)


async def test_no_update_is_lost_where_writers_only_read_first(store: Store) -> None:
    await put(store, order())

    async def work(tx: Transaction) -> None:
        found = await tx.orders.find(O1)
        assert found is not None
        await let_others_run(tx)
        more = cart(shipping=found.cart.shipping + 1)
        await tx.orders.save(found.replace_cart(more, now=later(seconds=1)))

    await together(store, work, times=3)
    view = await store.queries.order(O1)

    assert view is not None
    assert 3 == view.order.cart.shipping
