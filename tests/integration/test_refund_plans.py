"""Plans of refunds, looked at and applied by the use cases: the same on every store."""

import asyncio

import pytest

from markethub.domain.audit import Act, AuditAction
from markethub.domain.payment import Payment
from markethub.domain.ports.audit import AuditFilter
from markethub.domain.refund import RefundReason
from markethub.domain.usecases.apply_refund_plan import ApplyRefundPlanCommand, Outcome
from markethub.domain.usecases.plan_refunds import PlanRefundsCommand, RefundsPlanned
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def planned(world: World, *payments: Payment) -> RefundsPlanned:
    return await world.container.plan_refunds()(
        PlanRefundsCommand(
            payment_ids=[each.id for each in payments],
            act=Act(actor="ada"),
            reason=RefundReason.DUPLICATE,
        )
    )


async def apply(world: World, look: RefundsPlanned, *, by: str = "ada") -> list[Outcome]:
    """Apply a plan with all its lines side by side."""
    use_case = world.container.apply_refund_plan()
    command = ApplyRefundPlanCommand(plan=look.plan, act=Act(actor=by), origin=f"{by}|k")
    await use_case.begin(command)
    lines = range(len(look.plan.lines))
    applied = await asyncio.gather(*(use_case(command, number) for number in lines))
    return [each.outcome for each in applied]


async def test_a_plan_that_is_applied_twice_at_once_is_applied_once(world: World) -> None:
    payments = [await world.paid("o-1"), await world.paid("o-2")]
    look = await planned(world, *payments)
    await asyncio.gather(apply(world, look), apply(world, look))

    assert [[5000], [5000]] == [
        [each.amount.minor for each in await world.refunds(payment)] for payment in payments
    ]
    wanted = AuditFilter(action=AuditAction.REFUND_PLAN_APPLY)
    [line] = (await world.container.audit_queries().entries(wanted)).items
    assert (look.plan.hash, "ada") == (line.subject, line.actor)


async def test_who_goes_on_with_the_plan_of_another_is_written_down_too(world: World) -> None:
    look = await planned(world, await world.paid("o-1"))

    assert [Outcome.MADE] == await apply(world, look) == await apply(world, look, by="bob")
    wanted = AuditFilter(action=AuditAction.REFUND_PLAN_APPLY)
    assert ["bob", "ada"] == [
        line.actor for line in (await world.container.audit_queries().entries(wanted)).items
    ]


async def test_a_look_leaves_out_what_would_be_refused(world: World) -> None:
    payment, empty = await world.paid("o-1"), await world.paid("o-2")
    await world.refund(empty)
    look = await planned(world, payment, empty, payment)

    assert [payment.id] == [each.payment.id for each in look.lines]
    assert [(empty.id, "payment_not_refundable")] == [
        (each.payment_id, each.error.code) for each in look.left_out
    ]
    assert [] == await world.refunds(payment)
