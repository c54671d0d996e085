"""What one process does in the storm: customers and operators at random, several at a time.

Orders are everybody's: which one somebody wants follows from how far the storm is, so that all
processes come to the same orders at about the same time.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, Final

import attrs
import httpx
import msgspec

from markethub.adapters.fake.signing import signature_header
from markethub.domain.audit import Act
from markethub.domain.errors import PaymentsError
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId, MethodId, OrderId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeOrderCommand, ChargeStarted
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.receive_event import ReceiveEventCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.domain.usecases.usage import NO_WISH, Wish
from markethub.entrypoints.container import Container
from markethub.entrypoints.http.errors import STATUS_OF
from markethub.entrypoints.setting_values import DEV_WEBHOOK_SECRET
from tests.storm.provider import DOOR, UNDELIVERED

CLIENTS: Final = 6
"""How many people each process serves at a time."""
OPERATIONS_PER_ORDER: Final = 2
"""So many in a process for each order that is everybody's."""
WINDOW: Final = 8
"""People come back to the last so many orders."""
CUSTOMERS: Final = [CustomerId(f"c-{number}") for number in range(6)]
GOOD_CARDS: Final = ("4242424242424242", "5555555555554444")
CARDS: Final = (*GOOD_CARDS * 4, "4000000000000002", "4000000000009995")
UNFORESEEN_KEPT: Final = 5


@attrs.define(kw_only=True)
class Report:
    """What came of it, in one process or in all of them."""

    asked: Counter[str] = attrs.field(factory=Counter)
    """Operations by their name."""
    refused: Counter[str] = attrs.field(factory=Counter)
    """By the name of the error."""
    conflicts: int = 0
    """How many of the refusals the HTTP interface answers with 409."""
    unforeseen: list[str] = attrs.field(factory=list)
    """Exceptions that are no answer."""
    seconds: float = 0
    """From the first to the last."""

    @property
    def operations(self) -> int:
        """How many there were in all."""
        return self.asked.total()


class People:
    """Everybody whom one process serves."""

    def __init__(
        self, container: Container, browser: httpx.AsyncClient, *, dice: Random, quota: int
    ) -> None:
        """Do ``quota`` operations; ``browser`` stands before the provider's door."""
        self.report = Report()
        self._container = container
        self._browser = browser
        self._dice = dice
        self._quota = quota

    async def live(self) -> Report:
        """Come and go until the quota is reached."""
        await asyncio.gather(*(self._come_and_go() for _ in range(CLIENTS)))
        return self.report

    async def _come_and_go(self) -> None:
        names = list(DEEDS)
        weights = [weight for weight, _ in DEEDS.values()]
        while self.report.operations < self._quota:
            [name] = self._dice.choices(names, weights)
            try:
                await DEEDS[name][1](self)
            except httpx.HTTPError:
                continue  # the browser's own trouble
            except Exception as error:  # noqa: BLE001 - what nobody foresaw is what is looked for
                self._unforeseen(name, error)

    def _unforeseen(self, where: str, error: Exception) -> None:
        if len(self.report.unforeseen) < UNFORESEEN_KEPT:
            self.report.unforeseen.append(f"{where}: {error!r}")

    async def _ask(self, name: str, command: object = None) -> Any:
        """Do one operation: call a use case of the container's; None where it is refused."""
        self.report.asked[name] += 1
        use = getattr(self._container, name)()
        try:
            return await (use() if command is None else use(command))
        except PaymentsError as error:
            self.report.refused[type(error).__name__] += 1
            status = next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
            self.report.conflicts += status == 409
            return None

    # --- orders -------------------------------------------------------------------------------

    def _number(self) -> int:
        newest = self.report.operations // OPERATIONS_PER_ORDER
        return max(0, newest - int(WINDOW * self._dice.random() ** 2))

    async def _payments(self, order_id: OrderId) -> Sequence[Payment]:
        view = await self._container.queries().order(order_id)
        return () if view is None else view.payments

    async def _some_payment(self, *statuses: PaymentStatus) -> Payment | None:
        """Return a payment of one of the last orders that has such a status."""
        for _ in range(WINDOW):
            found = await self._payments(_order_id(self._number()))
            fitting = [payment for payment in found if payment.status in statuses]
            if fitting:
                return self._dice.choice(fitting)
        return None

    # --- what they do -------------------------------------------------------------------------

    async def buy(self) -> None:
        """Put an order that all want into the cart, click once or often, and pay."""
        number = self._number()
        if not await self._payments(_order_id(number)):
            await self._ask("register_order", _registration(number))
        await self._charge(number, NO_WISH)

    async def buy_and_save(self) -> None:
        """Buy, and let the card be saved."""
        number = self._number()
        await self._ask("register_order", _registration(number))
        await self._charge(number, Wish(save_method=True))

    async def buy_with_saved(self) -> None:
        """Buy with a saved card, without the customer."""
        number = self._number()
        customer_id = _customer(number)
        kept = await self._container.queries().methods(customer_id)
        if not kept:
            await self.save()
            return
        wish = Wish(method_id=MethodId(self._dice.choice(list(kept)).id), off_session=True)
        await self._ask("register_order", _registration(number))
        await self._charge(number, wish)

    async def _charge(self, number: int, wish: Wish) -> None:
        origin = f"storm:{self._dice.random()}" if self._dice.random() < 0.5 else None
        command = ChargeOrderCommand(
            order_id=_order_id(number),
            customer_id=_customer(number),
            capture=CaptureMethod.MANUAL if number % 4 == 0 else None,
            wish=wish,
            origin=origin,
        )
        clicks = self._dice.choice((1, 2, 2, 3))
        answers = await asyncio.gather(*(self._ask("charge_order", command) for _ in range(clicks)))
        for started in answers:
            if started is not None and started.payment.intent_id is not None:
                await self._pay(number, started)
                return

    async def _pay(self, number: int, started: ChargeStarted) -> None:
        intent_id = started.payment.intent_id
        assert intent_id is not None
        await self._post(
            f"/v1/payment_intents/{intent_id}/confirm",
            secret=started.client_secret.reveal(),
            card=self._dice.choice(CARDS),
        )
        if self._dice.random() < 0.6:
            command = ConfirmPaymentCommand(intent_id=intent_id, customer_id=_customer(number))
            await self._ask("confirm_payment", command)

    async def _post(self, path: str, *, secret: str, card: str) -> None:
        answer = await self._browser.post(
            DOOR + path,
            data={
                "client_secret": secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": card,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2034",
            },
        )
        assert answer.status_code != 404, path

    async def save(self) -> None:
        """Save a card without buying."""
        customer_id = self._dice.choice(CUSTOMERS)
        setup = await self._ask("start_setup", customer_id)
        if setup is not None:
            await self._post(
                f"/v1/setup_intents/{setup.id}/confirm",
                secret=setup.client_secret.reveal(),
                card=self._dice.choice(GOOD_CARDS),
            )

    async def look(self) -> None:
        """Reload a confirmation page."""
        payment = await self._some_payment(*PaymentStatus)
        if payment is not None and payment.intent_id is not None:
            command = ConfirmPaymentCommand(intent_id=payment.intent_id)
            await self._ask("confirm_payment", command)

    async def capture(self) -> None:
        """Take money that is held, or some of it, twice at once."""
        payment = await self._some_payment(PaymentStatus.AUTHORIZED)
        if payment is not None:
            amount = self._dice.choice((None, None, payment.authorized.minor // 2))
            command = CapturePaymentCommand(payment_id=payment.id, amount_minor=amount)
            await self._twice("capture_payment", command)

    async def cancel(self) -> None:
        """Let a payment or an order go."""
        if self._dice.random() < 0.3:
            order = CancelOrderCommand(order_id=_order_id(self._number()))
            await self._ask("cancel_order", order)
            return
        payment = await self._some_payment(
            PaymentStatus.AUTHORIZED, PaymentStatus.REQUIRES_PAYMENT_METHOD
        )
        if payment is not None:
            command = CancelPaymentCommand(payment_id=payment.id)
            await self._ask("cancel_payment", command)

    async def refund(self) -> None:
        """Give parts of one payment back, several at once, together mostly more than there is."""
        payment = await self._some_payment(PaymentStatus.SUCCEEDED)
        if payment is None:
            return
        captured = payment.captured.minor
        amounts = [max(1, int(captured * self._dice.random() * 0.7)) for _ in range(3)]
        refunds = [
            RefundPaymentCommand(
                payment_id=payment.id, act=Act(actor="storm"), amount_minor=amount, again=True
            )
            for amount in amounts
        ]
        await asyncio.gather(*(self._ask("refund_payment", each) for each in refunds))

    async def deliver(self) -> None:
        """Bring events, each once or more often, and process what is there."""
        answer = await self._browser.get(UNDELIVERED, params={"limit": 8})
        for event in answer.json():
            body = msgspec.json.encode(event)
            header = signature_header(body, secret=DEV_WEBHOOK_SECRET, at=int(time.time()))
            command = ReceiveEventCommand(body=body, signature=header)
            if self._dice.random() < 0.4:
                await self._twice("receive_event", command)
            else:
                await self._ask("receive_event", command)
        await self._ask("process_inbox")

    async def recover(self) -> None:
        """Finish what is due."""
        await self._ask("recover")

    async def _twice(self, name: str, command: object) -> None:
        await asyncio.gather(self._ask(name, command), self._ask(name, command))


DEEDS: Final[dict[str, tuple[int, Callable[[People], Awaitable[None]]]]] = {
    "buy": (30, People.buy),
    "buy_and_save": (4, People.buy_and_save),
    "buy_with_saved": (6, People.buy_with_saved),
    "save": (3, People.save),
    "look": (6, People.look),
    "capture": (8, People.capture),
    "cancel": (3, People.cancel),
    "refund": (16, People.refund),
    "deliver": (9, People.deliver),
    "recover": (2, People.recover),
}
"""How often what is done."""


def _order_id(number: int) -> OrderId:
    return OrderId(f"order-{number}")


def _customer(number: int) -> CustomerId:
    return CUSTOMERS[number % len(CUSTOMERS)]


def _registration(number: int) -> RegisterOrderCommand:
    price = 100 + number * 37 % 9000
    cart = Cart(
        customer_id=_customer(number),
        currency=Currency.of(("usd", "eur", "jpy")[number % 3]),
        lines=(Line(sku="tea", title="Tea", unit_price=price, quantity=1),),
    )
    return RegisterOrderCommand(order_id=_order_id(number), cart=cart)
