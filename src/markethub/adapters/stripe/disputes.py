"""Disputes, evidence files and early fraud warnings: requests, answers and events. Pure.

The shapes are those of Stripe's Dispute, File and Radar EarlyFraudWarning objects, tolerant of
every API version: ``payment_intent`` and ``charge`` may be an id, an object or missing.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from markethub.adapters.stripe import reading
from markethub.adapters.stripe.outcomes import Reply, is_success, outcome, read
from markethub.domain.errors import (
    GatewayRejected,
    NotFound,
    ValidationFailed,
)
from markethub.domain.evidence import FILE_FIELDS
from markethub.domain.facts import (
    BalanceTransaction,
    DisputeReported,
    FraudWarning,
    ProviderDispute,
    ProviderDisputeStatus,
    ProviderFact,
    ProviderFraudWarning,
    WarningReported,
)
from markethub.domain.ids import ProviderDisputeId, ProviderFileId, WarningId
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.dispute_desk import DeskOutcome, DisputeDone
from markethub.domain.ports.gateway import Declined, Done, Refunded, Unknown
from markethub.domain.submission import CloseDispute, DisputeCommand, SubmitEvidence

DISPUTE_TYPES: Final = frozenset(
    f"charge.dispute.{what}"
    for what in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
)
WARNING_TYPES: Final = frozenset(
    f"radar.early_fraud_warning.{what}" for what in ("created", "updated")
)
HANDLED_TYPES: Final = DISPUTE_TYPES | WARNING_TYPES
"""The event types that tell of disputes and warnings."""

FILES_PATH: Final = "/v1/files"
PURPOSE: Final = "dispute_evidence"
"""What an uploaded file is for; Stripe's limits follow from it."""

_STRIPE_ID = re.compile(r"[A-Za-z0-9_]{1,255}")

# --- out --------------------------------------------------------------------------------------


def render(command: DisputeCommand) -> ProviderRequest:
    """Say what is sent for ``command``. Raises NotFound for an id that cannot be one."""
    match command:
        case SubmitEvidence(dispute_id=dispute_id, evidence=evidence):
            return ProviderRequest(
                method="POST",
                path=_dispute_path(dispute_id),
                params={"evidence": dict(evidence), "submit": True},
            )
        case CloseDispute(dispute_id=dispute_id):
            return ProviderRequest(
                method="POST", path=f"{_dispute_path(dispute_id)}/close", params={}
            )


def read_dispute(dispute_id: ProviderDisputeId) -> ProviderRequest:
    """Ask for a dispute; it shows its balance transactions by itself. Raises NotFound."""
    return ProviderRequest(method="GET", path=_dispute_path(dispute_id), params={})


def read_warning(warning_id: WarningId) -> ProviderRequest:
    """Ask for an early fraud warning. Raises NotFound for what cannot be an id."""
    path = f"/v1/radar/early_fraud_warnings/{_path_id(warning_id)}"
    return ProviderRequest(method="GET", path=path, params={})


def _dispute_path(dispute_id: ProviderDisputeId) -> str:
    return f"/v1/disputes/{_path_id(dispute_id)}"


def _path_id(id: str) -> str:
    # An empty id would address the list, and a slash something else altogether.
    if not _STRIPE_ID.fullmatch(id):
        raise NotFound("the provider has no such object")
    return id


# --- in ---------------------------------------------------------------------------------------


def desk_outcome(reply: Reply) -> DeskOutcome:
    """Say what became of a request about a dispute."""
    if not is_success(reply):
        refused = outcome(reply)
        assert not isinstance(refused, Done | Refunded), "only a success does something"
        return refused
    try:
        return DisputeDone(dispute=dispute(reply.body), replayed=reply.replayed)
    except ValidationFailed as problem:
        return Unknown(reason=f"unreadable answer: {problem}", stored=reply.replayed)


def dispute_read(reply: Reply) -> ProviderDispute:
    """Return the dispute that was read. Raises NotFound, or GatewayUnavailable."""
    return read(reply, dispute)


def warning_read(reply: Reply) -> ProviderFraudWarning:
    """Return the early fraud warning that was read. Raises as ``dispute_read``."""
    return read(reply, fraud_warning)


def file_uploaded(reply: Reply) -> ProviderFileId:
    """Return the id of an uploaded file. Raises GatewayUnavailable, GatewayRejected."""
    if not is_success(reply) and isinstance(refused := outcome(reply), Declined):
        raise GatewayRejected(f"the provider refused the file ({refused.code})")
    return read(
        reply, lambda obj: ProviderFileId(reading.id_of(reading.of_kind(obj, "file"), "file"))
    )


def dispute(obj: object) -> ProviderDispute:
    """Read a Dispute. Raises ValidationFailed for an unreadable one."""
    fields = reading.of_kind(obj, "dispute")
    details = reading.mapping(fields.get("evidence_details")) or {}
    count = details.get("submission_count")
    return ProviderDispute(
        id=ProviderDisputeId(reading.id_of(fields, "dispute")),
        status=_status(fields.get("status")),
        reason=reading.word(fields.get("reason")) or "general",
        # The cardholder's bank disputes in its own currency; what it takes is in ours.
        amount=reading.foreign_money(fields, "amount"),
        charge_id=reading.charge_id(fields.get("charge")),
        intent_id=reading.intent_id(fields.get("payment_intent")),
        movements=_movements(fields),
        evidence_due_by=_moment_or_none(details.get("due_by")),
        has_evidence=details.get("has_evidence") is True,
        evidence=_evidence(fields.get("evidence")),
        submission_count=0 if count is None else reading.whole(count, "submission_count"),
        is_past_due=details.get("past_due") is True,
        livemode=fields.get("livemode") is True,
        created_at=reading.moment(fields.get("created"), "created"),
    )


def _evidence(value: object) -> dict[str, str]:
    said = reading.mapping(value) or {}
    found = {
        name: reading.reference_id(each) if name in FILE_FIELDS else each
        for name, each in said.items()
    }
    return {name: each for name, each in found.items() if isinstance(each, str)}


def _movements(fields: Mapping[str, object]) -> tuple[BalanceTransaction, ...]:
    listed = reading.items(fields.get("balance_transactions"))
    if listed is None:
        raise ValidationFailed("balance_transactions", "must be a list")
    found = [reading.balance(each) for each in listed]
    if None in found:
        # An id alone does not say how much: nothing about money is guessed.
        raise ValidationFailed("balance_transactions", "must be objects")
    return tuple(each for each in found if each is not None)


def fraud_warning(obj: object) -> ProviderFraudWarning:
    """Read an EarlyFraudWarning. Raises ValidationFailed for an unreadable one."""
    fields = reading.of_kind(obj, "radar.early_fraud_warning")
    return ProviderFraudWarning(
        warning=FraudWarning(
            id=WarningId(reading.id_of(fields, "early fraud warning")),
            fraud_type=reading.word(fields.get("fraud_type")) or "misc",
            is_actionable=fields.get("actionable") is True,
            created_at=reading.moment(fields.get("created"), "created"),
        ),
        charge_id=reading.charge_id(fields.get("charge")),
        intent_id=reading.intent_id(fields.get("payment_intent")),
    )


def event_fact(type: str, obj: object) -> ProviderFact:
    """Read what an event of one of HANDLED_TYPES is about: no more, for the object is read.

    Raises ValidationFailed for an unreadable object.
    """
    if type in WARNING_TYPES:
        fields = reading.of_kind(obj, "radar.early_fraud_warning")
        return WarningReported(
            warning_id=WarningId(reading.id_of(fields, "early fraud warning")),
            charge_id=reading.charge_id(fields.get("charge")),
            intent_id=reading.intent_id(fields.get("payment_intent")),
        )
    fields = reading.of_kind(obj, "dispute")
    return DisputeReported(
        dispute_id=ProviderDisputeId(reading.id_of(fields, "dispute")),
        charge_id=reading.charge_id(fields.get("charge")),
        intent_id=reading.intent_id(fields.get("payment_intent")),
    )


def _status(value: object) -> ProviderDisputeStatus:
    try:
        return ProviderDisputeStatus(value) if isinstance(value, str) else _UNKNOWN
    except ValueError:
        return _UNKNOWN


_UNKNOWN: Final = ProviderDisputeStatus.UNKNOWN


def _moment_or_none(value: object) -> datetime | None:
    return None if value is None else reading.moment(value, "due_by")
