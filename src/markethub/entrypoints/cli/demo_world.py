"""The people of the demo: the shop on one side, the customer's browser on the other."""

from collections.abc import Sequence

from markethub.domain.errors import GatewayRejected
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId, IntentId, OrderId
from markethub.domain.ledger import Entry
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line, Order
from markethub.domain.payment import Payment
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeOrderCommand, ChargeStarted
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand, PaymentConfirmed
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.entrypoints.container import Container


class World:
    """A payments core with a simulated account, and everybody who calls it."""

    def __init__(self, container: Container) -> None:
        """Play with ``container``, whose gateway is the simulated account."""
        self._core = container
        account = container.account()
        assert account is not None, "the demo has no other gateway"
        self._account = account

    # --- the shop -----------------------------------------------------------------------------

    async def register(self, order_id: str, total_minor: int) -> Order:
        """Register an order of one line."""
        cart = Cart(
            customer_id=CustomerId("ada"),
            currency=Currency.of("usd"),
            lines=(Line(sku="tea", title="Tea", unit_price=total_minor, quantity=1),),
        )
        command = RegisterOrderCommand(order_id=OrderId(order_id), cart=cart)
        return await self._core.register_order()(command)

    async def charge(self, order_id: str, *, manual_capture: bool = False) -> ChargeStarted:
        """Ask for the order's money."""
        capture = CaptureMethod.MANUAL if manual_capture else None
        command = ChargeOrderCommand(order_id=OrderId(order_id), capture=capture)
        return await self._core.charge_order()(command)

    async def confirm(self, started: ChargeStarted) -> PaymentConfirmed:
        """Ask what became of the payment."""
        command = ConfirmPaymentCommand(intent_id=_intent(started))
        return await self._core.confirm_payment()(command)

    async def capture(self, started: ChargeStarted, amount_minor: int) -> Payment:
        """Take a part of what the card holds."""
        command = CapturePaymentCommand(payment_id=started.payment.id, amount_minor=amount_minor)
        return await self._core.capture_payment()(command)

    async def cancel(self, started: ChargeStarted) -> Payment:
        """Give the payment up."""
        return await self._core.cancel_payment()(
            CancelPaymentCommand(payment_id=started.payment.id, reason="abandoned")
        )

    async def status(self, order_id: str) -> str:
        """Look at the order."""
        view = await self._core.queries().order(OrderId(order_id))
        return view.order.status.value if view else "missing"

    async def ledger(self) -> Sequence[Entry]:
        """Open the books."""
        entries: Sequence[Entry] = await self._core.queries().ledger()
        return entries

    # --- the customer's browser ---------------------------------------------------------------

    def pay(self, started: ChargeStarted, card: str) -> int:
        """Send a card straight to the provider, as Stripe.js does; return the HTTP status."""
        response = self._account.request(
            method="POST",
            path=f"/v1/payment_intents/{_intent(started)}/confirm",
            params={
                "client_secret": started.client_secret.reveal(),
                "payment_method_data": {
                    "type": "card",
                    "card": {"number": card, "exp_month": 12, "exp_year": 2034, "cvc": "123"},
                },
            },
            auth=self._core.settings().stripe_publishable_key,
        )
        status: int = response.status
        return status

    def answer_challenge(self, started: ChargeStarted, *, authenticated: bool) -> None:
        """Pass or fail the bank's challenge."""
        self._account.answer_challenge(
            _intent(started), started.client_secret.reveal(), authenticated=authenticated
        )

    # --- the provider -------------------------------------------------------------------------

    async def settle(self) -> int:
        """Let webhooks be delivered and processed until there are none; return how many."""
        pump, process = self._core.pump(), self._core.process_inbox()
        assert pump is not None, "the demo has no other gateway"
        delivered = 0
        while arrived := await pump():
            delivered += arrived
            await process()
        return delivered

    def provider_balance(self) -> int:
        """Add up what the provider says it keeps for us, in minor units."""
        response = self._account.request(
            method="GET",
            path="/v1/balance_transactions",
            params={"limit": 100},
            auth=self._core.settings().stripe_secret_key.reveal(),
        )
        if response.status != 200:
            raise GatewayRejected("the account does not list its balance")
        return sum(line["net"] for line in response.body["data"])


def _intent(started: ChargeStarted) -> IntentId:
    assert started.payment.intent_id is not None, "a started payment has its intent"
    return started.payment.intent_id
