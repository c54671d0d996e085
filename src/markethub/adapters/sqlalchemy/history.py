"""What happened to a payment, in SQL: each kind found by an index, all in one snapshot."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import attrs
from sqlalchemy import Select, Table, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from markethub.adapters.sqlalchemy.approval_tables import approvals
from markethub.adapters.sqlalchemy.approvals import approval_from_row
from markethub.adapters.sqlalchemy.audit import audit_from_row
from markethub.adapters.sqlalchemy.audit_tables import audit_log
from markethub.adapters.sqlalchemy.deliveries import WITH_EVENT, delivery_from_row
from markethub.adapters.sqlalchemy.delivery_tables import deliveries
from markethub.adapters.sqlalchemy.dispute_mappers import dispute_from_row
from markethub.adapters.sqlalchemy.dispute_tables import disputes, submissions
from markethub.adapters.sqlalchemy.mappers import (
    Read,
    entry_from_row,
    payment_from_row,
)
from markethub.adapters.sqlalchemy.refund_mappers import refund_from_row
from markethub.adapters.sqlalchemy.refund_tables import refunds
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.tables import (
    inbox,
    ledger_entries,
    operations,
    outbox,
    payments,
)
from markethub.domain.ids import DisputeId, PaymentId, RefundId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.money import Money
from markethub.domain.operation import OperationKind, OperationStatus
from markethub.domain.ports.history import (
    LAST,
    Arrival,
    Attempt,
    History,
    HistoryQueries,
    Last,
    aggregates_of,
    is_about,
    subjects_of,
)
from markethub.domain.public_events import PUBLIC_TYPES
from markethub.domain.submission import SubmissionKind

T = TypeVar("T")


def _of(table: Table, owner: str, *columns: str) -> Select[Any]:
    """Select what belongs to some owners, all columns if none is named, the newest first."""
    return (
        select(*(table.c[name] for name in columns or table.c.keys()))
        .where(table.c[owner].in_(bindparam("ids", expanding=True)))
        .order_by(table.c.created_at.desc(), table.c.id.desc())
    )


_ATTEMPT: Final = ("kind", "attempt", "status", "error_code", "created_at", "updated_at")
REFUNDS: Final = _of(refunds, "payment_id")
DISPUTES: Final = _of(disputes, "payment_id")
APPROVALS: Final = _of(approvals, "payment_id")
# Not what requests and events say: it is wide, and tokens are in it, if sealed.
OPERATIONS: Final = _of(
    operations, "payment_id", *_ATTEMPT, "refund_id", "amount_minor", "currency"
)
SUBMISSIONS: Final = _of(submissions, "dispute_id", *_ATTEMPT, "dispute_id")
EVENTS: Final = (
    select(
        inbox.c.id,
        inbox.c.type,
        inbox.c.status,
        inbox.c.reason,
        inbox.c.created_at,
        inbox.c.received_at,
        inbox.c.replayed_at,
    )
    .where(inbox.c.subject.in_(bindparam("ids", expanding=True)))
    .order_by(inbox.c.received_at.desc(), inbox.c.id.desc())
)
ENTRIES: Final = (
    select(ledger_entries)
    .where(ledger_entries.c.payment_id.in_(bindparam("ids", expanding=True)))
    .order_by(ledger_entries.c.sequence.desc())
)
# What a newer version told, this one has no words for.
MESSAGES: Final = WITH_EVENT.where(
    deliveries.c.aggregate_id.in_(bindparam("ids", expanding=True)),
    outbox.c.type.in_(sorted(PUBLIC_TYPES)),
).order_by(deliveries.c.sequence.desc())
ACTS: Final = (
    select(audit_log)
    .where(
        or_(
            audit_log.c.payment_id == bindparam("payment"),
            audit_log.c.subject.in_(bindparam("ids", expanding=True)),
        )
    )
    .order_by(audit_log.c.sequence.desc())
)


@attrs.frozen
class SqlHistoryQueries:
    """A consistent read outside of a use case's transaction."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def history(self, id: PaymentId, *, most: int = LAST) -> History | None:
        """Return what happened to a payment, if it exists: of each kind at most so many."""

        async def once() -> History | None:
            async with self._reader.connect() as connection:
                return await _history(_Look(connection, most), id)

        return await self._repeat(once)


@attrs.frozen
class _Look:
    """One look at the database."""

    connection: AsyncConnection
    most: int

    async def last(
        self,
        query: Select[Any],
        ids: Sequence[str],
        from_row: Callable[[Read], T],
        **parameters: str,
    ) -> Last[T]:
        if not ids and not parameters:
            return Last()
        rows = await self.connection.execute(query.limit(self.most + 1), {"ids": ids, **parameters})
        return Last.of([from_row(row) for row in rows.mappings()], self.most)


async def _history(look: _Look, id: PaymentId) -> History | None:
    found = await look.connection.execute(select(payments).where(payments.c.id == id))
    row = found.mappings().one_or_none()
    if row is None:
        return None
    payment = payment_from_row(row)
    refunds = await look.last(REFUNDS, [id], refund_from_row)
    disputes = await look.last(DISPUTES, [id], dispute_from_row)
    events = await look.last(
        EVENTS, subjects_of(payment, refunds.items, disputes.items), _arrival_from_row
    )
    told = await look.last(
        MESSAGES, aggregates_of(payment, refunds.items, disputes.items), delivery_from_row
    )
    messages = attrs.evolve(told, items=[each for each in told.items if is_about(each, payment)])
    named = [*(each.id for each in events.items), *(each.message_id for each in messages.items)]
    return History(
        payment=payment,
        refunds=refunds,
        disputes=disputes,
        approvals=await look.last(APPROVALS, [id], approval_from_row),
        operations=await look.last(OPERATIONS, [id], _operation_from_row),
        submissions=await look.last(
            SUBMISSIONS, [each.id for each in disputes.items], _submission_from_row
        ),
        events=events,
        entries=await look.last(ENTRIES, [id], entry_from_row),
        messages=messages,
        acts=await look.last(ACTS, named, audit_from_row, payment=id),
    )


def _operation_from_row(row: Read) -> Attempt:
    minor = row["amount_minor"]
    return _attempt_from_row(
        row,
        kind=OperationKind(row["kind"]),
        about=row["refund_id"],
        amount=None if minor is None else Money.of(minor, row["currency"]),
    )


def _submission_from_row(row: Read) -> Attempt:
    return _attempt_from_row(row, kind=SubmissionKind(row["kind"]), about=row["dispute_id"])


def _attempt_from_row(
    row: Read,
    *,
    kind: OperationKind | SubmissionKind,
    about: RefundId | DisputeId | None,
    amount: Money | None = None,
) -> Attempt:
    return Attempt(
        kind=kind,
        about=about,
        amount=amount,
        number=row["attempt"],
        status=OperationStatus(row["status"]),
        error_code=row["error_code"],
        asked_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _arrival_from_row(row: Read) -> Arrival:
    return Arrival(**{**row, "status": InboxStatus(row["status"])})


def _conforms(queries: SqlHistoryQueries) -> HistoryQueries:
    """Let the type checker prove that the adapter fits its port."""
    return queries
