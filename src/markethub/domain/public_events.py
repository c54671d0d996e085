"""Which domain events a storefront is told of, and what it is told of each.

Fields are named as in the HTTP interface, amounts are in minor units. What is not listed here
stays inside, so that a new field of an event is not public by accident.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from markethub.domain.events import (
    DisputeDue,
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    DomainEvent,
    OrderPaid,
    PaymentFailed,
    RefundFailed,
    RefundSucceeded,
)

_MONEY = ("amount_minor", "currency")
_REFUND = ("refund_id", "payment_id", "order_id", *_MONEY)
_DISPUTE = ("dispute_id", "payment_id", "order_id")

_FIELDS: Final[Mapping[type[DomainEvent], tuple[str, ...]]] = MappingProxyType(
    {
        OrderPaid: ("order_id", "payment_id", *_MONEY),
        PaymentFailed: ("order_id", "payment_id", "failure_code"),
        RefundSucceeded: _REFUND,
        RefundFailed: (*_REFUND, "failure_reason", "had_succeeded"),
        DisputeOpened: (*_DISPUTE, *_MONEY, "reason", "is_inquiry"),
        DisputeDue: (*_DISPUTE, "due_by"),
        DisputeWon: (*_DISPUTE, *_MONEY),
        DisputeLost: (*_DISPUTE, *_MONEY),
    }
)
_PUBLIC_NAMES: Final = MappingProxyType({"amount_minor": "amount"})

PUBLIC_TYPES: Final = frozenset(kind.type for kind in _FIELDS)
"""The types that a storefront may hear of."""


def is_public(event: DomainEvent) -> bool:
    """Tell whether a storefront hears of this event."""
    return type(event) in _FIELDS


def public_data(event: DomainEvent) -> dict[str, str | int | bool]:
    """Return what a storefront is told. Raises KeyError for an event that is not public."""
    return {_PUBLIC_NAMES.get(name, name): getattr(event, name) for name in _FIELDS[type(event)]}


def aggregate_of(event: DomainEvent) -> str:
    """Return the id of what a public event happened to: the entity that told it.

    Raises KeyError for an event that is not public.
    """
    data = public_data(event)
    kind = event.type.partition(".")[0]
    return str(data[f"{kind}_id"])
