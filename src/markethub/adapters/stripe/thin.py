"""Thin events: notifications of the v2 API, which name their object and do not show it. Pure.

Source: Stripe's page "Event destinations" and its SDK's ``EventNotification``. A type of the v1
API stands there behind ``v1.``; what is named is read before anything is settled.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from markethub.adapters.stripe import disputes, reading, refunds, translate
from markethub.domain.errors import ValidationFailed
from markethub.domain.facts import (
    CustomerDeleted,
    DisputeReported,
    IntentHinted,
    MethodReported,
    ProviderFact,
    RefundReported,
    Unrecognised,
    WarningReported,
)
from markethub.domain.ids import (
    ChargeId,
    IntentId,
    ProviderCustomerId,
    ProviderDisputeId,
    ProviderRefundId,
    WarningId,
)
from markethub.domain.secret import Secret

KIND: Final = "v2.core.event"
"""The ``object`` of a thin event; that of a snapshot event is ``event``."""

_PREFIX = "v1."
_VERSIONED = re.compile(r"v\d+\.", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def is_type(type: str) -> bool:
    """Tell whether a stored event was a thin one: a snapshot's type names no version."""
    return _VERSIONED.match(type) is not None


def moment(value: object) -> datetime:
    """Read a time of RFC 3339. Raises ValidationFailed."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValidationFailed("created", "is no time")
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (OverflowError, ValueError):
        raise ValidationFailed("created", "is no time") from None


def event_fact(type: str, event: object) -> ProviderFact:
    """Read what a thin event is about; ``event`` is the whole of it.

    Only for good is what is deleted: all else is to be read by its id. A type that we do not
    handle, and a setup, which brings its method's own event, are none of our business.
    Raises ValidationFailed for a type that we handle without the object that it is about.
    """
    snapshot = type.removeprefix(_PREFIX)
    if snapshot == type or snapshot not in _OBJECTS:
        return Unrecognised(type=type)
    fields = reading.mapping(event) or {}
    related = reading.mapping(fields.get("related_object")) or {}
    kind = _OBJECTS[snapshot]
    if related.get("type") != kind:
        raise ValidationFailed("related_object", f"is no {kind}")
    return _named(snapshot, kind, reading.id_of(related, kind))


def _named(type: str, kind: str, id: str) -> ProviderFact:
    match kind:
        case "payment_intent":
            return IntentHinted(intent_id=IntentId(id), charge_id=None)
        case "charge" if type in refunds.HANDLED_TYPES:
            return RefundReported(intent_id=None, charge_id=ChargeId(id))
        case "charge":
            return IntentHinted(intent_id=None, charge_id=ChargeId(id))
        case "refund":
            return RefundReported(
                intent_id=None, charge_id=None, provider_refund_id=ProviderRefundId(id)
            )
        case "dispute":
            return DisputeReported(dispute_id=ProviderDisputeId(id), charge_id=None, intent_id=None)
        case "radar.early_fraud_warning":
            return WarningReported(warning_id=WarningId(id), charge_id=None, intent_id=None)
        case "payment_method":
            return MethodReported(token=Secret(id), is_detached=False)
        case _:
            return CustomerDeleted(customer_id=ProviderCustomerId(id))


_METHOD_TYPES = ("attached", "updated", "automatically_updated", "detached")
_OBJECTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(translate.CLAIMED_STATUS, "payment_intent"),
    **dict.fromkeys(translate.CHARGE_TYPES, "charge"),
    **dict.fromkeys(refunds.REFUND_TYPES, "refund"),
    **dict.fromkeys(refunds.CHARGE_TYPES, "charge"),
    **dict.fromkeys(disputes.DISPUTE_TYPES, "dispute"),
    **dict.fromkeys(disputes.WARNING_TYPES, "radar.early_fraud_warning"),
    **{f"payment_method.{what}": "payment_method" for what in _METHOD_TYPES},
    "customer.deleted": "customer",
}
"""What an event of a type is about."""
