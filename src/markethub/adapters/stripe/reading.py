"""The pieces that Stripe's objects are read by. Pure, and tolerant of every API version.

Objects referred to may stand inline, as an id, or not at all. Only what is needed and missing, or
money that cannot be counted, is refused: nothing about money is guessed.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from markethub.domain.errors import ValidationFailed
from markethub.domain.facts import BalanceTransaction, Card
from markethub.domain.ids import ChargeId, IntentId
from markethub.domain.money import Money

_OUR_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
STRIPE_ID: Final = re.compile(r"[A-Za-z0-9_]{1,255}")
_WORD_LENGTH_MAX = 255  # No code or brand of Stripe's comes near it.


def of_kind(value: object, kind: str) -> Mapping[str, object]:
    """Return an object of a kind. Raises ValidationFailed for anything else."""
    if not isinstance(value, Mapping) or value.get("object") != kind:
        raise ValidationFailed("", f"is no {kind}")
    return value


def id_of(fields: Mapping[str, object], kind: str) -> str:
    """Return an object's id. Raises ValidationFailed."""
    value = fields.get("id")
    if not isinstance(value, str) or not STRIPE_ID.fullmatch(value):
        raise ValidationFailed("id", f"is no id of a {kind}")
    return value


def whole(value: object, field: str) -> int:
    """Return a whole number. Raises ValidationFailed."""
    if type(value) is not int:
        raise ValidationFailed(field, "must be a whole number")
    return value


def money(fields: Mapping[str, object], field: str, *, default: int | None = None) -> Money:
    """Return an amount in the object's currency. Raises ValidationFailed."""
    value = fields.get(field)
    minor = default if value is None and default is not None else whole(value, field)
    return Money.of(minor, _currency(fields))


def foreign_money(fields: Mapping[str, object], field: str) -> Money:
    """Return an amount also in a currency that we do not charge in. Raises ValidationFailed."""
    return Money.read(whole(fields.get(field), field), _currency(fields))


def _currency(fields: Mapping[str, object]) -> str:
    currency = fields.get("currency")
    if not isinstance(currency, str):
        raise ValidationFailed("currency", "must be a text")
    return currency


def reference_id(value: object) -> str | None:
    """Return the id of an object that stands there inline, or as its id."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and STRIPE_ID.fullmatch(found) else None


def charge_id(value: object) -> ChargeId | None:
    """Return the id of a charge that stands there inline, or as its id."""
    found = reference_id(value)
    return ChargeId(found) if found else None


def intent_id(value: object) -> IntentId | None:
    """Return the id of an intent, likewise."""
    found = reference_id(value)
    return IntentId(found) if found else None


def our_id(value: object) -> str | None:
    """Return what can be an id of ours."""
    return value if isinstance(value, str) and _OUR_ID.fullmatch(value) else None


def word(value: object) -> str | None:
    """Return one of Stripe's words: printable, and not endless."""
    if not isinstance(value, str) or not value.isprintable():
        return None
    return value if 0 < len(value) <= _WORD_LENGTH_MAX else None


def mapping(value: object) -> Mapping[str, object] | None:
    """Return an object, or None for anything else."""
    return value if isinstance(value, Mapping) else None


def items(value: object) -> Sequence[object] | None:
    """Return a list, or None for anything else."""
    return value if isinstance(value, list | tuple) else None


def card(details: object) -> Card | None:
    """Return what may be shown of a card, or None where it is not all there."""
    fields = mapping((mapping(details) or {}).get("card")) or {}
    brand, last4 = word(fields.get("brand")), word(fields.get("last4"))
    month, year = fields.get("exp_month"), fields.get("exp_year")
    if brand is None or last4 is None or type(month) is not int or type(year) is not int:
        return None
    return Card(brand=brand, last4=last4, exp_month=month, exp_year=year)


def capture_before(details: object) -> datetime | None:
    """Return until when a held amount may be captured, or None where nothing is said of it."""
    fields = mapping((mapping(details) or {}).get("card")) or {}
    value = fields.get("capture_before")
    return moment(value, "capture_before") if type(value) is int else None


def balance(value: object) -> BalanceTransaction | None:
    """Return a balance transaction that stands there inline; None for an id alone."""
    fields = mapping(value)
    if fields is None:
        return None  # an id alone, or not booked yet
    return BalanceTransaction(
        id=id_of(fields, "balance transaction"),
        amount=money(fields, "amount"),
        fee=money(fields, "fee"),
    )


def moment(value: object, field: str) -> datetime:
    """Read a Unix time in whole seconds. Raises ValidationFailed."""
    try:
        return datetime.fromtimestamp(whole(value, field), UTC)
    except (OverflowError, OSError, ValueError):
        raise ValidationFailed(field, "is no time") from None
