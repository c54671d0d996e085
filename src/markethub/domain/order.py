"""What the customer buys, and what it costs."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.errors import (
    AmountMismatch,
    AmountTooLarge,
    InvalidTransition,
    OrderAlreadyPaid,
    ValidationFailed,
)
from markethub.domain.events import DomainEvent, OrderCanceled, OrderPaid
from markethub.domain.ids import CustomerId, OrderId, PaymentId
from markethub.domain.money import MAXIMUM_MINOR, Currency, Money

LINES_MAXIMUM: Final = 500
"""A cart larger than this is a mistake or an attack."""
QUANTITY_MAXIMUM: Final = 1_000_000


class OrderStatus(StrEnum):
    """Where an order stands. A refunded order stays ``paid``."""

    OPEN = "open"
    PAID = "paid"
    CANCELED = "canceled"


_NEXT: Final = {
    OrderStatus.OPEN: frozenset({OrderStatus.PAID, OrderStatus.CANCELED}),
    OrderStatus.PAID: frozenset[OrderStatus](),
    OrderStatus.CANCELED: frozenset[OrderStatus](),
}
assert set(_NEXT) == set(OrderStatus), "every status says what may follow it"


def _amount(value: int, field: str) -> int:
    if not 0 <= value <= MAXIMUM_MINOR:
        raise ValidationFailed(field, f"must be between 0 and {MAXIMUM_MINOR}")
    return value


@attrs.frozen(kw_only=True)
class Line:
    """One row of the cart. All amounts in minor units; discount and tax for the whole line."""

    sku: str
    title: str
    unit_price: int
    quantity: int
    discount: int = 0
    tax: int = 0

    @property
    def total(self) -> int:
        """unit_price x quantity - discount + tax, in minor units."""
        return self.unit_price * self.quantity - self.discount + self.tax

    def check(self, field: str) -> None:
        """Raise ValidationFailed naming the part of ``field`` that is out of bounds."""
        _amount(self.unit_price, f"{field}.unit_price")
        _amount(self.discount, f"{field}.discount")
        _amount(self.tax, f"{field}.tax")
        if not 1 <= self.quantity <= QUANTITY_MAXIMUM:
            raise ValidationFailed(f"{field}.quantity", f"must be between 1 and {QUANTITY_MAXIMUM}")
        if self.discount > self.unit_price * self.quantity:
            raise ValidationFailed(f"{field}.discount", "is more than the line costs")


@attrs.frozen(kw_only=True)
class Cart:
    """Everything an order's total is computed from."""

    customer_id: CustomerId
    currency: Currency
    lines: tuple[Line, ...]
    shipping: int = 0

    @property
    def total(self) -> Money:
        """The sum of the lines and the shipping."""
        minor = sum(line.total for line in self.lines) + self.shipping
        return Money(minor=minor, currency=self.currency)

    def asks_the_same(self, other: Self) -> bool:
        """Tell whether the same customer is asked for the same money."""
        return self.total == other.total and self.customer_id == other.customer_id

    def check(self, *, expected_total: int | None = None) -> None:
        """Raise unless the cart can be charged.

        Raises ValidationFailed for parts out of bounds, AmountTooSmall or AmountTooLarge for a
        total that Stripe would refuse, AmountMismatch where the caller expected another total.
        """
        if not 1 <= len(self.lines) <= LINES_MAXIMUM:
            raise ValidationFailed("lines", f"must be 1 to {LINES_MAXIMUM}")
        for position, line in enumerate(self.lines):
            line.check(f"lines.{position}")
        # A shipping of nine digits alone makes the total too large: that is the better message.
        if self.shipping < 0:
            raise ValidationFailed("shipping", "must not be negative")
        if self.shipping > MAXIMUM_MINOR:
            raise AmountTooLarge("shipping", "must have at most eight digits")
        self.total.require_chargeable("total")
        require_expected(self.total, expected_total)


def require_expected(total: Money, expected_total: int | None) -> None:
    """Raise AmountMismatch if the caller named an expected total (minor units) and is wrong."""
    if expected_total is not None and expected_total != total.minor:
        raise AmountMismatch(f"the order's total is {total}, not the expected one")


@attrs.frozen(kw_only=True)
class Order:
    """An order of the storefront. Its total is always computed, never taken."""

    id: OrderId
    cart: Cart
    status: OrderStatus
    paid_by: PaymentId | None = None
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""
    events: tuple[DomainEvent, ...] = ()

    @classmethod
    def register(cls, *, id: OrderId, cart: Cart, now: datetime) -> Self:
        """Begin an open order. The cart must have been checked."""
        return cls(id=id, cart=cart, status=OrderStatus.OPEN, created_at=now, updated_at=now)

    @property
    def customer_id(self) -> CustomerId:
        """Whose order it is."""
        return self.cart.customer_id

    @property
    def total(self) -> Money:
        """What it costs."""
        return self.cart.total

    @property
    def is_open(self) -> bool:
        """Tell whether it waits to be paid."""
        return self.status is OrderStatus.OPEN

    def require_open(self) -> None:
        """Raise OrderAlreadyPaid or InvalidTransition unless the order waits to be paid."""
        if self.status is OrderStatus.PAID:
            raise OrderAlreadyPaid("the order is already paid")
        if self.status is OrderStatus.CANCELED:
            raise InvalidTransition("the order is canceled")

    def replace_cart(self, cart: Cart, *, now: datetime) -> Self:
        """Buy something else under the same number. Raises as ``require_open``."""
        self.require_open()
        return attrs.evolve(self, cart=cart, updated_at=now)

    def pay(self, payment_id: PaymentId, amount: Money, *, now: datetime) -> Self:
        """Note that ``amount`` was captured for it. Raises as ``require_open``."""
        self.require_open()
        paid = OrderPaid(
            order_id=self.id,
            payment_id=payment_id,
            amount_minor=amount.minor,
            currency=amount.currency.code,
            occurred_at=now,
        )
        return attrs.evolve(self, paid_by=payment_id)._to(OrderStatus.PAID, paid, now)

    def cancel(self, *, now: datetime) -> Self:
        """Give it up; again changes nothing. Raises OrderAlreadyPaid."""
        if self.status is OrderStatus.CANCELED:
            return self
        self.require_open()
        return self._to(OrderStatus.CANCELED, OrderCanceled(order_id=self.id, occurred_at=now), now)

    def _to(self, status: OrderStatus, event: DomainEvent, now: datetime) -> Self:
        if status not in _NEXT[self.status]:
            raise InvalidTransition(f"an order that is {self.status} cannot become {status}")
        return attrs.evolve(self, status=status, updated_at=now, events=(*self.events, event))
