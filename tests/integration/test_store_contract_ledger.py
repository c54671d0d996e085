"""What every store promises of the books: append-only, each fact once."""

import anyio
import attrs
import pytest

from markethub.domain.ids import PaymentId
from markethub.domain.ledger import Account, EntryKind
from markethub.domain.money import Money
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import Store, entry, later, order, payment, post, put, together

pytestmark = pytest.mark.anyio

PAY1 = PaymentId("pay_1")


async def test_an_entry_is_found_as_it_was_posted_with_every_field(store: Store) -> None:
    full = attrs.evolve(
        entry("txn_1", kind=EntryKind.FX_IN, minor=99_999_999),
        amount=Money.of(99_999_999, "kwd"),
        credit=Account.FOREIGN_EXCHANGE,
        posted_at=later(microseconds=1),
    )
    await put(store, order(), payment())
    await post(store, full)

    assert [full] == list(await store.queries.ledger())
    assert [full] == list(await store.transactions.run(lambda tx: tx.ledger.of_payment(PAY1)))


async def test_the_same_fact_is_posted_once(store: Store) -> None:
    await put(store, order(), payment())

    assert [True, False] == await post(store, entry(), entry(minor=1))
    assert [False] == await post(store, entry(minor=2))
    assert [entry()] == list(await store.queries.ledger())


async def test_another_kind_or_another_reference_is_another_fact(store: Store) -> None:
    await put(store, order(), payment())
    facts = [entry(), entry("ch_2"), entry(kind=EntryKind.FEE)]

    assert [True, True, True] == await post(store, *facts)


async def test_of_concurrent_postings_of_a_fact_one_is_new(store: Store) -> None:
    await put(store, order(), payment())

    async def work(tx: Transaction) -> bool:
        is_new = await tx.ledger.post(entry())
        await anyio.lowlevel.checkpoint()
        return is_new

    assert 1 == sum(await together(store, work, times=20))
    assert [entry()] == list(await store.queries.ledger())


async def test_entries_are_read_in_the_order_they_were_posted(store: Store) -> None:
    other = order("o-2")
    await put(store, order(), other, payment(), payment("pay_2", of=other))
    first, second = entry("ch_9"), entry("ch_1", payment_id="pay_2")
    third, fourth = entry("ch_5"), entry("ch_2")
    await post(store, first, second, third)
    await post(store, fourth)
    mine = await store.transactions.run(lambda tx: tx.ledger.of_payment(PAY1))

    assert [first, second, third, fourth] == list(await store.queries.ledger())
    assert [first, third, fourth] == list(mine)
