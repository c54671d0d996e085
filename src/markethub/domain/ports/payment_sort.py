"""In which order payments are listed, and where a page of such a list ends."""

import base64
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from markethub.domain.errors import ValidationFailed
from markethub.domain.payment import Payment

Place = tuple[Any, ...]
"""What an order compares, the payment's id last: no two payments have the same."""
_MINOR_MAXIMUM: Final = 2**63 - 1  # what a column holds


class PaymentSort(StrEnum):
    """The orders there are.

    Amounts of two currencies cannot be compared: those of one stand together, in the order of
    the currencies' codes.
    """

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"

    @property
    def is_by_amount(self) -> bool:
        """Tell whether amounts are compared, and not when payments began."""
        return self in (PaymentSort.LARGEST, PaymentSort.SMALLEST)

    @property
    def is_descending(self) -> bool:
        """Tell whether what is compared falls from row to row."""
        return self in (PaymentSort.NEWEST, PaymentSort.LARGEST)


def place_of(payment: Payment, sort: PaymentSort) -> Place:
    """Return where a payment stands in this order."""
    if sort.is_by_amount:
        return payment.amount.currency.code, payment.amount.minor, payment.id
    return payment.created_at, payment.id


def cursor_after(payment: Payment, sort: PaymentSort) -> str:
    """Name the place behind a payment; opaque to the caller."""
    place = [
        each.isoformat() if isinstance(each, datetime) else each for each in place_of(payment, sort)
    ]
    # The first order there was is not named: cursors that somebody still has stay good.
    named = place if sort is PaymentSort.NEWEST else [sort.value, *place]
    return base64.urlsafe_b64encode(json.dumps(named).encode()).decode()


def place_in(cursor: str, sort: PaymentSort) -> Place:
    """Return the place that a cursor names. Raises ValidationFailed for none of this order."""
    try:
        read = json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True))
        if sort is PaymentSort.NEWEST and isinstance(read, list):
            read = [sort.value, *read]
        match read:
            case [sort.value, str(code), int(minor), str(id)] if sort.is_by_amount:
                if _is_plain(code) and _is_plain(id) and 0 <= minor <= _MINOR_MAXIMUM:
                    return code, minor, id
            case [sort.value, str(moment), str(id)] if not sort.is_by_amount:
                at = datetime.fromisoformat(moment)
                if _is_plain(id) and at.tzinfo is not None:
                    return at.astimezone(UTC), id
    except (ValueError, OverflowError, RecursionError):
        pass  # malformed, whichever way
    raise ValidationFailed("cursor", "is not one of ours")


def _is_plain(text: str) -> bool:
    # PostgreSQL has no text with a NUL.
    return bool(text) and text.isascii() and text.isprintable()
