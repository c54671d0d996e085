"""Look at many refunds before they are made: what each would give back, and which cannot be."""

from collections.abc import Sequence

import attrs

from markethub.domain.audit import Act
from markethub.domain.errors import Refused, RequestInProgress
from markethub.domain.ids import PaymentId
from markethub.domain.payment import Payment
from markethub.domain.ports.system import Clock
from markethub.domain.refund import RefundReason, check_note
from markethub.domain.refund_plan import PlannedRefund, RefundPlan, plan_refunds
from markethub.domain.usecases.refund_payment import (
    RefundPayment,
    RefundPaymentCommand,
    RefundPreview,
)


@attrs.frozen(kw_only=True)
class PlanRefundsCommand:
    """Which payments, all that is left of each; why, and who asks."""

    payment_ids: Sequence[PaymentId]
    act: Act
    reason: RefundReason
    note: str | None = None


@attrs.frozen(kw_only=True)
class Planned:
    """A line of the plan, and the payment as it was looked at for it."""

    line: PlannedRefund
    payment: Payment
    needs_approval: bool
    """Whether a second person has to agree."""


@attrs.frozen(kw_only=True)
class NotPlanned:
    """A payment that cannot be refunded now, and why."""

    payment_id: PaymentId
    error: Refused | RequestInProgress


@attrs.frozen(kw_only=True)
class RefundsPlanned:
    """The plan, its lines looked at one by one, and what is not in it."""

    plan: RefundPlan
    lines: Sequence[Planned]
    left_out: Sequence[NotPlanned]


@attrs.frozen(kw_only=True)
class PlanRefunds:
    """Tries each refund without making it, and plans those that would be made."""

    refund: RefundPayment
    clock: Clock

    async def __call__(self, command: PlanRefundsCommand) -> RefundsPlanned:
        """Return the plan; write and ask nothing. Raises ValidationFailed for a note of pages."""
        check_note(command.note)
        seen: dict[PaymentId, RefundPreview] = {}
        left_out: list[NotPlanned] = []
        for payment_id in dict.fromkeys(command.payment_ids):
            try:
                seen[payment_id] = await self.refund.preview(_alone(command, payment_id))
            except (Refused, RequestInProgress) as error:
                left_out.append(NotPlanned(payment_id=payment_id, error=error))
        plan, _ = plan_refunds(
            [each.payment for each in seen.values()],
            reason=command.reason,
            note=command.note,
            now=self.clock.now(),
        )
        lines = [
            Planned(
                line=line,
                payment=seen[line.payment_id].payment,
                needs_approval=seen[line.payment_id].needs_approval,
            )
            for line in plan.lines
        ]
        return RefundsPlanned(plan=plan, lines=lines, left_out=left_out)


def _alone(command: PlanRefundsCommand, payment_id: PaymentId) -> RefundPaymentCommand:
    return RefundPaymentCommand(
        payment_id=payment_id, act=command.act, reason=command.reason, note=command.note
    )
