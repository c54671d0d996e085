"""The front page's figures in SQL: counted by the database, each method one snapshot."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeVar

import attrs
from sqlalchemy import ColumnElement, Date, Text, TextClause, and_, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.delivery_tables import DELIVERY_PENDING, deliveries
from markethub.adapters.sqlalchemy.dispute_tables import (
    DISPUTE_ANSWERABLE,
    SUBMISSION_UNRESOLVED,
    disputes,
    submissions,
)
from markethub.adapters.sqlalchemy.mappers import warning_from_json
from markethub.adapters.sqlalchemy.refund_tables import refunds
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.domain.dispute import INQUIRY, DisputeStatus
from markethub.domain.ids import DisputeId, PaymentId
from markethub.domain.money import Currency, Money
from markethub.domain.operation import RETRY_AFTER, OperationKind
from markethub.domain.payment import PaymentStatus
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
from markethub.domain.submission import SubmissionKind

T = TypeVar("T")

_PAYMENTS: Final = tables.payments.c
_INBOX: Final = tables.inbox.c
_OPERATIONS: Final = tables.operations.c
_ACCEPTED: Final = _PAYMENTS.status.in_(
    [PaymentStatus.AUTHORIZED.value, PaymentStatus.SUCCEEDED.value]
)
_LEFT: Final = _PAYMENTS.captured_minor - _PAYMENTS.refunded_minor - _PAYMENTS.refund_reserved_minor
_UNMADE: Final = [RefundStatus.FAILED.value, RefundStatus.CANCELED.value]
_NO_CHARGEBACK: Final = sorted(each.value for each in (*INQUIRY, DisputeStatus.PREVENTED))


def _within(column: ColumnElement[datetime], period: Period) -> ColumnElement[bool]:
    begin = datetime.combine(period.first, time(), UTC)
    end = datetime.combine(period.last, time(), UTC) + timedelta(days=1)
    return and_(column >= begin, column < end)


@attrs.frozen
class SqlOverviewQueries:
    """Reads that decide nothing."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def figures(self, period: Period) -> Figures:
        """Count what the payments, refunds and events of a period came to."""

        async def work(connection: AsyncConnection) -> Figures:
            return Figures(
                sales=await self._sales(connection, period),
                declined=await _declined(connection, period),
                refunded=await _refunded(connection, period),
                lag=await _lag(connection, period),
            )

        return await self._read(work)

    async def networks(self, period: Period) -> Sequence[NetworkMonth]:
        """Count what the card networks count, by month and then by network."""

        async def work(connection: AsyncConnection) -> Sequence[NetworkMonth]:
            counts: Counter[tuple[date, str, str]] = Counter()
            await self._count_sales(connection, period, counts)
            await self._count_chargebacks(connection, period, counts)
            await _count_warnings(connection, period, counts)
            return [
                NetworkMonth(
                    month=month,
                    network=network,
                    sales=counts[month, network, "sales"],
                    chargebacks=counts[month, network, "chargebacks"],
                    fraud_chargebacks=counts[month, network, "fraud_chargebacks"],
                    fraud_warnings=counts[month, network, "fraud_warnings"],
                )
                for month, network in sorted({key[:2] for key in counts})
            ]

        return await self._read(work)

    async def waiting(self, *, now: datetime) -> Waiting:
        """Say what waits for somebody now."""
        return await self._read(lambda connection: _waiting(connection, now))

    async def _read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async def once() -> T:
            async with self._reader.connect() as connection:
                return await work(connection)

        return await self._repeat(once)

    def _day(self, column: ColumnElement[datetime]) -> ColumnElement[Any]:
        """Return the day in UTC: a date, or on SQLite, whose moments are text in UTC, its text."""
        if self._reader.dialect.name == "sqlite":
            return func.substr(cast(column, Text), 1, 10)
        return cast(func.timezone("UTC", column), Date)

    async def _sales(self, connection: AsyncConnection, period: Period) -> Sequence[Sales]:
        day = self._day(_PAYMENTS.created_at).label("day")
        query = (
            select(
                day,
                _PAYMENTS.currency,
                func.count().label("begun"),
                _counted(_ACCEPTED).label("accepted"),
                _counted(and_(_PAYMENTS.declines > 0, ~_ACCEPTED)).label("declined"),
                func.sum(_PAYMENTS.declines).label("declines"),
                _counted(_PAYMENTS.captured_minor > 0).label("captured"),
                func.sum(_PAYMENTS.captured_minor).label("volume"),
            )
            .where(_within(_PAYMENTS.created_at, period))
            .group_by(day, _PAYMENTS.currency)
            .order_by(day, _PAYMENTS.currency)
        )
        return [
            Sales(
                day=_date(row.day),
                begun=row.begun,
                accepted=row.accepted,
                declined=row.declined,
                declines=row.declines,
                captured=row.captured,
                volume=_money(row.volume, row.currency),
            )
            for row in await connection.execute(query)
        ]

    async def _count_sales(
        self,
        connection: AsyncConnection,
        period: Period,
        counts: Counter[tuple[date, str, str]],
    ) -> None:
        day = self._day(_PAYMENTS.created_at).label("day")
        query = (
            select(day, _PAYMENTS.card_brand, func.count().label("sales"))
            .where(
                _within(_PAYMENTS.created_at, period),
                _PAYMENTS.captured_minor > 0,
                _PAYMENTS.card_brand.is_not(None),
            )
            .group_by(day, _PAYMENTS.card_brand)
        )
        for row in await connection.execute(query):
            counts[_month(_date(row.day)), row.card_brand, "sales"] += row.sales

    async def _count_chargebacks(
        self,
        connection: AsyncConnection,
        period: Period,
        counts: Counter[tuple[date, str, str]],
    ) -> None:
        day = self._day(disputes.c.opened_at).label("day")
        fraud = disputes.c.reason == "fraudulent"
        query = (
            select(
                day,
                _PAYMENTS.card_brand,
                func.count().label("chargebacks"),
                _counted(fraud).label("fraud"),
            )
            .join_from(disputes, tables.payments, disputes.c.payment_id == _PAYMENTS.id)
            .where(
                _within(disputes.c.opened_at, period),
                disputes.c.status.not_in(_NO_CHARGEBACK),
                _PAYMENTS.card_brand.is_not(None),
            )
            .group_by(day, _PAYMENTS.card_brand)
        )
        for row in await connection.execute(query):
            month = _month(_date(row.day))
            counts[month, row.card_brand, "chargebacks"] += row.chargebacks
            if row.fraud:
                counts[month, row.card_brand, "fraud_chargebacks"] += row.fraud


async def _count_warnings(
    connection: AsyncConnection, period: Period, counts: Counter[tuple[date, str, str]]
) -> None:
    query = select(_PAYMENTS.card_brand, _PAYMENTS.fraud_warnings).where(
        tables.PAYMENT_WARNED, _PAYMENTS.card_brand.is_not(None)
    )
    for row in await connection.execute(query):
        for warning in map(warning_from_json, json.loads(row.fraud_warnings)):
            day = warning.created_at.astimezone(UTC).date()
            if period.first <= day <= period.last:
                counts[_month(day), row.card_brand, "fraud_warnings"] += 1


async def _declined(connection: AsyncConnection, period: Period) -> Sequence[Declined]:
    reason = func.coalesce(_PAYMENTS.failure_decline_code, _PAYMENTS.failure_code).label("reason")
    count = func.count().label("payments")
    query = (
        select(reason, count)
        .where(
            _within(_PAYMENTS.created_at, period),
            _PAYMENTS.failure_code.is_not(None),
            _PAYMENTS.declines > 0,
            ~_ACCEPTED,
        )
        .group_by(reason)
    )
    found = [
        Declined(reason=row.reason, payments=row.payments)
        for row in await connection.execute(query)
    ]
    return sorted(found, key=lambda each: (-each.payments, each.reason))


async def _refunded(connection: AsyncConnection, period: Period) -> Sequence[Refunded]:
    query = (
        select(
            refunds.c.currency,
            func.count().label("made"),
            func.sum(refunds.c.amount_minor).label("amount"),
        )
        .where(_within(refunds.c.created_at, period), refunds.c.status.not_in(_UNMADE))
        .group_by(refunds.c.currency)
        .order_by(refunds.c.currency)
    )
    return [
        Refunded(count=row.made, amount=_money(row.amount, row.currency))
        for row in await connection.execute(query)
    ]


async def _lag(connection: AsyncConnection, period: Period) -> Lag:
    query = (
        select(_INBOX.received_at, _INBOX.updated_at)
        .where(tables.INBOX_PROCESSED, _within(_INBOX.received_at, period))
        .order_by(_INBOX.received_at.desc(), _INBOX.updated_at.desc())
        .limit(LAG_EVENTS_MAXIMUM)
    )
    rows = await connection.execute(query)
    return Lag.of([row.updated_at - row.received_at for row in rows])


# --- what waits -------------------------------------------------------------------------------


async def _waiting(connection: AsyncConnection, now: datetime) -> Waiting:
    operations = await _first(
        connection,
        _OPERATIONS.payment_id,
        _OPERATIONS.kind,
        _OPERATIONS.created_at,
        where=[tables.OPERATION_UNRESOLVED, _OPERATIONS.created_at <= now - RETRY_AFTER],
        order_by=[_OPERATIONS.created_at, _OPERATIONS.id],
    )
    submitted = await _first(
        connection,
        submissions.c.dispute_id,
        submissions.c.kind,
        submissions.c.created_at,
        where=[SUBMISSION_UNRESOLVED, submissions.c.created_at <= now - RETRY_AFTER],
        order_by=[submissions.c.created_at, submissions.c.id],
    )
    due = await _first(
        connection,
        disputes.c.id,
        disputes.c.amount_minor,
        disputes.c.currency,
        disputes.c.evidence_due_by,
        where=[DISPUTE_ANSWERABLE],
        order_by=[
            disputes.c.evidence_due_by.is_(None),
            func.coalesce(disputes.c.evidence_due_by, disputes.c.created_at),
            disputes.c.id,
        ],
    )
    holds = await _first(
        connection,
        _PAYMENTS.id,
        _PAYMENTS.authorized_minor,
        _PAYMENTS.currency,
        _PAYMENTS.capture_before,
        where=[
            tables.PAYMENT_UNFINISHED,
            _PAYMENTS.status == PaymentStatus.AUTHORIZED.value,
            _PAYMENTS.capture_before <= now + HOLD_ENDS_SOON,
        ],
        order_by=[_PAYMENTS.capture_before, _PAYMENTS.id],
    )
    quarantined = await _first(
        connection,
        _PAYMENTS.id,
        _LEFT.label("left_minor"),
        _PAYMENTS.currency,
        _PAYMENTS.created_at,
        where=[tables.PAYMENT_QUARANTINED, _LEFT > 0],
        order_by=[_PAYMENTS.created_at, _PAYMENTS.id],
    )
    failing = await connection.execute(
        select(func.count())
        .select_from(deliveries)
        .where(DELIVERY_PENDING, deliveries.c.attempts > 0)
    )
    return Waiting(
        operations=operations.total,
        oldest_operations=[
            UnknownOperation(
                payment_id=PaymentId(row.payment_id),
                kind=OperationKind(row.kind),
                since=row.created_at,
            )
            for row in operations.rows
        ],
        submissions=submitted.total,
        oldest_submissions=[
            UnknownSubmission(
                dispute_id=DisputeId(row.dispute_id),
                kind=SubmissionKind(row.kind),
                since=row.created_at,
            )
            for row in submitted.rows
        ],
        disputes=due.total,
        next_disputes=[
            DueDispute(
                dispute_id=DisputeId(row.id),
                amount=_money(row.amount_minor, row.currency),
                due_by=row.evidence_due_by,
            )
            for row in due.rows
        ],
        holds=holds.total,
        next_holds=[
            EndingHold(
                payment_id=PaymentId(row.id),
                amount=_money(row.authorized_minor, row.currency),
                ends_at=row.capture_before,
            )
            for row in holds.rows
        ],
        quarantined=quarantined.total,
        oldest_quarantined=[
            Quarantined(
                payment_id=PaymentId(row.id),
                amount=_money(row.left_minor, row.currency),
                since=row.created_at,
            )
            for row in quarantined.rows
        ],
        failing_deliveries=failing.scalar_one(),
    )


@attrs.frozen(kw_only=True)
class _First:
    """The first rows of what was found, and how many there are."""

    total: int
    rows: Sequence[Any]


async def _first(
    connection: AsyncConnection,
    *columns: ColumnElement[Any],
    where: Sequence[ColumnElement[bool] | TextClause],
    order_by: Sequence[ColumnElement[Any]],
) -> _First:
    query = (
        select(*columns, func.count().over().label("total"))
        .where(*where)
        .order_by(*order_by)
        .limit(EXAMPLES_MAXIMUM)
    )
    rows = (await connection.execute(query)).all()
    return _First(total=rows[0].total if rows else 0, rows=rows)


# --- values -----------------------------------------------------------------------------------


def _counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _date(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _month(day: date) -> date:
    return day.replace(day=1)


def _money(minor: int, currency: str) -> Money:
    # PostgreSQL adds integers up to a numeric, which arrives as a Decimal.
    return Money(minor=int(minor), currency=Currency.read(currency))


def _conforms(queries: SqlOverviewQueries) -> OverviewQueries:
    """Let the type checker prove that the adapter fits its port."""
    return queries
