"""Bring an operation to its end: send it, and apply whatever comes back.

Used by the request that began the operation, by a request that finds it unfinished, and by
recovery: all send the same parameters under the same key, so the provider executes them once.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import attrs

from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    RequestInProgress,
    TryAgain,
)
from markethub.domain.facts import IntentStatus, ProviderIntent, ProviderRefund
from markethub.domain.ids import IntentId
from markethub.domain.operation import Operation, OperationKind, OperationStatus, refusal
from markethub.domain.ports.gateway import (
    Declined,
    Done,
    GatewayOutcome,
    NotTaken,
    Refunded,
    Unknown,
)
from markethub.domain.ports.system import Pause
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.secret import Secret
from markethub.domain.usecases.settle_refunds import RefundSettlement
from markethub.domain.usecases.settlement import Asked, Settled, Settlement

PATIENCE_S: Final = 5.0
"""How long a caller waits for the provider to finish what is in flight under the same key."""
_STEP_S: Final = 0.1
LISTING_SLACK: Final = timedelta(minutes=5)
"""A listing begins this long before the row: the provider's clock is not ours."""


@attrs.frozen(kw_only=True)
class Driver:
    """Sends an operation and settles its outcome."""

    settlement: Settlement
    refunds: RefundSettlement
    pause: Pause

    async def __call__(self, asked: Asked, *, patience_s: float = PATIENCE_S) -> Settled:
        """Return how things stand once the operation is resolved.

        Raises RequestInProgress if another request under its key is still in flight after
        ``patience_s``; GatewayUnavailable if the outcome is unknown (it stays unresolved, and
        is finished by a repetition or by recovery); GatewayRejected if the provider refused
        it for good, and the intent's state does not explain why.
        """
        settled = await self._attempt(asked, patience_s=patience_s)
        operation = settled.operation
        if operation is None or operation.id != asked.operation.id:
            # Somebody else resolved it meanwhile; how things stand is all that counts.
            return settled
        if operation.is_unresolved:
            raise GatewayUnavailable("the provider's outcome is not known yet")
        return settled

    async def _attempt(self, asked: Asked, *, patience_s: float) -> Settled:
        operation = asked.operation
        if not operation.may_be_sent(self.settlement.clock.now()):
            return await self._look_up(operation)
        if await self._charges_a_removed_method(operation):
            return await self._withdraw(operation)
        match await self._send(operation, patience_s=patience_s):
            case Done(intent=intent, replayed=False):
                return await self._apply(asked, intent)
            case Done(intent=intent):
                return await self.settlement.refresh(operation.payment_id, intent.id)
            case Refunded(refund=refund, replayed=False):
                return await self._take_refund(asked, refund)
            case Refunded():
                return await self.refunds.refresh(operation.payment_id)
            case Declined(code=code) if operation.kind is OperationKind.REFUND:
                return await self._refuse_refund(operation, code)
            case Declined(code=code, intent=intent):
                return await self._refuse(operation, code, intent)
            case NotTaken(in_flight=True):
                raise RequestInProgress("the provider is still busy with the same request")
            case NotTaken(reason=reason):
                raise GatewayUnavailable(f"the provider did not take the request: {reason}")
            case Unknown(stored=True):
                return await self._look_up(operation)
            case Unknown():
                raise GatewayUnavailable("the provider's outcome is not known yet")

    async def _charges_a_removed_method(self, operation: Operation) -> bool:
        token = operation.request.params.get("payment_method")
        if operation.kind is not OperationKind.CONFIRM or not isinstance(token, str):
            return False
        method = await self.settlement.transactions.run(
            lambda tx: tx.methods.find_by_token(Secret(token))
        )
        return method is not None and method.is_removed

    async def _withdraw(self, operation: Operation) -> Settled:
        """Find out what an earlier sending did; a removed method is not charged any more.

        Should that sending arrive after all, its success is applied as any other: the intent is
        still this payment's.
        """
        intent_id = await self._find_intent(operation)
        if intent_id is not None:
            settled = await self.settlement.refresh(operation.payment_id, intent_id)
            if settled.operation is None or not settled.operation.is_unresolved:
                return settled
        return await self._amend(
            operation, lambda current: current.withdraw(now=self.settlement.clock.now())
        )

    async def _send(self, operation: Operation, *, patience_s: float) -> GatewayOutcome:
        waited_s = 0.0
        while True:
            outcome = await self.settlement.gateway.send(
                operation.request, idempotency_key=operation.idempotency_key
            )
            busy = isinstance(outcome, NotTaken) and outcome.in_flight
            if not busy or waited_s >= patience_s:
                return outcome
            await self.pause(_STEP_S)
            waited_s += _STEP_S

    async def _apply(self, asked: Asked, intent: ProviderIntent) -> Settled:
        async def work(tx: Transaction) -> Settled | None:
            return await self.settlement.apply(
                tx,
                asked.operation.payment_id,
                intent,
                seen_version=asked.payment_version,
            )

        settled = await self.settlement.transactions.run(work)
        if settled is None:
            settled = await self.settlement.refresh(asked.operation.payment_id, intent.id)
        return settled

    async def _take_refund(self, asked: Asked, refund: ProviderRefund) -> Settled:
        payment_id, version = asked.operation.payment_id, asked.payment_version

        async def work(tx: Transaction) -> Settled | None:
            return await self.refunds.apply(tx, payment_id, [refund], seen_version=version)

        settled = await self.settlement.transactions.run(work)
        return settled or await self.refunds.refresh(payment_id)

    async def _refuse_refund(self, operation: Operation, code: str) -> Settled:
        """Look what is there, and only then take the refusal for the end of it.

        The refusal of a first attempt tells that it had no effect, whatever the look says. That
        of a later one does not: the attempt before, whose 5xx was stored, may have been carried
        out after all, and be the very reason.
        """
        try:
            # It knows of refunds or disputes that we had not heard of.
            settled = await self.refunds.refresh(operation.payment_id)
        except TryAgain:
            if operation.attempt > 1:
                raise
        else:
            if settled.operation is None or not settled.operation.is_unresolved:
                return settled
            code = await self.refunds.why_refused(operation, code)
        settled = await self._amend(
            operation, lambda current: current.refuse(code, now=self.settlement.clock.now())
        )
        if settled.operation is not None and settled.operation.status is OperationStatus.DONE:
            return settled  # it turned up just now
        raise refusal(code)

    async def _refuse(
        self, operation: Operation, code: str, intent: ProviderIntent | None
    ) -> Settled:
        if intent is not None:
            # The error shows an object, from now or from the first answer under this key: read.
            settled = await self.settlement.refresh(operation.payment_id, intent.id)
            if settled.operation is None or not settled.operation.is_unresolved:
                return settled
            if _is_under_way(operation, settled.intent):
                return await self._wait(operation)
            tells = settled.intent is not None and settled.intent.failure is not None
            if operation.kind is OperationKind.CONFIRM and tells:
                # The bank's answer, given under this very key; the intent tells what it was.
                declined = await self._amend(
                    operation, lambda current: current.decline(now=self.settlement.clock.now())
                )
                return attrs.evolve(declined, intent=settled.intent)
        await self._amend(
            operation, lambda current: current.refuse(code, now=self.settlement.clock.now())
        )
        raise GatewayRejected(f"the provider refused the request ({code})")

    async def _look_up(self, operation: Operation) -> Settled:
        """Find out without sending: the key is too old, or would only replay a stored 5xx."""
        if operation.kind is OperationKind.REFUND:
            settled = await self.refunds.refresh(operation.payment_id)
            if settled.operation is None or not settled.operation.is_unresolved:
                return settled
            return await self._amend(operation, self._unless_tried_since(operation))
        intent_id = await self._find_intent(operation)
        if intent_id is not None:
            settled = await self.settlement.refresh(operation.payment_id, intent_id)
            if settled.operation is None or not settled.operation.is_unresolved:
                return settled
            if _is_under_way(operation, settled.intent):
                return await self._wait(operation)
        return await self._amend(operation, self._unless_tried_since(operation))

    async def _wait(self, operation: Operation) -> Settled:
        return await self._amend(
            operation, lambda current: current.postpone(now=self.settlement.clock.now())
        )

    def _unless_tried_since(self, seen: Operation) -> Callable[[Operation], Operation]:
        """Conclude for the attempt that was looked for.

        Another one that began in the meantime may have its effect just now, and its key has to
        stay: a look from before tells nothing of it.
        """
        return lambda current: (
            self._without_effect(current) if current.attempt == seen.attempt else current
        )

    def _without_effect(self, operation: Operation) -> Operation:
        """Conclude from a lookup that showed no effect."""
        now = self.settlement.clock.now()
        fresh = operation.may_be_sent(now)
        if operation.kind is OperationKind.CREATE_INTENT:
            # An empty listing proves nothing while the provider may still roll forward. But the
            # key will only ever replay its 5xx, and an intent whose secret nobody got cannot be
            # confirmed: should it turn up, it is canceled as a stray.
            return operation.supersede(now=now) if fresh else operation.missing(now=now)
        if operation.kind is OperationKind.REFUND:
            # Twice is money lost: it is given the time to turn up.
            return operation.try_again_later(now=now) if fresh else operation.missing(now=now)
        return operation.try_again(now=now) if fresh else operation.abandon(now=now)

    async def _find_intent(self, operation: Operation) -> IntentId | None:
        payment_id = operation.payment_id

        async def known(tx: Transaction) -> IntentId | None:
            payment = await tx.payments.find(payment_id)
            return payment.intent_id if payment else None

        intent_id = await self.settlement.transactions.run(known)
        if intent_id is not None:
            return intent_id
        listed = await self.settlement.gateway.list_intents(
            created_from=operation.created_at - LISTING_SLACK
        )
        ours = (intent.id for intent in listed if intent.reference.payment_id == payment_id)
        return next(ours, None)

    async def _amend(
        self, operation: Operation, change: Callable[[Operation], Operation]
    ) -> Settled:
        async def work(tx: Transaction) -> Settled:
            if operation.kind is OperationKind.REFUND:
                return await self.refunds.amend(tx, operation, change)
            return await self.settlement.amend(tx, operation, change)

        return await self.settlement.transactions.run(work)


def _is_under_way(operation: Operation, intent: ProviderIntent | None) -> bool:
    """Tell whether the provider is still at it: a capture of what is settled later."""
    return (
        operation.kind is OperationKind.CAPTURE
        and intent is not None
        and intent.status is IntentStatus.PROCESSING
    )
