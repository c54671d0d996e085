"""Apply what the provider says of refunds: the one way in, whoever brings the news.

An API answer, an event and a recovery read all end here, under the locks of the order and the
payment; the second arrival of the same news changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from markethub.domain.errors import InvalidTransition, NotFound, Refused, RequestInProgress
from markethub.domain.facts import ProviderRefund
from markethub.domain.ids import IdPrefix, IntentId, PaymentId, RefundId
from markethub.domain.ledger import refund_entries
from markethub.domain.operation import Operation, OperationKind
from markethub.domain.payment import Payment
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import Refund, refunded, reserved
from markethub.domain.usecases.settlement import READS_MAXIMUM, Settled, Settlement, lock


@attrs.frozen(kw_only=True)
class RefundSettlement:
    """Applies refunds to our rows, their payment and the ledger."""

    settlement: Settlement

    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        views: Sequence[ProviderRefund],
        *,
        seen_version: int,
    ) -> Settled | None:
        """Merge views of a captured payment's refunds into refunds, payment, ledger, operation.

        ``seen_version`` is the payment's version from before the views were fetched. If the
        payment has changed since, they may be older than what is known (even a refund that
        succeeded may come back): then nothing is done and None returned, and the caller reads
        again. A payment of which nothing was captured has no refunds.
        """
        order, payment = await lock(tx, payment_id)
        if payment.version != seen_version:
            return None
        if not payment.captured.minor:
            # Stripe lists what it released of a hold among the refunds: no money moved.
            views = ()
        changed = [await self._merge(tx, payment, view) for view in views]
        for view in views:
            for entry in refund_entries(view, payment_id=payment.id, now=self._now()):
                await tx.ledger.post(entry)
        operation = await _conclude(tx, payment, now=self._now())
        if any(changed):
            payment = await self.sum_up(tx, payment)
        return Settled(order=order, payment=payment, operation=operation)

    async def refresh(self, payment_id: PaymentId) -> Settled:
        """Read a captured payment's refunds and apply them, again if it changed in between.

        Raises NotFound or GatewayUnavailable as the gateway's read, and RequestInProgress if
        the payment never stands still.
        """
        run = self.settlement.transactions.run
        for _ in range(READS_MAXIMUM):
            version, intent_id = await run(lambda tx: _version(tx, payment_id))
            views = await self.settlement.gateway.list_refunds(intent_id)

            async def work(
                tx: Transaction,
                views: Sequence[ProviderRefund] = views,
                version: int = version,
            ) -> Settled | None:
                return await self.apply(tx, payment_id, views, seen_version=version)

            settled = await run(work)
            if settled is not None:
                return settled
        raise RequestInProgress("the payment is being changed by others")

    async def amend(
        self, tx: Transaction, asked: Operation, change: Callable[[Operation], Operation]
    ) -> Settled:
        """Change a refund's unresolved operation, and release the amount if that ended it."""
        settled = await self.settlement.amend(tx, asked, change)
        operation = settled.operation
        if operation is None or operation.is_unresolved or operation.error_code is None:
            return settled
        refund = None if operation.refund_id is None else await tx.refunds.find(operation.refund_id)
        if refund is None or not refund.is_reserved or refund.provider_id is not None:
            return settled
        await tx.refunds.save(refund.refuse(operation.error_code, now=self._now()))
        return attrs.evolve(settled, payment=await self.sum_up(tx, settled.payment))

    async def why_refused(self, operation: Operation, code: str) -> str:
        """Return our own code for what the provider refused, where what we know by now has one.

        Stripe says nothing but that a parameter is invalid where somebody refunds more than is
        left.
        """

        async def read(tx: Transaction) -> str:
            payment = await tx.payments.find(operation.payment_id)
            refunds = await tx.refunds.of_payment(operation.payment_id)
            asked = next((each for each in refunds if each.id == operation.refund_id), None)
            if payment is None or asked is None:
                return code
            others = [each for each in refunds if each != asked]
            try:
                _summed(payment, others, now=self._now()).require_refundable(asked.amount)
            except Refused as error:
                return error.code
            return code

        return await self.settlement.transactions.run(read)

    async def sum_up(self, tx: Transaction, payment: Payment) -> Payment:
        """Save the payment with the sums of its refunds as they are in this transaction."""
        refunds = await tx.refunds.of_payment(payment.id)
        return await tx.payments.save(_summed(payment, refunds, now=self._now()))

    async def _merge(self, tx: Transaction, payment: Payment, view: ProviderRefund) -> bool:
        known = await _known(tx, payment, view)
        if known is None:
            seen = Refund.adopt(
                view,
                id=RefundId(self.settlement.ids.new(IdPrefix.REFUND)),
                payment_id=payment.id,
                order_id=payment.order_id,
                now=self._now(),
            )
        else:
            seen = known.observe(view, now=self._now())
        if seen == known:
            return False
        await tx.refunds.save(seen)
        return True

    def _now(self) -> datetime:
        return self.settlement.clock.now()


def _summed(payment: Payment, refunds: Sequence[Refund], *, now: datetime) -> Payment:
    nothing = attrs.evolve(payment.captured, minor=0)
    return payment.refund(
        refunded=refunded(refunds, nothing), reserved=reserved(refunds, nothing), now=now
    )


async def _known(tx: Transaction, payment: Payment, view: ProviderRefund) -> Refund | None:
    """Find our row by the provider's id or, before we have heard of it, by our own.

    Two refunds at the provider are never taken for one: a second that bears our id is another.
    So is one of another payment: whoever has the account may write any id into its metadata.
    Raises InvalidTransition for a refund that is known as another payment's.
    """
    known = await tx.refunds.find_by_provider_id(view.id)
    if known is not None and known.payment_id != payment.id:
        raise InvalidTransition("the refund of another payment")
    if known is None and view.refund_id is not None:
        ours = await tx.refunds.find(view.refund_id)
        if ours is not None and ours.provider_id is None and ours.payment_id == payment.id:
            return ours
    return known


async def _conclude(tx: Transaction, payment: Payment, *, now: datetime) -> Operation | None:
    """End the payment's unresolved refund operation if its refund is at the provider."""
    operation = await tx.operations.unresolved(payment.id)
    if operation is None or operation.kind is not OperationKind.REFUND:
        return operation
    refund = None if operation.refund_id is None else await tx.refunds.find(operation.refund_id)
    if refund is None or refund.provider_id is None:
        return operation
    return await tx.operations.save(operation.conclude(now=now))


async def _version(tx: Transaction, payment_id: PaymentId) -> tuple[int, IntentId]:
    found = await tx.payments.find(payment_id)
    if found is None or found.intent_id is None:
        raise NotFound("no such payment")
    return found.version, found.intent_id
