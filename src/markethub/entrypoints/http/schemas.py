"""The shapes of HTTP bodies, and the entities seen through them."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import MethodId, customer_id
from markethub.domain.money import CURRENCIES, MAXIMUM_MINOR, Currency
from markethub.domain.order import LINES_MAXIMUM, QUANTITY_MAXIMUM, Cart, Line, OrderStatus
from markethub.domain.payment import Action, Payment, PaymentStatus
from markethub.domain.ports.queries import OrderView, PaymentPage
from markethub.domain.usecases.cancel_payment import REASONS
from markethub.domain.usecases.charge_order import ChargeStarted
from markethub.domain.usecases.confirm_payment import PaymentConfirmed
from markethub.domain.usecases.usage import Wish
from markethub.entrypoints.http.auth import Caller
from markethub.entrypoints.http.declines import sentence
from markethub.entrypoints.http.refund_schemas import RefundOut, RefundsByPayment, refund_out

# --- in ---------------------------------------------------------------------------------------

Sku = Annotated[str, Meta(min_length=1, max_length=128)]
Title = Annotated[str, Meta(min_length=1, max_length=500)]
# What follows is published only: the domain checks it, and says what is wrong in its own words.
OutsideId = Annotated[str, Meta(extra_json_schema={"pattern": "^[A-Za-z0-9_.:-]{1,64}$"})]
CurrencyCode = Annotated[str, Meta(extra_json_schema={"enum": sorted(CURRENCIES)})]
Amount = Annotated[int, Meta(extra_json_schema={"minimum": 0, "maximum": MAXIMUM_MINOR})]
Quantity = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": QUANTITY_MAXIMUM})]
CancelReason = Annotated[str, Meta(extra_json_schema={"enum": list(REASONS)})]

MethodName = Annotated[str, Meta(min_length=1, max_length=128, pattern="^[A-Za-z0-9_]+$")]
IntentName = Annotated[str, Meta(min_length=1, max_length=255)]
"""Stripe's ids may grow to 255 characters, by its own word."""


class LineIn(msgspec.Struct, forbid_unknown_fields=True):
    """One row of the cart. Amounts in minor units; discount and tax for the whole line."""

    sku: Sku
    title: Title
    unit_price: Amount
    quantity: Quantity
    discount: Amount = 0
    tax: Amount = 0


class OrderIn(msgspec.Struct, forbid_unknown_fields=True):
    """The whole order as it shall be."""

    customer_id: OutsideId
    currency: CurrencyCode
    lines: Annotated[
        list[LineIn], Meta(extra_json_schema={"minItems": 1, "maxItems": LINES_MAXIMUM})
    ]
    shipping: Amount = 0
    expected_total: int | UnsetType = UNSET

    def cart(self) -> Cart:
        """Return the cart. Raises ValidationFailed for an unusable customer or currency."""
        return Cart(
            customer_id=customer_id(self.customer_id),
            currency=Currency.of(self.currency),
            lines=tuple(
                Line(
                    sku=line.sku,
                    title=line.title,
                    unit_price=line.unit_price,
                    quantity=line.quantity,
                    discount=line.discount,
                    tax=line.tax,
                )
                for line in self.lines
            ),
            shipping=self.shipping,
        )


class ChargeIn(msgspec.Struct, forbid_unknown_fields=True):
    """How an order is to be charged.

    ``method_id`` names a saved method; ``off_session`` says that it is charged at once, without
    the customer's browser (true: nor the customer). ``save_method`` saves what is paid with.
    """

    expected_total: int | UnsetType = UNSET
    capture: CaptureMethod | UnsetType = UNSET
    save_method: bool | UnsetType = UNSET
    method_id: MethodName | UnsetType = UNSET
    off_session: bool | UnsetType = UNSET

    def wish(self) -> Wish:
        """Return what is asked of the customer's saved methods."""
        return Wish(
            save_method=None if isinstance(self.save_method, UnsetType) else self.save_method,
            method_id=None if isinstance(self.method_id, UnsetType) else MethodId(self.method_id),
            off_session=None if isinstance(self.off_session, UnsetType) else self.off_session,
        )


class ConfirmIn(msgspec.Struct, forbid_unknown_fields=True):
    """Which intent the browser confirmed."""

    payment_intent_id: IntentName


class CaptureIn(msgspec.Struct, forbid_unknown_fields=True):
    """How much to capture, in minor units; all that is held where absent."""

    amount: int | UnsetType = UNSET


class CancelIn(msgspec.Struct, forbid_unknown_fields=True):
    """Why, in Stripe's words."""

    reason: CancelReason | UnsetType = UNSET


def given(value: int | UnsetType) -> int | None:
    """Return an optional amount of a body as the use cases take it."""
    return None if isinstance(value, UnsetType) else value


# --- out --------------------------------------------------------------------------------------


class LineOut(msgspec.Struct, frozen=True):
    """One row of the cart."""

    sku: str
    title: str
    unit_price: int
    quantity: int
    discount: int
    tax: int


class ErrorOut(msgspec.Struct, frozen=True):
    """Why a payment failed or is held back. Customers see no ``decline_code``."""

    code: str
    message: str
    decline_code: str | UnsetType = UNSET


class MethodOut(msgspec.Struct, frozen=True):
    """What may be shown of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


class FraudWarningOut(msgspec.Struct, frozen=True):
    """An issuer's early fraud warning. ``actionable``: a refund may still prevent a dispute."""

    id: str
    fraud_type: str
    actionable: bool
    created_at: datetime


class PaymentOut(msgspec.Struct, frozen=True):
    """A payment. Amounts in minor units."""

    id: str
    order_id: str
    customer_id: str
    payment_intent_id: str | None
    status: PaymentStatus
    amount: int
    amount_captured: int
    amount_refunded: int
    amount_refundable: int
    amount_disputed: int
    currency: str
    disputed: bool
    created_at: datetime
    updated_at: datetime
    refunds: list[RefundOut]
    available_actions: list[Action]
    method: MethodOut | UnsetType = UNSET
    error: ErrorOut | UnsetType = UNSET
    fraud_warnings: list[FraudWarningOut] | UnsetType = UNSET
    """Not for customers."""


class PaymentsOut(msgspec.Struct, frozen=True):
    """A page of payments, newest first."""

    items: list[PaymentOut]
    next_cursor: str | None


class OrderOut(msgspec.Struct, frozen=True):
    """An order. ``amount_paid`` is the captured sum."""

    id: str
    customer_id: str
    currency: str
    lines: list[LineOut]
    shipping: int
    total: int
    status: OrderStatus
    amount_paid: int
    amount_refunded: int
    amount_disputed: int
    payments: list[PaymentOut]


class ChargeOut(msgspec.Struct, frozen=True):
    """What the browser needs to confirm the payment, or to answer what a bank wants of it."""

    payment_id: str
    payment_intent_id: str | None
    client_secret: str
    publishable_key: str
    amount: int
    currency: str
    status: PaymentStatus
    next_action: dict[str, Any] | UnsetType = UNSET
    error: ErrorOut | UnsetType = UNSET


class ConfirmOut(msgspec.Struct, frozen=True):
    """The truth as the provider tells it."""

    payment_id: str
    payment_intent_id: str | None
    order_id: str
    status: PaymentStatus
    order_status: OrderStatus
    next_action: dict[str, Any] | UnsetType = UNSET
    error: ErrorOut | UnsetType = UNSET


def payment_out(
    payment: Payment, caller: Caller, *, refunds: RefundsByPayment = MappingProxyType({})
) -> PaymentOut:
    """Show a payment to ``caller``, with its refunds among ``refunds``."""
    card = payment.card
    to_customer = caller.customer_id is not None
    return PaymentOut(
        id=payment.id,
        order_id=payment.order_id,
        customer_id=payment.customer_id,
        payment_intent_id=payment.intent_id,
        status=payment.status,
        amount=payment.amount.minor,
        amount_captured=payment.captured.minor,
        amount_refunded=payment.refunded.minor,
        amount_refundable=payment.amount_refundable.minor,
        amount_disputed=payment.disputed.minor,
        currency=payment.amount.currency.code,
        disputed=payment.disputed.minor > 0 or payment.chargeback_open,
        created_at=payment.created_at,
        updated_at=payment.updated_at,
        refunds=[
            refund_out(refund, to_customer=to_customer) for refund in refunds.get(payment.id, ())
        ],
        available_actions=list(payment.available_actions),
        method=MethodOut(
            brand=card.brand, last4=card.last4, exp_month=card.exp_month, exp_year=card.exp_year
        )
        if card
        else UNSET,
        error=_error_out(payment, caller),
        fraud_warnings=_warnings_out(payment) if caller.customer_id is None else UNSET,
    )


def _warnings_out(payment: Payment) -> list[FraudWarningOut]:
    return [
        FraudWarningOut(
            id=warning.id,
            fraud_type=warning.fraud_type,
            actionable=warning.is_actionable,
            created_at=warning.created_at,
        )
        for warning in payment.fraud_warnings
    ]


def _error_out(payment: Payment, caller: Caller) -> ErrorOut | UnsetType:
    code = payment.error_code
    if code is None:
        return UNSET
    shown: str | UnsetType = UNSET
    if payment.failure is not None and payment.quarantine is None and caller.customer_id is None:
        shown = payment.failure.decline_code or UNSET
    return ErrorOut(code=code, message=sentence(payment), decline_code=shown)


def payments_out(page: PaymentPage, caller: Caller, *, refunds: RefundsByPayment) -> PaymentsOut:
    """Show a page of payments to ``caller``."""
    return PaymentsOut(
        items=[payment_out(payment, caller, refunds=refunds) for payment in page.items],
        next_cursor=page.next_cursor,
    )


def order_out(view: OrderView, caller: Caller, *, refunds: RefundsByPayment) -> OrderOut:
    """Show an order to ``caller``."""
    order = view.order
    # Money that is held back in quarantine is not payment of the order.
    paying = [payment for payment in view.payments if payment.id == order.paid_by]
    same = [payment for payment in view.payments if payment.amount.currency == order.cart.currency]
    return OrderOut(
        id=order.id,
        customer_id=order.customer_id,
        currency=order.cart.currency.code,
        lines=[
            LineOut(
                sku=line.sku,
                title=line.title,
                unit_price=line.unit_price,
                quantity=line.quantity,
                discount=line.discount,
                tax=line.tax,
            )
            for line in order.cart.lines
        ],
        shipping=order.cart.shipping,
        total=order.total.minor,
        status=order.status,
        amount_paid=sum(payment.captured.minor for payment in paying),
        amount_refunded=sum(payment.refunded.minor for payment in same),
        amount_disputed=sum(payment.disputed.minor for payment in same),
        payments=[payment_out(payment, caller, refunds=refunds) for payment in view.payments],
    )


def charge_out(started: ChargeStarted, caller: Caller, *, publishable_key: str) -> ChargeOut:
    """Show a started payment to whoever may confirm it."""
    payment = started.payment
    return ChargeOut(
        payment_id=payment.id,
        payment_intent_id=payment.intent_id,
        client_secret=started.client_secret.reveal(),
        publishable_key=publishable_key,
        amount=payment.amount.minor,
        currency=payment.amount.currency.code,
        status=payment.status,
        next_action=_next_action(started.next_action),
        error=_error_out(payment, caller),
    )


def confirm_out(confirmed: PaymentConfirmed, caller: Caller) -> ConfirmOut:
    """Show what became of a payment to ``caller``."""
    payment = confirmed.payment
    return ConfirmOut(
        payment_id=payment.id,
        payment_intent_id=payment.intent_id,
        order_id=payment.order_id,
        status=payment.status,
        order_status=confirmed.order.status,
        next_action=_next_action(confirmed.next_action),
        error=_error_out(payment, caller),
    )


def _next_action(action: Mapping[str, object] | None) -> dict[str, Any] | UnsetType:
    return UNSET if action is None else dict(action)
