"""Disputes: the endpoints, and what decides them in test mode.

Sources: Stripe's page "Disputes API"; of the three magic texts, its page "Testing".
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import dispute_life, errors, evidence
from markethub.adapters.fake.dispute_life import KIND
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, flag, merged, metadata, text
from markethub.adapters.fake.store import JsonObject

UPDATE: Final[Spec] = {
    "evidence": evidence.PARAMETER,
    "metadata": metadata,
    "submit": flag,
}
LIST_PARAMS: Final[Spec] = {**LIST, "charge": text(), "payment_intent": text()}
DECIDE: Final = "decide_dispute"
"""An action of the schedule; its subject is a dispute's id."""

_WINS: Final = "winning_evidence"
_LOSES: Final = "losing_evidence"
_ESCALATES: Final = "escalate_inquiry_evidence"


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/disputes/{id}``. Raises ApiError 404."""
    return load(execution, id)


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/disputes``, the newest first."""
    wanted = {name: given[name] for name in ("charge", "payment_intent") if name in given}
    return page(
        execution,
        KIND,
        given,
        url="/v1/disputes",
        matches=lambda dispute: all(dispute[name] == wanted[name] for name in wanted),
    )


def update(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/disputes/{id}``: evidence goes to the bank unless ``submit`` is false.

    Staged evidence goes with ``submit`` alone. Raises ApiError.
    """
    before = _require_open(load(execution, id))
    changes: dict[str, Any] = {}
    if "metadata" in given:
        changes["metadata"] = merged(before["metadata"], given["metadata"])
    if "evidence" in given:
        said = evidence.merged(execution, before["evidence"], given["evidence"])
        details = {**before["evidence_details"], "has_evidence": evidence.is_there(said)}
        changes |= {"evidence": said, "evidence_details": details}
    dispute = execution.change(before, **changes)
    is_submitted = given.get("submit", "evidence" in given)
    if not (is_submitted and dispute["evidence_details"]["has_evidence"]):
        dispute_life.updated(execution, dispute, before)
        return dispute
    if dispute["evidence"]["uncategorized_text"] in (_WINS, _LOSES, _ESCALATES):
        execution.later(DECIDE, id)
    return dispute_life.submit(execution, dispute, before=before)


def close(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - it takes none
    """``POST /v1/disputes/{id}/close``: accept that it is lost. Raises ApiError."""
    dispute = _require_open(load(execution, id))
    if dispute["status"] in dispute_life.INQUIRIES:
        raise ApiError("This dispute is an inquiry; it can't be closed. Refund the charge instead.")
    return dispute_life.move(execution, dispute, "lost")


def decide(execution: Execution, dispute_id: str) -> None:
    """Let the bank do what the magic text says. An action of the schedule."""
    dispute = execution.load(KIND, dispute_id)
    word = dispute["evidence"]["uncategorized_text"]
    if dispute["status"] == "warning_under_review":
        # Whatever is said of an inquiry's winner: its end moves no money.
        dispute_life.move(
            execution, dispute, "needs_response" if word == _ESCALATES else "warning_closed"
        )
    elif dispute["status"] == "under_review" and word == _WINS:
        dispute_life.win(execution, dispute)
    elif dispute["status"] == "under_review" and word == _LOSES:
        dispute_life.move(execution, dispute, "lost")


def load(execution: Execution, id: str) -> JsonObject:
    """Return a dispute. Raises ApiError 404."""
    dispute = execution.find(KIND, id)
    if dispute is None:
        raise errors.missing(KIND, id, param=KIND)
    return dispute


def _require_open(dispute: JsonObject) -> JsonObject:
    if dispute["status"] in dispute_life.CLOSED:
        raise ApiError("This dispute is already closed")
    return dispute
