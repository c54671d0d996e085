"""Give the events of refunds their effect: each is a hint to read.

No status of an event is applied, for the events do not show what moved on our balance; the
refunds of a payment are read together, so that the order of their events does not matter.
"""

import attrs

from markethub.domain.facts import ProviderFact, RefundReported
from markethub.domain.payment import Payment
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.inbox_handler import Applied, Look, Parked, Step, Work
from markethub.domain.usecases.locating import payment_of
from markethub.domain.usecases.settle_refunds import RefundSettlement


@attrs.frozen(kw_only=True)
class RefundEvents:
    """Takes ``RefundReported``."""

    refunds: RefundSettlement

    async def __call__(self, tx: Transaction, fact: ProviderFact) -> Step:
        """Ask for a look at the payment's refunds."""
        if not isinstance(fact, RefundReported):
            raise TypeError(f"not about a refund: {type(fact).__name__}")
        payment = await payment_of(tx, intent_id=fact.intent_id, charge_id=fact.charge_id)
        if payment is None and fact.provider_refund_id is not None:
            known = await tx.refunds.find_by_provider_id(fact.provider_refund_id)
            payment = await tx.payments.find(known.payment_id) if known else None
        if payment is None:
            ours = fact.refund is not None and fact.refund.refund_id is not None
            return Parked(ours=ours)
        return self._look(payment)

    def _look(self, payment: Payment) -> Step:
        if payment.intent_id is None:
            return Parked(ours=True)
        intent_id = payment.intent_id

        async def fetch() -> Work:
            settlement = self.refunds.settlement
            if not payment.captured.minor:
                # What was given back was captured before, and we have not heard of that yet.
                await settlement.refresh(payment.id, intent_id)
            views = await settlement.gateway.list_refunds(intent_id)

            async def work(tx: Transaction) -> Step:
                settled = await self.refunds.apply(
                    tx, payment.id, views, seen_version=payment.version
                )
                if settled is not None:
                    return Applied()
                changed = await tx.payments.find(payment.id)
                return Parked(ours=True) if changed is None else self._look(changed)

            return work

        return Look(fetch=fetch)
