"""Entities to rows and back: each pair next to each other, field by field.

JSON is read and written here, not by the drivers, so that both databases hold the same text.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from markethub.domain.events import (
    DisputeDue,
    DisputeLost,
    DisputeOpened,
    DisputeStatusUnexpected,
    DisputeWon,
    DomainEvent,
    MethodRemoved,
    MethodSaved,
    OrderCanceled,
    OrderPaid,
    PaymentAuthorized,
    PaymentCanceled,
    PaymentFailed,
    PaymentQuarantinedEvent,
    RefundFailed,
    RefundSucceeded,
)
from markethub.domain.facts import CaptureMethod, Card, Failure, FraudWarning, ReceivedEvent
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ledger import Account, Entry, EntryKind
from markethub.domain.money import Currency, Money
from markethub.domain.operation import (
    Operation,
    OperationKind,
    OperationStatus,
    ProviderRequest,
)
from markethub.domain.order import Cart, Line, Order, OrderStatus
from markethub.domain.payment import Payment, PaymentStatus, Quarantine

Row = dict[str, Any]
"""Values by column name, to be written."""
Read = Mapping[Any, Any]
"""Values by column name, as they were read (SQLAlchemy's rows know other keys, too)."""


def to_json(value: object) -> str:
    """Encode a value as it is stored."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- orders -----------------------------------------------------------------------------------


def order_to_row(order: Order) -> Row:
    """Return the row of an order, with the version that it has in memory."""
    return {
        "id": order.id,
        "customer_id": order.cart.customer_id,
        "currency": order.cart.currency.code,
        "lines": to_json([attrs.asdict(line) for line in order.cart.lines]),
        "shipping_minor": order.cart.shipping,
        "total_minor": order.total.minor,
        "status": order.status.value,
        "paid_by": order.paid_by,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "version": order.version,
    }


def order_from_row(row: Read) -> Order:
    """Return the order of a row."""
    cart = Cart(
        customer_id=row["customer_id"],
        currency=Currency.of(row["currency"]),
        lines=tuple(Line(**line) for line in json.loads(row["lines"])),
        shipping=row["shipping_minor"],
    )
    # The column is there for whoever reads the database; the total is always computed.
    assert cart.total.minor == row["total_minor"], "the stored total is that of its lines"
    return Order(
        id=row["id"],
        cart=cart,
        status=OrderStatus(row["status"]),
        paid_by=row["paid_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


# --- payments ---------------------------------------------------------------------------------


def payment_to_row(payment: Payment) -> Row:
    """Return the row of a payment, with the version that it has in memory."""
    card, failure, asked = payment.card, payment.failure, payment.capture_asked
    amounts = (payment.authorized, payment.captured, payment.refunded, payment.disputed)
    same = {money.currency for money in (*amounts, *([asked] if asked else []))}
    assert same == {payment.amount.currency}, "a payment's amounts are of one currency"
    return {
        "id": payment.id,
        "order_id": payment.order_id,
        "customer_id": payment.customer_id,
        "currency": payment.amount.currency.code,
        "amount_minor": payment.amount.minor,
        "authorized_minor": payment.authorized.minor,
        "captured_minor": payment.captured.minor,
        "refunded_minor": payment.refunded.minor,
        "disputed_minor": payment.disputed.minor,
        "capture_asked_minor": asked.minor if asked else None,
        "capture_method": payment.capture_method.value,
        "status": payment.status.value,
        "holds_slot": payment.holds_slot,
        "intent_id": payment.intent_id,
        "charge_id": payment.charge_id,
        "card_brand": card.brand if card else None,
        "card_last4": card.last4 if card else None,
        "card_exp_month": card.exp_month if card else None,
        "card_exp_year": card.exp_year if card else None,
        "failure_code": failure.code if failure else None,
        "failure_decline_code": failure.decline_code if failure else None,
        "failure_charge_id": failure.charge_id if failure else None,
        "quarantine": payment.quarantine.value if payment.quarantine else None,
        "chargeback_open": payment.chargeback_open,
        "fraud_warnings": to_json([_warning_to_json(each) for each in payment.fraud_warnings]),
        "declines": payment.declines,
        "refund_reserved_minor": payment.refund_reserved.minor,
        "capture_before": payment.capture_before,
        "expiry_told": payment.expiry_told,
        "created_at": payment.created_at,
        "updated_at": payment.updated_at,
        "version": payment.version,
    }


def payment_from_row(row: Read) -> Payment:
    """Return the payment of a row."""
    currency = Currency.of(row["currency"])

    def money(column: str) -> Money:
        return Money(minor=row[column], currency=currency)

    return Payment(
        id=row["id"],
        order_id=row["order_id"],
        customer_id=row["customer_id"],
        amount=money("amount_minor"),
        capture_method=CaptureMethod(row["capture_method"]),
        status=PaymentStatus(row["status"]),
        holds_slot=row["holds_slot"],
        intent_id=row["intent_id"],
        charge_id=row["charge_id"],
        authorized=money("authorized_minor"),
        captured=money("captured_minor"),
        refunded=money("refunded_minor"),
        refund_reserved=money("refund_reserved_minor"),
        disputed=money("disputed_minor"),
        capture_asked=None if row["capture_asked_minor"] is None else money("capture_asked_minor"),
        capture_before=row["capture_before"],
        expiry_told=row["expiry_told"],
        card=_card_from_row(row),
        failure=_failure_from_row(row),
        quarantine=None if row["quarantine"] is None else Quarantine(row["quarantine"]),
        chargeback_open=row["chargeback_open"],
        fraud_warnings=tuple(map(warning_from_json, json.loads(row["fraud_warnings"]))),
        declines=row["declines"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def _card_from_row(row: Read) -> Card | None:
    if row["card_brand"] is None:
        return None
    return Card(
        brand=row["card_brand"],
        last4=row["card_last4"],
        exp_month=row["card_exp_month"],
        exp_year=row["card_exp_year"],
    )


def _warning_to_json(warning: FraudWarning) -> dict[str, object]:
    return {**attrs.asdict(warning), "created_at": warning.created_at.isoformat()}


def warning_from_json(read: dict[str, Any]) -> FraudWarning:
    """Return the warning that a payment's row holds as JSON."""
    return FraudWarning(**{**read, "created_at": datetime.fromisoformat(read["created_at"])})


def _failure_from_row(row: Read) -> Failure | None:
    if row["failure_code"] is None:
        return None
    return Failure(
        code=row["failure_code"],
        decline_code=row["failure_decline_code"],
        charge_id=row["failure_charge_id"],
    )


# --- operations -------------------------------------------------------------------------------


def operation_to_row(operation: Operation) -> Row:
    """Return the row of an operation, with the version that it has in memory."""
    amount = operation.amount
    return {
        "id": operation.id,
        "payment_id": operation.payment_id,
        "kind": operation.kind.value,
        "method": operation.request.method,
        "path": operation.request.path,
        "params": to_json(operation.request.params),
        "amount_minor": amount.minor if amount else None,
        "currency": amount.currency.code if amount else None,
        "origin": operation.origin,
        "cancels_order": operation.cancels_order,
        "attempt": operation.attempt,
        "status": operation.status.value,
        "error_code": operation.error_code,
        "missing_since": operation.missing_since,
        "refund_id": operation.refund_id,
        "next_attempt_at": operation.next_attempt_at,
        "created_at": operation.created_at,
        "updated_at": operation.updated_at,
        "version": operation.version,
    }


def operation_from_row(row: Read) -> Operation:
    """Return the operation of a row."""
    amount = row["amount_minor"]
    return Operation(
        id=row["id"],
        payment_id=row["payment_id"],
        kind=OperationKind(row["kind"]),
        request=ProviderRequest(
            method=row["method"], path=row["path"], params=json.loads(row["params"])
        ),
        amount=None if amount is None else Money.of(amount, row["currency"]),
        origin=row["origin"],
        cancels_order=row["cancels_order"],
        attempt=row["attempt"],
        status=OperationStatus(row["status"]),
        error_code=row["error_code"],
        missing_since=row["missing_since"],
        refund_id=row["refund_id"],
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


# --- the ledger -------------------------------------------------------------------------------


def entry_to_row(entry: Entry) -> Row:
    """Return the row of a ledger entry; the database numbers it."""
    return {
        "reference": entry.reference,
        "kind": entry.kind.value,
        "payment_id": entry.payment_id,
        "debit": entry.debit.value,
        "credit": entry.credit.value,
        "amount_minor": entry.amount.minor,
        "currency": entry.amount.currency.code,
        "posted_at": entry.posted_at,
    }


def entry_from_row(row: Read) -> Entry:
    """Return the ledger entry of a row."""
    return Entry(
        kind=EntryKind(row["kind"]),
        reference=row["reference"],
        payment_id=row["payment_id"],
        debit=Account(row["debit"]),
        credit=Account(row["credit"]),
        amount=Money.read(row["amount_minor"], row["currency"]),
        posted_at=row["posted_at"],
    )


# --- the outbox -------------------------------------------------------------------------------

_EVENT_TYPES: Final[Mapping[str, type[DomainEvent]]] = {
    event.type: event
    for event in (
        OrderPaid,
        OrderCanceled,
        PaymentAuthorized,
        PaymentFailed,
        PaymentCanceled,
        PaymentQuarantinedEvent,
        RefundSucceeded,
        RefundFailed,
        DisputeOpened,
        DisputeDue,
        DisputeWon,
        DisputeLost,
        DisputeStatusUnexpected,
        MethodSaved,
        MethodRemoved,
    )
}


def event_to_row(event: DomainEvent, *, aggregate_id: str) -> Row:
    """Return the row of a domain event, told by the entity of this id."""
    body = attrs.asdict(event)
    occurred_at = body.pop("occurred_at")
    return {
        "type": event.type,
        "aggregate_id": aggregate_id,
        "body": to_json(body),
        "occurred_at": occurred_at,
    }


def event_from_row(row: Read) -> DomainEvent:
    """Return the domain event of a row."""
    return _EVENT_TYPES[row["type"]](**json.loads(row["body"]), occurred_at=row["occurred_at"])


# --- the inbox --------------------------------------------------------------------------------


def inbox_event_to_row(taken: InboxEvent) -> Row:
    """Return the row of an event of the provider."""
    event = taken.event
    return {
        "id": event.id,
        "type": event.type,
        "livemode": event.livemode,
        "created_at": event.created_at,
        "api_version": event.api_version,
        "payload": event.payload,
        "status": taken.status.value,
        "reason": taken.reason,
        "attempts": taken.attempts,
        "next_attempt_at": taken.next_attempt_at,
        "received_at": taken.received_at,
        "updated_at": taken.updated_at,
        "subject": event.subject,
        "failures": taken.failures,
        "error": taken.error,
        "replayed_at": taken.replayed_at,
    }


def inbox_event_from_row(row: Read) -> InboxEvent:
    """Return the event of the provider of a row."""
    return InboxEvent(
        event=ReceivedEvent(
            id=row["id"],
            type=row["type"],
            livemode=row["livemode"],
            created_at=row["created_at"],
            api_version=row["api_version"],
            payload=row["payload"],
            subject=row["subject"],
        ),
        status=InboxStatus(row["status"]),
        reason=row["reason"],
        error=row["error"],
        attempts=row["attempts"],
        failures=row["failures"],
        next_attempt_at=row["next_attempt_at"],
        received_at=row["received_at"],
        replayed_at=row["replayed_at"],
        updated_at=row["updated_at"],
    )
