"""The shapes of refunds in HTTP bodies, and the entity seen through them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from markethub.domain.ids import PaymentId
from markethub.domain.ports.refunds import RefundPage
from markethub.domain.refund import Refund, RefundReason, RefundStatus
from markethub.domain.usecases.refund_payment import RefundPreview

RefundsByPayment = Mapping[PaymentId, Sequence[Refund]]


class RefundIn(msgspec.Struct, forbid_unknown_fields=True):
    """How much to give back, in minor units (all that is left where absent), and why.

    ``dry_run``: only say what would happen.
    """

    amount: int | UnsetType = UNSET
    reason: RefundReason | UnsetType = UNSET
    note: str | UnsetType = UNSET
    dry_run: bool = False


class RefundOut(msgspec.Struct, frozen=True):
    """A refund. The amount in minor units. ``reason`` is null for one made at the provider."""

    id: str
    payment_id: str
    order_id: str
    provider_refund_id: str | None
    status: RefundStatus
    amount: int
    currency: str
    created_at: datetime
    updated_at: datetime
    reason: RefundReason | UnsetType | None = UNSET
    note: str | UnsetType = UNSET
    actor: str | UnsetType = UNSET
    failure_reason: str | UnsetType = UNSET


class RefundsOut(msgspec.Struct, frozen=True):
    """A page of refunds, newest first."""

    items: list[RefundOut]
    next_cursor: str | None


class RefundPreviewOut(msgspec.Struct, frozen=True):
    """What a refund would do. Amounts in minor units."""

    payment_id: str
    amount: int
    amount_refundable_after: int
    currency: str
    needs_approval: bool
    """Whether a second person has to agree."""
    dry_run: bool = True


def refund_out(refund: Refund, *, to_customer: bool = False) -> RefundOut:
    """Show a refund.

    Who asked for it and why, and what a bank says of a card (lost, stolen), is not for customers.
    """
    return RefundOut(
        id=refund.id,
        payment_id=refund.payment_id,
        order_id=refund.order_id,
        provider_refund_id=refund.provider_id,
        status=refund.status,
        amount=refund.amount.minor,
        currency=refund.amount.currency.code,
        created_at=refund.created_at,
        updated_at=refund.updated_at,
        reason=UNSET if to_customer else refund.reason,
        note=UNSET if to_customer or refund.note is None else refund.note,
        actor=UNSET if to_customer or refund.actor is None else refund.actor,
        failure_reason=UNSET if to_customer or not refund.failure_reason else refund.failure_reason,
    )


def refunds_out(page: RefundPage) -> RefundsOut:
    """Show a page of refunds."""
    return RefundsOut(
        items=[refund_out(refund) for refund in page.items], next_cursor=page.next_cursor
    )


def preview_out(preview: RefundPreview) -> RefundPreviewOut:
    """Show what a refund would do."""
    return RefundPreviewOut(
        payment_id=preview.payment.id,
        amount=preview.amount.minor,
        amount_refundable_after=preview.left.minor,
        currency=preview.amount.currency.code,
        needs_approval=preview.needs_approval,
    )
