"""What a case of a spoilt row is made of."""

from collections.abc import Callable
from typing import Any

import attrs

from markethub.domain.money import Money
from tests.support.lived import Lived

Where = Callable[[Lived, Any], bool]
Change = Callable[[Any], dict[str, Any]]


def anything(_: Lived, __: Any) -> bool:
    return True


def nothing(_: Any) -> dict[str, Any]:
    return {}


def has(**fields: Any) -> Where:
    """Suit rows with these values; None stands for None, and ... for anything else."""

    def suits(_: Lived, row: Any) -> bool:
        return all(
            getattr(row, name) is not None if value is ... else getattr(row, name) == value
            for name, value in fields.items()
        )

    return suits


@attrs.frozen(kw_only=True)
class Case:
    """One change of one row: as it may be, and spoilt in one thing."""

    table: str
    where: Where = anything
    before: Change | None = nothing
    """What the row was; None where it is new."""
    clean: Change = nothing
    """What it became."""
    spoilt_before: Change = nothing
    spoilt: Change = nothing
    invariant: str
    says: str


def minus(money: Money, minor: int = 1) -> Money:
    return Money(minor=money.minor - minor, currency=money.currency)


def is_intent(status: str) -> Where:
    def suits(lived: Lived, row: Any) -> bool:
        intent = lived.truth.intents.get(row.intent_id)
        return intent is not None and intent["status"] == status

    return suits


def both(*wheres: Where) -> Where:
    return lambda lived, row: all(where(lived, row) for where in wheres)


def to(**fields: Any) -> Change:
    return lambda _: fields


@attrs.frozen(kw_only=True)
class Allowed:
    """One change of one row, as it may be."""

    table: str
    where: Where = anything
    before: Change = nothing
    after: Change = nothing
