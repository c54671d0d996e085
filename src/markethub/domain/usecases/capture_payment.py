"""Take the money that a card holds for us, or a part of it."""

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import InvalidTransition, KeyReused, PaymentQuarantined
from markethub.domain.ids import PaymentId
from markethub.domain.money import Money
from markethub.domain.operation import CaptureIntent, OperationKind, refuse_second
from markethub.domain.payment import Action, Payment, PaymentStatus
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.settlement import Asked, Settlement, lock


@attrs.frozen(kw_only=True)
class CapturePaymentCommand:
    """Which payment, and how much in minor units (all that is held, where None).

    ``origin`` is the caller, path and Idempotency-Key: a repeat finds the first one's row.
    """

    payment_id: PaymentId
    amount_minor: int | None = None
    origin: str | None = None
    act: Act | None = None
    """Who of the staff asks, for the audit log; None for anybody else."""


@attrs.frozen(kw_only=True)
class CapturePayment:
    """Captures once; what is not captured is released by the provider."""

    transactions: Transactions
    settlement: Settlement
    drive: Driver
    clock: Clock

    async def __call__(self, command: CapturePaymentCommand) -> Payment:
        """Return the captured payment.

        Raises NotFound; InvalidTransition, also where the order has changed since the card was
        authorized; OrderAlreadyPaid; PaymentQuarantined where others captured something else;
        ValidationFailed for more than is held; RequestInProgress; GatewayUnavailable for an
        unknown outcome (recovery finishes it); GatewayRejected.
        """
        step = await self.transactions.run(lambda tx: self._decide(tx, command))
        payment = step if isinstance(step, Payment) else (await self.drive(step)).payment
        if payment.quarantine is not None:
            raise PaymentQuarantined("money arrived that does not fit the order")
        if payment.status is not PaymentStatus.SUCCEEDED:
            raise InvalidTransition(f"the payment could not be captured: it is {payment.status}")
        return payment

    async def _decide(self, tx: Transaction, command: CapturePaymentCommand) -> Payment | Asked:
        order, payment = await lock(tx, command.payment_id)
        asked = command.amount_minor
        amount = payment.authorized
        if asked is not None:
            amount = Money(minor=asked, currency=payment.amount.currency)
        # Once captured or canceled nothing is held any more: all of it was the intent's amount.
        repeats = payment.amount if asked is None else amount
        known = await repeated(
            tx, payment, command.origin, kind=OperationKind.CAPTURE, amount=repeats
        )
        if known is not None:
            return known
        unresolved = await tx.operations.unresolved(payment.id)
        if unresolved is not None and unresolved.asks_the_same(OperationKind.CAPTURE, amount):
            return Asked(operation=unresolved, payment_version=payment.version)
        refuse_second(unresolved)
        payment.require(Action.CAPTURE)
        payment.require_fit(order)
        if payment.intent_id is None:
            raise InvalidTransition("the payment has no intent")
        capture = CaptureIntent(intent_id=payment.intent_id, amount=amount)
        now = self.clock.now()
        payment = payment.ask_capture(amount, now=now)
        await record(
            tx,
            command.act,
            AuditAction.PAYMENT_CAPTURE,
            at=now,
            subject=payment.id,
            payment_id=payment.id,
            detail={"amount": str(amount)},
        )
        return await self.settlement.ask(tx, payment, capture, origin=command.origin)


async def repeated(
    tx: Transaction,
    payment: Payment,
    origin: str | None,
    *,
    kind: OperationKind,
    amount: Money | None,
) -> Payment | Asked | None:
    """Return what an earlier request of the same origin began, or None if there was none.

    An unresolved one is to be finished; one that took effect is answered by the payment.
    Raises KeyReused if the earlier request asked for something else, and what the earlier
    request was answered with if it had no effect.
    """
    operation = await tx.operations.find_by_origin(origin) if origin is not None else None
    if operation is None:
        return None
    if operation.payment_id != payment.id or not operation.asks_the_same(kind, amount):
        raise KeyReused("the idempotency key was used for another request")
    if operation.is_unresolved:
        return Asked(operation=operation, payment_version=payment.version)
    operation.require_effect()
    return payment
