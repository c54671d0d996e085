"""Public events put straight into a store."""

from datetime import datetime

import attrs

from markethub.domain.events import DomainEvent, OrderCanceled, OrderPaid
from markethub.domain.ids import OrderId, PaymentId
from tests.support.stores import START, Store, order, put


def paid(order_id: str = "o-1", *, amount: int = 5000, at: datetime = START) -> OrderPaid:
    """Return a public event of an order."""
    return OrderPaid(
        order_id=OrderId(order_id),
        payment_id=PaymentId("pay_1"),
        amount_minor=amount,
        currency="usd",
        occurred_at=at,
    )


def private(order_id: str = "o-1", *, at: datetime = START) -> OrderCanceled:
    """Return an event of an order that no storefront hears of."""
    return OrderCanceled(order_id=OrderId(order_id), occurred_at=at)


async def tell(store: Store, order_id: str, *events: DomainEvent) -> None:
    """Save a new order that tells of so much."""
    await put(store, attrs.evolve(order(order_id), events=events))
