"""Reads for screens: each one a snapshot."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs
from sqlalchemy import (
    ScalarSelect,
    Select,
    Table,
    TextClause,
    bindparam,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from markethub.adapters.sqlalchemy import schema, tables
from markethub.adapters.sqlalchemy.dispute_tables import disputes
from markethub.adapters.sqlalchemy.mappers import (
    entry_from_row,
    event_from_row,
    order_from_row,
    payment_from_row,
)
from markethub.adapters.sqlalchemy.refund_tables import refunds
from markethub.adapters.sqlalchemy.repositories import PAYMENTS_OF_ORDER
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.saved_methods import METHODS_OF_CUSTOMER, method_view_from_row
from markethub.domain.events import DomainEvent
from markethub.domain.ids import CustomerId, OrderId, PaymentId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.ledger import Entry
from markethub.domain.payment import Payment
from markethub.domain.ports.methods import MethodView
from markethub.domain.ports.payment_sort import PaymentSort, cursor_after, place_in
from markethub.domain.ports.queries import (
    OrderView,
    PaymentFilter,
    PaymentPage,
    Queries,
    StoreHealth,
    Trouble,
)

T = TypeVar("T")

_PAYMENTS: Final = tables.payments.c
_INBOX: Final = tables.inbox.c
_BY_TIME: Final = (_PAYMENTS.created_at, _PAYMENTS.id)
_BY_AMOUNT: Final = (_PAYMENTS.currency, _PAYMENTS.amount_minor, _PAYMENTS.id)
TROUBLES: Final[Mapping[Trouble, TextClause]] = {
    Trouble.DISPUTED: tables.PAYMENT_DISPUTED,
    Trouble.QUARANTINED: tables.PAYMENT_QUARANTINED,
}
assert set(TROUBLES) == set(Trouble), "each is looked for"


PAYMENT_OF: Final = union_all(
    *(
        select(payment_id).where(column == bindparam("id"))
        for column, payment_id in (
            (_PAYMENTS.id, _PAYMENTS.id),
            (_PAYMENTS.intent_id, _PAYMENTS.id),
            (_PAYMENTS.charge_id, _PAYMENTS.id),
            (refunds.c.id, refunds.c.payment_id),
            (refunds.c.provider_id, refunds.c.payment_id),
            (disputes.c.id, disputes.c.payment_id),
            (disputes.c.provider_id, disputes.c.payment_id),
        )
    )
).limit(1)
"""Each of them looks into an index of its own."""


def _count_of(table: Table, condition: TextClause) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(condition).scalar_subquery()


# Each is answered from a partial index: what is processed is never counted.
INBOX_FIGURES: Final = select(
    func.min(_INBOX.received_at).label("oldest"),
    func.min(_INBOX.next_attempt_at).label("earliest"),
    func.count().label("total"),
    func.count().filter(_INBOX.status == InboxStatus.PARKED.value).label("parked"),
    func.count()
    .filter(_INBOX.status == InboxStatus.PENDING.value, _INBOX.attempts > 0)
    .label("retrying"),
    func.count().filter(_INBOX.failures > 0).label("failing"),
).where(tables.INBOX_WAITING)
COUNTS: Final = select(
    _count_of(tables.operations, tables.OPERATION_UNRESOLVED).label("unresolved"),
    _count_of(tables.inbox, tables.INBOX_DEAD).label("dead"),
    _count_of(tables.inbox, tables.INBOX_WRONG_MODE).label("wrong_mode"),
)


@attrs.frozen
class SqlQueries:
    """Consistent reads outside of a use case's transaction."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def _read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async def once() -> T:
            async with self._reader.connect() as connection:
                return await work(connection)

        return await self._repeat(once)

    async def order(
        self, id: OrderId, *, customer_id: CustomerId | None = None
    ) -> OrderView | None:
        """Return an order with its payments, if it exists and is the customer's."""

        async def work(connection: AsyncConnection) -> OrderView | None:
            query = select(tables.orders).where(tables.orders.c.id == id)
            if customer_id is not None:
                query = query.where(tables.orders.c.customer_id == customer_id)
            found = await connection.execute(query)
            row = found.mappings().one_or_none()
            if row is None:
                return None
            payments = await connection.execute(PAYMENTS_OF_ORDER, {"order_id": id})
            return OrderView(
                order=order_from_row(row),
                payments=[payment_from_row(payment) for payment in payments.mappings()],
            )

        return await self._read(work)

    async def payment(
        self, id: PaymentId, *, customer_id: CustomerId | None = None
    ) -> Payment | None:
        """Return a payment, if it exists and is the customer's (where one is given)."""
        query = _filtered(PaymentFilter(customer_id=customer_id)).where(_PAYMENTS.id == id)

        async def work(connection: AsyncConnection) -> Payment | None:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else payment_from_row(row)

        return await self._read(work)

    async def payments(
        self,
        filter: PaymentFilter,
        *,
        sort: PaymentSort = PaymentSort.NEWEST,
        cursor: str | None = None,
        limit: int = 50,
    ) -> PaymentPage:
        """List payments. Raises ValidationFailed for a cursor that is not of this very order."""
        columns = _BY_AMOUNT if sort.is_by_amount else _BY_TIME
        falls = sort.is_descending
        query = _filtered(filter).order_by(*(each.desc() if falls else each for each in columns))
        if cursor is not None:
            last = tuple_(
                *(
                    literal(value, column.type)
                    for value, column in zip(place_in(cursor, sort), columns, strict=True)
                )
            )
            row = tuple_(*columns)
            query = query.where(row < last if falls else row > last)

        async def work(connection: AsyncConnection) -> Sequence[Payment]:
            rows = await connection.execute(query.limit(limit + 1))
            return [payment_from_row(row) for row in rows.mappings()]

        found = await self._read(work)
        page = found[:limit]
        return PaymentPage(
            items=page,
            next_cursor=cursor_after(page[-1], sort) if found[limit:] else None,
        )

    async def payment_of(self, id: str) -> PaymentId | None:
        """Name the payment that an id leads to, if there is one."""

        async def work(connection: AsyncConnection) -> PaymentId | None:
            found: PaymentId | None = (
                (await connection.execute(PAYMENT_OF, {"id": id})).scalars().first()
            )
            return found

        return await self._read(work)

    async def methods(self, customer_id: CustomerId) -> Sequence[MethodView]:
        """List a customer's saved methods, oldest first, without removed ones."""

        async def work(connection: AsyncConnection) -> Sequence[MethodView]:
            rows = await connection.execute(METHODS_OF_CUSTOMER, {"customer_id": customer_id})
            return [method_view_from_row(row) for row in rows.mappings()]

        return await self._read(work)

    async def ledger(self) -> Sequence[Entry]:
        """Return all entries of the ledger in the order they were posted."""
        query = select(tables.ledger_entries).order_by(tables.ledger_entries.c.sequence)

        async def work(connection: AsyncConnection) -> Sequence[Entry]:
            return [entry_from_row(row) for row in (await connection.execute(query)).mappings()]

        return await self._read(work)

    async def outbox(self) -> Sequence[DomainEvent]:
        """Return all staged events in the order they were staged."""
        query = select(tables.outbox).order_by(tables.outbox.c.sequence)

        async def work(connection: AsyncConnection) -> Sequence[DomainEvent]:
            return [event_from_row(row) for row in (await connection.execute(query)).mappings()]

        return await self._read(work)

    async def health(self) -> StoreHealth:
        """Say how the store is. Raises whatever the database raises when it is out of reach."""
        return await self._read(_health)


async def _health(connection: AsyncConnection) -> StoreHealth:
    if await schema.revision(connection) != schema.HEAD:
        # The tables that the rest would ask may not be there, or not be ours.
        return StoreHealth(
            schema_is_current=False,
            oldest_waiting_event_at=None,
            earliest_due_at=None,
            waiting_events=0,
            unresolved_operations=0,
        )
    waiting = (await connection.execute(INBOX_FIGURES)).one()
    others = (await connection.execute(COUNTS)).one()
    return StoreHealth(
        schema_is_current=True,
        oldest_waiting_event_at=waiting.oldest,
        earliest_due_at=waiting.earliest,
        waiting_events=waiting.total,
        unresolved_operations=others.unresolved,
        parked_events=waiting.parked,
        retrying_events=waiting.retrying,
        failing_events=waiting.failing,
        dead_events=others.dead,
        wrong_mode_events=others.wrong_mode,
    )


def _filtered(filter: PaymentFilter) -> Select[Any]:
    query = select(tables.payments)
    if filter.order_id is not None:
        query = query.where(_PAYMENTS.order_id == filter.order_id)
    if filter.customer_id is not None:
        query = query.where(_PAYMENTS.customer_id == filter.customer_id)
    if filter.status is not None:
        query = query.where(_PAYMENTS.status == filter.status.value)
    if filter.created_from is not None:
        query = query.where(_PAYMENTS.created_at >= filter.created_from)
    if filter.created_until is not None:
        query = query.where(_PAYMENTS.created_at < filter.created_until)
    if filter.whose is not None:
        query = query.where(
            or_(_PAYMENTS.order_id == filter.whose, _PAYMENTS.customer_id == filter.whose)
        )
    if filter.currency is not None:
        query = query.where(_PAYMENTS.currency == filter.currency.code)
    if filter.trouble is not None:
        query = query.where(TROUBLES[filter.trouble])
    return query


def _conforms(queries: SqlQueries) -> Queries:
    """Let the type checker prove that the adapter fits its port."""
    return queries
