"""Give the events of intents and charges their effect."""

import attrs

from markethub.domain.facts import (
    ChargeReported,
    IntentHinted,
    IntentReported,
    ProviderFact,
    ProviderIntent,
    Reference,
)
from markethub.domain.ids import ChargeId, IntentId, PaymentId
from markethub.domain.payment import Payment
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.inbox_handler import Applied, Ignored, Look, Parked, Step, Work
from markethub.domain.usecases.locating import payment_of
from markethub.domain.usecases.settlement import Settlement


@attrs.frozen(kw_only=True)
class IntentEvents:
    """Takes ``IntentReported``, ``ChargeReported`` and ``IntentHinted``."""

    settlement: Settlement

    async def __call__(self, tx: Transaction, fact: ProviderFact) -> Step:
        """Settle a final state at once; take anything else as a hint to read the intent."""
        match fact:
            case IntentReported(intent=intent):
                return await self._settle(tx, intent.id, intent.reference, _applicable(fact))
            case ChargeReported(intent_id=None, charge_id=charge_id, reference=reference):
                return await self._find(tx, charge_id, reference) or Ignored(reason="no_intent")
            case IntentHinted(intent_id=None, charge_id=charge_id, reference=reference):
                found = await self._find(tx, charge_id, reference)
                return found or Parked(ours=reference.payment_id is not None)
            case (
                ChargeReported(intent_id=str() as intent_id, reference=reference)
                | IntentHinted(intent_id=str() as intent_id, reference=reference)
            ):
                return await self._settle(tx, intent_id, reference, None)
            case _:
                raise TypeError(f"not about an intent: {type(fact).__name__}")

    async def _find(
        self, tx: Transaction, charge_id: ChargeId | None, reference: Reference
    ) -> Look | None:
        """Ask for a look at a charge's intent, if we know one."""
        payment = await payment_of(tx, intent_id=None, charge_id=charge_id)
        if payment is None and reference.payment_id is not None:
            payment = await tx.payments.find(reference.payment_id)
        if payment is None or payment.intent_id is None:
            return None
        return self._look(payment, payment.intent_id)

    async def _settle(
        self,
        tx: Transaction,
        intent_id: IntentId,
        reference: Reference,
        view: ProviderIntent | None,
    ) -> Step:
        payment = await _locate(tx, intent_id, reference.payment_id)
        if payment is None:
            return Parked(ours=reference.payment_id is not None)
        if payment.intent_id not in (None, intent_id):
            # Two intents for one payment are never silently taken for one.
            return Parked(ours=True, reason="another_intent")
        if view is not None and await self.settlement.apply(
            tx, payment.id, view, seen_version=None
        ):
            return Applied()
        return self._look(payment, intent_id)

    def _look(self, payment: Payment, intent_id: IntentId) -> Look:
        async def fetch() -> Work:
            intent = await self.settlement.gateway.read_intent(intent_id)

            async def work(tx: Transaction) -> Step:
                settled = await self.settlement.apply(
                    tx, payment.id, intent, seen_version=payment.version
                )
                if settled is not None:
                    return Applied()
                changed = await tx.payments.find(payment.id)
                return Parked(ours=True) if changed is None else self._look(changed, intent_id)

            return work

        return Look(fetch=fetch)


def _applicable(fact: IntentReported) -> ProviderIntent | None:
    """Return what may be applied as it is: only a final state that its type does not deny."""
    if fact.contradicts_itself:
        return None
    final = fact.intent.status.is_final and fact.claimed_status is fact.intent.status
    # Money is booked under its charge's id; where an old shape does not tell it, the read does.
    bookable = fact.intent.received.minor == 0 or fact.intent.latest_charge_id is not None
    return fact.intent if final and bookable else None


async def _locate(
    tx: Transaction, intent_id: IntentId, reference: PaymentId | None
) -> Payment | None:
    """Find the payment by its intent or, before we have heard of the intent, by our own id."""
    payment = await tx.payments.find_by_intent(intent_id)
    if payment is not None or reference is None:
        return payment
    return await tx.payments.find(reference)
