"""What happened, told to the outside: domain events.

An entity carries them as a tuple; ``save`` stages them into the outbox in the same transaction.
``type`` is the public name that a subscriber sees.
"""

from datetime import datetime
from typing import ClassVar

import attrs

from markethub.domain.ids import CustomerId, MethodId, OrderId, PaymentId


@attrs.frozen(kw_only=True)
class OrderPaid:
    """The money for the order has been captured. Amounts in minor units."""

    type: ClassVar[str] = "order.paid"
    order_id: OrderId
    payment_id: PaymentId
    amount_minor: int
    currency: str
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class OrderCanceled:
    """The order was canceled before it was paid."""

    type: ClassVar[str] = "order.canceled"
    order_id: OrderId
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class PaymentAuthorized:
    """The card holds the amount; it is not captured yet."""

    type: ClassVar[str] = "payment.authorized"
    payment_id: PaymentId
    order_id: OrderId
    amount_minor: int
    currency: str
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class PaymentFailed:
    """One attempt was declined or its authentication failed; the customer may try again."""

    type: ClassVar[str] = "payment.failed"
    payment_id: PaymentId
    order_id: OrderId
    failure_code: str
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class PaymentCanceled:
    """The payment was given up; its order may be paid by another."""

    type: ClassVar[str] = "payment.canceled"
    payment_id: PaymentId
    order_id: OrderId
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class PaymentQuarantinedEvent:
    """Money arrived that does not fit its order: staff must decide."""

    type: ClassVar[str] = "payment.quarantined"
    payment_id: PaymentId
    order_id: OrderId
    reason: str
    amount_minor: int
    currency: str
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class MethodSaved:
    """A customer has a payment method that later orders can be charged with."""

    type: ClassVar[str] = "method.saved"
    method_id: MethodId
    customer_id: CustomerId
    brand: str
    last4: str
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class MethodRemoved:
    """A saved payment method is gone for good, or cannot be charged any more."""

    type: ClassVar[str] = "method.removed"
    method_id: MethodId
    customer_id: CustomerId
    occurred_at: datetime


DomainEvent = (
    OrderPaid
    | OrderCanceled
    | PaymentAuthorized
    | PaymentFailed
    | PaymentCanceled
    | PaymentQuarantinedEvent
    | MethodSaved
    | MethodRemoved
)
