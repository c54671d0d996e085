"""What an exported list holds: its columns, and its lines read page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import attrs
from litestar import Request

from markethub.domain.audit import AuditEntry
from markethub.domain.dispute import Dispute
from markethub.domain.payment import Payment
from markethub.domain.refund import Refund
from markethub.entrypoints.console.lists import addressed, kept
from markethub.entrypoints.console.spreadsheet import BYTE_ORDER_MARK, Cell, encoded, major

ROWS_MAXIMUM: Final = 100_000
"""Rows of a file; a tenth of what a sheet has room for. More is said to be left out."""
ROWS_AT_ONCE: Final = 500
"""Rows that are read, and held, together."""

T = TypeVar("T")
Row_co = TypeVar("Row_co", covariant=True)


def export_url(request: Request[Any, Any, Any]) -> str:
    """Return where this list is to be had as a file, all of its pages, filtered as it is."""
    return addressed(f"{request.url.path}.csv", **kept(request))


class Page(Protocol[Row_co]):
    """A page of a read port."""

    @property
    def items(self) -> Sequence[Row_co]:
        """The rows."""
        ...

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins, if there is one."""
        ...


Read: TypeAlias = Callable[[str | None, int], Awaitable[Page[T]]]
"""Reads the page at a cursor, of at most so many rows."""


@attrs.frozen
class Table(Generic[T]):
    """An exported list: its name, and what stands in its columns."""

    name: str
    columns: tuple[tuple[str, Callable[[T], Cell]], ...]

    def row(self, item: T) -> list[Cell]:
        """Return the cells of an item."""
        return [cell(item) for _, cell in self.columns]

    async def lines(
        self, read: Read[T], *, rows_maximum: int = ROWS_MAXIMUM
    ) -> AsyncIterator[bytes]:
        """Yield the file piece by piece. No transaction is open while a piece is on its way.

        Where rows are left out, the last line says so. Raises what ``read`` raises: then the
        file breaks off, which a browser shows as a download that failed.
        """
        yield BYTE_ORDER_MARK.encode() + encoded([[name for name, _ in self.columns]])
        cursor, left = None, rows_maximum
        while left:
            page = await read(cursor, min(ROWS_AT_ONCE, left))
            yield encoded(self.row(item) for item in page.items)
            cursor, left = page.next_cursor, left - len(page.items)
            if cursor is None:
                return
        said = f"Not all: only the first {rows_maximum} rows are here. Narrow the filter."
        yield encoded([[said, *[None] * (len(self.columns) - 1)]])


PAYMENTS: Final = Table[Payment](
    "payments",
    (
        ("payment_id", lambda each: each.id),
        ("order_id", lambda each: each.order_id),
        ("customer_id", lambda each: each.customer_id),
        ("status", lambda each: each.status),
        ("quarantine", lambda each: each.quarantine),
        ("failure_code", lambda each: each.failure.code if each.failure else None),
        ("amount", lambda each: major(each.amount)),
        ("captured", lambda each: major(each.captured)),
        ("refunded", lambda each: major(each.refunded)),
        ("disputed", lambda each: major(each.disputed)),
        ("currency", lambda each: each.amount.currency.code.upper()),
        ("provider_intent_id", lambda each: each.intent_id),
        ("provider_charge_id", lambda each: each.charge_id),
        ("created_at", lambda each: each.created_at),
        ("updated_at", lambda each: each.updated_at),
    ),
)
REFUNDS: Final = Table[Refund](
    "refunds",
    (
        ("refund_id", lambda each: each.id),
        ("payment_id", lambda each: each.payment_id),
        ("order_id", lambda each: each.order_id),
        ("status", lambda each: each.status),
        ("failure_reason", lambda each: each.failure_reason),
        ("amount", lambda each: major(each.amount)),
        ("currency", lambda each: each.amount.currency.code.upper()),
        ("reason", lambda each: each.reason),
        ("note", lambda each: each.note),
        ("asked_by", lambda each: each.actor),
        ("provider_refund_id", lambda each: each.provider_id),
        ("created_at", lambda each: each.created_at),
        ("updated_at", lambda each: each.updated_at),
    ),
)
DISPUTES: Final = Table[Dispute](
    "disputes",
    (
        ("dispute_id", lambda each: each.id),
        ("payment_id", lambda each: each.payment_id),
        ("order_id", lambda each: each.order_id),
        ("status", lambda each: each.status),
        ("reason", lambda each: each.reason),
        ("amount", lambda each: major(each.amount)),
        ("currency", lambda each: each.amount.currency.code.upper()),
        ("evidence_due_by", lambda each: each.evidence_due_by),
        ("times_submitted", lambda each: each.submission_count),
        ("provider_dispute_id", lambda each: each.provider_id),
        ("opened_at", lambda each: each.opened_at),
        ("updated_at", lambda each: each.updated_at),
    ),
)
AUDIT: Final = Table[AuditEntry](
    "audit-log",
    (
        ("at", lambda each: each.at),
        ("actor", lambda each: each.actor),
        ("channel", lambda each: each.channel),
        ("action", lambda each: each.action),
        ("subject", lambda each: each.subject),
        ("payment_id", lambda each: each.payment_id),
        ("reason", lambda each: each.reason),
        ("detail", lambda each: "; ".join(f"{k}: {v}" for k, v in sorted(each.detail.items()))),
    ),
)
