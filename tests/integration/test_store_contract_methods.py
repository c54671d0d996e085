"""What every store promises of customers and saved methods."""

import anyio
import attrs
import pytest

from markethub.domain.customer import Customer
from markethub.domain.errors import StaleWrite
from markethub.domain.facts import Card
from markethub.domain.ids import CustomerId, CustomerRecordId, MethodId, ProviderCustomerId
from markethub.domain.payment_method import MethodStatus, PaymentMethod
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.secret import Secret
from tests.support.stores import (
    START,
    Store,
    customer,
    later,
    let_others_run,
    put,
    saved_method,
    together,
)

pytestmark = pytest.mark.anyio

MINE, THEIRS = CustomerId("c-1"), CustomerId("c-2")
M1 = MethodId("mth_1")


async def found(store: Store, id: MethodId) -> PaymentMethod | None:
    return await store.transactions.run(lambda tx: tx.methods.find(id))


async def change(store: Store, method: PaymentMethod) -> PaymentMethod:
    return await store.transactions.run(lambda tx: tx.methods.save(method))


async def test_a_customer_is_found_as_it_was_saved_with_every_field(store: Store) -> None:
    full = attrs.evolve(
        customer(),
        generation=7,
        begun_at=later(seconds=1),
        updated_at=later(seconds=2, microseconds=1),
    )
    await put(store, full)
    by_id = await store.transactions.run(lambda tx: tx.customers.find(MINE))

    assert attrs.evolve(full, version=1) == by_id


async def test_a_customer_is_found_by_the_record_of_the_present_generation(store: Store) -> None:
    old, new = ProviderCustomerId("cus_1"), ProviderCustomerId("cus_new")
    await put(store, customer())

    async def renew(tx: Transaction) -> None:
        held = await tx.customers.lock(MINE)
        assert held is not None
        await tx.customers.save(held.renew(now=later(seconds=1)).activate(new, now=START))

    before = await store.transactions.run(lambda tx: tx.customers.find_by_provider(old))
    await store.transactions.run(renew)
    by_old = await store.transactions.run(lambda tx: tx.customers.find_by_provider(old))
    by_new = await store.transactions.run(lambda tx: tx.customers.find_by_provider(new))

    assert before is not None
    assert by_old is None
    assert by_new is not None


async def test_many_first_saves_of_one_customer_insert_one_row(store: Store) -> None:
    numbers = iter(range(10))

    async def begin(tx: Transaction) -> str:
        known = await tx.customers.find(MINE)
        if known is None:
            record_id = CustomerRecordId(f"cst_{next(numbers)}")
            fresh = attrs.evolve(customer(), record_id=record_id, provider_id=None)
            known = await tx.customers.save(fresh)
        return known.record_id

    assert 1 == len(set(await together(store, begin, times=8)))


async def test_a_held_customer_is_waited_for(store: Store) -> None:
    await put(store, customer())
    order: list[str] = []

    async def first(tx: Transaction) -> None:
        held = await tx.customers.lock(MINE)
        assert held is not None
        entered.set()
        await let_others_run(tx)
        order.append("first")
        await tx.customers.save(held.renew(now=later(seconds=1)))

    async def second(tx: Transaction) -> None:
        held = await tx.customers.lock(MINE)
        assert held is not None
        order.append(f"second sees generation {held.generation}")

    entered = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.transactions.run, first)
        await entered.wait()
        tasks.start_soon(store.transactions.run, second)

    assert ["first", "second sees generation 2"] == order


async def test_a_method_is_found_as_it_was_saved_with_every_field(store: Store) -> None:
    await put(store, customer())
    full = attrs.evolve(
        saved_method(),
        card=Card(brand="amex", last4="0005", exp_month=1, exp_year=2040),
        status=MethodStatus.REMOVED,
        issued_at=later(seconds=3),
        detach_due_at=later(seconds=4),
        detach_attempts=5,
        updated_at=later(seconds=1, microseconds=1),
    )
    saved = await change(store, full)

    assert attrs.evolve(full, version=1, events=()) == saved == await found(store, M1)


async def test_a_method_is_found_by_its_customer_only(store: Store) -> None:
    await put(store, customer(), saved_method())

    async def work(tx: Transaction) -> list[bool]:
        return [
            await tx.methods.find(M1) is not None,
            await tx.methods.find(M1, customer_id=MINE) is not None,
            await tx.methods.find(M1, customer_id=THEIRS) is not None,
        ]

    assert [True, True, False] == await store.transactions.run(work)


async def test_a_method_is_found_by_its_token_a_removed_one_too(store: Store) -> None:
    await put(store, customer(), saved_method().remove(now=START, detach=True))
    known = await store.transactions.run(lambda tx: tx.methods.find_by_token(Secret("pm_mth_1")))
    other = await store.transactions.run(lambda tx: tx.methods.find_by_token(Secret("pm_mth_2")))

    assert known is not None
    assert other is None


async def test_a_customers_methods_are_listed_oldest_first_without_removed_ones(
    store: Store,
) -> None:
    await put(
        store,
        customer(),
        customer("c-2"),
        saved_method("mth_3", now=later(seconds=3)),
        saved_method("mth_1", now=later(seconds=1)),
        saved_method("mth_2", now=later(seconds=2)).remove(now=START, detach=False),
        saved_method("mth_4", customer_id="c-2"),
        saved_method("mth_5", now=later(seconds=5)).deactivate(now=START),
    )
    listed = await store.transactions.run(lambda tx: tx.methods.of_customer(MINE))
    shown = await store.queries.methods(MINE)

    assert ["mth_1", "mth_3", "mth_5"] == [method.id for method in listed]
    assert [(m.id, m.card, m.is_default, m.is_active) for m in listed] == [
        (m.id, m.card, m.is_default, m.is_active) for m in shown
    ]


async def test_what_is_to_be_detached_is_named_longest_due_first(store: Store) -> None:
    gone = saved_method().remove(now=START, detach=True)
    tombstones = [
        gone.tombstone(
            id=MethodId(f"mth_{number}"),
            token=Secret(f"pm_{number}"),
            issued_at=START,
            now=later(seconds=number),
        )
        for number in (3, 1, 2, 9)
    ]
    await put(store, customer(), *tombstones, saved_method("mth_5"))
    due = await store.transactions.run(
        lambda tx: tx.methods.detachable(now=later(seconds=3), limit=2)
    )

    assert ["mth_1", "mth_2"] == due


@pytest.mark.parametrize(
    "second",
    [
        attrs.evolve(saved_method("mth_2"), token=Secret("pm_mth_1")),
        saved_method("mth_2", card="print of mth_1"),
        saved_method("mth_2").make_default(now=START),
        saved_method("mth_1"),
    ],
    ids=["token", "card", "default", "id"],
)
async def test_what_may_be_there_once_is_refused_a_second_time(
    store: Store, second: PaymentMethod
) -> None:
    await put(store, customer(), saved_method("mth_1").make_default(now=START))
    with pytest.raises(StaleWrite):
        await change(store, second)

    assert 1 == len(await store.queries.methods(MINE))


async def test_a_removed_card_and_one_of_another_customer_are_in_nobodys_way(
    store: Store,
) -> None:
    await put(
        store,
        customer(),
        customer("c-2"),
        saved_method("mth_1").remove(now=START, detach=False),
        saved_method("mth_2", card="print of mth_1"),
        saved_method("mth_3", customer_id="c-2", card="print of mth_1"),
    )

    assert ["mth_2"] == [method.id for method in await store.queries.methods(MINE)]
    assert ["mth_3"] == [method.id for method in await store.queries.methods(THEIRS)]


async def test_a_method_that_changed_since_it_was_read_is_not_saved(store: Store) -> None:
    await put(store, customer(), saved_method())
    read = await found(store, M1)
    assert read is not None
    await change(store, read.make_default(now=START))
    with pytest.raises(StaleWrite):
        await change(store, read.deactivate(now=START))

    assert [True] == [method.is_active for method in await store.queries.methods(MINE)]


async def test_a_methods_events_are_staged_with_it(store: Store) -> None:
    method = saved_method()
    await put(store, customer(), method)

    assert list(method.events) == list(await store.queries.outbox())


async def test_a_customer_that_changed_since_it_was_read_is_not_saved(store: Store) -> None:
    await put(store, customer())
    stale: Customer = attrs.evolve(customer(), version=2)
    with pytest.raises(StaleWrite):
        await store.transactions.run(lambda tx: tx.customers.save(stale))

    assert 0 == len(await store.queries.methods(MINE))
