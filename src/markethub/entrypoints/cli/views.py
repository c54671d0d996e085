"""Orders and payments as commands print them. As JSON they look as they do over HTTP."""

from collections.abc import Sequence

import click

from markethub.domain.money import Money
from markethub.domain.order import Order
from markethub.domain.payment import Payment
from markethub.domain.ports.queries import OrderView
from markethub.entrypoints.cli import output
from markethub.entrypoints.http.auth import Caller, CallerKind
from markethub.entrypoints.http.schemas import OrderOut, PaymentOut, order_out, payment_out
from markethub.entrypoints.setting_values import Role

_OPERATOR = Caller(kind=CallerKind.OPS, name="cli", role=Role.ADMIN)
"""Whoever has a shell beside the database sees what an administrator sees."""


def payment_document(payment: Payment) -> PaymentOut:
    """Return the payment as a document."""
    return payment_out(payment, _OPERATOR)


def order_document(view: OrderView) -> OrderOut:
    """Return the order as a document."""
    return order_out(view, _OPERATOR)


def print_payment(payment: Payment, *, as_json: bool) -> None:
    """Print one payment."""
    if as_json:
        output.print_json(payment_document(payment))
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


def print_order(view: OrderView, *, as_json: bool) -> None:
    """Print one order, with its lines and payments."""
    if as_json:
        output.print_json(order_document(view))
        return
    order = view.order
    output.print_fields(
        {
            "order": order.id,
            "customer": order.customer_id,
            "status": order.status.value,
            "total": order.total,
            "paid by": order.paid_by,
            "in dispute": _in_dispute(view),
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


def _in_dispute(view: OrderView) -> Money | None:
    minor = order_document(view).amount_disputed
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
