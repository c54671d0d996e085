"""Make the refunds of a plan: each by itself, each once, however often that is begun anew."""

from enum import StrEnum

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import ApprovalRequired, PaymentsError, RequestInProgress, TryAgain
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.refund import PlanLine, Refund, RefundStatus
from markethub.domain.refund_plan import PlannedRefund, RefundPlan
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.refund_payment import RefundPayment, RefundPaymentCommand

_NOT_GIVEN_BACK = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})


@attrs.frozen(kw_only=True)
class ApplyRefundPlanCommand:
    """Which plan, and who applies it.

    ``origin`` is the caller, path and key of the request, where it has one: each line's refund
    bears it with the line's number.
    """

    plan: RefundPlan
    act: Act
    origin: str | None = None


class Outcome(StrEnum):
    """What became of a line, as far as that is known."""

    MADE = "made"
    """The provider has the refund: it has arrived, or is on its way."""
    AWAITS_APPROVAL = "awaits_approval"
    """It is too much for one person: a second has to approve it."""
    POSTPONED = "postponed"
    """Nothing was done: another request on the payment is under way."""
    REFUSED = "refused"
    """Nothing is given back by it."""
    UNKNOWN = "unknown"
    """Nobody knows yet. What was begun is finished by recovery."""


@attrs.frozen(kw_only=True)
class AppliedLine:
    """A line, and its refund or the error that it met."""

    line: PlannedRefund
    refund: Refund | None = None
    error: PaymentsError | None = None

    @property
    def state(self) -> str:
        """Say it in one word: the refund's status, or the error's code."""
        if self.error is not None:
            return self.error.code
        assert self.refund is not None, "a line has one or the other"
        return self.refund.status.value

    @property
    def outcome(self) -> Outcome:
        """Tell what that means for whoever asked."""
        match self.error:
            case ApprovalRequired(is_anothers=False):
                return Outcome.AWAITS_APPROVAL
            case RequestInProgress():
                return Outcome.POSTPONED
            case TryAgain():
                return Outcome.UNKNOWN
            case PaymentsError():
                return Outcome.REFUSED
        assert self.refund is not None, "a line has one or the other"
        if self.refund.status in _NOT_GIVEN_BACK:
            return Outcome.REFUSED
        return Outcome.UNKNOWN if self.refund.provider_id is None else Outcome.MADE

    @property
    def is_unknown(self) -> bool:
        """Tell whether nobody knows yet whether the refund takes place."""
        return self.outcome in {Outcome.UNKNOWN, Outcome.POSTPONED}


@attrs.frozen(kw_only=True)
class ApplyRefundPlan:
    """Carries out a plan's lines, in any order, and side by side if the caller likes."""

    transactions: Transactions
    refund: RefundPayment
    clock: Clock

    async def begin(self, command: ApplyRefundPlanCommand) -> None:
        """Write down that this person applies the plan: once, however often they begin anew."""
        plan, act = command.plan, command.act
        if not plan.lines:
            return

        async def work(tx: Transaction) -> None:
            # Of two at once the second waits here, and then finds the first one's line.
            await tx.payments.lock(plan.lines[0].payment_id)
            action = AuditAction.REFUND_PLAN_APPLY
            if await tx.audit.has(action, actor=act.actor, subject=plan.hash):
                return
            await record(
                tx,
                attrs.evolve(act, reason=act.reason or plan.note),
                action,
                at=self.clock.now(),
                subject=plan.hash,
                detail={
                    "payments": str(len(plan.lines)),
                    "in all": ", ".join(str(total) for total in plan.totals.values()),
                    "reason": plan.reason.value,
                },
            )

        await self.transactions.run(work)

    async def __call__(self, command: ApplyRefundPlanCommand, number: int) -> AppliedLine:
        """Carry out the line of that number, the first is 0, or find what became of it.

        What stands in its way is part of the answer, and none of the other lines' business.
        """
        plan = command.plan
        line = plan.lines[number]
        try:
            made = await self.refund(
                RefundPaymentCommand(
                    payment_id=line.payment_id,
                    act=command.act,
                    amount_minor=line.amount.minor,
                    reason=plan.reason,
                    note=plan.note,
                    origin=None if command.origin is None else f"{command.origin}|{number}",
                    plan=PlanLine(plan_hash=plan.hash, line=number),
                    precondition=line.precondition,
                )
            )
        except PaymentsError as error:
            return AppliedLine(line=line, error=error)
        return AppliedLine(line=line, refund=made)
