"""A process that dies, or a COMMIT that is not answered, at each of its transactions in turn.

Whatever the moment, recovery and a repetition of the same request end with one effect, and with
books that say what the provider says.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pytest
from dependency_injector import providers

from markethub.adapters.fake.bank import Bank
from markethub.domain.errors import CommitUnknown, PaymentsError
from markethub.domain.ledger import Account as Book
from markethub.domain.payment import Payment
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.refund import PlanLine, RefundReason
from markethub.domain.refund_plan import Precondition, plan_refunds
from markethub.domain.usecases.accept_dispute import AcceptDisputeCommand
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.domain.usecases.submit_evidence import SubmitEvidenceCommand
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.faults import Crash, Fault
from tests.support.world import World

pytestmark = pytest.mark.anyio

T = TypeVar("T")
MOMENTS = [(how, at) for how in ("before", "after", "unknown") for at in range(1, 5)]
REPLIES = [None, Fault.LOST_REPLY, Fault.LOST_REQUEST, Fault.STORED_500, Fault.CRASH_AFTER]


class DyingTransactions:
    """Dies at one transaction: before it, after it, or with an unanswered COMMIT."""

    def __init__(self, inner: Transactions) -> None:
        self._inner = inner
        self.how, self.at = "", 0

    def die(self, how: str, at: int) -> None:
        self.how, self.at = how, at

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        self.at -= 1
        dies = self.at == 0
        if dies and self.how == "before":
            raise Crash
        result = await self._inner.run(work)
        if dies and self.how == "after":
            raise Crash
        if dies and self.how == "unknown":
            raise CommitUnknown("the database did not answer the COMMIT")
        return result


@pytest.fixture
async def dying(store_url: str) -> AsyncIterator[tuple[World, DyingTransactions]]:
    container = build_container(Settings(database=Database(url=store_url)))
    transactions = DyingTransactions(container.transactions())
    container.transactions.override(providers.Object(transactions))
    yield World(container), transactions
    await container.store().close()


async def come_to_rest(world: World) -> None:
    for _ in range(30):
        world.clock.advance(hours=1)
        world.account.advance(int(world.clock.now().timestamp()))
        await world.container.reconcile()()
        await world.container.reconcile_disputes()()
        await world.container.detach_methods()()
        await world.work()


async def books_agree(world: World) -> None:
    net = Counter[str]()
    for line in world.at_stripe("/v1/balance_transactions", {"limit": 100})["data"]:
        net[line["currency"]] += line["net"]
    books = await world.books()
    assert net["usd"] == books[Book.PROVIDER_BALANCE, "usd"]


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize(("how", "at"), MOMENTS)
@pytest.mark.parametrize("again_at_once", [True, False])
async def test_a_refund_is_made_once(
    dying: tuple[World, DyingTransactions],
    how: str,
    at: int,
    reply: Fault | None,
    *,
    again_at_once: bool,
) -> None:
    world, transactions = dying
    payment = await world.paid()
    if reply:
        world.gateway.faults.append(reply)
    transactions.die(how, at)
    with suppress(PaymentsError, Crash):
        await world.refund(payment, 2000, origin="o")
    world.gateway.faults.clear()
    transactions.die("", 0)
    if again_at_once:
        world.clock.advance(seconds=15)
        with suppress(PaymentsError):
            await world.refund(payment, 2000, origin="o", again=True)
    await come_to_rest(world)
    with suppress(PaymentsError):
        await world.refund(payment, 2000, origin="o", again=True)
    await come_to_rest(world)

    made = world.refunds_at_stripe()
    [payment] = await world.payments()
    await books_agree(world)
    assert len(made) == 1
    assert (payment.refunded.minor, payment.refund_reserved.minor) == (2000, 0)


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize(("how", "at"), MOMENTS)
async def test_a_plan_is_carried_out_once(
    dying: tuple[World, DyingTransactions], how: str, at: int, reply: Fault | None
) -> None:
    world, transactions = dying
    payments: list[Payment] = [await world.paid(), await world.paid("o-2")]
    plan, _ = plan_refunds(payments, reason=RefundReason.OTHER, note=None, now=world.clock.now())

    async def apply() -> None:
        for number, line in enumerate(plan.lines):
            with suppress(PaymentsError):
                await world.refund(
                    payments[number],
                    line.amount.minor,
                    plan=PlanLine(plan_hash=plan.hash, line=number),
                    precondition=Precondition.of(payments[number]),
                )

    if reply:
        world.gateway.faults.append(reply)
    transactions.die(how, at)
    with suppress(Crash):
        await apply()
    world.gateway.faults.clear()
    transactions.die("", 0)
    await apply()
    await come_to_rest(world)
    await apply()
    await come_to_rest(world)

    made = world.refunds_at_stripe()
    await books_agree(world)
    assert sorted(each["payment_intent"] for each in made) == sorted(
        str(each.intent_id) for each in payments
    )


@pytest.mark.parametrize("accept", [True, False])
@pytest.mark.parametrize(("how", "at"), MOMENTS)
async def test_a_dispute_is_answered_once(
    dying: tuple[World, DyingTransactions], how: str, at: int, *, accept: bool
) -> None:
    world, transactions = dying
    payment = await world.paid()
    bank = Bank(world.account)
    bank.open_dispute(str(payment.charge_id))
    await world.work()
    page = await world.container.dispute_queries().disputes(DisputeFilter())
    [dispute] = page.items
    await world.container.draft_evidence()(
        DraftEvidenceCommand(dispute_id=dispute.id, texts={"uncategorized_text": "we shipped"})
    )

    async def answer() -> None:
        if accept:
            await world.container.accept_dispute()(AcceptDisputeCommand(dispute_id=dispute.id))
        else:
            await world.container.submit_evidence()(SubmitEvidenceCommand(dispute_id=dispute.id))

    transactions.die(how, at)
    with suppress(PaymentsError, Crash):
        await answer()
    transactions.die("", 0)
    world.clock.advance(seconds=15)
    await world.container.reconcile_disputes()()
    with suppress(PaymentsError):
        await answer()
    await world.work()

    page = await world.container.dispute_queries().disputes(DisputeFilter())
    [dispute] = page.items
    [there] = world.at_stripe("/v1/disputes", {"limit": 100})["data"]
    await books_agree(world)
    assert there["status"] == dispute.status.value
    assert there["evidence_details"]["submission_count"] == (0 if accept else 1)


@pytest.mark.parametrize(("how", "at"), MOMENTS)
async def test_a_method_is_removed_for_good(
    dying: tuple[World, DyingTransactions], how: str, at: int
) -> None:
    world, transactions = dying
    method = await world.save_card()
    transactions.die(how, at)
    with suppress(PaymentsError, Crash):
        await world.container.remove_method()(RemoveMethodCommand(method_id=method.id))
    transactions.die("", 0)
    with suppress(PaymentsError):
        await world.container.remove_method()(RemoveMethodCommand(method_id=method.id))
    await come_to_rest(world)

    assert [] == await world.saved()
