"""What one transaction may touch: the ports' repositories over one connection."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import attrs
from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Table,
    TextClause,
    Update,
    and_,
    bindparam,
    exists,
    insert,
    or_,
    select,
    update,
)

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.mappers import (
    Read,
    Row,
    entry_from_row,
    entry_to_row,
    operation_from_row,
    operation_to_row,
    order_from_row,
    order_to_row,
    payment_from_row,
    payment_to_row,
)
from markethub.adapters.sqlalchemy.outbox import stage
from markethub.adapters.sqlalchemy.sealing import Tokens, operation_context
from markethub.adapters.sqlalchemy.session import Session
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.ids import (
    ChargeId,
    CustomerId,
    IntentId,
    OperationId,
    OrderId,
    PaymentId,
)
from markethub.domain.ledger import Entry
from markethub.domain.operation import Operation, OperationStatus
from markethub.domain.order import Order
from markethub.domain.payment import UNPAID, Payment, PaymentStatus


@attrs.frozen(kw_only=True)
class Versioned:
    """The two statements that save a row with a version."""

    insert: Insert
    update: Update

    @classmethod
    def of(cls, table: Table, *, fixed: Sequence[str] = ()) -> "Versioned":
        """Write all columns, but ``fixed`` ones only once."""
        changing = [column.name for column in table.c if column.name not in ("id", *fixed)]
        return cls(
            insert=insert(table),
            update=update(table)
            .where(table.c.id == bindparam("saved_id"), table.c.version == bindparam("read"))
            .values({name: bindparam(name) for name in changing}),
        )

    async def save(self, session: Session, row: Row) -> int:
        """Insert a row of version 0, or update one that still has its version.

        Returns the new version. Raises StaleWrite, as ``Session.write``.
        """
        version: int = row["version"] + 1
        written = {**row, "version": version}
        if version == 1:
            await session.write(self.insert, written)
        else:
            match = {"saved_id": written.pop("id"), "read": row["version"]}
            await session.write(self.update, {**written, **match})
        return version


_ORDER: Final = Versioned.of(tables.orders, fixed=("created_at",))
_PAYMENT: Final = Versioned.of(tables.payments, fixed=("order_id", "created_at"))
_OPERATION: Final = Versioned.of(
    tables.operations,
    # An operation never changes once saved, but for what became of it.
    fixed=(
        "payment_id",
        "kind",
        "method",
        "path",
        "params",
        "amount_minor",
        "currency",
        "origin",
        "cancels_order",
        "created_at",
    ),
)


async def one(session: Session, query: Select[Any], **parameters: object) -> Read | None:
    """Return the one row of a query, if there is one."""
    return (await session.execute(query, parameters)).mappings().one_or_none()


async def every(session: Session, query: Select[Any], **parameters: object) -> Iterable[Read]:
    """Return the rows of a query, in its order."""
    return (await session.execute(query, parameters)).mappings()


def by(
    table: Table, *columns: str, condition: TextClause | ColumnElement[bool] | None = None
) -> Select[Any]:
    """Select the rows whose ``columns`` have the values of the parameters of their names."""
    query = select(table)
    if condition is not None:
        query = query.where(condition)
    return query.where(*(table.c[name] == bindparam(name) for name in columns))


@attrs.frozen
class SqlOrders:
    """Orders."""

    _session: Session

    async def find(self, id: OrderId, *, customer_id: CustomerId | None = None) -> Order | None:
        """Return the order, if it exists and is the customer's (where one is given)."""
        if customer_id is None:
            return await self._find(_ORDER_BY_ID, id=id)
        return await self._find(_ORDER_OF_CUSTOMER, id=id, customer_id=customer_id)

    async def lock(self, id: OrderId, *, customer_id: CustomerId | None = None) -> Order | None:
        """Return it as ``find`` does, holding its row."""
        if customer_id is None:
            return await self._find(_LOCKED_ORDER_BY_ID, id=id)
        return await self._find(_LOCKED_ORDER_OF_CUSTOMER, id=id, customer_id=customer_id)

    async def _find(self, query: Select[Any], **parameters: str) -> Order | None:
        row = await one(self._session, query, **parameters)
        return order_from_row(row) if row else None

    async def save(self, order: Order) -> Order:
        """Insert or update it, and stage its events."""
        version = await _ORDER.save(self._session, order_to_row(order))
        await stage(self._session, order.events, aggregate_id=order.id)
        return attrs.evolve(order, version=version, events=())


_ORDER_BY_ID: Final = by(tables.orders, "id")
_ORDER_OF_CUSTOMER: Final = by(tables.orders, "id", "customer_id")
_LOCKED_ORDER_BY_ID: Final = _ORDER_BY_ID.with_for_update()
_LOCKED_ORDER_OF_CUSTOMER: Final = _ORDER_OF_CUSTOMER.with_for_update()


@attrs.frozen
class SqlPayments:
    """Payments."""

    _session: Session

    async def find(self, id: PaymentId, *, customer_id: CustomerId | None = None) -> Payment | None:
        """Return the payment, if it exists and is the customer's (where one is given)."""
        if customer_id is None:
            return await self._find(_PAYMENT_BY_ID, id=id)
        return await self._find(_PAYMENT_OF_CUSTOMER, id=id, customer_id=customer_id)

    async def find_by_intent(
        self, intent_id: IntentId, *, customer_id: CustomerId | None = None
    ) -> Payment | None:
        """Return the payment of a provider intent, under the same condition."""
        if customer_id is None:
            return await self._find(_PAYMENT_BY_INTENT, intent_id=intent_id)
        return await self._find(
            _PAYMENT_OF_CUSTOMER_BY_INTENT, intent_id=intent_id, customer_id=customer_id
        )

    async def find_by_charge(self, charge_id: ChargeId) -> Payment | None:
        """Return the payment whose latest charge this is."""
        return await self._find(_PAYMENT_BY_CHARGE, charge_id=charge_id)

    async def lock(self, id: PaymentId) -> Payment | None:
        """Return the payment, holding its row."""
        return await self._find(_LOCKED_PAYMENT, id=id)

    async def lock_with_order(self, id: PaymentId) -> tuple[Order, Payment] | None:
        """Return the payment and its order, holding the order's row, then the payment's."""
        row = await one(self._session, _LOCKED_WITH_ORDER, id=id)
        if row is None:
            return None
        payment = {name: row[label] for name, label in _PAYMENT_LABELS.items()}
        return order_from_row(row), payment_from_row(payment)

    async def _find(self, query: Select[Any], **parameters: str) -> Payment | None:
        row = await one(self._session, query, **parameters)
        return payment_from_row(row) if row else None

    async def of_order(self, order_id: OrderId) -> Sequence[Payment]:
        """Return an order's payments, oldest first."""
        rows = await every(self._session, PAYMENTS_OF_ORDER, order_id=order_id)
        return [payment_from_row(row) for row in rows]

    async def abandoned(
        self, *, before: datetime | None, strays_before: datetime, limit: int
    ) -> Sequence[PaymentId]:
        """Name payments whose intents nobody will pay, the longest untouched first."""
        # Nothing was touched before the beginning of time.
        moments = {"before": before or _NEVER, "strays_before": strays_before}
        found = await self._session.execute(_ABANDONED, {**moments, "limit": limit})
        return [PaymentId(payment_id) for payment_id in found.scalars()]

    async def expiring(self, *, before: datetime, limit: int) -> Sequence[PaymentId]:
        """Name authorized payments whose hold ends before then, if that was not told yet."""
        found = await self._session.execute(_EXPIRING, {"before": before, "limit": limit})
        return [PaymentId(payment_id) for payment_id in found.scalars()]

    async def save(self, payment: Payment) -> Payment:
        """Insert or update it, and stage its events."""
        version = await _PAYMENT.save(self._session, payment_to_row(payment))
        await stage(self._session, payment.events, aggregate_id=payment.id)
        return attrs.evolve(payment, version=version, events=())


_PAYMENT_BY_ID: Final = by(tables.payments, "id")
_PAYMENT_OF_CUSTOMER: Final = by(tables.payments, "id", "customer_id")
_PAYMENT_BY_INTENT: Final = by(tables.payments, "intent_id")
_PAYMENT_OF_CUSTOMER_BY_INTENT: Final = by(tables.payments, "intent_id", "customer_id")
_PAYMENT_BY_CHARGE: Final = by(tables.payments, "charge_id")
_LOCKED_PAYMENT: Final = _PAYMENT_BY_ID.with_for_update()
_PAYMENT_LABELS: Final = {column.name: f"payment_{column.name}" for column in tables.payments.c}
_LOCKED_WITH_ORDER: Final = (
    select(
        tables.orders,
        *(tables.payments.c[name].label(_PAYMENT_LABELS[name]) for name in _PAYMENT_LABELS),
    )
    # PostgreSQL locks the rows of a join in the order in which its tables stand here.
    .select_from(tables.orders)
    .join(tables.payments, tables.payments.c.order_id == tables.orders.c.id)
    .where(tables.payments.c.id == bindparam("id"))
    .with_for_update()
)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_PAYMENTS: Final = tables.payments.c
_ABANDONED: Final = (
    select(_PAYMENTS.id)
    .where(tables.PAYMENT_UNFINISHED)
    .where(
        or_(
            and_(
                or_(*(_PAYMENTS.status == status.value for status in UNPAID)),
                _PAYMENTS.intent_id.is_not(None),
                _PAYMENTS.updated_at <= bindparam("before"),
            ),
            and_(~_PAYMENTS.holds_slot, _PAYMENTS.updated_at <= bindparam("strays_before")),
        )
    )
    .where(
        ~exists()
        .where(tables.operations.c.payment_id == _PAYMENTS.id)
        .where(tables.operations.c.status == OperationStatus.UNRESOLVED.value)
    )
    .order_by(_PAYMENTS.updated_at, _PAYMENTS.id)
    .limit(bindparam("limit"))
)
_EXPIRING: Final = (
    select(_PAYMENTS.id)
    .where(tables.PAYMENT_UNFINISHED)
    .where(_PAYMENTS.status == PaymentStatus.AUTHORIZED.value)
    .where(_PAYMENTS.capture_before <= bindparam("before"))
    .where(~_PAYMENTS.expiry_told)
    .order_by(_PAYMENTS.updated_at, _PAYMENTS.id)
    .limit(bindparam("limit"))
)
PAYMENTS_OF_ORDER: Final = by(tables.payments, "order_id").order_by(
    tables.payments.c.created_at, tables.payments.c.id
)
"""Oldest first."""


@attrs.frozen
class SqlOperations:
    """What we asked the provider."""

    _session: Session
    _tokens: Tokens

    async def find(self, id: OperationId) -> Operation | None:
        """Return the operation, if it exists."""
        return await self._find(_OPERATION_BY_ID, id=id)

    async def unresolved(self, payment_id: PaymentId) -> Operation | None:
        """Return the payment's unresolved operation, if it has one, holding its row."""
        return await self._find(_LOCKED_UNRESOLVED, payment_id=payment_id)

    async def find_by_origin(self, origin: str) -> Operation | None:
        """Return the operation that this caller, path and key made, if any."""
        return await self._find(_OPERATION_BY_ORIGIN, origin=origin)

    async def _find(self, query: Select[Any], **parameters: str) -> Operation | None:
        row = await one(self._session, query, **parameters)
        if row is None:
            return None
        context = operation_context(row["id"])
        return operation_from_row({**row, "params": self._tokens.open(row["params"], context)})

    async def due(self, *, now: datetime, limit: int) -> Sequence[OperationId]:
        """Name unresolved operations whose ``next_attempt_at`` has come, oldest first."""
        ids = await self._session.execute(_OPERATIONS_DUE, {"now": now, "at_most": limit})
        return [OperationId(due) for due in ids.scalars()]

    async def save(self, operation: Operation) -> Operation:
        """Insert or update it."""
        row = operation_to_row(operation)
        row["params"] = self._tokens.seal(row["params"], operation_context(operation.id))
        version = await _OPERATION.save(self._session, row)
        return attrs.evolve(operation, version=version)


_OPERATION_BY_ID: Final = by(tables.operations, "id")
_OPERATION_BY_ORIGIN: Final = by(tables.operations, "origin")
_LOCKED_UNRESOLVED: Final = by(
    tables.operations, "payment_id", condition=tables.OPERATION_UNRESOLVED
).with_for_update()
_OPERATIONS_DUE: Final = (
    select(tables.operations.c.id)
    .where(tables.OPERATION_UNRESOLVED)
    .where(tables.operations.c.next_attempt_at <= bindparam("now"))
    .order_by(
        tables.operations.c.next_attempt_at,
        tables.operations.c.created_at,
        tables.operations.c.id,
    )
    .limit(bindparam("at_most"))
)


@attrs.frozen
class SqlLedger:
    """The books."""

    _session: Session

    async def post(self, entry: Entry) -> bool:
        """Append, unless ``(reference, kind)`` is posted already. Say whether it was new."""
        statement = _POST[self._session.dialect.name]
        result = await self._session.execute(statement, entry_to_row(entry))
        return result.rowcount == 1

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Entry]:
        """Return a payment's entries in the order they were posted."""
        rows = await every(self._session, _ENTRIES_OF_PAYMENT, payment_id=payment_id)
        return [entry_from_row(row) for row in rows]


_ENTRIES_OF_PAYMENT: Final = by(tables.ledger_entries, "payment_id").order_by(
    tables.ledger_entries.c.sequence
)
_POST: Final = {
    dialect: insert(tables.ledger_entries).on_conflict_do_nothing(
        index_elements=["reference", "kind"]
    )
    for dialect, insert in INSERTS.items()
}
