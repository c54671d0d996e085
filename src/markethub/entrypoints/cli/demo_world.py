"""The people of the demo: the shop on one side, the customer's browser on the other."""

from collections.abc import Sequence
from typing import Final

from markethub.domain.audit import Act, Channel
from markethub.domain.dispute import Dispute
from markethub.domain.errors import GatewayRejected, Refused
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId, IntentId, MethodId, OrderId
from markethub.domain.ledger import Entry
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line, Order
from markethub.domain.payment import Payment
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.ports.methods import MethodView
from markethub.domain.refund import Refund, RefundReason
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeOrderCommand, ChargeStarted
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand, PaymentConfirmed
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand, RefundPreview
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.domain.usecases.submit_evidence import SubmitEvidenceCommand
from markethub.domain.usecases.usage import Wish
from markethub.entrypoints.container import Container

_ADA: Final = CustomerId("ada")


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
            customer_id=_ADA,
            currency=Currency.of("usd"),
            lines=(Line(sku="tea", title="Tea", unit_price=total_minor, quantity=1),),
        )
        command = RegisterOrderCommand(order_id=OrderId(order_id), cart=cart)
        return await self._core.register_order()(command)

    async def charge(
        self, order_id: str, *, manual_capture: bool = False, method_id: MethodId | None = None
    ) -> ChargeStarted:
        """Ask for the order's money; with a saved method, without its customer."""
        command = ChargeOrderCommand(
            order_id=OrderId(order_id),
            capture=CaptureMethod.MANUAL if manual_capture else None,
            wish=Wish(method_id=method_id, off_session=True if method_id else None),
        )
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

    async def methods(self) -> Sequence[MethodView]:
        """List the customer's saved methods."""
        found: Sequence[MethodView] = await self._core.queries().methods(_ADA)
        return found

    async def payment(self, started: ChargeStarted) -> Payment:
        """Look at the payment."""
        found: Payment | None = await self._core.queries().payment(started.payment.id)
        assert found is not None, "a started payment is there"
        return found

    async def preview_refund(self, started: ChargeStarted, amount_minor: int) -> RefundPreview:
        """Ask what a refund would do."""
        command = _refund(started, amount_minor)
        return await self._core.refund_payment().preview(command)

    async def refund(self, started: ChargeStarted, amount_minor: int) -> Refund:
        """Give a part of the payment back."""
        return await self._core.refund_payment()(_refund(started, amount_minor))

    async def refund_is_refused(self, started: ChargeStarted) -> str:
        """Try to give something back, and say why not."""
        try:
            await self.refund(started, 1)
        except Refused as error:
            return error.code
        return "it was not"

    async def refunds(self, started: ChargeStarted) -> Sequence[Refund]:
        """List the payment's refunds."""
        found = await self._core.refund_queries().refunds_of([started.payment.id])
        refunds: Sequence[Refund] = found.get(started.payment.id, ())
        return refunds

    async def disputes(self, started: ChargeStarted) -> Sequence[Dispute]:
        """List the payment's disputes."""
        page = await self._core.dispute_queries().disputes(
            DisputeFilter(payment_id=started.payment.id)
        )
        disputes: Sequence[Dispute] = page.items
        return disputes

    async def submit_evidence(self, dispute: Dispute, text: str) -> Dispute:
        """Answer a dispute."""
        draft = DraftEvidenceCommand(
            dispute_id=dispute.id,
            texts={"uncategorized_text": text},
            act=Act(actor="ada", channel=Channel.CLI),
        )
        await self._core.draft_evidence()(draft)
        command = SubmitEvidenceCommand(
            dispute_id=dispute.id, act=Act(actor="ada", channel=Channel.CLI)
        )
        return await self._core.submit_evidence()(command)

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

    async def save_card(self, card: str) -> int:
        """Set a card up for later charges, as Stripe.js does; return the HTTP status."""
        setup = await self._core.start_setup()(_ADA)
        response = self._account.request(
            method="POST",
            path=f"/v1/setup_intents/{setup.id}/confirm",
            params={
                "client_secret": setup.client_secret.reveal(),
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


def _refund(started: ChargeStarted, amount_minor: int) -> RefundPaymentCommand:
    return RefundPaymentCommand(
        payment_id=started.payment.id,
        act=Act(actor="ada", channel=Channel.CLI),
        amount_minor=amount_minor,
        reason=RefundReason.GOODWILL,
    )


def _intent(started: ChargeStarted) -> IntentId:
    assert started.payment.intent_id is not None, "a started payment has its intent"
    return started.payment.intent_id
