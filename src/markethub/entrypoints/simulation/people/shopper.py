"""Customers and the storefront: carts, checkout pages, cards, saved cards, second thoughts."""

from collections.abc import Mapping
from random import Random
from typing import Final

from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId, MethodId, OrderId
from markethub.domain.order import Cart, Line
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.methods import MethodView
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.charge_order import ChargeOrderCommand, ChargeStarted
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand, PaymentConfirmed
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.domain.usecases.set_default_method import SetDefaultMethodCommand
from markethub.domain.usecases.usage import NO_WISH, Wish
from markethub.entrypoints.simulation.people.memory import (
    CURRENCIES,
    CUSTOMERS,
    ORDERS_MAXIMUM,
    Deed,
    People,
    Shopping,
    Tab,
    all_at_once,
)

CARDS: Final = (
    *("4242424242424242",) * 6,
    "4000000000000002",  # declined
    "4000000000009995",  # insufficient funds
    "4000002760003184",  # asks for its customer each time
    "4000002760003184",
    "4000000000005126",  # its refunds fail later
    "4000000000007726",  # its refunds take their time
    "4000000000000259",  # its customer disputes
)
SAVED_CARDS: Final = (
    "4242424242424242",
    "4242424242424242",
    "5555555555554444",
    "4000002500003155",
)


def _cart(order: Shopping) -> Cart:
    line = Line(sku="tea", title="Tea", unit_price=order.total, quantity=1)
    return Cart(customer_id=order.customer_id, currency=order.currency, lines=(line,))


async def register(people: People, dice: Random) -> None:
    """Put something into a cart."""
    if len(people.orders) >= ORDERS_MAXIMUM:
        await pay(people, dice)
        return
    order = Shopping(
        OrderId(f"o-{len(people.orders) + 1}"),
        dice.choice(CUSTOMERS),
        dice.choice(CURRENCIES),
        dice.randint(100, 9000),
        manual=dice.random() < 0.2,
    )
    people.orders.append(order)
    await _put(people, dice, order)


async def _put(people: People, dice: Random, order: Shopping) -> None:
    command = RegisterOrderCommand(order_id=order.order_id, cart=_cart(order))
    await people.ask(dice, "register_order", lambda app: app.register_order(command))


async def change_cart(people: People, dice: Random) -> None:
    """Put something else into it, perhaps while somebody pays."""
    if not people.orders:
        await register(people, dice)
        return
    order = dice.choice(people.orders)
    if dice.random() < 0.5:
        order.currency = dice.choice(CURRENCIES)  # the same number of something else
    else:
        order.total = dice.randint(100, 9000)
    tabs = [tab for tab in order.tabs if _is_open(tab)]
    if tabs and dice.random() < 0.5:
        paying = _pay_soon(people, dice, order, dice.choice(tabs))
        await all_at_once(_put(people, dice, order), paying)
    else:
        await _put(people, dice, order)


async def cancel_order(people: People, dice: Random) -> None:
    """Think better of it."""
    if people.orders:
        command = CancelOrderCommand(order_id=dice.choice(people.orders).order_id)
        await people.ask(dice, "cancel_order", lambda app: app.cancel_order(command))


async def check_out(people: People, dice: Random) -> None:
    """Open the checkout page."""
    if not people.orders:
        await register(people, dice)
    await _open(people, dice, dice.choice(people.orders))


async def _open(
    people: People, dice: Random, order: Shopping, wish: Wish = NO_WISH, key: str | None = None
) -> Tab:
    capture = CaptureMethod.MANUAL if order.manual else None
    origin = key or people.new_key("create-payment-intent")
    command = ChargeOrderCommand(
        order_id=order.order_id,
        customer_id=order.customer_id,
        capture=capture,
        wish=wish,
        origin=origin,
    )
    before = dict(people.attempts)
    started: ChargeStarted = await people.ask(
        dice, "charge_order", lambda app: app.charge_order(command)
    )
    tab = Tab(started.payment, started.client_secret, started.next_action is not None)
    order.tabs.append(tab)
    _told(people, started.payment, before)
    return tab


async def double_click(people: People, dice: Random) -> None:
    """Open it twice at once: with one key, or in two tabs."""
    if not people.orders:
        await register(people, dice)
    order = dice.choice(people.orders)
    key = people.new_key("create-payment-intent") if dice.random() < 0.5 else None
    times = dice.choice((2, 2, 3))
    await all_at_once(*(_open(people, dice, order, key=key) for _ in range(times)))


async def pay(people: People, dice: Random) -> None:
    """Enter a card on an open checkout page, and come to the confirmation page."""
    tabs = [(order, tab) for order, tab in people.tabs() if _is_open(tab)]
    if not tabs:
        if not people.orders:
            await register(people, dice)
        order = dice.choice(people.orders)
        tab = await _open(people, dice, order)
        await people.world.pause(5 * dice.random())
    else:
        order, tab = dice.choice(tabs)
    await _pay(people, dice, order, tab, dice.choice(CARDS))


async def pay_while_loading(people: People, dice: Random) -> None:
    """Reload an open page, and pay on it before it has loaded."""
    tabs = [(order, tab) for order, tab in people.tabs() if _is_open(tab)]
    if not tabs:
        await pay(people, dice)
        return
    order, tab = dice.choice(tabs)
    paying = _pay_soon(people, dice, order, tab)
    await all_at_once(_look(people, dice, order, tab), paying)


async def _pay_soon(people: People, dice: Random, order: Shopping, tab: Tab) -> None:
    await people.world.pause(0.5 * dice.random())
    await _pay(people, dice, order, tab, dice.choice(CARDS))


def _is_open(tab: Tab) -> bool:
    return tab.payment.status in (
        PaymentStatus.REQUIRES_PAYMENT_METHOD,
        PaymentStatus.REQUIRES_ACTION,
    )


async def _pay(people: People, dice: Random, order: Shopping, tab: Tab, card: str) -> None:
    world, intent_id = people.world, tab.payment.intent_id
    if intent_id is None:
        return
    people.tries(tab.payment)
    answer = world.account.request(
        method="POST",
        path=f"/v1/payment_intents/{intent_id}/confirm",
        params={"client_secret": tab.secret.reveal(), "payment_method_data": _card(card)},
        auth="pk_test_dev",
    )
    world.note(f"browser pays {intent_id}: {answer.status} {answer.body.get('status')}")
    if answer.body.get("status") == "requires_action" and dice.random() < 0.85:
        await world.pause(8 * dice.random())
        people.tries(tab.payment)
        world.account.answer_challenge(
            intent_id, tab.secret.reveal(), authenticated=dice.random() < 0.8
        )
    if dice.random() < 0.7:
        await world.pause(dice.random())
        await _look(people, dice, order, tab)


def _card(number: str) -> dict[str, object]:
    return {
        "type": "card",
        "card": {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123"},
    }


async def look(people: People, dice: Random) -> None:
    """Reload a confirmation page."""
    tabs = people.tabs()
    if tabs:
        await _look(people, dice, *dice.choice(tabs))


async def _look(people: People, dice: Random, order: Shopping, tab: Tab) -> None:
    intent_id = tab.payment.intent_id
    if intent_id is None:
        return
    command = ConfirmPaymentCommand(intent_id=intent_id, customer_id=order.customer_id)
    before = dict(people.attempts)
    confirmed: PaymentConfirmed = await people.ask(
        dice, "confirm_payment", lambda app: app.confirm_payment(command)
    )
    tab.payment = confirmed.payment
    _told(people, confirmed.payment, before)


def _told(people: People, payment: Payment, before: Mapping[str, int]) -> None:
    """Report what the page says, unless somebody tried again while it was loading."""
    if people.attempts.get(payment.id) != before.get(payment.id):
        return
    status = payment.status
    if status is PaymentStatus.REQUIRES_PAYMENT_METHOD and payment.failure is not None:
        people.world.oracle.told(payment.id, "failed")
    elif status in (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED):
        people.world.oracle.told(payment.id, status.value)


async def save_card(people: People, dice: Random) -> None:
    """Save a card without paying, or beside it."""
    world, customer_id = people.world, dice.choice(CUSTOMERS)
    card = dice.choice(SAVED_CARDS)
    if people.orders and dice.random() < 0.5:
        order = dice.choice(people.orders)
        tab = await _open(people, dice, order, Wish(save_method=True))
        await _pay(people, dice, order, tab, card)
        return
    setup = await people.ask(dice, "start_setup", lambda app: app.start_setup(customer_id))
    secret = setup.client_secret.reveal()
    answer = world.account.request(
        method="POST",
        path=f"/v1/setup_intents/{setup.id}/confirm",
        params={"client_secret": secret, "payment_method_data": _card(card)},
        auth="pk_test_dev",
    )
    if answer.body.get("status") == "requires_action":
        world.account.answer_challenge(setup.id, secret, authenticated=dice.random() < 0.8)


async def _saved(people: People, dice: Random, customer_id: CustomerId) -> MethodView | None:
    kept = await people.world.call("methods", lambda app: app.queries.methods(customer_id))
    return dice.choice(list(kept)) if kept else None


async def pay_with_saved(people: People, dice: Random) -> None:
    """Pay with a saved card: in the browser, or without the customer."""
    if not people.orders:
        await register(people, dice)
    order = dice.choice(people.orders)
    method = await _saved(people, dice, order.customer_id)
    if method is None:
        await save_card(people, dice)
        return
    wish = Wish(method_id=MethodId(method.id), off_session=dice.random() < 0.7 or None)
    if wish.off_session:
        for tab in order.tabs:
            people.tries(tab.payment)  # which payment it will be, the storefront does not know
    key = people.new_key("create-payment-intent")
    tab = await _open(people, dice, order, wish, key)
    if dice.random() < 0.3:
        tab = await _open(people, dice, order, wish, key)
    if tab.challenge:
        people.tries(tab.payment)
        people.world.account.answer_challenge(
            str(tab.payment.intent_id), tab.secret.reveal(), authenticated=True
        )
    await _look(people, dice, order, tab)


async def tidy_cards(people: People, dice: Random) -> None:
    """Remove a saved card, or make it the default."""
    customer_id = dice.choice(CUSTOMERS)
    method = await _saved(people, dice, customer_id)
    if method is None:
        return
    id_ = MethodId(method.id)
    if dice.random() < 0.5:
        remove = RemoveMethodCommand(method_id=id_, customer_id=customer_id)
        await people.ask(dice, "remove_method", lambda app: app.remove_method(remove))
    else:
        prefer = SetDefaultMethodCommand(method_id=id_, customer_id=customer_id)
        await people.ask(dice, "set_default_method", lambda app: app.set_default_method(prefer))


DEEDS: Final[Mapping[str, Deed]] = {
    "register": Deed(12, register),
    "check_out": Deed(8, check_out),
    "pay": Deed(20, pay),
    "pay_while_loading": Deed(4, pay_while_loading),
    "look": Deed(6, look),
    "double_click": Deed(4, double_click),
    "change_cart": Deed(4, change_cart),
    "cancel_order": Deed(2, cancel_order),
    "save_card": Deed(4, save_card),
    "pay_with_saved": Deed(6, pay_with_saved),
    "tidy_cards": Deed(2, tidy_cards),
}
