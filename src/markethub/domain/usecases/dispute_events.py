"""Give the events of disputes and early fraud warnings their effect: each is a hint to read.

No status of an event is ever applied, so that their order does not matter; the object as it is
read shows every movement of its funds.
"""

import attrs

from markethub.domain.facts import (
    DisputeReported,
    ProviderDispute,
    ProviderFact,
    ProviderFraudWarning,
    WarningReported,
)
from markethub.domain.ids import PaymentId
from markethub.domain.payment import Payment
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.inbox_handler import Applied, Look, Parked, Step, Work
from markethub.domain.usecases.locating import payment_of
from markethub.domain.usecases.settle_dispute import DisputeSettlement
from markethub.domain.usecases.settlement import lock

_NOT_OURS = Parked(ours=False)
"""A dispute bears no id of ours: whether it is, only its payment tells, now or later."""


@attrs.frozen(kw_only=True)
class DisputeEvents:
    """Takes ``DisputeReported`` and ``WarningReported``."""

    settlement: DisputeSettlement

    async def __call__(self, tx: Transaction, fact: ProviderFact) -> Step:
        """Ask for a look at the object."""
        if not isinstance(fact, DisputeReported | WarningReported):
            raise TypeError(f"not about a dispute: {type(fact).__name__}")
        if fact.intent_id is None and fact.charge_id is None:
            return self._ask_what_it_is_about(fact)
        payment = await payment_of(tx, intent_id=fact.intent_id, charge_id=fact.charge_id)
        if payment is None:
            return _NOT_OURS
        if isinstance(fact, WarningReported):
            return self._look_at_warning(payment, fact)
        return await self._look_at_dispute(tx, payment.id, fact)

    def _ask_what_it_is_about(self, fact: DisputeReported | WarningReported) -> Look:
        async def fetch() -> Work:
            view: ProviderDispute | ProviderFraudWarning
            if isinstance(fact, DisputeReported):
                view = await self.settlement.desk.read_dispute(fact.dispute_id)
            else:
                view = await self.settlement.desk.read_warning(fact.warning_id)
            told = attrs.evolve(fact, charge_id=view.charge_id, intent_id=view.intent_id)
            is_about_nothing = view.charge_id is None and view.intent_id is None

            async def work(tx: Transaction) -> Step:
                return _NOT_OURS if is_about_nothing else await self(tx, told)

            return work

        return Look(fetch=fetch)

    async def _look_at_dispute(
        self, tx: Transaction, payment_id: PaymentId, fact: DisputeReported
    ) -> Look:
        known = await tx.disputes.find_by_provider_id(fact.dispute_id)
        version = known.version if known else 0

        async def fetch() -> Work:
            view = await self.settlement.desk.read_dispute(fact.dispute_id)

            async def work(tx: Transaction) -> Step:
                settled = await self.settlement.apply(tx, payment_id, view, seen_version=version)
                if settled is not None:
                    return Applied()
                return await self._look_at_dispute(tx, payment_id, fact)

            return work

        return Look(fetch=fetch)

    def _look_at_warning(self, payment: Payment, fact: WarningReported) -> Look:
        async def fetch() -> Work:
            view = await self.settlement.desk.read_warning(fact.warning_id)

            async def work(tx: Transaction) -> Step:
                _, current = await lock(tx, payment.id)
                if current.version != payment.version:
                    return self._look_at_warning(current, fact)
                warned = current.warn(view.warning, now=self.settlement.clock.now())
                if warned != current:
                    await tx.payments.save(warned)
                return Applied()

            return work

        return Look(fetch=fetch)
