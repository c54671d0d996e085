"""Charges: an attempt on a card, its capture, and the release of what is not captured."""

from typing import Any, Final

from markethub.adapters.fake import balance, objects
from markethub.adapters.fake.cards import FOLLOWS_CHARGE, Decline, TestCard
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.payment_methods import card_of
from markethub.adapters.fake.store import JsonObject

BOOK: Final = "book_charge"
EXPIRE: Final = "expire_authorization"
FOLLOW: Final = "follow_charge"
"""Actions of the schedule; their subject is a charge's id."""

_DAY_S: Final = 86_400
_HOLD_S: Final = 7 * _DAY_S
_VISA_MERCHANT_INITIATED_HOLD_S: Final = 4 * _DAY_S + 18 * 3600
"""How long a card holds an amount. Source: Stripe's page "Place a hold on a payment method"."""


def fail(
    execution: Execution,
    intent: JsonObject,
    method: JsonObject,
    card: TestCard,
    decline: Decline,
    *,
    three_d_secure: dict[str, Any] | None,
) -> JsonObject:
    """Record a declined attempt."""
    charge = _attempt(execution, intent, method, card, three_d_secure, decline=decline)
    execution.emit("charge.failed", charge)
    return charge


def authorize(
    execution: Execution,
    intent: JsonObject,
    method: JsonObject,
    card: TestCard,
    *,
    three_d_secure: dict[str, Any] | None,
    off_session: bool,
) -> JsonObject:
    """Hold the amount without taking it, until a time that depends on the card."""
    is_short = off_session and card.brand == "visa"
    until = execution.now + (_VISA_MERCHANT_INITIATED_HOLD_S if is_short else _HOLD_S)
    charge = _attempt(execution, intent, method, card, three_d_secure, capture_before=until)
    execution.emit("charge.succeeded", charge)
    execution.later(EXPIRE, charge["id"], at=until)
    return charge


def take(
    execution: Execution,
    intent: JsonObject,
    method: JsonObject,
    card: TestCard,
    *,
    three_d_secure: dict[str, Any] | None,
) -> JsonObject:
    """Charge the amount at once."""
    charge = _attempt(execution, intent, method, card, three_d_secure)
    charge = _book(execution, charge, is_late=intent["capture_method"] == "automatic_async")
    execution.emit("charge.succeeded", charge)
    _follow(execution, charge)
    return charge


def capture(execution: Execution, charge: JsonObject, amount: int) -> JsonObject:
    """Take a part or all of what is held; the rest goes back to the customer."""
    charge = execution.change(
        charge,
        amount_captured=amount,
        amount_refunded=charge["amount"] - amount,
        captured=True,
    )
    charge = _book(execution, charge, is_late=False)
    execution.emit("charge.captured", charge)
    _follow(execution, charge)
    return charge


def release(execution: Execution, charge: JsonObject, *, event: str) -> JsonObject:
    """Give back what is held. ``event`` says why: ``charge.refunded`` or ``charge.expired``."""
    charge = execution.change(charge, amount_refunded=charge["amount"], refunded=True)
    execution.emit(event, charge)
    return charge


def book_later(execution: Execution, charge_id: str) -> None:
    """Write the balance line that was owed. An action of the schedule."""
    charge = execution.load("charge", charge_id)
    if charge["balance_transaction"] is not None:
        return
    charge = balance.book(execution, charge, at_once=_bypasses_pending(execution, charge))
    execution.emit("charge.updated", charge, previous={"balance_transaction": None})


def _attempt(
    execution: Execution,
    intent: JsonObject,
    method: JsonObject,
    card: TestCard,
    three_d_secure: dict[str, Any] | None,
    *,
    decline: Decline | None = None,
    capture_before: int | None = None,
) -> JsonObject:
    charge_id = execution.new_id("ch")
    return execution.save(
        objects.charge(
            intent,
            method,
            card,
            id=charge_id,
            created=execution.now,
            decline=decline,
            three_d_secure=three_d_secure,
            network_transaction_id=execution.derived(f"network:{charge_id}", length=15),
            authorization_code=execution.derived(f"authorization:{charge_id}", length=6).upper(),
            capture_before=capture_before,
        )
    )


def _book(execution: Execution, charge: JsonObject, *, is_late: bool) -> JsonObject:
    if is_late or execution.options.fee_later:
        execution.later(BOOK, charge["id"])
        return charge
    return balance.book(execution, charge, at_once=_bypasses_pending(execution, charge))


def _follow(execution: Execution, charge: JsonObject) -> None:
    if card_of(execution, charge["payment_method"]).later in FOLLOWS_CHARGE:
        execution.later(FOLLOW, charge["id"])


def _bypasses_pending(execution: Execution, charge: JsonObject) -> bool:
    return card_of(execution, charge["payment_method"]).bypasses_pending
