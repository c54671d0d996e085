"""What happened, told to the outside: domain events.

An entity carries them as a tuple; ``save`` stages them into the outbox in the same transaction.
``type`` is the public name that a subscriber sees.
"""

from datetime import datetime
from typing import ClassVar

import attrs

from markethub.domain.ids import CustomerId, DisputeId, MethodId, OrderId, PaymentId, RefundId


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
class RefundSucceeded:
    """A refund is on the customer's account, as far as anybody knows yet."""

    type: ClassVar[str] = "refund.succeeded"
    refund_id: RefundId
    payment_id: PaymentId
    order_id: OrderId
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
class RefundFailed:
    """A refund did not reach the customer: we still owe them the money.

    ``had_succeeded``: the bank returned what had been reported as refunded.
    """

    type: ClassVar[str] = "refund.failed"
    refund_id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    amount_minor: int
    currency: str
    failure_reason: str
    had_succeeded: bool
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class DisputeOpened:
    """A cardholder contests a payment, or an inquiry has grown into a chargeback.

    ``is_inquiry``: the bank only asks; no money moves. The amount is the dispute's own, in its
    own currency.
    """

    type: ClassVar[str] = "dispute.opened"
    dispute_id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    amount_minor: int
    currency: str
    reason: str
    is_inquiry: bool
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class DisputeDue:
    """The time for evidence runs out soon, and none was submitted.

    ``due_by`` is the end of it, RFC 3339 in UTC.
    """

    type: ClassVar[str] = "dispute.due"
    dispute_id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    due_by: str
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class DisputeWon:
    """The dispute was decided for us; the money follows by itself."""

    type: ClassVar[str] = "dispute.won"
    dispute_id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    amount_minor: int
    currency: str
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class DisputeLost:
    """The dispute was decided against us. It may still be won late."""

    type: ClassVar[str] = "dispute.lost"
    dispute_id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    amount_minor: int
    currency: str
    occurred_at: datetime


@attrs.frozen(kw_only=True)
class DisputeStatusUnexpected:
    """A dispute took a step that the provider's documented machine does not have.

    It is followed all the same. ``before`` and ``after`` are the statuses; ``before`` is
    ``unknown`` for one that began in a status that we have no word for.
    """

    type: ClassVar[str] = "dispute.status_unexpected"
    dispute_id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    before: str
    after: str
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
    | RefundSucceeded
    | RefundFailed
    | DisputeOpened
    | DisputeDue
    | DisputeWon
    | DisputeLost
    | DisputeStatusUnexpected
    | MethodSaved
    | MethodRemoved
)
