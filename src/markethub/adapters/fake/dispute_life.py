"""A dispute's life: how it opens, every change of its status, and the money that goes with it.

Sources: Stripe's pages "How disputes work", "The Dispute object", and payloads and fees recorded
by others. Money moves with ``funds_withdrawn`` and ``funds_reinstated`` and nothing else: an
inquiry moves none, a chargeback takes the amount and a fee at once, and what is won comes back
without the fee. If part of the charge was refunded before, a win gives back the rest only, and
the dispute ends ``lost``.
"""

from typing import Any, Final

from markethub.adapters.fake import (
    balance,
    evidence,
    fraud_warnings,
    refund_life,
    transitions,
)
from markethub.adapters.fake.attached import attach, attached
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject

KIND: Final = "dispute"
CLOSE: Final = "close_inquiry"
LOSE: Final = "lose_dispute"
"""Actions of the schedule; their subject is a dispute's id."""

REASONS: Final = tuple(
    (
        "bank_cannot_process check_returned credit_not_processed customer_initiated "
        "debit_not_authorized duplicate fraudulent general incorrect_account_details "
        "insufficient_funds noncompliant product_not_received product_unacceptable "
        "subscription_canceled unrecognized"
    ).split()
)
INQUIRIES: Final = ("warning_needs_response", "warning_under_review")
OPEN: Final = ("needs_response", "under_review")
"""A chargeback that is not decided: its charge cannot be refunded."""
CLOSED: Final = ("lost", "prevented", "warning_closed", "won")

_NOTE: Final = "dispute_note"
"""What is remembered of a dispute's money, in its own currency."""
_NETWORK_CODES: Final = {"fraudulent": "10.4", "product_not_received": "13.1", "general": "10"}
_DAY_S: Final = 86_400
_RESPONSE_DAYS: Final = 8  # as recorded; Stripe's page says 7 to 21
_GRACE_S: Final = _DAY_S
"""How long after the due date the bank waits before it decides for the customer. Not told."""
_INQUIRY_S: Final = 120 * _DAY_S


def open_dispute(
    execution: Execution,
    charge: JsonObject,
    *,
    amount: int,
    currency: str,
    reason: str,
    status: str,
    withdraws: bool,
) -> JsonObject:
    """Let the customer's bank open a dispute. ``withdraws`` says whether money goes at once.

    Raises IllegalTransition for a status that no dispute begins with.
    """
    transitions.require(transitions.DISPUTE, KIND, None, status)
    code = _NETWORK_CODES.get(reason)
    brand = charge["payment_method_details"]["card"]["brand"]
    case_type = "inquiry" if status in INQUIRIES else "chargeback"
    card = {"brand": brand, "case_type": case_type, "network": brand, "network_reason_code": code}
    can_answer = status not in CLOSED
    made: dict[str, Any] = {
        "id": execution.new_id("du"),
        "object": KIND,
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": execution.now,
        "currency": currency,
        "enhanced_eligibility_types": [],
        "evidence": evidence.empty(),
        "evidence_details": {
            # Zero: this bank does not listen.
            "due_by": _due_by(execution) if can_answer else 0,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": execution.options.livemode,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": card, "type": "card"},
        "reason": reason,
        "status": status,
    }
    execution.note(_NOTE, made["id"], {"withdrawn": 0, "countered": None})
    dispute = attach(execution, made)
    charge = execution.change(charge, disputed=True)
    if withdraws:
        dispute = _withdraw(execution, dispute)
    dispute = _refreshed(execution, dispute)
    if status in OPEN:
        _fail_refunds(execution, charge["id"], also_succeeded=False)
    execution.emit("charge.dispute.created", dispute)
    if withdraws:
        execution.emit("charge.dispute.funds_withdrawn", dispute)
    if status == "lost":
        execution.emit("charge.dispute.closed", dispute)
    if status in INQUIRIES:
        execution.later(CLOSE, dispute["id"], at=execution.now + _INQUIRY_S)
    if status in OPEN:
        _await_answer(execution, dispute)
    fraud_warnings.end(execution, charge["id"])
    return dispute


def move(
    execution: Execution, dispute: JsonObject, to: str, *, reinstated: int | None = None
) -> JsonObject:
    """Change a dispute's status, with the money and the events that belong to it.

    ``reinstated`` is how much comes back at the end, in the dispute's currency; None means all
    with a win, and nothing otherwise. Raises IllegalTransition.
    """
    before = dispute["status"]
    transitions.require(transitions.DISPUTE, KIND, before, to)
    if to in OPEN and before in INQUIRIES:
        return _escalate(execution, dispute)
    moved = _refreshed(execution, execution.change(dispute, status=to))
    if to not in CLOSED:
        updated(execution, moved, dispute)
        return moved
    dispute = moved
    execution.emit("charge.dispute.closed", dispute)
    # It comes back once: a dispute has two lines at most.
    is_owed = len(dispute["balance_transactions"]) == 1
    owed = _note(execution, dispute)["withdrawn"] if is_owed else 0
    back = owed if reinstated is None and to == "won" else min(reinstated or 0, owed)
    if back:
        dispute = _reinstate(execution, dispute, back)
        execution.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def win(execution: Execution, dispute: JsonObject) -> JsonObject:
    """Let the bank decide for the seller: all comes back, or what was not refunded before.

    Raises IllegalTransition.
    """
    twice = _given_twice(execution, dispute)
    to = "lost" if twice and dispute["status"] != "lost" else "won"
    return move(execution, dispute, to, reinstated=dispute["amount"] - twice)


def submit(
    execution: Execution, dispute: JsonObject, *, before: JsonObject | None = None
) -> JsonObject:
    """Send the evidence that there is to the bank; more of it may follow until it decides.

    ``before`` is the dispute before that evidence was put onto it, for the event. Raises
    IllegalTransition once the dispute is closed.
    """
    status = dispute["status"]
    under_review = "warning_under_review" if status in INQUIRIES else "under_review"
    if status != under_review:
        transitions.require(transitions.DISPUTE, KIND, status, under_review)
        _counter(execution, dispute)
    details = dispute["evidence_details"]
    submitted = execution.change(
        dispute,
        evidence_details={
            **details,
            "past_due": execution.now > details["due_by"],
            "submission_count": details["submission_count"] + 1,
            "submission_method": "manual",
        },
        status=under_review,
    )
    updated(execution, submitted, before or dispute)
    return submitted


def updated(execution: Execution, dispute: JsonObject, before: JsonObject) -> None:
    """Tell of a change, if there is one."""
    previous = {name: before[name] for name in before if before[name] != dispute[name]}
    if previous:
        execution.emit("charge.dispute.updated", dispute, previous=previous)


def charge_was_refunded(execution: Execution, charge_id: str) -> None:
    """Draw the consequences of a refund: one in full ends an inquiry, and every warning."""
    charge = execution.load("charge", charge_id)
    if not charge["refunded"]:
        return
    for dispute in attached(execution, KIND, charge_id):
        if dispute["status"] in INQUIRIES:
            move(execution, dispute, "warning_closed")
    _refresh(execution, charge_id)
    fraud_warnings.end(execution, charge_id)


def is_blocked(execution: Execution, charge_id: str) -> bool:
    """Tell whether a chargeback forbids to refund a charge."""
    return any(each["status"] in OPEN for each in attached(execution, KIND, charge_id))


def lost_of(execution: Execution, charge: JsonObject) -> int:
    """Return how much of a charge disputes took away for good, in the charge's currency.

    A dispute in another currency is taken for the whole charge.
    """
    total = 0
    for dispute in attached(execution, KIND, charge["id"]):
        withdrawn: int = _note(execution, dispute)["withdrawn"]
        if withdrawn and dispute["currency"] != charge["currency"]:
            withdrawn = charge["amount_captured"]
        total += withdrawn
    return total


def close_inquiry(execution: Execution, dispute_id: str) -> None:
    """Close an inquiry that came to nothing. An action of the schedule."""
    dispute = execution.load(KIND, dispute_id)
    if dispute["status"] in INQUIRIES:
        move(execution, dispute, "warning_closed")


def lose(execution: Execution, dispute_id: str) -> None:
    """Decide for the customer where nobody answered. An action of the schedule."""
    dispute = execution.load(KIND, dispute_id)
    if dispute["status"] == "needs_response":
        move(execution, dispute, "lost")


# --- steps ------------------------------------------------------------------------------------


def _note(execution: Execution, dispute: JsonObject) -> dict[str, Any]:
    return dict(execution.load(_NOTE, dispute["id"]))


def _due_by(execution: Execution) -> int:
    """Return the last second of the day by which to answer."""
    return (execution.now // _DAY_S + _RESPONSE_DAYS + 1) * _DAY_S - 1


def _await_answer(execution: Execution, dispute: JsonObject) -> None:
    due_by = dispute["evidence_details"]["due_by"]
    execution.later(LOSE, dispute["id"], at=due_by + _GRACE_S)


def _escalate(execution: Execution, dispute: JsonObject) -> JsonObject:
    """Turn an inquiry into a chargeback: now the money goes, and there is time to answer again."""
    before = dispute
    card = {**dispute["payment_method_details"]["card"], "case_type": "chargeback"}
    details = {**dispute["evidence_details"], "due_by": _due_by(execution), "past_due": False}
    dispute = execution.change(
        dispute,
        evidence_details=details,
        payment_method_details={"card": card, "type": "card"},
        status="needs_response",
    )
    dispute = _refreshed(execution, _withdraw(execution, dispute))
    _fail_refunds(
        execution, dispute["charge"], also_succeeded=execution.options.escalation_fails_refunds
    )
    updated(execution, dispute, before)
    execution.emit("charge.dispute.funds_withdrawn", dispute)
    _await_answer(execution, dispute)
    return dispute


def _fail_refunds(execution: Execution, charge_id: str, *, also_succeeded: bool) -> None:
    """Stop the refunds that a chargeback overtakes."""
    for refund in attached(execution, refund_life.KIND, charge_id):
        if refund["status"] == "pending" or (also_succeeded and refund["status"] == "succeeded"):
            refund_life.move(
                execution,
                refund,
                "failed",
                failure_reason="charge_for_pending_refund_disputed",
            )


def _refresh(execution: Execution, charge_id: str) -> None:
    """Say on every dispute of a charge whether that can be refunded by now."""
    charge = execution.load("charge", charge_id)
    left = charge["amount"] - charge["amount_refunded"] - lost_of(execution, charge)
    refundable = left > 0 and not is_blocked(execution, charge_id)
    for dispute in attached(execution, KIND, charge_id):
        if dispute["is_charge_refundable"] != refundable:
            execution.change(dispute, is_charge_refundable=refundable)


def _refreshed(execution: Execution, dispute: JsonObject) -> JsonObject:
    _refresh(execution, dispute["charge"])
    return execution.load(KIND, dispute["id"])


def _given_twice(execution: Execution, dispute: JsonObject) -> int:
    """Return how much of what the dispute took the customer has by a refund, too.

    A dispute in another currency cannot be compared: none.
    """
    charge = execution.load("charge", dispute["charge"])
    if dispute["currency"] != charge["currency"]:
        return 0
    left: int = charge["amount"] - charge["amount_refunded"]
    refunded: int = charge["amount_captured"] - left
    disputed: int = dispute["amount"]
    return min(refunded, max(0, disputed - left))


def _withdraw(execution: Execution, dispute: JsonObject) -> JsonObject:
    is_prevented = dispute["status"] == "prevented"
    line = balance.move(
        execution,
        amount=-dispute["amount"],
        currency=dispute["currency"],
        description=f"Chargeback withdrawal for {dispute['charge']}",
        source=dispute["id"],
        type="adjustment",
        reporting_category="dispute",
        # What never became a chargeback costs no fee.
        fee_amount=0 if is_prevented else execution.options.dispute_fee,
        fee_description="Dispute fee",
    )
    _remember(execution, dispute, withdrawn=dispute["amount"])
    return _with_line(execution, dispute, line)


def _reinstate(execution: Execution, dispute: JsonObject, amount: int) -> JsonObject:
    described = f"Chargeback reversal for {dispute['charge']}"
    [withdrawal] = dispute["balance_transactions"]
    if amount == dispute["amount"]:
        line = balance.reverse(
            execution,
            withdrawal,
            description=described,
            type="adjustment",
            reporting_category="dispute_reversal",
        )
    else:
        line = balance.move(
            execution,
            amount=amount,
            currency=dispute["currency"],
            description=described,
            source=dispute["id"],
            type="adjustment",
            reporting_category="dispute_reversal",
        )
    note = _note(execution, dispute)
    _remember(execution, dispute, withdrawn=note["withdrawn"] - amount)
    if note["countered"] is not None and dispute["status"] == "won":
        balance.reverse(
            execution,
            execution.load("balance_transaction", note["countered"]),
            description=f"Dispute countered fee returned for {dispute['charge']}",
            type="stripe_fee",
            reporting_category="fee",
        )
    return _refreshed(execution, _with_line(execution, dispute, line))


def _counter(execution: Execution, dispute: JsonObject) -> None:
    """Take the fee for answering a chargeback, if the account has one."""
    fee = execution.options.dispute_countered_fee
    note = _note(execution, dispute)
    if not fee or note["countered"] is not None or dispute["status"] in INQUIRIES:
        return
    line = balance.move(
        execution,
        amount=-fee,
        currency=dispute["balance_transactions"][0]["currency"],
        description=f"Dispute countered fee for {dispute['charge']}",
        source=dispute["id"],
        type="stripe_fee",
        reporting_category="fee",
    )
    _remember(execution, dispute, countered=line["id"])


def _with_line(execution: Execution, dispute: JsonObject, line: JsonObject) -> JsonObject:
    lines = [*dispute["balance_transactions"], balance.view(line, execution.now)]
    return execution.change(dispute, balance_transactions=lines)


def _remember(execution: Execution, dispute: JsonObject, **known: object) -> None:
    execution.note(_NOTE, dispute["id"], {**_note(execution, dispute), **known})
