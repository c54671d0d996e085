"""The shapes of disputes in HTTP bodies, and the entity seen through them."""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.evidence import TEXT_FIELDS
from markethub.domain.ports.disputes import DisputePage

EvidenceIn = msgspec.defstruct(
    "EvidenceIn",
    [(name, str | UnsetType, UNSET) for name in sorted(TEXT_FIELDS)],
    forbid_unknown_fields=True,
    namespace={"__doc__": "All texts of the draft, by Stripe's field names."},
)


def texts(body: msgspec.Struct) -> dict[str, str]:
    """Return the texts that a body gave."""
    return {
        name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET
    }


class AcceptIn(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing needs to be said."""


class SubmitIn(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing needs to be said: what is submitted is the draft."""


class DisputeOut(msgspec.Struct, frozen=True):
    """A dispute. Amounts in minor units of the dispute's own currency."""

    id: str
    provider_dispute_id: str
    payment_id: str
    order_id: str
    status: DisputeStatus
    is_inquiry: bool
    reason: str
    amount: int
    amount_withdrawn: int
    amount_reinstated: int
    currency: str
    fees: dict[str, int]
    """What the provider keeps for it: minor units by currency."""
    evidence_due_by: datetime | None
    evidence_past_due: bool
    has_evidence: bool
    submission_count: int
    evidence: dict[str, str]
    """The draft, by Stripe's field names; files as Stripe's ids."""
    opened_at: datetime
    created_at: datetime
    updated_at: datetime


class DisputesOut(msgspec.Struct, frozen=True):
    """A page of disputes, newest first."""

    items: list[DisputeOut]
    next_cursor: str | None


def dispute_out(dispute: Dispute) -> DisputeOut:
    """Show a dispute."""
    return DisputeOut(
        id=dispute.id,
        provider_dispute_id=dispute.provider_id,
        payment_id=dispute.payment_id,
        order_id=dispute.order_id,
        status=dispute.status,
        is_inquiry=dispute.is_inquiry,
        reason=dispute.reason,
        amount=dispute.amount.minor,
        amount_withdrawn=dispute.withdrawn.minor,
        amount_reinstated=dispute.reinstated.minor,
        currency=dispute.amount.currency.code,
        fees=dispute.fees_minor_by_currency,
        evidence_due_by=dispute.evidence_due_by,
        evidence_past_due=dispute.is_past_due,
        has_evidence=dispute.has_evidence,
        submission_count=dispute.submission_count,
        evidence=dict(dispute.draft.fields),
        opened_at=dispute.opened_at,
        created_at=dispute.created_at,
        updated_at=dispute.updated_at,
    )


def disputes_out(page: DisputePage) -> DisputesOut:
    """Show a page of disputes."""
    return DisputesOut(
        items=[dispute_out(dispute) for dispute in page.items], next_cursor=page.next_cursor
    )
