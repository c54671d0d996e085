"""The shapes of approvals in HTTP bodies, and the entity seen through them."""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from markethub.domain.approval import Approval, ApprovalStatus
from markethub.domain.ports.approvals import ApprovalPage
from markethub.domain.refund import RefundReason


class DecisionIn(msgspec.Struct, forbid_unknown_fields=True):
    """What the second person says to it."""

    why: str | UnsetType = UNSET


class ApprovalOut(msgspec.Struct, frozen=True):
    """A refund that needs a second person. The amount in minor units."""

    id: str
    payment_id: str
    order_id: str
    status: ApprovalStatus
    amount: int
    currency: str
    reason: RefundReason
    requested_by: str
    created_at: datetime
    updated_at: datetime
    note: str | UnsetType = UNSET
    decided_by: str | UnsetType = UNSET
    why: str | UnsetType = UNSET
    refund_id: str | UnsetType = UNSET


class ApprovalsOut(msgspec.Struct, frozen=True):
    """A page of approvals, newest first."""

    items: list[ApprovalOut]
    next_cursor: str | None


def approval_out(approval: Approval) -> ApprovalOut:
    """Show an approval."""
    return ApprovalOut(
        id=approval.id,
        payment_id=approval.payment_id,
        order_id=approval.order_id,
        status=approval.status,
        amount=approval.amount.minor,
        currency=approval.amount.currency.code,
        reason=approval.reason,
        requested_by=approval.requested_by,
        created_at=approval.created_at,
        updated_at=approval.updated_at,
        note=UNSET if approval.note is None else approval.note,
        decided_by=UNSET if approval.decided_by is None else approval.decided_by,
        why=UNSET if approval.why is None else approval.why,
        refund_id=UNSET if approval.refund_id is None else approval.refund_id,
    )


def approvals_out(page: ApprovalPage) -> ApprovalsOut:
    """Show a page of approvals."""
    return ApprovalsOut(
        items=[approval_out(each) for each in page.items], next_cursor=page.next_cursor
    )
