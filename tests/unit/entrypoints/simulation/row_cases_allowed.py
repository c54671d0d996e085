"""What looks wrong, and may be."""

from collections.abc import Mapping

import attrs

from markethub.domain.delivery import DeliveryStatus
from markethub.domain.dispute import DisputeStatus
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.operation import OperationStatus
from markethub.domain.order import OrderStatus
from markethub.domain.payment import PaymentStatus, Quarantine
from markethub.domain.refund import RefundStatus
from tests.unit.entrypoints.simulation.row_case import Allowed, both, has, is_intent, minus, to

ALLOWED: Mapping[str, Allowed] = {
    "the cart of an open order changes": Allowed(
        table="orders",
        where=has(status=OrderStatus.OPEN),
        after=lambda row: {"cart": attrs.evolve(row.cart, shipping=row.cart.shipping + 1)},
    ),
    "a payment is canceled with its intent": Allowed(
        table="payments",
        where=both(has(status=PaymentStatus.CANCELED), is_intent("canceled")),
        before=to(status=PaymentStatus.REQUIRES_ACTION),
    ),
    "a canceled payment comes back with its intent": Allowed(
        table="payments",
        where=is_intent("requires_capture"),
        before=to(status=PaymentStatus.CANCELED),
    ),
    "a canceled payment comes back that had no intent": Allowed(
        table="payments",
        where=is_intent("requires_capture"),
        before=to(status=PaymentStatus.CANCELED, intent_id=None),
    ),
    "money in quarantine is another sum": Allowed(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        before=to(status=PaymentStatus.PENDING),
        after=lambda row: {
            "quarantine": Quarantine.AMOUNT_MISMATCH,
            "capture_asked": minus(row.captured),
        },
    ),
    "a payment is quarantined": Allowed(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED, quarantine=None),
        after=to(quarantine=Quarantine.ORDER_CANCELED),
    ),
    "an operation that was given up, and took place, is saved again": Allowed(
        table="operations",
        where=lambda lived, row: lived.truth.has_effect(row),
        before=to(status=OperationStatus.REFUSED),
        after=to(status=OperationStatus.REFUSED),
    ),
    "an operation that had no effect is refused": Allowed(
        table="operations",
        where=lambda lived, row: not lived.truth.has_effect(row),
        before=to(status=OperationStatus.UNRESOLVED),
        after=to(status=OperationStatus.REFUSED, error_code="card_declined"),
    ),
    "an operation whose method was removed meanwhile took place": Allowed(
        table="operations",
        where=lambda lived, row: lived.truth.has_effect(row),
        before=to(status=OperationStatus.UNRESOLVED),
        after=to(status=OperationStatus.REFUSED, error_code="method_removed"),
    ),
    "a refund that was given up turns up": Allowed(
        table="refunds",
        where=both(has(provider_id=...), has(status=RefundStatus.SUCCEEDED)),
        before=to(status=RefundStatus.FAILED, provider_id=None),
    ),
    "a dispute is looked into": Allowed(
        table="disputes",
        before=to(status=DisputeStatus.NEEDS_RESPONSE),
        after=to(status=DisputeStatus.UNDER_REVIEW),
    ),
    "an event is processed": Allowed(
        table="inbox",
        where=has(status=InboxStatus.PROCESSED),
        before=to(status=InboxStatus.PARKED),
    ),
    "a message is given up": Allowed(
        table="deliveries",
        before=to(status=DeliveryStatus.PENDING),
        after=to(status=DeliveryStatus.DEAD, attempts=9),
    ),
    "a message that was delivered is saved again": Allowed(
        table="deliveries", after=to(attempts=9)
    ),
}
