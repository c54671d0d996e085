"""Disputes and submissions to rows and back: each pair next to each other, field by field."""

import json
from typing import Any

from markethub.adapters.sqlalchemy.mappers import Read, Row, to_json
from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.evidence import Evidence
from markethub.domain.facts import BalanceTransaction
from markethub.domain.money import Money
from markethub.domain.operation import OperationStatus, ProviderRequest
from markethub.domain.submission import Submission, SubmissionKind


def dispute_to_row(dispute: Dispute) -> Row:
    """Return the row of a dispute, with the version that it has in memory."""
    return {
        "id": dispute.id,
        "provider_id": dispute.provider_id,
        "payment_id": dispute.payment_id,
        "order_id": dispute.order_id,
        "status": dispute.status.value,
        "reason": dispute.reason,
        "amount_minor": dispute.amount.minor,
        "currency": dispute.amount.currency.code,
        "movements": to_json([_movement_to_json(each) for each in dispute.movements]),
        "evidence_due_by": dispute.evidence_due_by,
        "has_evidence": dispute.has_evidence,
        "submission_count": dispute.submission_count,
        "is_past_due": dispute.is_past_due,
        "draft": to_json({"texts": dispute.draft.texts, "files": dispute.draft.files}),
        "drafted_by": dispute.drafted_by,
        "reminded_at": dispute.reminded_at,
        "opened_at": dispute.opened_at,
        "created_at": dispute.created_at,
        "updated_at": dispute.updated_at,
        "version": dispute.version,
    }


def dispute_from_row(row: Read) -> Dispute:
    """Return the dispute of a row."""
    return Dispute(
        id=row["id"],
        provider_id=row["provider_id"],
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        status=DisputeStatus(row["status"]),
        reason=row["reason"],
        amount=Money.read(row["amount_minor"], row["currency"]),
        movements=tuple(map(_movement_from_json, json.loads(row["movements"]))),
        evidence_due_by=row["evidence_due_by"],
        has_evidence=row["has_evidence"],
        submission_count=row["submission_count"],
        is_past_due=row["is_past_due"],
        draft=Evidence(**json.loads(row["draft"])),
        drafted_by=row["drafted_by"],
        reminded_at=row["reminded_at"],
        opened_at=row["opened_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def _movement_to_json(movement: BalanceTransaction) -> dict[str, object]:
    return {
        "id": movement.id,
        "amount_minor": movement.amount.minor,
        "currency": movement.amount.currency.code,
        "fee_minor": movement.fee.minor,
        "fee_currency": movement.fee.currency.code,
    }


def _movement_from_json(read: dict[str, Any]) -> BalanceTransaction:
    return BalanceTransaction(
        id=read["id"],
        amount=Money.of(read["amount_minor"], read["currency"]),
        fee=Money.of(read["fee_minor"], read["fee_currency"]),
    )


def submission_to_row(submission: Submission) -> Row:
    """Return the row of a submission, with the version that it has in memory."""
    return {
        "id": submission.id,
        "dispute_id": submission.dispute_id,
        "kind": submission.kind.value,
        "method": submission.request.method,
        "path": submission.request.path,
        "params": to_json(submission.request.params),
        "count_before": submission.count_before,
        "actor": submission.actor,
        "origin": submission.origin,
        "attempt": submission.attempt,
        "status": submission.status.value,
        "error_code": submission.error_code,
        "next_attempt_at": submission.next_attempt_at,
        "created_at": submission.created_at,
        "updated_at": submission.updated_at,
        "version": submission.version,
    }


def submission_from_row(row: Read) -> Submission:
    """Return the submission of a row."""
    return Submission(
        id=row["id"],
        dispute_id=row["dispute_id"],
        kind=SubmissionKind(row["kind"]),
        request=ProviderRequest(
            method=row["method"], path=row["path"], params=json.loads(row["params"])
        ),
        count_before=row["count_before"],
        actor=row["actor"],
        origin=row["origin"],
        attempt=row["attempt"],
        status=OperationStatus(row["status"]),
        error_code=row["error_code"],
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
