"""Find the payment that an object of the provider is about."""

from markethub.domain.ids import ChargeId, IntentId
from markethub.domain.payment import Payment
from markethub.domain.ports.unit_of_work import Transaction


async def payment_of(
    tx: Transaction, *, intent_id: IntentId | None, charge_id: ChargeId | None
) -> Payment | None:
    """Find the payment by its intent or, where an old shape does not tell it, by its charge."""
    payment = await tx.payments.find_by_intent(intent_id) if intent_id else None
    if payment is not None or charge_id is None:
        return payment
    return await tx.payments.find_by_charge(charge_id)
