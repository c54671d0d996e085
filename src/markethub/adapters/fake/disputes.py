"""Disputes and early fraud warnings: what the cards' issuers do, and how the merchant answers.

Source: Stripe's pages "Testing" (the cards and the magic evidence), "How disputes work" and the
API reference of Disputes. Money moves only with the events ``funds_withdrawn`` and
``funds_reinstated``; an inquiry moves none.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import balance, errors, events
from markethub.adapters.fake.cards import Later
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.files import DISPUTE_EVIDENCE
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, fields, flag, merged, metadata, text
from markethub.adapters.fake.payment_methods import card_of
from markethub.adapters.fake.store import JsonObject

KIND: Final = "dispute"
WARNING: Final = "radar.early_fraud_warning"
DECIDE: Final = "decide_dispute"
"""An action of the schedule; its subject is a dispute's id."""

_DAY_S: Final = 86_400
_RESPONSE_S: Final = 10 * _DAY_S
"""How long evidence is taken: banks give 7 to 21 days."""
_FEE: Final = 1_500
"""Kept for a dispute: 15.00 of a US account."""

_TEXTS: Final = (
    "access_activity_log billing_address cancellation_policy_disclosure cancellation_rebuttal "
    "customer_email_address customer_name customer_purchase_ip duplicate_charge_explanation "
    "duplicate_charge_id product_description refund_policy_disclosure "
    "refund_refusal_explanation service_date shipping_address shipping_carrier shipping_date "
    "shipping_tracking_number uncategorized_text"
).split()
_FILES: Final = (
    "cancellation_policy customer_communication customer_signature "
    "duplicate_charge_documentation receipt refund_policy service_documentation "
    "shipping_documentation uncategorized_file"
).split()

_EVIDENCE: Final[Spec] = {
    **{name: text(maximum=150_000, unsettable=True) for name in _TEXTS},
    **{name: text(unsettable=True) for name in _FILES},
}
UPDATE: Final[Spec] = {"evidence": fields(_EVIDENCE), "metadata": metadata, "submit": flag}
LIST_PARAMS: Final[Spec] = {**LIST, "charge": text(), "payment_intent": text()}


_INQUIRIES: Final = ("warning_needs_response", "warning_under_review")
_REVIEWED: Final = {
    "needs_response": "under_review",
    "warning_needs_response": "warning_under_review",
}


# --- what the issuers do --------------------------------------------------------------------------


def arise(execution: Execution, charge_id: str) -> None:
    """Dispute a charge, or warn of it, as its card says. An action of the schedule."""
    charge = execution.load("charge", charge_id)
    amount = charge["amount_captured"]
    match card_of(execution, charge["payment_method"]).later:
        case Later.DISPUTE_FRAUDULENT if _is_protected(charge):
            pass  # the issuer bears what it has authenticated
        case Later.DISPUTE_FRAUDULENT:
            open_dispute(execution, charge, reason="fraudulent")
        case Later.DISPUTE_NOT_RECEIVED:
            open_dispute(execution, charge, reason="product_not_received")
        case Later.INQUIRY:
            open_dispute(execution, charge, reason="fraudulent", status="warning_needs_response")
        case Later.DISPUTES:
            for part in (amount // 2, amount - amount // 2):
                open_dispute(execution, charge, reason="fraudulent", amount=part)
        case Later.FRAUD_WARNING:
            warn(execution, charge)
        case _:
            pass


def _is_protected(charge: JsonObject) -> bool:
    seen = charge["payment_method_details"]["card"]["three_d_secure"]
    return seen is not None and seen["result"] == "authenticated"


def open_dispute(
    execution: Execution,
    charge: JsonObject,
    *,
    reason: str,
    status: str = "needs_response",
    amount: int | None = None,
) -> JsonObject:
    """Open a dispute of a charge: of all that was captured, unless an amount is given."""
    dispute = execution.save(
        _object(
            charge,
            id=execution.new_id("du"),
            created=execution.now,
            amount=charge["amount_captured"] if amount is None else amount,
            reason=reason,
            status=status,
        )
    )
    execution.change(execution.load("charge", charge["id"]), disputed=True)
    execution.emit("charge.dispute.created", dispute)
    if not _is_inquiry(dispute) and status != "prevented":
        dispute = _withdraw(execution, dispute)
    if status in ("lost", "prevented"):
        execution.emit("charge.dispute.closed", dispute)
    return dispute


def warn(execution: Execution, charge: JsonObject) -> JsonObject:
    """Record an issuer's early fraud warning."""
    warning = execution.save(
        {
            "id": execution.new_id("issfr"),
            "object": WARNING,
            "actionable": True,
            "charge": charge["id"],
            "created": execution.now,
            "fraud_type": "unauthorized_use_of_card",
            "livemode": charge["livemode"],
            "payment_intent": charge["payment_intent"],
        }
    )
    execution.emit("radar.early_fraud_warning.created", warning)
    return warning


def resolve_warning(execution: Execution, warning_id: str) -> JsonObject:
    """Leave nothing to be done about a warning: it was refunded, or has become a dispute."""
    found = execution.load(WARNING, warning_id)
    resolved = execution.change(found, actionable=False)
    execution.emit(
        "radar.early_fraud_warning.updated", resolved, previous={"actionable": found["actionable"]}
    )
    return resolved


def decide(execution: Execution, dispute_id: str) -> None:
    """Decide on submitted evidence by its magic words. An action of the schedule."""
    dispute = execution.load(KIND, dispute_id)
    said = dispute["evidence"]["uncategorized_text"]
    match dispute["status"], said:
        case "under_review", "winning_evidence":
            dispute = _close(execution, dispute, "won")
            _reinstate(execution, dispute)
        case "under_review", "losing_evidence":
            _close(execution, dispute, "lost")
        case "warning_under_review", "winning_evidence" | "losing_evidence":
            _close(execution, dispute, "warning_closed")
        case "warning_under_review", "escalate_inquiry_evidence":
            changed = execution.change(
                dispute,
                status="needs_response",
                evidence_details={
                    **dispute["evidence_details"],
                    "due_by": execution.now + _RESPONSE_S,
                },
            )
            _tell_updated(execution, dispute, changed)
            _withdraw(execution, changed)
        case _:
            pass  # a real bank would take its time; this one waits for the magic words


def end_inquiries(execution: Execution, charge_id: str) -> None:
    """Close the inquiries of a charge that was refunded as a whole: nothing is left to ask."""
    for dispute in list(execution.newest(KIND)):
        if dispute["charge"] == charge_id and dispute["status"] in _INQUIRIES:
            _close(execution, dispute, "warning_closed")


def win_late(execution: Execution, dispute_id: str) -> JsonObject:
    """Let a lost dispute be won after all, as banks sometimes do."""
    dispute = execution.load(KIND, dispute_id)
    assert dispute["status"] == "lost", "only what was lost is won late"
    changed = execution.change(dispute, status="won")
    _tell_updated(execution, dispute, changed)
    return _reinstate(execution, changed)


def _withdraw(execution: Execution, dispute: JsonObject) -> JsonObject:
    dispute = _move(execution, dispute, sign=-1, fee=_FEE)
    execution.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _reinstate(execution: Execution, dispute: JsonObject) -> JsonObject:
    dispute = _move(execution, dispute, sign=1, fee=0)
    execution.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def _move(execution: Execution, dispute: JsonObject, *, sign: int, fee: int) -> JsonObject:
    line = balance.adjust(
        execution,
        execution.load("charge", dispute["charge"]),
        amount=sign * dispute["amount"],
        fee_amount=fee,
        source=dispute["id"],
        reporting_category="dispute" if sign < 0 else "dispute_reversal",
    )
    return execution.change(dispute, balance_transactions=[*dispute["balance_transactions"], line])


def _close(execution: Execution, dispute: JsonObject, status: str) -> JsonObject:
    dispute = execution.change(dispute, status=status)
    execution.emit("charge.dispute.closed", dispute)
    return dispute


def _is_inquiry(dispute: JsonObject) -> bool:
    return str(dispute["status"]).startswith("warning_")


def _tell_updated(execution: Execution, before: JsonObject, after: JsonObject) -> None:
    previous = events.differing(before, after)
    if previous:
        execution.emit("charge.dispute.updated", after, previous=previous)


# --- what the merchant does -----------------------------------------------------------------------


def update(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/disputes/{id}``: stage evidence and, unless told not to, submit it.

    Raises ApiError: 404, and 400 for one that takes no evidence (any more).
    """
    before = _found(execution, id)
    changes: dict[str, Any] = {}
    if "metadata" in given:
        changes["metadata"] = merged(before["metadata"], given["metadata"])
    # Stripe submits unless told otherwise, but metadata alone is no evidence.
    submits = given.get("submit", "evidence" in given)
    if "evidence" in given or submits:
        _require_open(execution, before)
        changes |= _with_evidence(execution, before, given.get("evidence", {}), submits=submits)
    dispute = execution.change(before, **changes)
    _tell_updated(execution, before, dispute)
    if submits:
        execution.later(DECIDE, dispute["id"])
    return dispute


def _with_evidence(
    execution: Execution, dispute: JsonObject, given: Mapping[str, Any], *, submits: bool
) -> dict[str, Any]:
    for name in _FILES:
        file_id = given.get(name)
        file = execution.find("file", file_id) if file_id else None
        if file_id and (file is None or file["purpose"] != DISPUTE_EVIDENCE):
            raise errors.missing("file upload", file_id, param=f"evidence[{name}]", status=400)
    evidence = {**dispute["evidence"], **given}
    details = dispute["evidence_details"]
    has_evidence = any(evidence[name] is not None for name in (*_TEXTS, *_FILES))
    changes: dict[str, Any] = {
        "evidence": evidence,
        "evidence_details": {
            **details,
            "has_evidence": has_evidence,
            "submission_count": details["submission_count"] + submits,
            "submission_method": "manual" if submits else details["submission_method"],
        },
    }
    if submits:
        changes["status"] = _REVIEWED[dispute["status"]]
    return changes


def close(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``POST /v1/disputes/{id}/close``: concede. Raises ApiError: 404, and 400 when it is over."""
    dispute = _found(execution, id)
    if dispute["status"] != "needs_response":
        raise _over()
    return _close(execution, dispute, "lost")


def _require_open(execution: Execution, dispute: JsonObject) -> None:
    if dispute["status"] not in _REVIEWED:
        raise _over()
    if execution.now > dispute["evidence_details"]["due_by"]:
        raise ApiError("The evidence for this dispute is past due.")


def _over() -> ApiError:
    # Stripe publishes neither a code nor the words of this refusal.
    return ApiError("This dispute is already closed or under review.")


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/disputes/{id}``. Raises ApiError 404."""
    return _view(execution, _found(execution, id))


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/disputes``, the newest first."""
    return _page(execution, KIND, given, url="/v1/disputes")


def warning(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/radar/early_fraud_warnings/{id}``. Raises ApiError 404."""
    found = execution.find(WARNING, id)
    if found is None:
        raise errors.missing("early fraud warning", id, param="early_fraud_warning")
    return found


def warnings(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/radar/early_fraud_warnings``, the newest first."""
    return _page(execution, WARNING, given, url="/v1/radar/early_fraud_warnings")


def _page(execution: Execution, kind: str, given: Mapping[str, Any], *, url: str) -> JsonObject:
    wanted = {name: given[name] for name in ("charge", "payment_intent") if name in given}
    return page(
        execution,
        kind,
        given,
        url=url,
        matches=lambda value: all(value[name] == wanted[name] for name in wanted),
        view=lambda value: _view(execution, value),
    )


def _view(execution: Execution, value: JsonObject) -> JsonObject:
    """Show a dispute as it is by now: past due once its time is over."""
    if value["object"] != KIND or value["status"] not in _REVIEWED:
        return value
    details = value["evidence_details"]
    past_due = execution.now > details["due_by"]
    return {**value, "evidence_details": {**details, "past_due": past_due}}


def _found(execution: Execution, id: str) -> JsonObject:
    dispute = execution.find(KIND, id)
    if dispute is None:
        raise errors.missing("dispute", id, param="dispute")
    return dispute


def _object(
    charge: JsonObject, *, id: str, created: int, amount: int, reason: str, status: str
) -> JsonObject:
    card = charge["payment_method_details"]["card"]
    inquiry = status.startswith("warning_")
    return {
        "id": id,
        "object": KIND,
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {
            **dict.fromkeys((*_TEXTS, *_FILES)),
            "enhanced_evidence": {},
        },
        "evidence_details": {
            "due_by": created + _RESPONSE_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": charge["livemode"],
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": card["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": card["network"],
                "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
            },
            "type": "card",
        },
        "reason": reason,
        "status": status,
    }
