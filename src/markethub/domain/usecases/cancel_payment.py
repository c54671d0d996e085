"""Give a payment up before money was captured. Its order stays open."""

from typing import Final

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import InvalidTransition, ValidationFailed
from markethub.domain.ids import PaymentId
from markethub.domain.operation import CancelIntent, OperationKind, refuse_second
from markethub.domain.payment import Action, Payment, PaymentStatus
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.capture_payment import repeated
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.settlement import Asked, Settlement, lock

REASONS: Final = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
"""What Stripe takes from callers as ``cancellation_reason``."""


@attrs.frozen(kw_only=True)
class CancelPaymentCommand:
    """Which payment, and one of ``REASONS``. ``origin`` as for a capture."""

    payment_id: PaymentId
    reason: str | None = None
    origin: str | None = None
    act: Act | None = None
    """Who of the staff asks, for the audit log; None for anybody else."""


@attrs.frozen(kw_only=True)
class CancelPayment:
    """Cancels the intent, which releases whatever the card holds."""

    transactions: Transactions
    settlement: Settlement
    drive: Driver

    async def __call__(self, command: CancelPaymentCommand) -> Payment:
        """Return the canceled payment.

        Raises NotFound; ValidationFailed for an unknown reason; InvalidTransition;
        RequestInProgress; GatewayUnavailable for an unknown outcome (recovery finishes it);
        GatewayRejected.
        """
        if command.reason is not None and command.reason not in REASONS:
            raise ValidationFailed("reason", f"must be one of {', '.join(REASONS)}")
        step = await self.transactions.run(lambda tx: self._decide(tx, command))
        if isinstance(step, Payment):
            return step
        payment = (await self.drive(step)).payment
        if payment.status is not PaymentStatus.CANCELED:
            raise InvalidTransition(f"the payment could not be canceled: it is {payment.status}")
        return payment

    async def _decide(self, tx: Transaction, command: CancelPaymentCommand) -> Payment | Asked:
        _, payment = await lock(tx, command.payment_id)
        known = await repeated(tx, payment, command.origin, kind=OperationKind.CANCEL, amount=None)
        if known is not None:
            return known
        unresolved = await tx.operations.unresolved(payment.id)
        if unresolved is not None and unresolved.asks_the_same(OperationKind.CANCEL, None):
            return Asked(operation=unresolved, payment_version=payment.version)
        refuse_second(unresolved)
        payment.require(Action.CANCEL)
        if payment.intent_id is None:
            raise InvalidTransition("the payment has no intent")
        await record(
            tx,
            command.act,
            AuditAction.PAYMENT_CANCEL,
            at=self.settlement.clock.now(),
            subject=payment.id,
            payment_id=payment.id,
            detail={} if command.reason is None else {"reason": command.reason},
        )
        cancel = CancelIntent(intent_id=payment.intent_id, reason=command.reason)
        return await self.settlement.ask(tx, payment, cancel, origin=command.origin)
