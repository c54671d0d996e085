"""Give a customer money back, in whole or in part."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

import attrs

from markethub.domain.approval import Approval, ApprovalLimit, ApprovalStatus, require_shown
from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import (
    ApprovalRejected,
    ApprovalRequired,
    KeyReused,
    NotFound,
    PlanOutdated,
    RefundUnresolved,
    Refused,
    RequestInProgress,
    TryAgain,
)
from markethub.domain.ids import ApprovalId, IdPrefix, PaymentId, RefundId
from markethub.domain.money import Money
from markethub.domain.operation import (
    RETRY_AFTER,
    Operation,
    OperationKind,
    RefundIntent,
    refuse_second,
)
from markethub.domain.payment import Payment
from markethub.domain.ports.system import Pause
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import PlanLine, Refund, RefundReason, RefundStatus, check_note
from markethub.domain.refund_plan import Precondition
from markethub.domain.usecases.drive import PATIENCE_S, Driver
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.settle_refunds import RefundSettlement
from markethub.domain.usecases.settlement import Asked, lock

_STEP_S: Final = 0.05


@attrs.frozen(kw_only=True)
class RefundPaymentCommand:
    """Which payment, how much in minor units (all that is left, where None), why, and who asks.

    ``origin`` is the caller, path and Idempotency-Key: a repeat finds the first one's row.
    ``plan`` likewise, for the line of a plan; ``precondition`` is how the payment must stand.
    ``again`` says that this is meant as a further
    refund even where nobody knows yet what became of an earlier one; a caller without a key
    cannot tell the two apart.
    """

    payment_id: PaymentId
    act: Act
    amount_minor: int | None = None
    reason: RefundReason = RefundReason.OTHER
    note: str | None = None
    origin: str | None = None
    plan: PlanLine | None = None
    precondition: Precondition | None = None
    again: bool = False
    approves: ApprovalId | None = None
    """What waits, and is agreed to by this: ``act`` is the second person's then."""


@attrs.frozen(kw_only=True)
class RefundPreview:
    """What a refund would do."""

    payment: Payment
    amount: Money
    left: Money
    """What could be refunded afterwards."""
    needs_approval: bool = False
    """Whether a second person has to agree."""


@attrs.frozen(kw_only=True)
class _Wait:
    """An earlier operation on the payment is unresolved."""

    earlier: Asked


@attrs.frozen(kw_only=True)
class RefundPayment:
    """Reserves the amount first, then asks for it once."""

    refunds: RefundSettlement
    drive: Driver
    pause: Pause
    limit: ApprovalLimit

    async def preview(self, command: RefundPaymentCommand) -> RefundPreview:
        """Say what the refund would do; write and ask nothing. Raises as the refund itself.

        RequestInProgress means that the refund would wait for what is unresolved, and may be
        made then.
        """
        check_note(command.note)

        async def read(tx: Transaction) -> RefundPreview:
            payment = await tx.payments.find(command.payment_id)
            if payment is None:
                raise NotFound("no such payment")
            unresolved = await tx.operations.unresolved(payment.id)
            _require_resolved(unresolved, command)
            refuse_second(unresolved)
            amount = self._amount(payment, command)
            return RefundPreview(
                payment=payment,
                amount=amount,
                left=payment.amount_refundable - amount,
                needs_approval=await self._needs_second(tx, payment, amount),
            )

        return await self.refunds.settlement.transactions.run(read)

    async def __call__(self, command: RefundPaymentCommand) -> Refund:
        """Return the refund as far as it is known: ``pending`` where nobody knows yet.

        Raises NotFound; ValidationFailed; PaymentNotRefundable; PaymentDisputed;
        RefundExceedsCaptured; RefundUnresolved unless ``again``; KeyReused; PlanOutdated where
        the precondition does not hold; ApprovalRequired where it is too much for one person,
        or another refund of the payment waits for a second one; SecondPersonRequired where it
        would wait and nothing shows who asks;
        ApprovalRejected where a second one refused it; RequestInProgress
        if an earlier operation on the payment stays unresolved; GatewayRejected.
        """
        check_note(command.note)
        waited_s = 0.0
        while True:
            step = await self.refunds.settlement.transactions.run(
                lambda tx: self._decide(tx, command)
            )
            match step:
                case Refund():
                    return step
                case Asked():
                    return await self._finish(step)
                case Approval():
                    raise ApprovalRequired(
                        f"a second person has to approve {step.amount}: {step.id}",
                        approval_id=step.id,
                    )
                case _Wait(earlier=earlier) if waited_s < PATIENCE_S:
                    await self._let_finish(earlier.operation, earlier)
                    await self.pause(_STEP_S)
                    waited_s += _STEP_S
                case _Wait():
                    raise RequestInProgress("an earlier request on the payment is unresolved")

    async def _let_finish(self, operation: Operation, earlier: Asked) -> None:
        """Leave a young operation to its own request; finish one that nobody works at."""
        if self._now() - operation.created_at < RETRY_AFTER:
            return
        try:
            await self.drive(earlier)
        except TryAgain as error:
            raise RequestInProgress("an earlier request on the payment is unresolved") from error
        except Refused:
            return  # the answer to the earlier one, not to ours

    async def _finish(self, asked: Asked) -> Refund:
        with suppress(TryAgain):  # the row is durable, and recovery finishes it: not failed
            await self.drive(asked)

        async def read(tx: Transaction) -> Refund | None:
            return await _refund_of(tx, asked.operation)

        refund = await self.refunds.settlement.transactions.run(read)
        if refund is None:
            raise NotFound("no such refund")
        return refund

    async def _decide(
        self, tx: Transaction, command: RefundPaymentCommand
    ) -> Refund | Asked | Approval | _Wait:
        _, payment = await lock(tx, command.payment_id)
        known = await _repeated(tx, payment, command)
        if known is not None:
            return known
        approval = await self._approval(tx, command)
        if approval is not None and (command.approves is None or not approval.is_pending):
            return approval
        unresolved = await tx.operations.unresolved(payment.id)
        _require_resolved(unresolved, command)
        if unresolved is not None:
            return _Wait(earlier=Asked(operation=unresolved, payment_version=payment.version))
        amount = self._amount(payment, command)
        if approval is not None:
            approval.require_same(amount, given_back=Precondition.of(payment).given_back)
        if approval is None and await self._needs_second(tx, payment, amount):
            return await self._ask_approval(tx, payment, amount, command)
        return await self._ask(tx, payment, amount, command, approval)

    async def _approval(self, tx: Transaction, command: RefundPaymentCommand) -> Approval | None:
        """Return what is agreed to by this, or waits since an earlier request of the same."""
        if command.approves is None:
            return await _awaited(tx, command)
        found = await tx.approvals.find(command.approves)
        if found is None:
            raise NotFound("no such approval")
        return found

    async def _needs_second(self, tx: Transaction, payment: Payment, amount: Money) -> bool:
        if self.limit.by_currency is None:
            return False
        approvals = await tx.approvals.of_payment(payment.id)
        return self.limit.requires_second(
            amount,
            await tx.refunds.of_payment(payment.id),
            [each.refund_id for each in approvals if each.refund_id is not None],
        )

    async def _ask_approval(
        self, tx: Transaction, payment: Payment, amount: Money, command: RefundPaymentCommand
    ) -> Approval:
        """Save that somebody has to approve it. One of a payment waits at a time."""
        require_shown(command.act)
        given_back = Precondition.of(payment).given_back
        for earlier in await tx.approvals.of_payment(payment.id):
            if earlier.is_pending and _is_of(earlier, amount, command, given_back=given_back):
                return earlier
            if earlier.is_pending:
                raise ApprovalRequired(
                    f"another refund of the payment waits for a second person: {earlier.amount}, "
                    f"{earlier.id}",
                    approval_id=earlier.id,
                    is_anothers=True,
                )
        now = self._now()
        approval = Approval(
            id=ApprovalId(self.refunds.settlement.ids.new(IdPrefix.APPROVAL)),
            payment_id=payment.id,
            order_id=payment.order_id,
            amount=amount,
            takes_the_rest=command.amount_minor is None,
            reason=command.reason,
            note=command.note,
            requested_by=command.act.actor,
            origin=command.origin,
            plan=command.plan,
            given_back=given_back,
            created_at=now,
            updated_at=now,
        )
        await record(
            tx,
            _reasoned(command),
            AuditAction.REFUND_APPROVAL_ASKED,
            at=now,
            subject=approval.id,
            payment_id=payment.id,
            detail=_told(command, amount),
        )
        return await tx.approvals.save(approval)

    def _amount(self, payment: Payment, command: RefundPaymentCommand) -> Money:
        """Return what is given back.

        Raises PlanOutdated, and as ``Payment.require_refundable``.
        """
        if command.precondition is not None and not command.precondition.holds_for(payment):
            changes = command.precondition.changes_of(payment)
            raise PlanOutdated(f"the payment has changed since its refund was planned: {changes}")
        if command.amount_minor is None:
            return payment.require_refundable()
        return payment.require_refundable(
            attrs.evolve(payment.captured, minor=command.amount_minor)
        )

    async def _ask(
        self,
        tx: Transaction,
        payment: Payment,
        amount: Money,
        command: RefundPaymentCommand,
        approved: Approval | None,
    ) -> Asked:
        now = self._now()
        refund = await tx.refunds.save(
            Refund(
                id=RefundId(self.refunds.settlement.ids.new(IdPrefix.REFUND)),
                payment_id=payment.id,
                order_id=payment.order_id,
                amount=amount,
                status=RefundStatus.PENDING,
                reason=command.reason,
                note=command.note,
                actor=command.act.actor if approved is None else approved.requested_by,
                plan=command.plan,
                created_at=now,
                updated_at=now,
            )
        )
        if approved is not None:
            await tx.approvals.save(approved.approve(command.act, refund_id=refund.id, now=now))
        await record(
            tx,
            _reasoned(command) if approved is None else command.act,
            AuditAction.REFUND_REQUEST if approved is None else AuditAction.REFUND_APPROVE,
            at=now,
            subject=refund.id if approved is None else approved.id,
            payment_id=payment.id,
            detail=_told(command, amount),
        )
        payment = await self.refunds.sum_up(tx, payment)
        if payment.intent_id is None:
            raise NotFound("the payment has no intent")
        ask = RefundIntent(
            intent_id=payment.intent_id,
            refund_id=refund.id,
            payment_id=payment.id,
            amount=amount,
            reason=command.reason.value,
            takes_the_rest=command.amount_minor is None,
        )
        return await self.refunds.settlement.ask(tx, payment, ask, origin=command.origin)

    def _now(self) -> datetime:
        return self.refunds.settlement.clock.now()


async def _awaited(tx: Transaction, command: RefundPaymentCommand) -> Approval | None:
    """Return what waits for a second person since an earlier request of the same origin or line.

    Raises ApprovalRejected where that was refused, KeyReused where it asked for something else.
    """
    found: Approval | None = None
    if command.origin is not None:
        found = await tx.approvals.find_by_origin(command.origin)
    if found is None and command.plan is not None:
        found = await tx.approvals.find_by_plan(command.plan)
    if found is None:
        return None
    asked = None if found.takes_the_rest else found.amount.minor
    if (found.payment_id, asked, found.reason, found.note) != (
        command.payment_id,
        command.amount_minor,
        command.reason,
        command.note,
    ):
        raise KeyReused("the idempotency key was used for another request")
    if found.status is ApprovalStatus.REJECTED:
        raise ApprovalRejected(f"{found.decided_by} refused it")
    return found


def _is_of(
    waiting: Approval, amount: Money, command: RefundPaymentCommand, *, given_back: Money
) -> bool:
    """Tell whether what waits is what the same person asks for once more.

    It is not where something was given back since: nobody can agree to that any more.
    """
    return waiting.given_back in (None, given_back) and (
        waiting.amount,
        waiting.reason,
        waiting.note,
        waiting.requested_by,
    ) == (amount, command.reason, command.note, command.act.actor)


def _reasoned(command: RefundPaymentCommand) -> Act:
    """Return the act with its reason: a refund's note is one."""
    reason = command.act.reason or command.note
    return attrs.evolve(command.act, reason=reason)


def _told(command: RefundPaymentCommand, amount: Money) -> Mapping[str, str]:
    """Return what the audit log tells of a refund beside who asked for it, and why."""
    told = {"amount": str(amount), "reason": command.reason.value}
    return told if command.plan is None else {**told, "plan": command.plan.plan_hash}


def _require_resolved(unresolved: Operation | None, command: RefundPaymentCommand) -> None:
    """Raise RefundUnresolved where the refund may be an earlier one once more."""
    if unresolved is not None and unresolved.kind is OperationKind.REFUND and not command.again:
        raise RefundUnresolved(f"nobody knows yet what became of refund {unresolved.refund_id}")


async def _repeated(
    tx: Transaction, payment: Payment, command: RefundPaymentCommand
) -> Refund | Asked | None:
    """Return what an earlier request of the same origin or plan line began, if there was one.

    Raises KeyReused if it asked for something else, and what it was answered with if the
    provider refused it.
    """
    operation: Operation | None = None
    refund: Refund | None = None
    if command.origin is not None:
        operation = await tx.operations.find_by_origin(command.origin)
        refund = None if operation is None else await _refund_of(tx, operation)
        if operation is not None and (
            refund is None or not _asks_the_same(command, operation, refund)
        ):
            raise KeyReused("the idempotency key was used for another request")
    if refund is None and command.plan is not None:
        refund = await tx.refunds.find_by_plan(command.plan)
    if refund is None:
        return None
    wanted = command.amount_minor
    if refund.payment_id != payment.id or wanted not in (None, refund.amount.minor):
        raise KeyReused("the idempotency key was used for another request")
    unresolved = await tx.operations.unresolved(payment.id)
    if unresolved is not None and unresolved.refund_id == refund.id:
        return Asked(operation=unresolved, payment_version=payment.version)
    if operation is not None and refund.provider_id is None:
        operation.require_effect()  # one that turned up after it was given up is there
    return refund


async def _refund_of(tx: Transaction, operation: Operation) -> Refund | None:
    return None if operation.refund_id is None else await tx.refunds.find(operation.refund_id)


def _asks_the_same(command: RefundPaymentCommand, operation: Operation, refund: Refund) -> bool:
    asked = None if operation.amount is None else operation.amount.minor
    return (asked, refund.reason, refund.note) == (
        command.amount_minor,
        command.reason,
        command.note,
    )
