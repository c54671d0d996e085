"""What every store promises of refunds."""

from typing import Any

import attrs
import pytest

from markethub.domain.errors import StaleWrite, ValidationFailed
from markethub.domain.events import RefundSucceeded
from markethub.domain.ids import OrderId, PaymentId, ProviderRefundId, RefundId
from markethub.domain.money import Money
from markethub.domain.ports.refunds import RefundFilter
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import PlanLine, Refund, RefundReason, RefundStatus
from tests.support.stored_disputes import save
from tests.support.stored_refunds import refund
from tests.support.stores import START, Store, later, order, payment, put

pytestmark = pytest.mark.anyio

PAY1, PAY2 = PaymentId("pay_1"), PaymentId("pay_2")
LINE = PlanLine(plan_hash="h", line=3)


@pytest.fixture
async def paid(store: Store) -> Store:
    """A store with two orders and their payments."""
    await put(store, order(), payment(), order("o-2"), payment("pay_2", of=order("o-2")))
    return store


async def test_a_refund_is_found_as_it_was_saved_with_every_field(paid: Store) -> None:
    full = refund(
        amount=Money.of(99_999_999, "kwd"),
        status=RefundStatus.FAILED,
        provider_id=ProviderRefundId("re_1"),
        reason=RefundReason.FRAUD_SUSPECTED,
        note="ä note",
        plan=LINE,
        failure_reason="unknown",
        updated_at=later(seconds=1, microseconds=1),
    )

    async def work(tx: Transaction) -> tuple[object, ...]:
        saved = await tx.refunds.save(full)
        return (
            saved,
            await tx.refunds.find(full.id),
            await tx.refunds.find_by_provider_id(ProviderRefundId("re_1")),
            await tx.refunds.find_by_plan(LINE),
            *await tx.refunds.of_payment(PAY1),
        )

    expected = attrs.evolve(full, version=1)
    assert (expected,) * 5 == await paid.transactions.run(work)
    assert expected == await paid.refund_queries.refund(full.id)


async def test_one_made_at_the_provider_has_neither_actor_nor_reason(paid: Store) -> None:
    adopted = refund(actor=None, reason=None, provider_id=ProviderRefundId("re_1"))
    await save(paid, adopted)

    assert attrs.evolve(adopted, version=1) == await paid.refund_queries.refund(adopted.id)


async def test_what_is_not_there_is_none(paid: Store) -> None:
    async def work(tx: Transaction) -> list[object]:
        return [
            await tx.refunds.find(RefundId("ref_9")),
            await tx.refunds.find_by_provider_id(ProviderRefundId("re_9")),
            await tx.refunds.find_by_plan(LINE),
            list(await tx.refunds.of_payment(PAY1)),
        ]

    assert [None, None, None, []] == await paid.transactions.run(work)
    assert await paid.refund_queries.refund(RefundId("ref_9")) is None


async def test_a_stale_refund_is_not_saved(paid: Store) -> None:
    await save(paid, refund())

    with pytest.raises(StaleWrite):
        await save(paid, refund(note="later"))

    found = await paid.refund_queries.refund(RefundId("ref_1"))
    assert found is not None
    assert found.note is None


@pytest.mark.parametrize(
    "same",
    [{"provider_id": ProviderRefundId("re_1")}, {"plan": LINE}],
    ids=["the provider's refund", "the plan's line"],
)
async def test_two_rows_of_one_thing_are_refused(paid: Store, same: dict[str, Any]) -> None:
    await save(paid, refund("ref_1", **same))

    with pytest.raises(StaleWrite):
        await save(paid, refund("ref_2", **same))


async def test_its_events_are_staged_with_it(paid: Store) -> None:
    told = RefundSucceeded(
        refund_id=RefundId("ref_1"),
        payment_id=PAY1,
        order_id=OrderId("o-1"),
        amount_minor=2000,
        currency="usd",
        occurred_at=START,
    )
    await save(paid, refund(events=(told,)))

    assert [told] == [event for event in await paid.queries.outbox() if event == told]


async def test_refunds_of_a_payment_come_oldest_first(paid: Store) -> None:
    made = {name: refund(name, created_at=later(seconds=n)) for n, name in enumerate("cab")}
    await save(paid, *(made[name] for name in "abc"))

    async def work(tx: Transaction) -> list[str]:
        return [each.id for each in await tx.refunds.of_payment(PAY1)]

    assert ["c", "a", "b"] == await paid.transactions.run(work)
    found = await paid.refund_queries.refunds_of([PAY1, PAY2])
    assert {PAY1: ["c", "a", "b"]} == {
        payment_id: [each.id for each in refunds] for payment_id, refunds in found.items()
    }
    assert {} == await paid.refund_queries.refunds_of([])


class TestListing:
    """Pages of refunds."""

    @pytest.fixture
    async def listed(self, paid: Store) -> Store:
        """A store with five refunds, two of them made at the same moment."""
        moments = {"ref_1": 0, "ref_2": 1, "ref_3": 1, "ref_4": 2, "ref_5": 3}
        await save(paid, *(_made(name, seconds) for name, seconds in moments.items()))
        return paid

    async def test_goes_newest_first_page_by_page(self, listed: Store) -> None:
        pages: list[list[str]] = []
        cursor: str | None = None
        while True:
            page = await listed.refund_queries.refunds(RefundFilter(), cursor=cursor, limit=2)
            pages.append([each.id for each in page.items])
            cursor = page.next_cursor
            if cursor is None:
                break

        assert [["ref_5", "ref_4"], ["ref_3", "ref_2"], ["ref_1"]] == pages

    async def test_is_restricted_by_payment_and_status(self, listed: Store) -> None:
        queries = listed.refund_queries
        of_payment = await queries.refunds(RefundFilter(payment_id=PAY2))
        failed = await queries.refunds(RefundFilter(status=RefundStatus.FAILED))

        assert ["ref_4"] == [each.id for each in of_payment.items]
        assert ["ref_5"] == [each.id for each in failed.items]

    async def test_refuses_a_cursor_that_is_not_ours(self, listed: Store) -> None:
        with pytest.raises(ValidationFailed):
            await listed.refund_queries.refunds(RefundFilter(), cursor="page 2")


def _made(id: str, seconds: int) -> Refund:
    status = RefundStatus.FAILED if id == "ref_5" else RefundStatus.PENDING
    made = refund(id, created_at=later(seconds=seconds), status=status)
    return attrs.evolve(made, payment_id=PAY2, order_id=OrderId("o-2")) if id == "ref_4" else made
