"""A whole payments core in one test: real use cases, a simulated account, a store, a clock.

Nothing here waits or reads the time: the clock moves when a test moves it, and when the core
pauses. The gateway is wrapped so that a test can say which of its calls go wrong.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from dependency_injector import providers

from markethub.adapters.fake.account import Account, AccountOptions, Response
from markethub.adapters.fake.store import DictStore
from markethub.domain.audit import Act
from markethub.domain.facts import CaptureMethod, ProviderSetup
from markethub.domain.ids import CustomerId, OrderId, PaymentId
from markethub.domain.ledger import Account as Book
from markethub.domain.ledger import balances
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line, Order
from markethub.domain.payment import Payment
from markethub.domain.ports.methods import MethodView
from markethub.domain.ports.queries import OrderView, Queries
from markethub.domain.refund import Refund
from markethub.domain.usecases.charge_order import ChargeOrderCommand, ChargeStarted
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand, PaymentConfirmed
from markethub.domain.usecases.receive_event import ReceiveEventCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.domain.usecases.usage import Wish
from markethub.entrypoints.container import Container
from tests.support.faults import FaultyGateway
from tests.support.vaults import FaultyVault

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SUCCESS = "4242424242424242"
DECLINED = "4000000000000002"
CHALLENGE = "4000002760003184"


class ManualClock:
    """A clock that stands still until somebody moves it; pausing moves it too."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, **amount: float) -> None:
        self._now += timedelta(**amount)

    async def pause(self, seconds: float) -> None:
        self.advance(seconds=seconds)
        await asyncio.sleep(0)  # whoever waits lets the others work


def in_memory_account(options: AccountOptions | None = None) -> Account:
    """Make a simulated account whose ids are the same in every run."""
    return Account(store=DictStore(), options=options or AccountOptions(seed="test"))


class World:
    """The core as its callers see it, and the account as Stripe's side sees it."""

    def __init__(
        self,
        container: Container,
        options: AccountOptions | None = None,
        *,
        account: Account | None = None,
    ) -> None:
        self.container = container
        self.account = account or in_memory_account(options)
        container.account.override(providers.Object(self.account))
        self.clock = ManualClock()
        container.clock.override(providers.Object(self.clock))
        container.pause.override(providers.Object(self.clock.pause))
        self.gateway = FaultyGateway(container.gateway())
        container.gateway.override(providers.Object(self.gateway))
        self.vault = FaultyVault(container.vault())
        container.vault.override(providers.Object(self.vault))
        self.account.advance(int(self.clock.now().timestamp()))

    # --- the storefront -----------------------------------------------------------------------

    async def register(
        self,
        order_id: str = "o-1",
        *,
        total: int = 5000,
        currency: str = "usd",
        customer_id: str = "c-1",
    ) -> Order:
        cart = Cart(
            customer_id=CustomerId(customer_id),
            currency=Currency.of(currency),
            lines=(Line(sku="tea", title="Tea", unit_price=total, quantity=1),),
        )
        command = RegisterOrderCommand(order_id=OrderId(order_id), cart=cart)
        return await self.container.register_order()(command)

    async def charge(
        self,
        order_id: str = "o-1",
        *,
        capture: CaptureMethod | None = None,
        origin: str | None = None,
        **wish: Any,
    ) -> ChargeStarted:
        """Charge an order; ``wish`` as the fields of ``Wish``."""
        command = ChargeOrderCommand(
            order_id=OrderId(order_id), capture=capture, wish=Wish(**wish), origin=origin
        )
        return await self.container.charge_order()(command)

    async def confirm(self, payment: Payment) -> PaymentConfirmed:
        assert payment.intent_id is not None
        return await self.container.confirm_payment()(
            ConfirmPaymentCommand(intent_id=payment.intent_id)
        )

    async def order(self, order_id: str = "o-1") -> Order:
        return (await self._view(order_id)).order

    async def payments(self, order_id: str = "o-1") -> list[Payment]:
        return list((await self._view(order_id)).payments)

    async def _view(self, order_id: str) -> OrderView:
        queries: Queries = self.container.queries()
        view = await queries.order(OrderId(order_id))
        assert view is not None
        return view

    async def payment(self, payment_id: PaymentId) -> Payment:
        [found] = [p for p in await self.payments() if p.id == payment_id]
        return found

    async def saved(self, customer_id: str = "c-1") -> list[MethodView]:
        """List a customer's saved methods."""
        return list(await self.container.queries().methods(CustomerId(customer_id)))

    async def save_card(self, card: str = SUCCESS, *, customer_id: str = "c-1") -> MethodView:
        """Save a card by a setup, a second later, and return what is newest then."""
        self.clock.advance(seconds=1)  # cards are listed by age, and ids tell none within a ms
        setup = await self.container.start_setup()(CustomerId(customer_id))
        assert self.set_up(setup, card).status == 200
        await self.work()
        return (await self.saved(customer_id))[-1]

    # --- the customer's browser ---------------------------------------------------------------

    def pay(self, started: ChargeStarted, card: str = SUCCESS) -> Response:
        """Confirm the intent with a card, by the publishable key, as Stripe.js does."""
        assert started.payment.intent_id is not None
        return self.pay_intent(started.payment.intent_id, started.client_secret.reveal(), card)

    def pay_intent(self, intent_id: str, client_secret: str, card: str = SUCCESS) -> Response:
        """Confirm an intent whose secret some tab of the browser has."""
        return self.account.request(
            method="POST",
            path=f"/v1/payment_intents/{intent_id}/confirm",
            params={
                "client_secret": client_secret,
                "payment_method_data": {
                    "type": "card",
                    "card": {"number": card, "exp_month": 12, "exp_year": 2030, "cvc": "123"},
                },
            },
            auth="pk_test_dev",
        )

    def set_up(self, setup: ProviderSetup, card: str = SUCCESS) -> Response:
        """Confirm a setup with a card, by the publishable key, as Stripe.js does."""
        return self.account.request(
            method="POST",
            path=f"/v1/setup_intents/{setup.id}/confirm",
            params={
                "client_secret": setup.client_secret.reveal(),
                "payment_method_data": {
                    "type": "card",
                    "card": {"number": card, "exp_month": 12, "exp_year": 2030, "cvc": "123"},
                },
            },
            auth="pk_test_dev",
        )

    def answer_challenge(self, started: ChargeStarted, *, authenticated: bool) -> Response:
        assert started.payment.intent_id is not None
        return self.account.answer_challenge(
            started.payment.intent_id,
            started.client_secret.reveal(),
            authenticated=authenticated,
        )

    # --- Stripe's side ------------------------------------------------------------------------

    def at_stripe(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Read something at the account with the secret key."""
        response = self.account.request(
            method="GET", path=path, params=params or {}, auth="sk_test_dev"
        )
        assert response.status == 200, response.body
        return dict(response.body)

    def stripe_does(self, path: str, params: Mapping[str, Any] | None = None) -> Response:
        """Post something at the account, as somebody in Stripe's dashboard would."""
        return self.account.request(
            method="POST", path=path, params=params or {}, auth="sk_test_dev"
        )

    def intents(self) -> list[dict[str, Any]]:
        return list(self.at_stripe("/v1/payment_intents", {"limit": 100})["data"])

    def charges_paid(self) -> list[dict[str, Any]]:
        """Return the charges that took money."""
        listed = self.at_stripe("/v1/charges", {"limit": 100})["data"]
        return [charge for charge in listed if charge["paid"] and charge["captured"]]

    def pending_events(self) -> list[dict[str, Any]]:
        """Take the account's undelivered events, oldest first, without delivering them."""
        events = [dict(event) for event in self.account.undelivered(1000)]
        for event in events:
            self.account.mark_delivered(event["id"])
        return events

    # --- deliveries and the worker ------------------------------------------------------------

    async def deliver(self, event: Mapping[str, Any]) -> bool:
        """Deliver an event as the provider would: signed, over the receive-event use case."""
        body = json.dumps(event).encode()
        return await self.container.receive_event()(
            ReceiveEventCommand(body=body, signature=signed(body, at=self.clock.now()))
        )

    async def work(self) -> None:
        """Deliver and process until nothing moves any more."""
        pump = self.container.pump()
        assert pump is not None
        for _ in range(20):
            delivered = await pump()
            batch = await self.container.process_inbox()()
            if not delivered and not batch.processed + batch.ignored:
                return
        raise AssertionError("the worker never comes to rest")

    async def recover(self) -> None:
        """Let a crashed or unknown operation become due, and recover."""
        self.clock.advance(seconds=30)
        await self.container.reconcile()()

    # --- refunds ------------------------------------------------------------------------------

    async def paid(
        self, order_id: str = "o-1", *, total: int = 5000, card: str = SUCCESS
    ) -> Payment:
        """Register and charge an order, and hear that it is paid."""
        await self.register(order_id, total=total)
        started = await self.charge(order_id)
        self.pay(started, card)
        await self.work()
        [paid] = [p for p in await self.payments(order_id) if p.id == started.payment.id]
        return paid

    async def refund(self, payment: Payment, amount: int | None = None, **more: Any) -> Refund:
        """Refund a payment; ``more`` goes into the command."""
        command = RefundPaymentCommand(
            payment_id=payment.id, act=Act(actor="ada"), amount_minor=amount, **more
        )
        return await self.container.refund_payment()(command)

    async def refunds(self, payment: Payment) -> list[Refund]:
        """Return a payment's refunds, oldest first."""
        found = await self.container.refund_queries().refunds_of([payment.id])
        return list(found.get(payment.id, ()))

    def refunds_at_stripe(self) -> list[dict[str, Any]]:
        return list(self.at_stripe("/v1/refunds", {"limit": 100})["data"])

    async def books(self) -> dict[tuple[Book, str], int]:
        """Return the ledger's balances by account and currency."""
        return dict(balances(await self.container.queries().ledger()))


def signed(body: bytes, *, at: datetime, secret: str = "whsec_dev") -> str:
    """Sign as Stripe does, by the SDK's own routine."""
    import stripe  # noqa: PLC0415 - 0.2 s that only the tests of deliveries pay

    stamp = int(at.timestamp())
    signature = stripe.WebhookSignature._compute_signature(f"{stamp}.{body.decode()}", secret)
    return f"t={stamp},v1={signature}"
