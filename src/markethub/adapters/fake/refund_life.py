"""A refund's life: how it starts, every change of its status, and the money that goes with it.

Sources: Stripe's pages "Refunds" and "The Refund object". By live probes of others: a pending
refund does not count as refunded yet, and ``refund.created`` comes before ``charge.refunded``.
That the account's balance pays at once for a refund that the bank is still processing follows
from ``failure_balance_transaction``, which gives it back; see ``pending_refunds_are_booked``.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import balance, transitions
from markethub.adapters.fake.attached import attach, attached
from markethub.adapters.fake.cards import Later
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.payment_methods import card_of
from markethub.adapters.fake.store import JsonObject

KIND: Final = "refund"
SETTLE: Final = "settle_refund"
FAIL: Final = "fail_refund"
"""Actions of the schedule; their subject is a refund's id."""
NEXT: Final = "next_refund"
"""A note under a charge's id: how its next refund starts, instead of as its card says."""

PENDING_REASONS: Final = ("charge_pending", "insufficient_funds", "processing")
FAILURE_REASONS: Final = (
    "charge_for_pending_refund_disputed",
    "declined",
    "expired_or_canceled_card",
    "insufficient_funds",
    "lost_or_stolen_card",
    "merchant_request",
    "unknown",
)

_OPEN: Final = ("pending", "requires_action")
_DAY_S: Final = 86_400
_ACTION_S: Final = 45 * _DAY_S


def start(
    execution: Execution,
    charge: JsonObject,
    *,
    amount: int,
    reason: str | None,
    metadata: Mapping[str, str],
) -> JsonObject:
    """Make a refund in the status that its card, or what was arranged for it, begins with."""
    later = card_of(execution, charge["payment_method"]).later
    planned = execution.find(NEXT, charge["id"])
    if planned is not None:
        execution.store.delete(NEXT, charge["id"])
        status, pending_reason = planned["status"], planned["pending_reason"]
    elif later is Later.REFUND_PENDING:
        status, pending_reason = "pending", "processing"
    elif _is_short(execution, charge, amount):
        status, pending_reason = "pending", "insufficient_funds"
    else:
        status, pending_reason = "succeeded", None
    transitions.require(transitions.REFUND, KIND, None, status)
    refund_id = execution.new_id("re")
    refund: dict[str, Any] = {
        "id": refund_id,
        "object": KIND,
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": execution.now,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": dict(metadata),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
        **_details(execution, status, pending_reason=pending_reason, failure_reason=None),
    }
    if _is_paid_for(execution, refund):
        refund["balance_transaction"] = _book(execution, refund, charge)
    attach(execution, refund)
    if status == "succeeded":
        charge = _count(execution, refund, +amount)
    execution.emit("refund.created", refund)
    if status == "succeeded":
        execution.emit("charge.refunded", charge)
    if planned is None:
        _plan(execution, refund, later)
    return refund


def move(
    execution: Execution,
    refund: JsonObject,
    to: str,
    *,
    pending_reason: str | None = None,
    failure_reason: str | None = None,
) -> JsonObject:
    """Change a refund's status, with the money and the events that belong to it.

    Raises IllegalTransition.
    """
    before = refund["status"]
    transitions.require(transitions.REFUND, KIND, before, to)
    details = _details(execution, to, pending_reason=pending_reason, failure_reason=failure_reason)
    known = {name: refund[name] for name in refund if name not in _DETAILS}
    changed: dict[str, Any] = {**known, **details, "status": to}
    charge = execution.load("charge", refund["charge"])
    if changed["balance_transaction"] is None and _is_paid_for(execution, changed):
        changed["balance_transaction"] = _book(execution, changed, charge)
    if to in ("failed", "canceled") and changed["balance_transaction"] is not None:
        changed["failure_balance_transaction"] = _give_back(execution, changed)
    execution.save(changed)
    if to == "succeeded":
        charge = _count(execution, changed, +refund["amount"])
    elif before == "succeeded":
        charge = _count(execution, changed, -refund["amount"])
    names = sorted({*refund, *changed})
    previous = {n: refund.get(n) for n in names if refund.get(n) != changed.get(n)}
    updated(execution, changed, previous)
    if to == "failed":
        execution.emit("refund.failed", changed)
    if to == "succeeded":
        execution.emit("charge.refunded", charge)
    return changed


def updated(execution: Execution, refund: JsonObject, previous: dict[str, Any]) -> None:
    """Tell of a change, under both names that Stripe has for it."""
    execution.emit("refund.updated", refund, previous=previous)
    if execution.options.charge_refund_updated:
        execution.emit("charge.refund.updated", refund, previous=previous)


def under_way(execution: Execution, charge_id: str) -> list[JsonObject]:
    """Return a charge's refunds that neither count as refunded nor have come to nothing."""
    return [each for each in attached(execution, KIND, charge_id) if each["status"] in _OPEN]


def fail_later(execution: Execution, refund_id: str) -> None:
    """Let a refund fail after its success. An action of the schedule."""
    refund = execution.load(KIND, refund_id)
    if refund["status"] == "succeeded":
        # Source: Stripe's page about testing Terminal refunds names this reason.
        move(execution, refund, "failed", failure_reason="expired_or_canceled_card")


def is_still_short(execution: Execution, refund: JsonObject) -> bool:
    """Tell whether a refund waits for money that has not come; if so, look again in a day."""
    is_short = refund.get("pending_reason") == "insufficient_funds" and _is_short(
        execution, refund, refund["amount"]
    )
    if is_short:
        execution.later(SETTLE, refund["id"], at=execution.now + _DAY_S)
    return is_short


# --- steps ------------------------------------------------------------------------------------

_DETAILS: Final = ("failure_reason", "next_action", "pending_reason")
"""Fields that a refund has in one status only."""


def _is_short(execution: Execution, of: JsonObject, amount: int) -> bool:
    return execution.options.refunds_need_funds and not balance.covers(
        execution, amount, of["currency"]
    )


def _plan(execution: Execution, refund: JsonObject, later: Later | None) -> None:
    """Put into the schedule what will come of a refund by itself."""
    if refund["status"] == "succeeded":
        if later is Later.REFUND_FAILS:
            execution.later(FAIL, refund["id"])
    elif refund["pending_reason"] == "insufficient_funds":
        execution.later(SETTLE, refund["id"], at=execution.now + _DAY_S)
    else:
        execution.later(SETTLE, refund["id"])


def _details(
    execution: Execution, status: str, *, pending_reason: str | None, failure_reason: str | None
) -> dict[str, Any]:
    match status:
        case "pending":
            return {"pending_reason": pending_reason or "processing"}
        case "requires_action":
            expires_at = execution.now + _ACTION_S
            sent = {"email_sent_at": execution.now, "email_sent_to": "customer@example.com"}
            shown = {"email_sent": sent, "expires_at": expires_at}
            return {"next_action": {"display_details": shown, "type": "display_details"}}
        case "failed":
            return {"failure_reason": failure_reason or "unknown"}
        case _:
            return {}


def _is_paid_for(execution: Execution, refund: Mapping[str, Any]) -> bool:
    """Tell whether the account's balance has paid for the refund by now."""
    if refund["status"] == "pending":
        is_processing = refund["pending_reason"] == "processing"
        return is_processing and execution.options.pending_refunds_are_booked
    return refund["status"] in ("requires_action", "succeeded")


def _book(execution: Execution, refund: Mapping[str, Any], charge: JsonObject) -> str:
    described = f" ({charge['description']})" if charge["description"] else ""
    line = balance.move(
        execution,
        amount=-refund["amount"],
        currency=refund["currency"],
        description=f"REFUND FOR CHARGE{described}",
        source=refund["id"],
        type="refund",
        reporting_category="refund",
    )
    id_: str = line["id"]
    return id_


def _give_back(execution: Execution, refund: Mapping[str, Any]) -> str:
    """Reverse the refund's line: exactly, whatever the rate of exchange is by now."""
    line = balance.reverse(
        execution,
        execution.load("balance_transaction", refund["balance_transaction"]),
        description="REFUND FAILURE",
        type="refund_failure",
        reporting_category="refund_failure",
    )
    id_: str = line["id"]
    return id_


def _count(execution: Execution, refund: Mapping[str, Any], change: int) -> JsonObject:
    charge = execution.load("charge", refund["charge"])
    total = charge["amount_refunded"] + change
    return execution.change(charge, amount_refunded=total, refunded=total == charge["amount"])
