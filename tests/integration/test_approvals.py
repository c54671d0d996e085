"""A second person for what is too much for one: the same on every store, whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs
import pytest
from dependency_injector import providers

from markethub.domain.approval import ApprovalLimit, ApprovalStatus
from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import (
    ApprovalRejected,
    ApprovalRequired,
    InvalidTransition,
    KeyReused,
    NotFound,
    PaymentDisputed,
    PlanOutdated,
    RefundExceedsCaptured,
    SecondPersonRequired,
    ValidationFailed,
)
from markethub.domain.ids import ApprovalId
from markethub.domain.money import Money
from markethub.domain.payment import Payment
from markethub.domain.ports.approvals import ApprovalFilter
from markethub.domain.ports.audit import AuditFilter
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import PlanLine, RefundStatus
from markethub.domain.refund_plan import Precondition
from markethub.domain.usecases.decide_approval import DecideApprovalCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from tests.support.faults import Fault
from tests.support.world import World

pytestmark = pytest.mark.anyio

UP_TO_TWENTY = ApprovalLimit({"usd": Money.of(2000, "usd")})
ALL = ApprovalFilter()
T = TypeVar("T")


@pytest.fixture
def world(world: World) -> World:
    """A core in which one person gives back 20.00 USD of a payment at most."""
    settings = attrs.evolve(world.container.settings(), refund_approval_limit=UP_TO_TWENTY)
    world.container.settings.override(providers.Object(settings))
    return world


async def waits(world: World, payment: Payment, amount: int | None = 3000, **more: Any) -> Any:
    """Ask for more than one person may give, and return the approval that waits."""
    with pytest.raises(ApprovalRequired) as refused:
        await world.refund(payment, amount, **more)
    return await approval(world, refused.value.approval_id)


async def approval(world: World, id: str) -> Any:
    found = await world.container.approval_queries().approval(ApprovalId(id))
    assert found is not None
    return found


async def decide(
    world: World,
    id: str,
    *,
    by: str = "bob",
    approves: bool = True,
    why: str | None = None,
    is_shown: bool = True,
) -> Any:
    act = Act(actor=by, reason=why, is_shown=is_shown)
    command = DecideApprovalCommand(approval_id=ApprovalId(id), act=act, approves=approves)
    return await world.container.decide_approval()(command)


async def pending(world: World) -> int:
    wanted = ApprovalFilter(status=ApprovalStatus.PENDING)
    return len((await world.container.approval_queries().approvals(wanted)).items)


async def logged(world: World) -> list[tuple[AuditAction, str]]:
    page = await world.container.audit_queries().entries(AuditFilter())
    return [(line.action, line.actor) for line in reversed(page.items)]


async def test_up_to_the_limit_one_person_is_enough(world: World) -> None:
    payment = await world.paid()

    assert RefundStatus.SUCCEEDED == (await world.refund(payment, 2000)).status
    assert 0 == await pending(world)


async def test_above_it_nothing_is_given_back_until_another_agrees(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment, 2001, note="she called")

    assert ([], []) == (await world.refunds(payment), world.refunds_at_stripe())
    assert 0 == (await world.payment(payment.id)).refund_reserved.minor
    assert (2001, "ada", ApprovalStatus.PENDING, "she called") == (
        waiting.amount.minor,
        waiting.requested_by,
        waiting.status,
        waiting.note,
    )

    decided = await decide(world, waiting.id, why="seen the mail")

    [refund] = await world.refunds(payment)
    [at_stripe] = world.refunds_at_stripe()
    assert (ApprovalStatus.APPROVED, "bob", "seen the mail", refund.id) == (
        decided.status,
        decided.decided_by,
        decided.why,
        decided.refund_id,
    )
    assert (2001, "ada", "she called", at_stripe["id"]) == (
        refund.amount.minor,
        refund.actor,
        refund.note,
        refund.provider_id,
    )
    assert [
        (AuditAction.REFUND_APPROVAL_ASKED, "ada"),
        (AuditAction.REFUND_APPROVE, "bob"),
    ] == await logged(world)


async def test_small_parts_add_up(world: World) -> None:
    payment = await world.paid()
    await world.refund(payment, 1500)
    waiting = await waits(world, payment, 501)

    assert 501 == waiting.amount.minor
    assert 500 == (await world.refund(payment, 500)).amount.minor


async def test_what_another_agreed_to_does_not_count(world: World) -> None:
    payment = await world.paid(total=9000)
    await decide(world, (await waits(world, payment, 3000)).id)

    assert 2000 == (await world.refund(payment, 2000)).amount.minor


async def test_what_came_back_does_not_count(world: World) -> None:
    payment = await world.paid(card="4000000000005126")  # its refunds fail a while later
    await world.refund(payment, 2000)
    world.clock.advance(seconds=60)
    await world.work()
    assert [RefundStatus.FAILED] == [each.status for each in await world.refunds(payment)]

    assert 2000 == (await world.refund(payment, 2000)).amount.minor


async def test_what_the_dashboard_gave_back_is_not_ours_to_approve(world: World) -> None:
    payment = await world.paid()
    world.stripe_does("/v1/refunds", {"charge": payment.charge_id, "amount": 3000})
    await world.work()

    assert 2000 == (await world.refund(payment, 2000)).amount.minor


async def test_in_a_currency_without_a_limit_nothing_is_free(world: World) -> None:
    await world.register(currency="eur", total=100)
    started = await world.charge()
    world.pay(started)
    await world.work()
    [payment] = await world.payments()

    assert 100 == (await waits(world, payment, None)).amount.minor


async def test_who_asked_cannot_agree(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    with pytest.raises(SecondPersonRequired):
        await decide(world, waiting.id, by="ada")

    assert (1, []) == (await pending(world), await world.refunds(payment))


@pytest.mark.parametrize("same", ["Ada", "ADA"])
async def test_another_spelling_is_no_other_person(world: World, same: str) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    with pytest.raises(SecondPersonRequired):
        await decide(world, waiting.id, by=same)

    assert (1, []) == (await pending(world), await world.refunds(payment))


async def test_who_only_says_a_name_cannot_agree(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    with pytest.raises(SecondPersonRequired):
        await decide(world, waiting.id, is_shown=False)

    assert (1, []) == (await pending(world), await world.refunds(payment))


async def test_who_only_says_a_name_cannot_ask_for_what_another_shall_agree_to(
    world: World,
) -> None:
    payment = await world.paid()
    said = RefundPaymentCommand(
        payment_id=payment.id, act=Act(actor="ada", is_shown=False), amount_minor=2001
    )
    with pytest.raises(SecondPersonRequired):
        await world.container.refund_payment()(said)
    small = attrs.evolve(said, amount_minor=2000)

    assert 0 == await pending(world)
    assert 2000 == (await world.container.refund_payment()(small)).amount.minor


async def test_who_would_have_been_both_persons_is_written_down(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    with pytest.raises(SecondPersonRequired):
        await decide(world, waiting.id, by="ada")

    assert [
        (AuditAction.REFUND_APPROVAL_ASKED, "ada"),
        (AuditAction.REFUND_APPROVE_DENIED, "ada"),
    ] == await logged(world)
    about = AuditFilter(action=AuditAction.REFUND_APPROVE_DENIED, payment_id=payment.id)
    assert 1 == len((await world.container.audit_queries().entries(about)).items)


async def test_who_asked_may_take_it_back(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    rejected = await decide(world, waiting.id, by="ada", approves=False, why="a mistake")

    assert (ApprovalStatus.REJECTED, "ada", "a mistake") == (
        rejected.status,
        rejected.decided_by,
        rejected.why,
    )
    assert [] == await world.refunds(payment)


async def test_asking_for_the_same_once_more_finds_what_waits(world: World) -> None:
    payment = await world.paid()
    first = await waits(world, payment, 3000)
    second = await waits(world, payment, 3000, origin="k")

    assert (first, 1) == (second, await pending(world))


@pytest.mark.parametrize(("amount", "note"), [(4000, None), (3000, "another reason")])
async def test_one_refund_of_a_payment_waits_at_a_time_and_another_is_told_so(
    world: World, amount: int, note: str | None
) -> None:
    payment = await world.paid()
    first = await waits(world, payment, 3000)
    with pytest.raises(ApprovalRequired) as refused:
        await world.refund(payment, amount, note=note)

    assert (first.id, True) == (refused.value.approval_id, refused.value.is_anothers)
    assert 1 == await pending(world)


async def test_what_nobody_can_agree_to_any_more_is_not_said_to_wait(world: World) -> None:
    payment = await world.paid(total=9000)
    outdated = await waits(world, payment, 3000)
    await world.refund(payment, 500)
    with pytest.raises(ApprovalRequired) as refused:
        await world.refund(payment, 3000)

    assert (outdated.id, True) == (refused.value.approval_id, refused.value.is_anothers)
    await decide(world, outdated.id, by="ada", approves=False)
    assert outdated.id != (await waits(world, payment, 3000)).id


async def test_a_repetition_finds_what_waits_and_in_the_end_the_refund(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment, origin="k")
    again = await waits(world, payment, origin="k")
    decided = await decide(world, waiting.id)
    made = await world.refund(payment, 3000, origin="k")

    assert (waiting.id, decided.refund_id) == (again.id, made.id)
    assert 1 == len(await world.refunds(payment))


async def test_all_that_is_left_is_repeated_likewise(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment, None, origin="k")
    decided = await decide(world, waiting.id)
    made = await world.refund(payment, None, origin="k")

    assert (5000, decided.refund_id) == (made.amount.minor, made.id)


async def test_a_key_of_what_waits_asks_for_nothing_else(world: World) -> None:
    payment = await world.paid()
    await waits(world, payment, origin="k")
    with pytest.raises(KeyReused):
        await world.refund(payment, 3001, origin="k")
    with pytest.raises(KeyReused):
        await world.refund(payment, 100, origin="k")

    assert [] == await world.refunds(payment)


async def test_a_repetition_of_what_was_refused_is_told_so(world: World) -> None:
    payment = await world.paid()
    await decide(world, (await waits(world, payment, origin="k")).id, approves=False)
    with pytest.raises(ApprovalRejected):
        await world.refund(payment, 3000, origin="k")

    assert [] == await world.refunds(payment)


async def test_a_line_of_a_plan_waits_like_any_other(world: World) -> None:
    payment = await world.paid()
    line = {
        "plan": PlanLine(plan_hash="h", line=3),
        "precondition": Precondition.of(payment),
    }
    waiting = await waits(world, payment, 5000, **line)
    again = await waits(world, payment, 5000, **line)
    await decide(world, waiting.id)
    made = await world.refund(payment, 5000, **line)

    assert (waiting.id, PlanLine(plan_hash="h", line=3)) == (again.id, made.plan)
    assert [made] == await world.refunds(payment)


async def test_deciding_twice_changes_nothing(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    first = await decide(world, waiting.id)
    second = await decide(world, waiting.id, by="eve")

    assert first == second
    assert 1 == len(world.refunds_at_stripe())


async def test_many_who_agree_at_once_make_one_refund(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    await asyncio.gather(*(decide(world, waiting.id, by=f"p{n}") for n in range(5)))

    assert (1, 1) == (len(await world.refunds(payment)), len(world.refunds_at_stripe()))
    assert 1 == len([line for line in await logged(world) if line[0] == AuditAction.REFUND_APPROVE])


async def test_who_agrees_to_what_is_rejected_meanwhile_is_told_so(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    decide_approval = world.container.decide_approval()

    class Slow:
        """Somebody rejects it between the look at it and the refund."""

        is_looked_at = False

        async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
            result = await decide_approval.transactions.run(work)
            if not self.is_looked_at:
                self.is_looked_at = True
                await decide(world, waiting.id, by="eve", approves=False)
            return result

    slow = attrs.evolve(decide_approval, transactions=Slow())
    agrees = DecideApprovalCommand(
        approval_id=ApprovalId(waiting.id), act=Act(actor="bob"), approves=True
    )
    with pytest.raises(InvalidTransition):
        await slow(agrees)

    assert [] == await world.refunds(payment)


async def test_what_was_decided_is_not_decided_otherwise(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    await decide(world, waiting.id, approves=False)
    with pytest.raises(InvalidTransition):
        await decide(world, waiting.id)

    assert [] == await world.refunds(payment)


async def test_what_does_not_wait_cannot_be_decided(world: World) -> None:
    with pytest.raises(NotFound):
        await decide(world, "apr_none")


async def test_agreeing_to_more_than_is_left_by_now_is_refused_and_it_waits_on(
    world: World,
) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment, 4000)
    await world.refund(payment, 1500)
    with pytest.raises(RefundExceedsCaptured):
        await decide(world, waiting.id)

    assert (1, 1) == (await pending(world), len(await world.refunds(payment)))


async def test_all_that_is_left_must_be_what_was_asked_for(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment, None)
    await world.refund(payment, 1500)
    with pytest.raises(PlanOutdated):
        await decide(world, waiting.id)

    assert 1 == await pending(world)


async def test_what_was_given_back_meanwhile_is_not_given_back_once_more(world: World) -> None:
    payment = await world.paid(total=9000)
    waiting = await waits(world, payment, 3000)
    world.clock.advance(seconds=5)
    # The same sum, by somebody at the provider's dashboard who had not heard of the request.
    world.stripe_does("/v1/refunds", {"charge": payment.charge_id, "amount": 3000})
    await world.work()
    with pytest.raises(PlanOutdated):
        await decide(world, waiting.id)

    assert (1, 1) == (await pending(world), len(world.refunds_at_stripe()))


async def test_what_failed_meanwhile_stands_in_no_way(world: World) -> None:
    payment = await world.paid(total=9000, card="4000000000005126")
    waiting = await waits(world, payment, 3000)
    world.clock.advance(seconds=5)
    await world.refund(payment, 1000)
    world.clock.advance(seconds=60)
    await world.work()

    assert ApprovalStatus.APPROVED is (await decide(world, waiting.id)).status


async def test_a_payment_that_is_disputed_meanwhile_is_not_refunded(world: World) -> None:
    payment = await world.paid(card="4000000000000259")
    waiting = await waits(world, payment)
    world.clock.advance(seconds=60)
    await world.work()
    with pytest.raises(PaymentDisputed):
        await decide(world, waiting.id)

    assert [] == await world.refunds(payment)


async def test_an_answer_that_is_lost_leaves_a_refund_that_is_pending(world: World) -> None:
    payment = await world.paid()
    waiting = await waits(world, payment)
    world.gateway.faults = [Fault.LOST_REPLY]
    decided = await decide(world, waiting.id)
    [refund] = await world.refunds(payment)
    assert (ApprovalStatus.APPROVED, RefundStatus.PENDING) == (decided.status, refund.status)

    await world.recover()

    assert [RefundStatus.SUCCEEDED] == [each.status for each in await world.refunds(payment)]
    assert 1 == len(world.refunds_at_stripe())


async def test_a_preview_says_that_another_has_to_agree(world: World) -> None:
    payment = await world.paid()
    preview = world.container.refund_payment().preview
    ask = RefundPaymentCommand(payment_id=payment.id, act=Act(actor="ada"), amount_minor=2000)

    assert not (await preview(ask)).needs_approval
    assert (await preview(attrs.evolve(ask, amount_minor=2001))).needs_approval


async def test_approvals_are_listed_newest_first(world: World) -> None:
    first = await waits(world, await world.paid("o-1"))
    world.clock.advance(seconds=1)
    second = await waits(world, await world.paid("o-2"))
    queries = world.container.approval_queries()
    page = await queries.approvals(ALL, limit=1)
    rest = await queries.approvals(ALL, limit=1, cursor=page.next_cursor)
    of_first = await queries.approvals(ApprovalFilter(payment_id=first.payment_id))

    assert ([second], [first], None) == (page.items, rest.items, rest.next_cursor)
    assert [first] == of_first.items
    with pytest.raises(ValidationFailed):
        await queries.approvals(ALL, cursor="no cursor of ours")


async def test_without_a_limit_everything_is_free(world: World) -> None:
    settings = attrs.evolve(world.container.settings(), refund_approval_limit=ApprovalLimit())
    world.container.settings.override(providers.Object(settings))

    assert 5000 == (await world.refund(await world.paid())).amount.minor
