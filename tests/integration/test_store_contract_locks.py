"""What every store promises of held rows: they are waited for, and freed."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from markethub.domain.ids import OrderId, PaymentId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.operation import Operation
from markethub.domain.order import Order
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import (
    Store,
    cart,
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

O1, PAY1 = OrderId("o-1"), PaymentId("pay_1")


async def stored(store: Store, id: OrderId = O1) -> Order:
    """Return the committed order."""
    view = await store.queries.order(id)
    assert view is not None
    return view.order


async def test_no_update_is_lost_under_a_lock(store: Store) -> None:
    await put(store, order())

    async def work(tx: Transaction) -> None:
        held = await tx.orders.lock(O1)
        assert held is not None
        more = cart(shipping=held.cart.shipping + 1)
        await anyio.lowlevel.checkpoint()
        await tx.orders.save(held.replace_cart(more, now=later(seconds=1)))

    await together(store, work, times=30)
    found = await stored(store)

    assert (30, 31) == (found.cart.shipping, found.version)


LOCKS: dict[str, Callable[[Transaction], Awaitable[object]]] = {
    "an order": lambda tx: tx.orders.lock(O1),
    "a payment": lambda tx: tx.payments.lock(PAY1),
    "a payment with its order": lambda tx: tx.payments.lock_with_order(PAY1),
    "an unresolved operation": lambda tx: tx.operations.unresolved(PAY1),
    "an event": lambda tx: tx.inbox.lock(event().event.id),
}


@pytest.mark.parametrize("what", LOCKS)
async def test_a_second_locker_waits_until_the_first_has_ended(store: Store, what: str) -> None:
    await put(store, order(), payment(), operation())
    await receive(store, [event()])
    log: list[str] = []
    first_holds, second_asks = anyio.Event(), anyio.Event()

    async def first(tx: Transaction) -> None:
        assert await LOCKS[what](tx) is not None
        first_holds.set()
        await second_asks.wait()
        await let_others_run(tx)
        log.append("the first ends")

    async def second(tx: Transaction) -> None:
        assert await LOCKS[what](tx) is not None
        log.append("the second holds")

    async def run_second() -> None:
        await first_holds.wait()
        second_asks.set()
        await store.transactions.run(second)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.transactions.run, first)
        tasks.start_soon(run_second)

    assert ["the first ends", "the second holds"] == log


async def test_a_writer_waits_for_a_locker_as_well(store: Store) -> None:
    await put(store, order())
    read = await stored(store)
    log: list[str] = []
    first_holds, second_asks = anyio.Event(), anyio.Event()

    async def first(tx: Transaction) -> None:
        await tx.orders.lock(O1)
        first_holds.set()
        await second_asks.wait()
        await let_others_run(tx)
        log.append("the locker ends")

    async def second(tx: Transaction) -> None:
        await tx.orders.save(read.cancel(now=later(seconds=1)))
        await tx.orders.find(O1)  # whatever is read sees what was saved
        log.append("the writer has written")

    async def run_second() -> None:
        await first_holds.wait()
        second_asks.set()
        await store.transactions.run(second)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.transactions.run, first)
        tasks.start_soon(run_second)

    assert ["the locker ends", "the writer has written"] == log


async def test_who_waited_for_a_row_sees_what_its_holder_wrote(store: Store) -> None:
    await put(store, order(), payment())
    await receive(store, [event()])
    first_holds = anyio.Event()
    seen: list[int | InboxStatus] = []

    async def first(tx: Transaction) -> None:
        held = await tx.orders.lock(O1)
        paid = await tx.payments.lock(PAY1)
        received = await tx.inbox.lock(event().event.id)
        assert held is not None
        assert paid is not None
        assert received is not None
        first_holds.set()
        await let_others_run(tx)
        await tx.orders.save(held.cancel(now=later(seconds=1)))
        await tx.payments.save(paid.touch(now=later(seconds=1)))
        await tx.inbox.save(received.process(now=later(seconds=1)))

    async def look_at_order(tx: Transaction) -> int:
        held = await tx.orders.lock(O1)
        return held.version if held else 0

    async def look_at_payment(tx: Transaction) -> int:
        held = await tx.payments.lock(PAY1)
        return held.version if held else 0

    async def look_at_event(tx: Transaction) -> InboxStatus:
        held = await tx.inbox.lock(event().event.id)
        return held.status if held else InboxStatus.DEAD

    async def run_second(look: Callable[[Transaction], Awaitable[int | InboxStatus]]) -> None:
        await first_holds.wait()
        seen.append(await store.transactions.run(look))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.transactions.run, first)
        for look in (look_at_order, look_at_payment, look_at_event):
            tasks.start_soon(run_second, look)

    assert {2, InboxStatus.PROCESSED} == set(seen)
    assert 3 == len(seen)


async def test_an_operation_that_was_resolved_while_it_was_waited_for_is_not_unresolved(
    store: Store,
) -> None:
    await put(store, order(), payment(), operation())
    first_holds = anyio.Event()
    seen: list[Operation | None] = []

    async def first(tx: Transaction) -> None:
        held = await tx.operations.unresolved(PAY1)
        assert held is not None
        first_holds.set()
        await let_others_run(tx)
        await tx.operations.save(held.refuse("no", now=later(seconds=1)))

    async def run_second() -> None:
        await first_holds.wait()
        seen.append(await store.transactions.run(lambda tx: tx.operations.unresolved(PAY1)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.transactions.run, first)
        tasks.start_soon(run_second)

    assert [None] == seen


async def test_who_gives_up_waiting_leaves_the_row_to_the_next(store: Store) -> None:
    await put(store, order())
    first_holds, waiter = anyio.Event(), anyio.CancelScope()

    async def first(tx: Transaction) -> None:
        await tx.orders.lock(O1)
        first_holds.set()
        await let_others_run(tx)
        waiter.cancel()
        await let_others_run(tx)

    async def impatient() -> None:
        await first_holds.wait()
        with waiter:
            await store.transactions.run(lambda tx: tx.orders.lock(O1))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.transactions.run, first)
        tasks.start_soon(impatient)

    assert await store.transactions.run(lambda tx: tx.orders.lock(O1)) is not None


async def test_two_who_hold_what_the_other_wants_both_get_it_in_the_end(store: Store) -> None:
    await put(store, order("o-1"), order("o-2"))

    def work(*ids: str) -> Callable[[Transaction], Awaitable[None]]:
        async def run(tx: Transaction) -> None:
            for name in ids:
                held = await tx.orders.lock(OrderId(name))
                assert held is not None
                await let_others_run(tx)
                shipped = cart(shipping=held.cart.shipping + 1)
                await tx.orders.save(held.replace_cart(shipped, now=later(seconds=1)))

        return run

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.transactions.run, work("o-1", "o-2"))
        tasks.start_soon(store.transactions.run, work("o-2", "o-1"))
    versions = [(await stored(store, OrderId(name))).version for name in ("o-1", "o-2")]

    assert [3, 3] == versions


async def test_other_rows_are_not_held(store: Store) -> None:
    await put(store, order("o-1"), order("o-2"))

    async def work(tx: Transaction) -> None:
        await tx.orders.lock(OrderId("o-1"))
        await tx.orders.lock(OrderId("o-2"))
        await tx.orders.lock(OrderId("o-2"))

    await store.transactions.run(work)
    await store.transactions.run(work)
