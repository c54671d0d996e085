"""A payment's story, in the order in which it happened."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from markethub.domain.approval import Approval, ApprovalStatus
from markethub.domain.audit import AuditAction, AuditEntry
from markethub.domain.dispute import Dispute
from markethub.domain.payment import Payment
from markethub.domain.refund import Refund, RefundStatus
from markethub.entrypoints.console.dispute_story import Step

_DID: Final = {
    AuditAction.PAYMENT_CAPTURE: "The capture was asked for",
    AuditAction.PAYMENT_CANCEL: "The cancelation was asked for",
    AuditAction.ORDER_CANCEL: "The order was canceled",
    AuditAction.REFUND_REQUEST: "A refund was asked for",
    AuditAction.REFUND_APPROVAL_ASKED: "A refund was asked for that needs a second person",
    AuditAction.REFUND_APPROVE: "The refund was approved",
    AuditAction.REFUND_REJECT: "The refund was rejected",
    AuditAction.DISPUTE_DRAFT: "Evidence was written",
    AuditAction.DISPUTE_ATTACH: "A file was attached to the evidence",
    AuditAction.DISPUTE_SUBMIT: "The evidence was submitted",
    AuditAction.DISPUTE_ACCEPT: "The dispute was conceded",
}
_REFUND_IS: Final = {
    RefundStatus.PENDING: "is on its way, or nobody knows yet",
    RefundStatus.REQUIRES_ACTION: "waits for the customer to say where to",
    RefundStatus.SUCCEEDED: "arrived",
    RefundStatus.FAILED: "came back",
    RefundStatus.CANCELED: "was canceled",
}


def story(
    payment: Payment,
    *,
    refunds: Iterable[Refund],
    disputes: Iterable[Dispute],
    approvals: Iterable[Approval],
    told: Iterable[AuditEntry],
) -> Sequence[Step]:
    """Tell what customer, provider, bank and staff did, oldest first."""
    steps = [
        Step(at=payment.created_at, text=f"The payment of {payment.amount} began"),
        *_of_refunds(refunds),
        *_of_disputes(disputes),
        *_of_approvals(approvals),
        *_of_staff(told),
    ]
    return sorted(steps, key=lambda step: step.at)


def _of_refunds(refunds: Iterable[Refund]) -> Iterator[Step]:
    for refund in refunds:
        whose = "" if refund.is_ours else ", made at the provider,"
        yield Step(
            at=refund.updated_at,
            text=f"The refund of {refund.amount}{whose} {_REFUND_IS[refund.status]}",
            detail=refund.failure_reason,
        )


def _of_disputes(disputes: Iterable[Dispute]) -> Iterator[Step]:
    for dispute in disputes:
        kind = "asked about the payment" if dispute.is_inquiry else "opened a dispute"
        yield Step(at=dispute.opened_at, text=f"The bank {kind}: {dispute.amount}")


def _of_approvals(approvals: Iterable[Approval]) -> Iterator[Step]:
    for approval in approvals:
        if approval.status is ApprovalStatus.PENDING:
            yield Step(
                at=approval.updated_at,
                text=f"{approval.amount} waits for a second person",
                who=approval.requested_by,
            )


def _of_staff(told: Iterable[AuditEntry]) -> Iterator[Step]:
    for each in told:
        amount = each.detail.get("amount")
        text = _DID.get(each.action, each.action.value)
        yield Step(
            at=each.at,
            text=f"{text}: {amount}" if amount else text,
            who=each.actor,
            detail=each.reason,
        )
