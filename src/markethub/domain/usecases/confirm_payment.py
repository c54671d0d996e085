"""Find out what became of a payment that the customer's browser confirmed."""

from collections.abc import Mapping
from contextlib import suppress

import attrs

from markethub.domain.errors import GatewayRejected, GatewayUnavailable, NotFound, TryAgain
from markethub.domain.ids import CustomerId, IntentId
from markethub.domain.order import Order
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.save_method import SaveMethod
from markethub.domain.usecases.settlement import Settled, Settlement


@attrs.frozen(kw_only=True)
class ConfirmPaymentCommand:
    """Which intent; ``customer_id`` restricts to that customer's payments."""

    intent_id: IntentId
    customer_id: CustomerId | None = None


@attrs.frozen(kw_only=True)
class PaymentConfirmed:
    """The truth as the provider tells it. ``next_action`` in Stripe's shape, if one is due."""

    payment: Payment
    order: Order
    next_action: Mapping[str, object] | None


@attrs.frozen(kw_only=True)
class ConfirmPayment:
    """Reads the truth from the gateway; never trusts the caller."""

    transactions: Transactions
    settlement: Settlement
    save: SaveMethod

    async def __call__(self, command: ConfirmPaymentCommand) -> PaymentConfirmed:
        """Return payment and order as they stand at the provider now.

        Raises NotFound; GatewayUnavailable if the provider cannot be read (nothing is decided), or
        if the intent shows a decline while a charge of ours is under way whose outcome nobody
        knows: whoever is told that it failed must not be charged after that.
        """

        async def find(tx: Transaction) -> Payment | None:
            return await tx.payments.find_by_intent(
                command.intent_id, customer_id=command.customer_id
            )

        payment = await self.transactions.run(find)
        if payment is None:
            raise NotFound("no such payment")
        settled = await self.settlement.refresh(payment.id, command.intent_id)
        if settled.is_in_doubt:
            raise GatewayUnavailable("the provider's outcome is not known yet")
        await self._keep(settled)
        return PaymentConfirmed(
            payment=settled.payment,
            order=settled.order,
            next_action=settled.intent.next_action if settled.intent else None,
        )

    async def _keep(self, settled: Settled) -> None:
        """Keep the method that a success saves. Where it cannot be read, its event brings it."""
        intent = settled.intent
        if intent is None or not intent.saves_method or intent.method is None:
            return
        if settled.payment.status in (PaymentStatus.SUCCEEDED, PaymentStatus.AUTHORIZED):
            with suppress(TryAgain, GatewayRejected):
                await self.save(intent.method)
