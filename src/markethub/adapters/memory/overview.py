"""The front page's figures in the memory store: of what is committed."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import attrs

from markethub.adapters.memory.database import (
    SUBMISSIONS_UNRESOLVED,
    UNDELIVERED,
    UNFINISHED,
    UNRESOLVED,
    Database,
)
from markethub.domain.dispute import INQUIRY, NEEDS_RESPONSE, Dispute, DisputeStatus
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.money import Money
from markethub.domain.operation import RETRY_AFTER
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.overview import (
    EXAMPLES_MAXIMUM,
    HOLD_ENDS_SOON,
    LAG_EVENTS_MAXIMUM,
    Declined,
    DueDispute,
    EndingHold,
    Figures,
    Lag,
    NetworkMonth,
    OverviewQueries,
    Period,
    Quarantined,
    Refunded,
    Sales,
    UnknownOperation,
    UnknownSubmission,
    Waiting,
)
from markethub.domain.refund import RefundStatus

_ACCEPTED = (PaymentStatus.AUTHORIZED, PaymentStatus.SUCCEEDED)
_UNMADE = (RefundStatus.FAILED, RefundStatus.CANCELED)
_FIRST = slice(EXAMPLES_MAXIMUM)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _within(moment: datetime, period: Period) -> bool:
    return period.first <= _day(moment) <= period.last


@attrs.frozen
class MemoryOverviewQueries:
    """Reads that decide nothing."""

    _database: Database

    async def figures(self, period: Period) -> Figures:
        """Count what the payments, refunds and events of a period came to."""
        payments = [
            each
            for each in self._database.payments.rows.values()
            if _within(each.created_at, period)
        ]
        return Figures(
            sales=_sales(payments),
            declined=_declined(payments),
            refunded=self._refunded(period),
            lag=self._lag(period),
        )

    def _refunded(self, period: Period) -> Sequence[Refunded]:
        made: dict[str, list[Money]] = defaultdict(list)
        for refund in self._database.refunds.rows.values():
            if _within(refund.created_at, period) and refund.status not in _UNMADE:
                made[refund.amount.currency.code].append(refund.amount)
        return [
            Refunded(count=len(amounts), amount=_sum(amounts))
            for _, amounts in sorted(made.items())
        ]

    def _lag(self, period: Period) -> Lag:
        processed = [
            (each.received_at, each.updated_at)
            for each in self._database.inbox.rows.values()
            if each.status is InboxStatus.PROCESSED
            and each.replayed_at is None
            and _within(each.received_at, period)
        ]
        processed.sort(reverse=True)
        return Lag.of([done - received for received, done in processed[:LAG_EVENTS_MAXIMUM]])

    async def networks(self, period: Period) -> Sequence[NetworkMonth]:
        """Count what the card networks count, by month and then by network."""
        counts: Counter[tuple[date, str, str]] = Counter()

        def count(moment: datetime, payment: Payment, *whats: str) -> None:
            if payment.card is not None and _within(moment, period):
                for what in whats:
                    counts[_day(moment).replace(day=1), payment.card.brand, what] += 1

        payments = self._database.payments.rows
        for payment in payments.values():
            if payment.captured.minor:
                count(payment.created_at, payment, "sales")
            for warning in payment.fraud_warnings:
                count(warning.created_at, payment, "fraud_warnings")
        for dispute in self._database.disputes.rows.values():
            if _is_chargeback(dispute):
                fraud = ("fraud_chargebacks",) if dispute.reason == "fraudulent" else ()
                payment = payments[dispute.payment_id]
                count(dispute.opened_at, payment, "chargebacks", *fraud)
        named = sorted({(month, network) for month, network, _ in counts})
        return [
            NetworkMonth(
                month=month,
                network=network,
                sales=counts[month, network, "sales"],
                chargebacks=counts[month, network, "chargebacks"],
                fraud_chargebacks=counts[month, network, "fraud_chargebacks"],
                fraud_warnings=counts[month, network, "fraud_warnings"],
            )
            for month, network in named
        ]

    async def waiting(self, *, now: datetime) -> Waiting:
        """Say what waits for somebody now."""
        operations = self._operations(now)
        submissions = self._submissions(now)
        disputes = self._disputes()
        holds = self._holds(now)
        quarantined = self._quarantined()
        pending = self._database.deliveries.ids(UNDELIVERED, key=True)
        return Waiting(
            operations=len(operations),
            oldest_operations=operations[_FIRST],
            submissions=len(submissions),
            oldest_submissions=submissions[_FIRST],
            disputes=len(disputes),
            next_disputes=disputes[_FIRST],
            holds=len(holds),
            next_holds=holds[_FIRST],
            quarantined=len(quarantined),
            oldest_quarantined=quarantined[_FIRST],
            failing_deliveries=sum(
                self._database.deliveries.rows[each].attempts > 0 for each in pending
            ),
        )

    def _operations(self, now: datetime) -> Sequence[UnknownOperation]:
        operations = self._database.operations
        rows = [operations.rows[each] for each in operations.ids(UNRESOLVED, key=True)]
        rows.sort(key=lambda row: (row.created_at, row.id))
        return [
            UnknownOperation(payment_id=row.payment_id, kind=row.kind, since=row.created_at)
            for row in rows
            if now - row.created_at >= RETRY_AFTER
        ]

    def _submissions(self, now: datetime) -> Sequence[UnknownSubmission]:
        submissions = self._database.submissions
        rows = [
            submissions.rows[each] for each in submissions.ids(SUBMISSIONS_UNRESOLVED, key=True)
        ]
        rows.sort(key=lambda row: (row.created_at, row.id))
        return [
            UnknownSubmission(dispute_id=row.dispute_id, kind=row.kind, since=row.created_at)
            for row in rows
            if row.is_left_behind(now)
        ]

    def _disputes(self) -> Sequence[DueDispute]:
        rows = [
            each for each in self._database.disputes.rows.values() if each.status in NEEDS_RESPONSE
        ]
        return [
            DueDispute(dispute_id=each.id, amount=each.amount, due_by=each.evidence_due_by)
            for each in sorted(rows, key=by_due_date)
        ]

    def _holds(self, now: datetime) -> Sequence[EndingHold]:
        payments = self._database.payments
        holds = [
            (payment.capture_before, payment.id, payment.authorized)
            for payment in (payments.rows[each] for each in payments.ids(UNFINISHED, key=True))
            if payment.expires_before(now + HOLD_ENDS_SOON) and payment.capture_before is not None
        ]
        return [
            EndingHold(payment_id=held, amount=amount, ends_at=ends_at)
            for ends_at, held, amount in sorted(holds, key=lambda hold: hold[:2])
        ]

    def _quarantined(self) -> Sequence[Quarantined]:
        found = [
            each
            for each in self._database.payments.rows.values()
            if each.quarantine is not None and _left(each).minor > 0
        ]
        found.sort(key=lambda each: (each.created_at, each.id))
        return [
            Quarantined(payment_id=each.id, amount=_left(each), since=each.created_at)
            for each in found
        ]


def by_due_date(dispute: Dispute) -> tuple[bool, datetime, str]:
    """Sort disputes by the end of the time for evidence; those without one come last."""
    due_by = dispute.evidence_due_by
    return due_by is None, due_by or dispute.created_at, dispute.id


def _left(payment: Payment) -> Money:
    return payment.captured - payment.refunded - payment.refund_reserved


def _is_chargeback(dispute: Dispute) -> bool:
    return dispute.status not in INQUIRY and dispute.status is not DisputeStatus.PREVENTED


def _sum(amounts: Iterable[Money]) -> Money:
    first, *others = amounts
    return sum(others, start=first)


def _sales(payments: Iterable[Payment]) -> Sequence[Sales]:
    begun: dict[tuple[date, str], list[Payment]] = defaultdict(list)
    for payment in payments:
        begun[_day(payment.created_at), payment.amount.currency.code].append(payment)
    return [
        Sales(
            day=day,
            begun=len(rows),
            accepted=sum(row.status in _ACCEPTED for row in rows),
            declined=sum(row.declines > 0 and row.status not in _ACCEPTED for row in rows),
            declines=sum(row.declines for row in rows),
            captured=sum(row.captured.minor > 0 for row in rows),
            volume=_sum(row.captured for row in rows),
        )
        for (day, _), rows in sorted(begun.items())
    ]


def _declined(payments: Iterable[Payment]) -> Sequence[Declined]:
    reasons = Counter(
        payment.failure.decline_code or payment.failure.code
        for payment in payments
        if payment.failure is not None and payment.declines and payment.status not in _ACCEPTED
    )
    ranked = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return [Declined(reason=reason, payments=count) for reason, count in ranked]


def _conforms(queries: MemoryOverviewQueries) -> OverviewQueries:
    """Let the type checker prove that the adapter fits its port."""
    return queries
