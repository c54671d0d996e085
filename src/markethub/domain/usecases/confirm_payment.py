"""Find out what became of a payment that the customer's browser confirmed."""

from collections.abc import Mapping

import attrs

from markethub.domain.errors import NotFound
from markethub.domain.ids import CustomerId, IntentId
from markethub.domain.order import Order
from markethub.domain.payment import Payment
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.settlement import Settlement


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

    async def __call__(self, command: ConfirmPaymentCommand) -> PaymentConfirmed:
        """Return payment and order as they stand at the provider now.

        Raises NotFound; GatewayUnavailable if the provider cannot be read (nothing is decided).
        """

        async def find(tx: Transaction) -> Payment | None:
            return await tx.payments.find_by_intent(
                command.intent_id, customer_id=command.customer_id
            )

        payment = await self.transactions.run(find)
        if payment is None:
            raise NotFound("no such payment")
        settled = await self.settlement.refresh(payment.id, command.intent_id)
        return PaymentConfirmed(
            payment=settled.payment,
            order=settled.order,
            next_action=settled.intent.next_action if settled.intent else None,
        )
