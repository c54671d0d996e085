"""Refunds: the endpoints. Source: Stripe's page "Refunds API"; refusals as recorded by others."""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import dispute_life, errors, refund_life
from markethub.adapters.fake.currencies import CURRENCIES
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, merged, metadata, one_of, text, whole
from markethub.adapters.fake.refund_life import KIND
from markethub.adapters.fake.store import JsonObject

CREATE: Final[Spec] = {
    "amount": whole(),
    "charge": text(),
    "metadata": metadata,
    "payment_intent": text(),
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
}
UPDATE: Final[Spec] = {"metadata": metadata}
LIST_PARAMS: Final[Spec] = {**LIST, "charge": text(), "payment_intent": text()}

_SYMBOLS: Final[Mapping[str, str]] = {"usd": "$", "eur": "\N{EURO SIGN}", "gbp": "\N{POUND SIGN}"}


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/refunds``. Raises ApiError."""
    charge = _charge(execution, given)
    amount = _require_refundable(execution, charge, given.get("amount"))
    reason = given.get("reason")
    if reason == "fraudulent":
        # Stripe's Radar takes the seller's word: card and address go onto its block lists.
        charge = execution.change(charge, fraud_details={"user_report": "fraudulent"})
    refund = refund_life.start(
        execution,
        charge,
        amount=amount,
        reason=reason,
        metadata=merged({}, given.get("metadata", {})),
    )
    dispute_life.charge_was_refunded(execution, charge["id"])
    return refund


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/refunds/{id}``. Raises ApiError 404."""
    return load(execution, id)


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
    """``POST /v1/refunds/{id}``: its metadata, and nothing else. Raises ApiError."""
    refund = load(execution, id)
    if "metadata" not in given:
        return refund
    previous = refund["metadata"]
    changed = execution.change(refund, metadata=merged(previous, given["metadata"]))
    refund_life.updated(execution, changed, {"metadata": previous})
    return changed


def cancel(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - it takes none
    """``POST /v1/refunds/{id}/cancel``: while it needs the customer only. Raises ApiError."""
    refund = load(execution, id)
    if refund["status"] != "requires_action":
        raise ApiError("Canceling this refund is unsupported.")
    return refund_life.move(execution, refund, "canceled")


def settle(execution: Execution, refund_id: str) -> None:
    """Let a pending refund succeed. An action of the schedule."""
    refund = execution.load(KIND, refund_id)
    if refund["status"] == "pending" and not refund_life.is_still_short(execution, refund):
        succeed(execution, refund)


def succeed(execution: Execution, refund: JsonObject) -> JsonObject:
    """Let a refund succeed, with what that means for inquiries. Raises IllegalTransition."""
    refund = refund_life.move(execution, refund, "succeeded")
    dispute_life.charge_was_refunded(execution, refund["charge"])
    return refund


def load(execution: Execution, id: str) -> JsonObject:
    """Return a refund. Raises ApiError 404."""
    refund = execution.find(KIND, id)
    if refund is None:
        raise errors.missing(KIND, id, param="refund")
    return refund


# --- steps ------------------------------------------------------------------------------------


def _charge(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """Return the charge that is to be refunded. Raises ApiError."""
    if "charge" not in given and "payment_intent" not in given:
        raise ApiError(
            "One of the following params should be provided for this request: payment_intent or "
            "charge."
        )
    charge = None
    if "charge" in given:
        charge = execution.find("charge", given["charge"])
        if charge is None:
            raise errors.missing("charge", given["charge"], param="id")
    if "payment_intent" in given:
        intent = execution.find("payment_intent", given["payment_intent"])
        if intent is None:
            raise errors.missing("payment_intent", given["payment_intent"], param="payment_intent")
        if charge is not None and charge["payment_intent"] != intent["id"]:
            raise ApiError(
                f"Charge {charge['id']} does not belong to PaymentIntent {intent['id']}.",
                param="charge",
            )
        if intent["latest_charge"] is None:
            raise _nothing_paid(intent["id"])
        charge = execution.load("charge", intent["latest_charge"])
    assert charge is not None, "one of the two was given"
    return charge


def _require_refundable(execution: Execution, charge: JsonObject, asked: int | None) -> int:
    """Return how much will be refunded: what was asked for, or all there is. Raises ApiError."""
    if charge["status"] != "succeeded" or (charge["refunded"] and not charge["captured"]):
        raise _nothing_paid(charge["payment_intent"])
    if not charge["captured"]:
        raise ApiError(
            "This uncaptured Charge was created by a PaymentIntent "
            f"({charge['payment_intent']}). You must cancel the PaymentIntent to reverse the "
            "authorization instead of refunding the Charge directly. For more information, see "
            "https://stripe.com/docs/payments/place-a-hold-on-a-payment-method"
        )
    if dispute_life.is_blocked(execution, charge["id"]):
        raise _charged_back(charge)
    lost = dispute_life.lost_of(execution, charge)
    held: int = sum(refund["amount"] for refund in refund_life.under_way(execution, charge["id"]))
    left: int = charge["amount"] - charge["amount_refunded"] - held
    if lost and left <= lost:
        raise _charged_back(charge)
    left -= lost
    if left <= 0:
        raise ApiError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    amount = left if asked is None else asked
    if amount > left:
        currency = charge["currency"]
        raise ApiError(
            f"Refund amount ({_shown(amount, currency)}) is greater than unrefunded amount on "
            f"charge ({_shown(left, currency)})",
            param="amount",
        )
    return amount


def _charged_back(charge: JsonObject) -> ApiError:
    return ApiError(
        f"Charge {charge['id']} has been charged back; cannot issue a refund.",
        code="charge_disputed",
    )


def _nothing_paid(intent_id: str) -> ApiError:
    return ApiError(
        f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
        param="payment_intent",
    )


def _shown(amount: int, code: str) -> str:
    unit = CURRENCIES[code]
    if code not in _SYMBOLS:
        return unit.show(amount)
    whole, rest = divmod(amount, 10**unit.decimals)
    return f"{_SYMBOLS[code]}{whole:,}.{rest:0{unit.decimals}d}"
