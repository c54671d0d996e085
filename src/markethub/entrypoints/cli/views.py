"""Orders and payments as commands print them. As JSON they look as they do over HTTP."""

from collections.abc import Sequence

import click

from markethub.domain.money import Money
from markethub.domain.order import Order
from markethub.domain.payment import Payment
from markethub.domain.ports.queries import OrderView
from markethub.domain.refund import Refund
from markethub.entrypoints.cli import output
from markethub.entrypoints.http.auth import Caller, CallerKind
from markethub.entrypoints.http.refund_schemas import RefundsByPayment, refund_out
from markethub.entrypoints.http.schemas import OrderOut, PaymentOut, order_out, payment_out
from markethub.entrypoints.setting_values import Role

_OPERATOR = Caller(kind=CallerKind.OPS, name="cli", role=Role.ADMIN)
"""Whoever has a shell beside the database sees what an administrator sees."""


def payment_document(payment: Payment, refunds: RefundsByPayment) -> PaymentOut:
    """Return the payment as a document."""
    return payment_out(payment, _OPERATOR, refunds=refunds)


def order_document(view: OrderView, refunds: RefundsByPayment) -> OrderOut:
    """Return the order as a document."""
    return order_out(view, _OPERATOR, refunds=refunds)


def print_payment(payment: Payment, refunds: RefundsByPayment, *, as_json: bool) -> None:
    """Print one payment."""
    if as_json:
        output.print_json(payment_document(payment, refunds))
        return
    card = payment.card
    output.print_fields(
        {
            "payment": payment.id,
            "order": payment.order_id,
            "customer": payment.customer_id,
            "intent": payment.intent_id,
            "status": payment.status.value,
            "amount": payment.amount,
            "captured": payment.captured,
            "refunded": payment.refunded if payment.refunded.minor else None,
            "being refunded": payment.refund_reserved if payment.refund_reserved.minor else None,
            "refundable": payment.amount_refundable,
            "in dispute": payment.disputed if payment.disputed.minor else None,
            "chargeback": "open" if payment.chargeback_open else None,
            "fraud warnings": len(payment.fraud_warnings) or None,
            "card": card and f"{card.brand} {card.last4}, {card.exp_month}/{card.exp_year}",
            "error": payment.error_code,
            "created": payment.created_at.isoformat(),
            "updated": payment.updated_at.isoformat(),
            "actions": ", ".join(payment.available_actions) or None,
        }
    )


def print_order(view: OrderView, refunds: RefundsByPayment, *, as_json: bool) -> None:
    """Print one order, with its lines and payments."""
    if as_json:
        output.print_json(order_document(view, refunds))
        return
    order = view.order
    output.print_fields(
        {
            "order": order.id,
            "customer": order.customer_id,
            "status": order.status.value,
            "total": order.total,
            "paid by": order.paid_by,
            "refunded": _some(view, order_document(view, refunds).amount_refunded),
            "in dispute": _some(view, order_document(view, refunds).amount_disputed),
        }
    )
    click.echo()
    output.print_table(
        ("sku", "title", "quantity", "line total"),
        [
            (line.sku, line.title, str(line.quantity), _in(order, line.total))
            for line in order.cart.lines
        ],
    )
    if view.payments:
        click.echo()
        print_payments(view.payments)


def _some(view: OrderView, minor: int) -> Money | None:
    return Money(minor=minor, currency=view.order.cart.currency) if minor else None


def print_payments(payments: Sequence[Payment]) -> None:
    """Print payments as a table."""
    output.print_table(
        ("payment", "order", "status", "amount", "captured", "created"),
        [
            (
                payment.id,
                payment.order_id,
                payment.status.value,
                str(payment.amount),
                str(payment.captured),
                f"{payment.created_at:%Y-%m-%d %H:%M:%S}Z",
            )
            for payment in payments
        ],
    )


def _in(order: Order, minor: int) -> str:
    return str(Money(minor=minor, currency=order.cart.currency))


def print_refund(refund: Refund, *, as_json: bool) -> None:
    """Print one refund."""
    if as_json:
        output.print_json(refund_out(refund))
        return
    output.print_fields(
        {
            "refund": refund.id,
            "payment": refund.payment_id,
            "order": refund.order_id,
            "status": refund.status.value,
            "amount": refund.amount,
            "at the provider": refund.provider_id or "not known yet",
            "reason": refund.reason and refund.reason.value,
            "note": refund.note,
            "actor": refund.actor or "made at the provider",
            "failed because": refund.failure_reason,
            "created": refund.created_at.isoformat(),
            "updated": refund.updated_at.isoformat(),
        }
    )


def print_refunds(refunds: Sequence[Refund], *, as_json: bool) -> None:
    """Print refunds as a table."""
    if as_json:
        output.print_json({"items": [refund_out(refund) for refund in refunds]})
        return
    output.print_table(
        ("refund", "payment", "status", "amount", "reason", "actor", "created"),
        [
            (
                refund.id,
                refund.payment_id,
                refund.status.value,
                str(refund.amount),
                refund.reason.value if refund.reason else "",
                refund.actor or "",
                f"{refund.created_at:%Y-%m-%d %H:%M:%S}Z",
            )
            for refund in refunds
        ],
    )
