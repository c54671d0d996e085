"""Refunds: asked for by the merchant, settled or returned by the customer's bank.

Source: the API reference of Refunds, Stripe's page "Refund and cancel payments" and its test
cards. A refund that is pending does not count in the charge's ``amount_refunded``, but nobody can
give its amount back twice; a refund that had succeeded may still come back.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import balance, disputes, errors, events
from markethub.adapters.fake.cards import Later
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, merged, metadata, one_of, text, whole
from markethub.adapters.fake.payment_methods import card_of
from markethub.adapters.fake.store import JsonObject

KIND: Final = "refund"
FOLLOW: Final = "follow_refund"
"""An action of the schedule; its subject is a refund's id."""

CREATE: Final[Spec] = {
    "amount": whole(),
    "charge": text(),
    "metadata": metadata,
    "payment_intent": text(),
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
}
UPDATE: Final[Spec] = {"metadata": metadata}
LIST_PARAMS: Final[Spec] = {**LIST, "charge": text(), "payment_intent": text()}

EDGES: Final[Mapping[str, frozenset[str]]] = {
    "pending": frozenset({"succeeded", "failed", "canceled", "requires_action"}),
    "requires_action": frozenset({"pending", "failed", "canceled"}),
    "succeeded": frozenset({"failed", "requires_action"}),
    "failed": frozenset(),
    "canceled": frozenset(),
}
"""Which status may follow which. Source: Stripe's page of refund statuses."""

_UNDER_WAY: Final = ("pending", "requires_action")
_RETURNED: Final = ("failed", "canceled")


# --- what the merchant asks -----------------------------------------------------------------------


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/refunds``. Raises ApiError as Stripe refuses what cannot be given back."""
    charge = _charge(execution, given)
    left = charge["amount"] - charge["amount_refunded"] - _under_way(execution, charge)
    amount = given.get("amount", left)
    _require_refundable(execution, charge, amount, left)
    later = card_of(execution, charge["payment_method"]).later
    is_pending = later is Later.REFUND_PENDING
    refund = execution.save(
        {
            "id": execution.new_id("re"),
            "object": KIND,
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": execution.now,
            "currency": charge["currency"],
            "destination_details": {
                "card": {
                    "reference": None,
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": given.get("metadata", {}),
            "payment_intent": charge["payment_intent"],
            "reason": given.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "pending" if is_pending else "succeeded",
            "transfer_reversal": None,
            **({"pending_reason": "processing"} if is_pending else {}),
        }
    )
    line = balance.refund(execution, charge, amount=-amount, source=refund["id"], type="refund")
    refund = execution.change(refund, balance_transaction=line["id"])
    execution.emit("refund.created", refund)
    if not is_pending:
        _count(execution, refund)
    if later in (Later.REFUND_PENDING, Later.REFUND_FAILS):
        execution.later(FOLLOW, refund["id"])
    return refund


def _charge(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    if "charge" in given:
        charge = execution.find("charge", given["charge"])
        if charge is None:
            raise errors.missing("charge", given["charge"], param="charge")
        return charge
    if "payment_intent" not in given:
        raise ApiError(
            "One of the following params should be provided for this request: payment_intent or "
            "charge."
        )
    intent_id = given["payment_intent"]
    intent = execution.find("payment_intent", intent_id)
    if intent is None:
        raise errors.missing("payment_intent", intent_id, param="payment_intent")
    if intent["status"] == "requires_capture":
        raise ApiError(
            f"You must cancel the PaymentIntent ({intent_id}) instead: it has not been captured."
        )
    if intent["latest_charge"] is None:
        raise _no_charge(intent_id)
    return execution.load("charge", intent["latest_charge"])


def _require_refundable(execution: Execution, charge: JsonObject, amount: int, left: int) -> None:
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise _no_charge(charge["payment_intent"])
    if any(_blocks(each) for each in execution.newest("dispute") if each["charge"] == charge["id"]):
        raise ApiError(
            f"The charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left <= 0:
        raise ApiError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if amount > left:
        raise ApiError(
            f"Refund amount ({_shown(amount, charge)}) is greater than unrefunded amount on "
            f"charge ({_shown(left, charge)})",
            param="amount",
        )


def _no_charge(intent_id: str) -> ApiError:
    return ApiError(
        f"This PaymentIntent ({intent_id}) does not have a successful charge to refund."
    )


def _blocks(dispute: JsonObject) -> bool:
    """Tell whether the bank has the money, or is about to: of an inquiry it has not."""
    return dispute["status"] in ("needs_response", "under_review")


def _shown(amount: int, charge: JsonObject) -> str:
    sign = "$" if charge["currency"] == "usd" else f"{charge['currency'].upper()} "
    return f"{sign}{amount // 100}.{amount % 100:02}"


def _under_way(execution: Execution, charge: JsonObject) -> int:
    return sum(
        each["amount"]
        for each in execution.newest(KIND)
        if each["charge"] == charge["id"] and each["status"] in _UNDER_WAY
    )


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/refunds/{id}``. Raises ApiError 404."""
    return _found(execution, id)


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/refunds``, the newest first."""
    wanted = {name: given[name] for name in ("charge", "payment_intent") if name in given}
    return page(
        execution,
        KIND,
        given,
        url="/v1/refunds",
        matches=lambda refund: all(refund[name] == wanted[name] for name in wanted),
    )


def update(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/refunds/{id}``: metadata only. Raises ApiError 404."""
    before = _found(execution, id)
    refund = execution.change(
        before, metadata=merged(before["metadata"], given.get("metadata", {}))
    )
    _tell(execution, "refund.updated", before, refund)
    return refund


def cancel(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``POST /v1/refunds/{id}/cancel``. Raises ApiError: 404, and 400 for a card's refund."""
    refund = _found(execution, id)
    if refund["status"] != "requires_action":
        raise ApiError(f"The refund {id} is not cancelable.", code="refund_not_cancelable")
    return move(execution, id, "canceled")


def _found(execution: Execution, id: str) -> JsonObject:
    refund = execution.find(KIND, id)
    if refund is None:
        raise errors.missing("refund", id, param="refund")
    return refund


# --- what the bank does ---------------------------------------------------------------------------


def follow(execution: Execution, refund_id: str) -> None:
    """Settle or return a refund as its card says. An action of the schedule."""
    refund = execution.load(KIND, refund_id)
    charge = execution.load("charge", refund["charge"])
    match card_of(execution, charge["payment_method"]).later, refund["status"]:
        case Later.REFUND_PENDING, "pending":
            move(execution, refund_id, "succeeded")
        case Later.REFUND_FAILS, "succeeded":
            move(execution, refund_id, "failed", failure_reason="expired_or_canceled_card")
        case _:
            pass  # somebody else has moved it meanwhile


def move(
    execution: Execution, refund_id: str, status: str, *, failure_reason: str | None = None
) -> JsonObject:
    """Take a refund along one edge of its machine, with the money and the events that go along.

    Raises ApiError 400 for an edge that the machine does not have.
    """
    before = execution.load(KIND, refund_id)
    if status not in EDGES[before["status"]]:
        raise ApiError(f"A refund that is {before['status']} cannot become {status}.")
    changes: dict[str, Any] = {"status": status}
    if status in _RETURNED:
        line = balance.refund(
            execution,
            execution.load("charge", before["charge"]),
            amount=before["amount"],
            source=refund_id,
            type="refund_failure",
        )
        changes["failure_balance_transaction"] = line["id"]
    if status == "failed":
        changes["failure_reason"] = failure_reason or "unknown"
    refund = execution.change(before, **changes)
    if status == "succeeded":
        _count(execution, refund)
    if before["status"] == "succeeded":
        _discount(execution, refund)
    _tell(execution, "refund.updated", before, refund)
    if status == "failed":
        execution.emit("refund.failed", refund)
    return refund


def _count(execution: Execution, refund: JsonObject) -> None:
    charge = execution.load("charge", refund["charge"])
    counted = charge["amount_refunded"] + refund["amount"]
    charge = execution.change(charge, amount_refunded=counted, refunded=counted == charge["amount"])
    execution.emit("charge.refunded", charge)
    if charge["refunded"]:
        disputes.end_inquiries(execution, charge["id"])


def _discount(execution: Execution, refund: JsonObject) -> None:
    charge = execution.load("charge", refund["charge"])
    before = charge["amount_refunded"]
    execution.change(charge, amount_refunded=before - refund["amount"], refunded=False)


def _tell(execution: Execution, type: str, before: JsonObject, after: JsonObject) -> None:
    previous = events.differing(before, after)
    if previous:
        execution.emit(type, after, previous=previous)
