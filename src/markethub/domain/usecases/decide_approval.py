"""Approve or reject a refund that is too much for one person."""

from contextlib import suppress

import attrs

from markethub.domain.approval import Approval, ApprovalStatus
from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import ApprovalRequired, NotFound, SecondPersonRequired
from markethub.domain.ids import ApprovalId
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.refund_payment import RefundPayment, RefundPaymentCommand
from markethub.domain.usecases.settlement import lock


@attrs.frozen(kw_only=True)
class DecideApprovalCommand:
    """Which approval, who decides, and how. ``act.reason`` is what they say to it."""

    approval_id: ApprovalId
    act: Act
    approves: bool


@attrs.frozen(kw_only=True)
class DecideApproval:
    """Lets the refund be made, once, as it was asked for; or never."""

    transactions: Transactions
    refund: RefundPayment
    clock: Clock

    async def __call__(self, command: DecideApprovalCommand) -> Approval:
        """Return the approval, decided; deciding the same again changes nothing.

        What became of the refund is to be read of the refund. Raises NotFound;
        SecondPersonRequired; InvalidTransition where it is decided otherwise; and as
        ``RefundPayment`` where the payment cannot be refunded like that any more: then it stays
        pending, PlanOutdated where something was given back since it was asked for.
        """
        try:
            approval = await self.transactions.run(lambda tx: self._decide(tx, command))
        except SecondPersonRequired:
            await self.transactions.run(lambda tx: self._note_denied(tx, command))
            raise
        if not command.approves:
            return approval
        if approval.is_pending:
            await self._make(approval, command.act)
        decided = await self.transactions.run(lambda tx: self._find(tx, command.approval_id))
        decided.require_decided(ApprovalStatus.APPROVED)  # another may have rejected it meanwhile
        return decided

    async def _note_denied(self, tx: Transaction, command: DecideApprovalCommand) -> None:
        found = await self._find(tx, command.approval_id)
        await record(
            tx,
            command.act,
            AuditAction.REFUND_APPROVE_DENIED,
            at=self.clock.now(),
            subject=found.id,
            payment_id=found.payment_id,
        )

    async def _make(self, approval: Approval, act: Act) -> None:
        with suppress(ApprovalRequired):  # another has decided it meanwhile
            await self.refund(
                RefundPaymentCommand(
                    payment_id=approval.payment_id,
                    act=act,
                    amount_minor=None if approval.takes_the_rest else approval.amount.minor,
                    reason=approval.reason,
                    note=approval.note,
                    origin=approval.origin,
                    plan=approval.plan,
                    again=True,
                    approves=approval.id,
                )
            )

    async def _decide(self, tx: Transaction, command: DecideApprovalCommand) -> Approval:
        """Reject it; or say whether it is to be approved, which is done along with the refund."""
        found = await self._find(tx, command.approval_id)
        await lock(tx, found.payment_id)
        found = await self._find(tx, command.approval_id)
        wanted = ApprovalStatus.APPROVED if command.approves else ApprovalStatus.REJECTED
        if not found.is_pending:
            found.require_decided(wanted)
            return found
        if command.approves:
            found.require_second(command.act)
            return found
        now = self.clock.now()
        await record(
            tx,
            command.act,
            AuditAction.REFUND_REJECT,
            at=now,
            subject=found.id,
            payment_id=found.payment_id,
            detail={"amount": str(found.amount)},
        )
        return await tx.approvals.save(found.reject(command.act, now=now))

    @staticmethod
    async def _find(tx: Transaction, approval_id: ApprovalId) -> Approval:
        found = await tx.approvals.find(approval_id)
        if found is None:
            raise NotFound("no such approval")
        return found
