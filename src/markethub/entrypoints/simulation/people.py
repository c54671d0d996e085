"""What customers, operators and banks do, at random."""

from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Final

import attrs

from markethub.domain.errors import PaymentsError, TryAgain
from markethub.domain.ids import CustomerId, OrderId, PaymentId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line
from markethub.domain.usecases.charge_order import ChargeOrderCommand, ChargeStarted
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.entrypoints.simulation.world import Surroundings, TimedOut, Unreachable

USD: Final = Currency.of("usd")
CARDS: Final = ("4242424242424242",) * 6 + ("4000000000000002", "4000000000005126")


@attrs.define
class Shopping:
    """An order as the storefront knows it."""

    order_id: OrderId
    customer_id: CustomerId
    total: int
    started: ChargeStarted | None = None


class People:
    """What everybody remembers."""

    def __init__(self, world: Surroundings) -> None:
        """Begin without any memory."""
        self.world = world
        self.orders: list[Shopping] = []

    async def repeat(self, dice: Random, ask: Callable[[], Awaitable[object]]) -> object:
        """Ask, and ask again where nobody knows what became of it, as a storefront does."""
        for attempt in range(4):
            try:
                return await ask()
            except (TryAgain, Unreachable, TimedOut):
                if attempt == 3 or dice.random() < 0.2:
                    raise
            await self.world.pause(0.5 * 3**attempt * dice.random())
        return None


async def shop(people: People, dice: Random) -> None:
    """Put something into a cart and pay it."""
    world = people.world
    number = len(people.orders) + 1
    order = Shopping(
        OrderId(f"o-{number}"), CustomerId(f"c-{dice.randint(1, 3)}"), dice.randint(100, 9000)
    )
    people.orders.append(order)
    cart = Cart(
        customer_id=order.customer_id,
        currency=USD,
        lines=(Line(sku="tea", title="Tea", unit_price=order.total, quantity=1),),
    )
    command = RegisterOrderCommand(order_id=order.order_id, cart=cart)
    await people.repeat(
        dice, lambda: world.call("register_order", lambda app: app.register_order(command))
    )
    await _charge(people, dice, order)


async def pay_again(people: People, dice: Random) -> None:
    """Charge an order again, in another tab."""
    if people.orders:
        await _charge(people, dice, dice.choice(people.orders))


async def _charge(people: People, dice: Random, order: Shopping) -> None:
    world = people.world
    charge = ChargeOrderCommand(order_id=order.order_id)
    started = await people.repeat(
        dice, lambda: world.call("charge_order", lambda app: app.charge_order(charge))
    )
    assert isinstance(started, ChargeStarted)
    order.started = started
    await world.pause(5 * dice.random())
    _pay(people, dice, started)
    await world.pause(2 * dice.random())
    assert started.payment.intent_id is not None
    confirm = ConfirmPaymentCommand(intent_id=started.payment.intent_id)
    await people.repeat(
        dice, lambda: world.call("confirm_payment", lambda app: app.confirm_payment(confirm))
    )


def _pay(people: People, dice: Random, started: ChargeStarted) -> None:
    people.world.account.request(
        method="POST",
        path=f"/v1/payment_intents/{started.payment.intent_id}/confirm",
        params={
            "client_secret": started.client_secret.reveal(),
            "payment_method_data": {
                "type": "card",
                "card": {
                    "number": dice.choice(CARDS),
                    "exp_month": 12,
                    "exp_year": 2030,
                    "cvc": "123",
                },
            },
        },
        auth="pk_test_dev",
    )


async def refund(people: People, dice: Random) -> None:
    """Give something back."""
    payments = [order.started.payment for order in people.orders if order.started]
    if not payments:
        return
    payment = dice.choice(payments)
    origin = f"ops refund {dice.randint(1, 8)}"
    amount = dice.choice((None, 50, payment.amount.minor // 2))
    command = RefundPaymentCommand(
        payment_id=PaymentId(payment.id), actor="ops", amount_minor=amount, origin=origin
    )
    await people.repeat(
        dice, lambda: people.world.call("refund_payment", lambda app: app.refund_payment(command))
    )


async def dispute(people: People, dice: Random) -> None:
    """Let a bank open a dispute, and decide it."""
    charges = people.world.account.request(
        method="GET", path="/v1/charges", params={"limit": 50}, auth="sk_test_dev"
    ).body["data"]
    paid = [charge for charge in charges if charge["captured"] and not charge["disputed"]]
    if not paid:
        return
    opened = people.world.bank.open_dispute(dice.choice(paid)["id"])
    await people.world.pause(30 * dice.random())
    decide = dice.choice((people.world.bank.win_dispute, people.world.bank.lose_dispute))
    decide(opened["id"])


@attrs.frozen
class Deed:
    """Something that somebody does, and how often."""

    weight: int
    act: Callable[[People, Random], Awaitable[None]]


DEEDS: Final[Mapping[str, Deed]] = {
    "shop": Deed(10, shop),
    "pay_again": Deed(3, pay_again),
    "refund": Deed(5, refund),
    "dispute": Deed(2, dispute),
}

__all__ = ["DEEDS", "Deed", "PaymentsError", "People"]
