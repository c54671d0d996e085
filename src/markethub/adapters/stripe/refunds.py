"""Refunds as Stripe shows them: objects, pages and events. Pure.

The shapes are those of Stripe's Refund object, tolerant of every API version: ``charge``,
``payment_intent`` and the balance transactions may be an id, an object or missing.
"""

from typing import Final

import attrs

from markethub.adapters.stripe import reading
from markethub.adapters.stripe.requests import REFUND_ID
from markethub.domain.errors import ValidationFailed
from markethub.domain.facts import (
    ProviderFact,
    ProviderRefund,
    ProviderRefundStatus,
    RefundReported,
)
from markethub.domain.ids import ProviderRefundId, RefundId

REFUND_TYPES: Final = frozenset(
    {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
)
CHARGE_TYPES: Final = frozenset({"charge.refunded"})
HANDLED_TYPES: Final = REFUND_TYPES | CHARGE_TYPES
"""The event types that tell of refunds."""
_RELEASED: Final = "expired_uncaptured_charge"
"""The reason of what is listed as a refund, and is a hold that Stripe released."""


def refund(obj: object) -> ProviderRefund:
    """Read a Refund. Raises ValidationFailed for an unreadable one."""
    fields = reading.of_kind(obj, "refund")
    ours = reading.our_id((reading.mapping(fields.get("metadata")) or {}).get(REFUND_ID))
    return ProviderRefund(
        id=ProviderRefundId(reading.id_of(fields, "refund")),
        status=_status(fields.get("status")),
        amount=reading.money(fields, "amount"),
        charge_id=reading.charge_id(fields.get("charge")),
        intent_id=reading.intent_id(fields.get("payment_intent")),
        refund_id=RefundId(ours) if ours else None,
        balance=reading.balance(fields.get("balance_transaction")),
        returned=reading.balance(fields.get("failure_balance_transaction")),
        failure_reason=reading.word(fields.get("failure_reason")),
        created_at=reading.moment(fields.get("created"), "created"),
    )


@attrs.frozen(kw_only=True)
class RefundPage:
    """A page of a list. ``next_after`` is where the next one starts; None on the last."""

    refunds: tuple[ProviderRefund, ...]
    next_after: str | None


def page(obj: object) -> RefundPage:
    """Read a page of Refunds, without released holds. Raises ValidationFailed."""
    fields = reading.of_kind(obj, "list")
    data = reading.items(fields.get("data"))
    if data is None:
        raise ValidationFailed("data", "must be a list")
    found = [(refund(each), reading.of_kind(each, "refund").get("reason")) for each in data]
    more = fields.get("has_more") is True and found
    return RefundPage(
        refunds=tuple(seen for seen, reason in found if reason != _RELEASED),
        next_after=found[-1][0].id if more else None,
    )


def event_fact(type: str, obj: object) -> ProviderFact:
    """Read what an event of ``HANDLED_TYPES`` is about; of an unreadable refund, only its ids.

    Raises ValidationFailed for what is no such object, or has no id.
    """
    if type in CHARGE_TYPES:
        fields = reading.of_kind(obj, "charge")
        return RefundReported(
            intent_id=reading.intent_id(fields.get("payment_intent")),
            charge_id=reading.charge_id(fields.get("id")),
        )
    fields = reading.of_kind(obj, "refund")
    try:
        seen = refund(fields)
    except ValidationFailed:
        seen = None
    return RefundReported(
        intent_id=reading.intent_id(fields.get("payment_intent")),
        charge_id=reading.charge_id(fields.get("charge")),
        refund=seen,
        provider_refund_id=ProviderRefundId(reading.id_of(fields, "refund")),
    )


def _status(value: object) -> ProviderRefundStatus:
    try:
        return (
            ProviderRefundStatus(value) if isinstance(value, str) else ProviderRefundStatus.UNKNOWN
        )
    except ValueError:
        return ProviderRefundStatus.UNKNOWN
