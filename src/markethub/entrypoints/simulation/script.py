"""What somebody does by a script: one step after the other, each repeated until it is answered."""

from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any, Final

import msgspec

from markethub.adapters.fake.signing import signature_header
from markethub.adapters.fake.store import JsonObject
from markethub.domain.dispute import Dispute
from markethub.domain.errors import Refused, TryAgain
from markethub.domain.facts import CaptureMethod, ProviderSetup
from markethub.domain.ids import CustomerId, DisputeId, OrderId, PaymentId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line, Order
from markethub.domain.payment import Payment
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.ports.methods import MethodView
from markethub.domain.refund_plan import RefundPlan
from markethub.domain.usecases.apply_refund_plan import AppliedLine, ApplyRefundPlanCommand
from markethub.domain.usecases.charge_order import ChargeOrderCommand, ChargeStarted
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.receive_event import ReceiveEventCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.domain.usecases.usage import Wish
from markethub.entrypoints.simulation.provider import SECRET
from markethub.entrypoints.simulation.world import OPS, Surroundings, TimedOut, Unreachable

SUCCESS: Final = "4242424242424242"
DECLINED: Final = "4000000000000002"
CHALLENGE: Final = "4000002760003184"
FAILING_REFUND: Final = "4000000000005126"
PENDING_REFUND: Final = "4000000000007726"

BEGIN: Final = "what is looked at begins"
"""Notes where the prologue of a scenario ends."""

_WAITS_S: Final = (0.5, 1.5, 4.0, 11.0, 20.0)
"""How long a client waits before it asks again; then it gives up."""
_LONG_S: Final = 40.0
"""After that long, what was refused would have shown if it had been done all the same."""
_LOOKS: Final = 40
"""How often somebody looks whether something has come, once a second."""
_USD: Final = Currency.of("usd")
C1: Final = CustomerId("c-1")


class Missing(Exception):
    """What a script waits for has not come."""


class Script:
    """A client of ours, and the browsers and banks that belong to its story."""

    def __init__(self, world: Surroundings, *, is_patient: bool = True) -> None:
        """Begin in ``world``; who is not patient never asks again, whatever became of it."""
        self.world = world
        self._waits_s = _WAITS_S if is_patient else ()

    async def ask(self, use_case: str, *command: object, **named: object) -> Any:
        """Ask a use case (or a method of one), and again where nobody knows what became of it.

        Raises what refuses it, and what the last try raised.
        """

        async def use(app: Any) -> object:
            return await attrgetter(use_case)(app)(*command, **named)

        return await self.request(use_case, use)

    async def request(self, site: str, use: Callable[[Any], Awaitable[Any]]) -> Any:
        """Do something in one of our processes, and again as ``ask``."""
        for wait_s in self._waits_s:
            try:
                return await self.world.call(site, use)
            except (TryAgain, Unreachable, TimedOut):
                await self.world.pause(wait_s)
        return await self.world.call(site, use)

    async def until(self, look: Callable[[Any], Awaitable[Any]]) -> Any:
        """Look until there is something to see, and return it. Raises Missing if nothing comes."""
        for _ in range(_LOOKS):
            try:
                found = await self.world.call("look", look)
            except (TryAgain, Unreachable, TimedOut):
                found = None
            if found:
                return found
            await self.world.pause(1.0)
        raise Missing

    # --- the storefront -----------------------------------------------------------------------

    async def register(self, order_id: str = "o-1", *, total: int = 5000) -> Order:
        """Register an order of c-1's, or replace its cart."""
        cart = Cart(
            customer_id=C1,
            currency=_USD,
            lines=(Line(sku="tea", title="Tea", unit_price=total, quantity=1),),
        )
        order: Order = await self.ask(
            "register_order", RegisterOrderCommand(order_id=OrderId(order_id), cart=cart)
        )
        return order

    async def charge(
        self, order_id: str = "o-1", *, capture: CaptureMethod | None = None, **wish: Any
    ) -> ChargeStarted:
        """Charge an order; ``wish`` as the fields of ``Wish``. A refusal is taken for final."""
        command = ChargeOrderCommand(
            order_id=OrderId(order_id),
            capture=capture,
            wish=Wish(**wish),
            origin=f"storefront|POST /payments|{order_id} {capture} {sorted(wish)}",
        )
        try:
            started: ChargeStarted = await self.ask("charge_order", command)
        except Refused:

            async def look(app: Any) -> Any:
                return await app.queries.order(OrderId(order_id))

            view = await self.until(look)
            for payment in view.payments:
                self.world.oracle.told(payment.id, "failed")
            raise
        return started

    async def confirm(self, payment: Payment) -> Payment:
        """Come back from the browser's confirmation."""
        assert payment.intent_id is not None
        confirmed = await self.ask(
            "confirm_payment", ConfirmPaymentCommand(intent_id=payment.intent_id)
        )
        seen: Payment = confirmed.payment
        self.world.oracle.told(seen.id, seen.status.value)
        return seen

    async def paid(
        self,
        order_id: str = "o-1",
        *,
        card: str = SUCCESS,
        capture: CaptureMethod | None = None,
        **wish: Any,
    ) -> Payment:
        """Register an order, charge it, confirm it with a card, and come back."""
        await self.register(order_id)
        started = await self.charge(order_id, capture=capture, **wish)
        self.pay(started, card)
        return await self.confirm(started.payment)

    def begins(self) -> None:
        """Say that what comes is what the story is about; what was before, others tell."""
        self.world.note(BEGIN)

    async def refund(self, payment: Payment, amount: int | None = None) -> Any:
        """Refund a payment, and ask once more under the same key: the answer is the same.

        Raises what refused it.
        """
        origin = f"ops|POST /refunds|{payment.id} {amount}"
        command = RefundPaymentCommand(
            payment_id=PaymentId(payment.id),
            act=OPS,
            amount_minor=amount,
            origin=origin,
            again=True,
        )
        return await self._twice(origin, amount, lambda app: app.refund_payment(command))

    async def apply(self, plan: RefundPlan) -> Any:
        """Apply a plan of one line, and once more: the answer is the same.

        Raises what refused the line.
        """
        command = ApplyRefundPlanCommand(plan=plan, act=OPS)

        async def carry_out(app: Any) -> Any:
            await app.apply_refund_plan.begin(command)
            applied: AppliedLine = await app.apply_refund_plan(command, 0)
            if applied.error is not None:
                raise applied.error
            return applied.refund

        return await self._twice(plan.hash, plan.lines[0].amount.minor, carry_out)

    async def _twice(
        self, key: str, amount: int | None, use: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        for is_last in (False, True):
            try:
                made = await self.request("refund_payment", use)
            except Refused as error:
                self.world.oracle.answered(key, str(amount), error.code)
                if is_last:
                    raise
                await self.world.pause(_LONG_S)
            else:
                self.world.oracle.answered(key, str(amount), made.id)
                if is_last:
                    return made
            await self.world.pause(2.0)
        raise AssertionError("the last answer is an answer")

    async def heard_of(self, provider_id: str) -> Dispute:
        """Wait until we know a dispute of the provider's."""

        async def look(app: Any) -> Dispute | None:
            page = await app.dispute_queries.disputes(DisputeFilter())
            return next((each for each in page.items if each.provider_id == provider_id), None)

        found: Dispute = await self.until(look)
        return found

    async def standing(self, id: DisputeId, *statuses: str) -> Dispute:
        """Wait until a dispute has one of the statuses."""

        async def look(app: Any) -> Dispute | None:
            seen: Dispute | None = await app.dispute_queries.dispute(id)
            return seen if seen is not None and seen.status in statuses else None

        found: Dispute = await self.until(look)
        return found

    async def saved(self, count: int) -> list[MethodView]:
        """Wait until c-1 has so many saved methods; return them, oldest first."""

        async def look(app: Any) -> list[MethodView] | None:
            methods = list(await app.queries.methods(C1))
            return methods if len(methods) >= count else None

        found: list[MethodView] = await self.until(look)
        return found

    # --- browsers and banks -------------------------------------------------------------------

    def pay(self, started: ChargeStarted, card: str = SUCCESS) -> None:
        """Confirm the intent with a card, as the customer's browser does."""
        self.world.oracle.tries(started.payment.id)
        self._confirm(
            f"/v1/payment_intents/{started.payment.intent_id}/confirm",
            started.client_secret.reveal(),
            card,
        )

    def set_up(self, setup: ProviderSetup, card: str = SUCCESS) -> None:
        """Confirm a setup with a card, likewise."""
        self._confirm(f"/v1/setup_intents/{setup.id}/confirm", setup.client_secret.reveal(), card)

    def pass_challenge(self, started: ChargeStarted) -> None:
        """Answer the bank's question, in the browser."""
        self.world.account.answer_challenge(
            str(started.payment.intent_id), started.client_secret.reveal(), authenticated=True
        )

    def at_provider(self, path: str) -> list[JsonObject]:
        """List objects, newest first, as somebody at the provider's dashboard sees them."""
        answer = self.world.account.request(
            method="GET", path=path, params={"limit": 100}, auth="sk_test_dev"
        )
        return list(answer.body["data"])

    def in_dashboard(self, method: str, path: str, **params: object) -> None:
        """Change something there."""
        self.world.account.request(method=method, path=path, params=params, auth="sk_test_dev")

    async def deliver(self, event: JsonObject) -> None:
        """Deliver an event as the provider does, signed."""
        body = msgspec.json.encode(event)
        signature = signature_header(body, secret=SECRET, at=int(self.world.now.timestamp()))
        await self.ask("receive_event", ReceiveEventCommand(body=body, signature=signature))

    def _confirm(self, path: str, client_secret: str, card: str) -> None:
        number = {"number": card, "exp_month": 12, "exp_year": 2030, "cvc": "123"}
        self.world.account.request(
            method="POST",
            path=path,
            params={
                "client_secret": client_secret,
                "payment_method_data": {"type": "card", "card": number},
            },
            auth="pk_test_dev",
        )
