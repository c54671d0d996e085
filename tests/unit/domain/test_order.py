"""Orders: a total that is always computed, and three statuses."""

from collections.abc import Callable
from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import (
    AmountMismatch,
    AmountTooLarge,
    AmountTooSmall,
    InvalidTransition,
    OrderAlreadyPaid,
    PaymentsError,
    ValidationFailed,
)
from markethub.domain.events import OrderCanceled, OrderPaid
from markethub.domain.ids import CustomerId
from markethub.domain.money import Currency
from markethub.domain.order import (
    LINES_MAXIMUM,
    QUANTITY_MAXIMUM,
    Cart,
    Line,
    Order,
    OrderStatus,
    require_expected,
)
from tests.unit.domain.values import PAY1, cart, later, order, outcome, usd


@st.composite
def lines(draw: st.DrawFn) -> Line:
    price = draw(st.integers(min_value=0, max_value=10_000))
    quantity = draw(st.integers(min_value=1, max_value=20))
    return Line(
        sku="s",
        title="t",
        unit_price=price,
        quantity=quantity,
        discount=draw(st.integers(min_value=0, max_value=price * quantity)),
        tax=draw(st.integers(min_value=0, max_value=1000)),
    )


def line(**parts: int) -> Line:
    return attrs.evolve(Line(sku="s", title="t", unit_price=1000, quantity=2), **parts)  # type: ignore[arg-type]  # the parts are numbers


def cart_of(*lines: Line, shipping: int = 0, currency: str = "usd") -> Cart:
    return Cart(
        customer_id=CustomerId("c-1"),
        currency=Currency.of(currency),
        lines=lines,
        shipping=shipping,
    )


# --- the total ----------------------------------------------------------------------------------


@given(bought=st.lists(lines(), min_size=1, max_size=8), shipping=st.integers(0, 5000))
def test_the_total_is_the_sum_of_the_lines_and_the_shipping(
    bought: list[Line], shipping: int
) -> None:
    prices = sum(each.unit_price * each.quantity for each in bought)
    discounts = sum(each.discount for each in bought)
    taxes = sum(each.tax for each in bought)

    assert usd(prices - discounts + taxes + shipping) == cart_of(*bought, shipping=shipping).total


@given(bought=st.lists(lines(), min_size=1, max_size=8), shipping=st.integers(0, 5000))
def test_a_cart_that_passes_its_check_can_be_charged(bought: list[Line], shipping: int) -> None:
    checked = cart_of(*bought, shipping=shipping)
    try:
        checked.check()
    except AmountTooSmall:
        assert checked.total.minor < 50
    else:
        assert 50 <= checked.total.minor <= 99_999_999


def test_discount_and_tax_are_for_the_whole_line() -> None:
    assert 2000 - 300 + 70 == line(discount=300, tax=70).total


@pytest.mark.parametrize(
    ("bought", "field"),
    [
        (line(unit_price=-1), "lines.1.unit_price"),
        (line(unit_price=100_000_000), "lines.1.unit_price"),
        (line(quantity=0), "lines.1.quantity"),
        (line(quantity=-1), "lines.1.quantity"),
        (line(quantity=QUANTITY_MAXIMUM + 1), "lines.1.quantity"),
        (line(discount=-1), "lines.1.discount"),
        (line(discount=2001), "lines.1.discount"),
        (line(tax=-1), "lines.1.tax"),
        (line(tax=100_000_000), "lines.1.tax"),
    ],
)
def test_a_part_out_of_bounds_is_named(bought: Line, field: str) -> None:
    with pytest.raises(ValidationFailed) as raised:
        cart_of(line(), bought).check()

    assert field == raised.value.field


def test_a_line_may_be_free_or_wholly_discounted() -> None:
    cart_of(line(), line(unit_price=0), line(discount=2000), shipping=0).check()


@pytest.mark.parametrize("count", [0, LINES_MAXIMUM + 1])
def test_the_number_of_lines_is_bounded(count: int) -> None:
    with pytest.raises(ValidationFailed):
        cart_of(*[line()] * count).check()


def test_shipping_is_not_negative() -> None:
    with pytest.raises(ValidationFailed):
        cart_of(line(), shipping=-1).check()


@pytest.mark.parametrize(
    ("bought", "error"),
    [
        (cart_of(line(unit_price=24, quantity=2)), AmountTooSmall),
        (cart_of(line(unit_price=0)), AmountTooSmall),
        (cart_of(line(unit_price=99_999_999, quantity=1), shipping=1), AmountTooLarge),
        (cart_of(line(), shipping=100_000_000), AmountTooLarge),
        (cart_of(line(unit_price=1005), currency="kwd"), None),
        (cart_of(line(unit_price=1001, quantity=1), currency="kwd"), ValidationFailed),
        (cart_of(line(unit_price=50, quantity=1)), None),
        (cart_of(line(unit_price=99_999_999, quantity=1)), None),
    ],
)
def test_the_total_is_one_that_stripe_would_take(
    bought: Cart, error: type[PaymentsError] | None
) -> None:
    assert error is outcome(bought.check)


def test_an_expected_total_guards_against_another_cart() -> None:
    bought = cart(5000)
    bought.check(expected_total=5000)
    require_expected(bought.total, None)

    with pytest.raises(AmountMismatch):
        bought.check(expected_total=4999)


def test_an_expected_total_of_nothing_is_an_expectation() -> None:
    with pytest.raises(AmountMismatch):
        require_expected(usd(5000), 0)


# --- statuses -----------------------------------------------------------------------------------


def in_status(status: OrderStatus) -> Order:
    match status:
        case OrderStatus.OPEN:
            return order()
        case OrderStatus.PAID:
            return order().pay(PAY1, usd(5000), now=later(seconds=1))
        case OrderStatus.CANCELED:
            return order().cancel(now=later(seconds=1))


MOVES: dict[str, Callable[[Order], Order]] = {
    "pay": lambda order: order.pay(PAY1, usd(5000), now=later(seconds=2)),
    "cancel": lambda order: order.cancel(now=later(seconds=2)),
    "replace": lambda order: order.replace_cart(cart(100), now=later(seconds=2)),
}
EXPECTED: dict[tuple[OrderStatus, str], OrderStatus | type[PaymentsError]] = {
    (OrderStatus.OPEN, "pay"): OrderStatus.PAID,
    (OrderStatus.OPEN, "cancel"): OrderStatus.CANCELED,
    (OrderStatus.OPEN, "replace"): OrderStatus.OPEN,
    (OrderStatus.PAID, "pay"): OrderAlreadyPaid,
    (OrderStatus.PAID, "cancel"): OrderAlreadyPaid,
    (OrderStatus.PAID, "replace"): OrderAlreadyPaid,
    (OrderStatus.CANCELED, "pay"): InvalidTransition,
    (OrderStatus.CANCELED, "cancel"): OrderStatus.CANCELED,
    (OrderStatus.CANCELED, "replace"): InvalidTransition,
}


@pytest.mark.parametrize(("status", "move"), list(product(OrderStatus, MOVES)))
def test_every_move_from_every_status(status: OrderStatus, move: str) -> None:
    reached = outcome(lambda: MOVES[move](in_status(status)).status)

    assert EXPECTED[status, move] is reached


def test_a_paid_order_knows_by_which_payment_and_tells_of_it() -> None:
    paid = order().pay(PAY1, usd(5000), now=later(seconds=1))
    told = OrderPaid(
        order_id=paid.id,
        payment_id=PAY1,
        amount_minor=5000,
        currency="usd",
        occurred_at=later(seconds=1),
    )

    assert (PAY1, later(seconds=1), (told,)) == (paid.paid_by, paid.updated_at, paid.events)


def test_an_order_that_is_canceled_twice_tells_of_it_once() -> None:
    canceled = order().cancel(now=later(seconds=1))
    told = OrderCanceled(order_id=canceled.id, occurred_at=later(seconds=1))

    assert (told,) == canceled.events
    assert canceled is canceled.cancel(now=later(seconds=2))


def test_a_replaced_cart_changes_the_total_and_nothing_else() -> None:
    replaced = order().replace_cart(cart(100), now=later(seconds=1))

    assert attrs.evolve(order(), cart=cart(100), updated_at=later(seconds=1)) == replaced
    assert usd(100) == replaced.total
