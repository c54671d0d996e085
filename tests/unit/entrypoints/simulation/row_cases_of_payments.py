"""Orders, payments, and what we asked for them."""

from collections.abc import Mapping

import attrs

from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import (
    CustomerId,
    IntentId,
    OrderId,
    PaymentId,
)
from markethub.domain.money import Money
from markethub.domain.operation import OperationKind, OperationStatus
from markethub.domain.order import OrderStatus
from markethub.domain.payment import PaymentStatus, Quarantine
from tests.unit.entrypoints.simulation.row_case import (
    Case,
    both,
    has,
    is_intent,
    minus,
    to,
)

CASES: Mapping[str, Case] = {
    # --- orders
    "an order is saved with an old version": Case(
        table="orders",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a paid order is opened again": Case(
        table="orders",
        where=has(status=OrderStatus.PAID),
        spoilt=to(status=OrderStatus.OPEN, paid_by=None),
        invariant="I7",
        says="from paid to open",
    ),
    "the cart of a paid order changes": Case(
        table="orders",
        where=has(status=OrderStatus.PAID),
        spoilt=lambda row: {"cart": attrs.evolve(row.cart, shipping=row.cart.shipping + 1)},
        invariant="I7",
        says="its cart was changed",
    ),
    "an order is paid by nobody": Case(
        table="orders",
        where=has(status=OrderStatus.PAID),
        spoilt=to(paid_by=None),
        invariant="I9",
        says="is paid by None",
    ),
    "an open order is paid by somebody": Case(
        table="orders",
        where=has(status=OrderStatus.OPEN),
        spoilt=to(paid_by=PaymentId("pay_1")),
        invariant="I9",
        says="is open by pay_1",
    ),
    # --- payments
    "a payment is saved with an old version": Case(
        table="payments",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a new payment has no version": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        spoilt=to(version=0),
        invariant="I7",
        says="was saved with version 0",
    ),
    "a payment goes to another order": Case(
        table="payments",
        spoilt=to(order_id=OrderId("o-another")),
        invariant="I7",
        says="order_id was changed",
    ),
    "a payment goes to another customer": Case(
        table="payments",
        spoilt=to(customer_id=CustomerId("c-another")),
        invariant="I7",
        says="customer_id was changed",
    ),
    "a payment is captured in another way": Case(
        table="payments",
        where=has(capture_method=CaptureMethod.AUTOMATIC),
        spoilt=to(capture_method=CaptureMethod.MANUAL),
        invariant="I7",
        says="capture_method was changed",
    ),
    "a canceled payment comes back": Case(
        table="payments",
        where=both(has(status=PaymentStatus.CANCELED), is_intent("canceled")),
        before=to(status=PaymentStatus.CANCELED),
        spoilt=to(status=PaymentStatus.REQUIRES_ACTION),
        invariant="I7",
        says="and its intent did not",
    ),
    "a payment that has succeeded is canceled": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        spoilt=to(status=PaymentStatus.CANCELED),
        invariant="I7",
        says="from succeeded to canceled",
    ),
    "a payment changes its intent": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        spoilt=to(intent_id=IntentId("pi_another")),
        invariant="I7",
        says="changed its intent",
    ),
    "a payment leaves its quarantine": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        before=to(quarantine=Quarantine.ORDER_CANCELED),
        clean=to(quarantine=Quarantine.ORDER_CANCELED),
        spoilt=to(quarantine=None),
        invariant="I7",
        says="left its quarantine",
    ),
    "a payment loses what it captured": Case(
        table="payments",
        where=lambda _, row: row.captured.minor > 0 and not row.refunded.minor,
        spoilt=lambda row: {"captured": minus(row.captured)},
        invariant="I7",
        says="lost what was captured",
    ),
    "a payment has a sum authorized below zero": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        clean=lambda row: {"captured": minus(row.captured, -9), "refunded": row.refunded},
        spoilt=lambda row: {"authorized": minus(Money.zero(row.amount.currency))},
        invariant="I2",
        says="has a sum below zero",
    ),
    "a payment has a sum refunded below zero": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        clean=lambda row: {"captured": minus(row.captured, -9), "refunded": row.refunded},
        spoilt=lambda row: {"refunded": minus(Money.zero(row.amount.currency))},
        invariant="I2",
        says="has a sum below zero",
    ),
    "a payment has a sum refund_reserved below zero": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        clean=lambda row: {"captured": minus(row.captured, -9), "refunded": row.refunded},
        spoilt=lambda row: {"refund_reserved": minus(Money.zero(row.amount.currency))},
        invariant="I2",
        says="has a sum below zero",
    ),
    "a payment has a sum disputed below zero": Case(
        table="payments",
        where=has(status=PaymentStatus.CANCELED),
        before=None,
        clean=lambda row: {"captured": minus(row.captured, -9), "refunded": row.refunded},
        spoilt=lambda row: {"disputed": minus(Money.zero(row.amount.currency))},
        invariant="I2",
        says="has a sum below zero",
    ),
    "more is given back than was captured": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        spoilt=lambda row: {"refunded": minus(row.captured, -1)},
        invariant="I2",
        says="refunded and 0 reserved of",
    ),
    "more is reserved than is left": Case(
        table="payments",
        where=lambda _, row: row.refunded.minor > 0,
        spoilt=lambda row: {"refund_reserved": minus(row.captured, row.refunded.minor - 1)},
        invariant="I2",
        says="reserved of",
    ),
    "a payment succeeds that the provider has not": Case(
        table="payments",
        where=is_intent("requires_capture"),
        before=lambda row: {"status": PaymentStatus.AUTHORIZED},
        spoilt=lambda row: {"status": PaymentStatus.SUCCEEDED, "captured": row.authorized},
        invariant="I9",
        says="and the provider has requires_capture",
    ),
    "a payment succeeds without an intent": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED),
        before=to(status=PaymentStatus.PENDING, intent_id=None),
        spoilt=to(intent_id=IntentId("pi_of_nobody")),
        invariant="I9",
        says="and the provider has no intent",
    ),
    "a payment captures less than the provider has": Case(
        table="payments",
        where=both(
            has(status=PaymentStatus.SUCCEEDED, quarantine=None),
            lambda _, row: not row.refunded.minor and not row.refund_reserved.minor,
        ),
        before=lambda row: {"status": PaymentStatus.PENDING, "captured": minus(row.captured, 2)},
        spoilt=lambda row: {
            "captured": minus(row.captured),
            "capture_asked": minus(row.captured),
        },
        invariant="I9",
        says=" captured ",
    ),
    "a payment captures something in another currency": Case(
        table="payments",
        where=lambda lived, row: (
            row.status is PaymentStatus.SUCCEEDED
            and row.quarantine is None
            and row.captured.currency.code == "usd"
        ),
        before=to(status=PaymentStatus.PENDING),
        spoilt=lambda row: {
            "captured": Money.of(row.captured.minor, "eur"),
            "capture_asked": Money.of(row.captured.minor, "eur"),
        },
        invariant="I9",
        says=" captured ",
    ),
    "a payment took another sum than it asked for": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED, quarantine=None, capture_asked=None),
        before=to(status=PaymentStatus.PENDING),
        spoilt=lambda row: {"amount": minus(row.amount)},
        invariant="I9",
        says="and asked for",
    ),
    "a payment took another sum than its capture asked for": Case(
        table="payments",
        where=has(status=PaymentStatus.SUCCEEDED, quarantine=None),
        before=to(status=PaymentStatus.AUTHORIZED),
        spoilt=lambda row: {"capture_asked": minus(row.captured)},
        invariant="I9",
        says="and asked for",
    ),
    # --- operations
    "an operation is saved with an old version": Case(
        table="operations",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "an operation that is done is opened again": Case(
        table="operations",
        where=has(status=OperationStatus.DONE),
        spoilt=to(status=OperationStatus.UNRESOLVED),
        invariant="I7",
        says="from done to unresolved",
    ),
    "an operation goes to another payment": Case(
        table="operations",
        spoilt=to(payment_id=PaymentId("pay_another")),
        invariant="I7",
        says="payment_id was changed",
    ),
    "an operation becomes another": Case(
        table="operations",
        where=has(kind=OperationKind.REFUND, status=OperationStatus.DONE),
        spoilt=to(kind=OperationKind.CANCEL),
        invariant="I7",
        says="kind was changed",
    ),
    "an operation asks for something else": Case(
        table="operations",
        spoilt=lambda row: {"request": attrs.evolve(row.request, params={"amount": 1})},
        invariant="I7",
        says="request was changed",
    ),
    "an operation gets another origin": Case(
        table="operations",
        spoilt=to(origin="another"),
        invariant="I7",
        says="origin was changed",
    ),
    "an operation skips an attempt": Case(
        table="operations",
        where=lambda lived, row: not lived.truth.has_effect(row),
        clean=lambda row: {"attempt": row.attempt + 1},
        spoilt=lambda row: {"attempt": row.attempt + 2},
        invariant="I10",
        says="skipped an attempt",
    ),
    "an operation is tried anew after its effect": Case(
        table="operations",
        where=lambda lived, row: lived.truth.has_effect(row),
        spoilt=lambda row: {"attempt": row.attempt + 1},
        invariant="I1",
        says="is tried anew, and has had its effect",
    ),
    "an operation is refused that took place": Case(
        table="operations",
        where=lambda lived, row: lived.truth.has_effect(row),
        before=to(status=OperationStatus.UNRESOLVED),
        spoilt=to(status=OperationStatus.REFUSED),
        invariant="I8",
        says="is refused (None), and took place",
    ),
    "an operation has never happened that took place": Case(
        table="operations",
        where=lambda lived, row: lived.truth.has_effect(row),
        before=to(status=OperationStatus.UNRESOLVED),
        clean=to(status=OperationStatus.NEVER_HAPPENED, error_code="superseded"),
        spoilt=to(status=OperationStatus.NEVER_HAPPENED, error_code="expired"),
        invariant="I8",
        says="is never_happened (expired), and took place",
    ),
}
