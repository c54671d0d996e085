"""The list of payments: what its address asks for, and the links that sort it."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
from litestar import Request

from markethub.domain.ids import PaymentId
from markethub.domain.money import Currency
from markethub.domain.payment import PaymentStatus
from markethub.domain.ports.payment_sort import PaymentSort
from markethub.domain.ports.queries import PaymentFilter, PaymentPage, Queries, Trouble
from markethub.entrypoints.console.lists import (
    addressed,
    can_be_id,
    chosen,
    chosen_of,
    kept,
    options,
)
from markethub.entrypoints.http.errors import invalid

_FILTERS: Final = ("q", "status", "trouble", "currency", "since", "until")
_COLUMNS: Final = {
    "amount": (PaymentSort.LARGEST, PaymentSort.SMALLEST),
    "began": (PaymentSort.NEWEST, PaymentSort.OLDEST),
}
"""The columns that can be sorted by, each with both of its orders; the first is its usual one."""
assert {sort for pair in _COLUMNS.values() for sort in pair} == set(PaymentSort)
_LEADS: Final = {
    PaymentSort.NEWEST: "The newest first.",
    PaymentSort.OLDEST: "The oldest first.",
    PaymentSort.LARGEST: "The largest first, currency by currency.",
    PaymentSort.SMALLEST: "The smallest first, currency by currency.",
}
assert set(_LEADS) == set(PaymentSort), "each order is said"


@attrs.frozen(kw_only=True)
class Head:
    """The head of a column that can be sorted by."""

    url: str
    """The list in this column's order; the other way round if it is in that already."""
    aria_sort: str | None
    """How the list is sorted by it now, in ARIA's words; None if it is not."""


@attrs.frozen(kw_only=True)
class Asked:
    """What an address of the list asks for."""

    search: str | None
    """What stands in the search box."""
    filter: PaymentFilter
    sort: PaymentSort

    @classmethod
    def by(cls, request: Request[Any, Any, Any]) -> "Asked":
        """Read the address. Raises HttpProblem and ValidationFailed for what is no choice."""
        currency, search = chosen(request, "currency"), chosen(request, "q")
        return cls(
            search=search,
            filter=PaymentFilter(
                whose=search,
                status=chosen_of(request, "status", PaymentStatus),
                trouble=chosen_of(request, "trouble", Trouble),
                currency=None if currency is None else Currency.of(currency.lower()),
                created_from=_day(request, "since"),
                created_until=_day(request, "until", days_later=1),
            ),
            sort=chosen_of(request, "sort", PaymentSort) or PaymentSort.NEWEST,
        )

    async def one(self, queries: Queries) -> PaymentId | None:
        """Return the payment that is searched for, where the search names a single thing."""
        if self.search is None or not can_be_id(self.search):
            return None
        return await queries.payment_of(self.search)

    async def read(self, queries: Queries, *, cursor: str | None, limit: int) -> PaymentPage:
        """Return a page of what is asked for: nothing, where the search cannot be an id."""
        if self.search is not None and not can_be_id(self.search):
            return PaymentPage(items=(), next_cursor=None)
        return await queries.payments(self.filter, sort=self.sort, cursor=cursor, limit=limit)


def shown(request: Request[Any, Any, Any], asked: Asked) -> dict[str, Any]:
    """Return what the page says of how it was asked for."""
    filters = {name: chosen(request, name) or "" for name in _FILTERS}
    return {
        "filters": filters,
        "is_filtered": any(filters.values()),
        "statuses": options(PaymentStatus),
        "troubles": options(Trouble),
        "sort": asked.sort,
        "lead": _LEADS[asked.sort],
        "heads": {name: _head(request, name, asked.sort) for name in _COLUMNS},
    }


def _head(request: Request[Any, Any, Any], column: str, now: PaymentSort) -> Head:
    usual, reverse = _COLUMNS[column]
    wanted = reverse if now is usual else usual
    is_default = wanted is PaymentSort.NEWEST
    aria_sort = None
    if now in _COLUMNS[column]:
        aria_sort = "descending" if now.is_descending else "ascending"
    params = {**kept(request), "sort": None if is_default else wanted.value}
    return Head(url=addressed(request.url.path, **params), aria_sort=aria_sort)


def _day(request: Request[Any, Any, Any], name: str, *, days_later: int = 0) -> datetime | None:
    text = chosen(request, name)
    if text is None:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return day + timedelta(days=days_later)
    except (ValueError, OverflowError):
        raise invalid(name, "must be a day, as in 2026-11-30") from None
