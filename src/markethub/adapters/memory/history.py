"""What happened to a payment, of what is committed."""

from collections.abc import Iterable
from typing import TypeVar

import attrs

from markethub.adapters.memory.database import (
    APPROVALS_OF,
    DISPUTES_OF,
    ENTRIES_OF,
    REFUNDS_OF,
    Database,
)
from markethub.domain.delivery import Delivery
from markethub.domain.ids import PaymentId
from markethub.domain.inbox_event import InboxEvent
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

T = TypeVar("T")


@attrs.frozen
class MemoryHistoryQueries:
    """A consistent read outside of a use case's transaction."""

    _database: Database

    async def history(self, id: PaymentId, *, most: int = LAST) -> History | None:
        """Return what happened to a payment, if it exists: of each kind at most so many."""
        database = self._database
        payment = database.payments.rows.get(id)
        if payment is None:
            return None

        def last(oldest_first: Iterable[T]) -> Last[T]:
            return Last.of(list(oldest_first)[::-1], most)

        refund_ids = database.refunds.ids(REFUNDS_OF, id)
        refunds = last(
            sorted(
                (database.refunds.rows[each] for each in refund_ids),
                key=lambda refund: (refund.created_at, refund.id),
            )
        )
        dispute_ids = database.disputes.ids(DISPUTES_OF, id)
        disputes = last(
            sorted(
                (database.disputes.rows[each] for each in dispute_ids),
                key=lambda dispute: (dispute.created_at, dispute.id),
            )
        )
        approval_ids = database.approvals.ids(APPROVALS_OF, id)
        approvals = sorted(
            (database.approvals.rows[each] for each in approval_ids),
            key=lambda approval: (approval.created_at, approval.id),
        )
        operations = sorted(
            (each for each in database.operations.rows.values() if each.payment_id == id),
            key=lambda operation: (operation.created_at, operation.id),
        )
        disputed = {dispute.id for dispute in disputes.items}
        submissions = sorted(
            (each for each in database.submissions.rows.values() if each.dispute_id in disputed),
            key=lambda submission: (submission.created_at, submission.id),
        )
        subjects = set(subjects_of(payment, refunds.items, disputes.items))
        events = last(
            _arrival(row)
            for row in sorted(
                (row for row in database.inbox.rows.values() if row.event.subject in subjects),
                key=lambda row: (row.received_at, row.event.id),
            )
        )
        aggregates = set(aggregates_of(payment, refunds.items, disputes.items))
        messages = last(
            row
            for _, row in sorted(database.deliveries.rows.items())
            if row.aggregate_id in aggregates and is_about(row, payment)
        )
        named = _named(events, messages)
        return History(
            payment=payment,
            refunds=refunds,
            disputes=disputes,
            approvals=last(approvals),
            operations=last(map(Attempt.of_operation, operations)),
            submissions=last(map(Attempt.of_submission, submissions)),
            events=events,
            entries=last(database.ledger.rows[key] for key in database.ledger.ids(ENTRIES_OF, id)),
            messages=messages,
            acts=last(
                line for line in database.audit if line.payment_id == id or line.subject in named
            ),
        )


def _named(events: Last[Arrival], messages: Last[Delivery]) -> set[str | None]:
    return {*(each.id for each in events.items), *(each.message_id for each in messages.items)}


def _arrival(row: InboxEvent) -> Arrival:
    return Arrival(
        id=row.event.id,
        type=row.event.type,
        status=row.status,
        reason=row.reason,
        created_at=row.event.created_at,
        received_at=row.received_at,
        replayed_at=row.replayed_at,
    )


def _conforms(queries: MemoryHistoryQueries) -> HistoryQueries:
    """Let the type checker prove that the adapter fits its port."""
    return queries
