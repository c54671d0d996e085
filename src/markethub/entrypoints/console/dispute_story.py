"""A dispute's story, in the order in which it happened."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import attrs

from markethub.domain.audit import AuditAction, AuditEntry
from markethub.domain.dispute import Dispute
from markethub.domain.operation import OperationStatus
from markethub.domain.submission import Submission, SubmissionKind

_ASKED: Final = {
    SubmissionKind.SUBMIT: "The provider was asked to hand the evidence to the bank",
    SubmissionKind.ACCEPT: "The provider was asked to concede the dispute",
}
_DID: Final = {
    AuditAction.DISPUTE_DRAFT: "The texts were kept",
    AuditAction.DISPUTE_ATTACH: "A file was attached",
    AuditAction.DISPUTE_SUBMIT: "The submission was confirmed",
    AuditAction.DISPUTE_ACCEPT: "The concession was confirmed",
}
_BECAME: Final = {
    OperationStatus.UNRESOLVED: "outcome unknown",
    OperationStatus.DONE: "done",
    OperationStatus.REFUSED: "refused by the provider",
    OperationStatus.NEVER_HAPPENED: "it never happened",
}


@attrs.frozen(kw_only=True)
class Step:
    """Something that happened. ``who`` is of the staff, or None."""

    at: datetime
    text: str
    who: str | None = None
    detail: str | None = None


def story(
    dispute: Dispute, asked: Sequence[Submission], told: Iterable[AuditEntry]
) -> Sequence[Step]:
    """Tell what the bank, the provider and the staff did, oldest first."""
    steps = [*_of_dispute(dispute), *_of_submissions(asked), *_of_staff(told)]
    return sorted(steps, key=lambda step: step.at)


def _of_dispute(dispute: Dispute) -> Iterator[Step]:
    yield Step(at=dispute.opened_at, text=f"The bank opened the dispute over {dispute.amount}")
    yield Step(at=dispute.created_at, text="We heard of it")
    if dispute.reminded_at is not None:
        yield Step(at=dispute.reminded_at, text="The storefront was reminded of the due date")


def _of_submissions(asked: Sequence[Submission]) -> Iterator[Step]:
    for each in asked:
        outcome = _BECAME[each.status]
        yield Step(
            at=each.created_at,
            text=f"{_ASKED[each.kind]}: {outcome}",
            detail=each.error_code,
        )


def _of_staff(told: Iterable[AuditEntry]) -> Iterator[Step]:
    for each in told:
        yield Step(
            at=each.at,
            text=_DID.get(each.action, each.action.value),
            who=each.actor,
            detail=each.reason,
        )
