"""What one transaction may touch: the ports' repositories over one connection."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from sqlalchemy import Insert, Select, Table, Update, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

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
from markethub.adapters.sqlalchemy.trouble import is_taken
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.errors import StaleWrite
from markethub.domain.ids import (
    ChargeId,
    CustomerId,
    IntentId,
    OperationId,
    OrderId,
    PaymentId,
)
from markethub.domain.ledger import Entry
from markethub.domain.operation import Operation
from markethub.domain.order import Order
from markethub.domain.payment import Payment


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

    async def save(self, connection: AsyncConnection, row: Row) -> int:
        """Insert a row of version 0, or update one that still has its version.

        Returns the new version. Raises StaleWrite if somebody else was first.
        """
        version: int = row["version"] + 1
        written = {**row, "version": version}
        try:
            if version == 1:
                await connection.execute(self.insert, written)
                return version
            match = {"saved_id": written.pop("id"), "read": row["version"]}
            result = await connection.execute(self.update, {**written, **match})
        except IntegrityError as error:
            if is_taken(error):
                raise StaleWrite("somebody else took its place first") from error
            raise
        if result.rowcount != 1:
            raise StaleWrite("somebody else saved it first")
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


async def one(connection: AsyncConnection, query: Select[Any]) -> Read | None:
    """Return the one row of a query, if there is one."""
    row: Read | None = (await connection.execute(query)).mappings().one_or_none()
    return row


@attrs.frozen
class SqlOrders:
    """Orders."""

    _connection: AsyncConnection

    async def find(self, id: OrderId, *, customer_id: CustomerId | None = None) -> Order | None:
        """Return the order, if it exists and is the customer's (where one is given)."""
        row = await one(self._connection, order_query(id, customer_id))
        return order_from_row(row) if row else None

    async def lock(self, id: OrderId, *, customer_id: CustomerId | None = None) -> Order | None:
        """Return it as ``find`` does, holding its row."""
        row = await one(self._connection, order_query(id, customer_id).with_for_update())
        return order_from_row(row) if row else None

    async def save(self, order: Order) -> Order:
        """Insert or update it, and stage its events."""
        version = await _ORDER.save(self._connection, order_to_row(order))
        await stage(self._connection, order.events, aggregate_id=order.id)
        return attrs.evolve(order, version=version, events=())


def order_query(id: OrderId, customer_id: CustomerId | None) -> Select[Any]:
    """Select an order, if it is the customer's (where one is given)."""
    query = select(tables.orders).where(tables.orders.c.id == id)
    return query if customer_id is None else query.where(tables.orders.c.customer_id == customer_id)


@attrs.frozen
class SqlPayments:
    """Payments."""

    _connection: AsyncConnection

    async def find(self, id: PaymentId, *, customer_id: CustomerId | None = None) -> Payment | None:
        """Return the payment, if it exists and is the customer's (where one is given)."""
        query = select(tables.payments).where(tables.payments.c.id == id)
        return await self._find(query, customer_id)

    async def find_by_intent(
        self, intent_id: IntentId, *, customer_id: CustomerId | None = None
    ) -> Payment | None:
        """Return the payment of a provider intent, under the same condition."""
        query = select(tables.payments).where(tables.payments.c.intent_id == intent_id)
        return await self._find(query, customer_id)

    async def find_by_charge(self, charge_id: ChargeId) -> Payment | None:
        """Return the payment whose latest charge this is."""
        query = select(tables.payments).where(tables.payments.c.charge_id == charge_id)
        return await self._find(query, None)

    async def _find(self, query: Select[Any], customer_id: CustomerId | None) -> Payment | None:
        if customer_id is not None:
            query = query.where(tables.payments.c.customer_id == customer_id)
        row = await one(self._connection, query)
        return payment_from_row(row) if row else None

    async def lock(self, id: PaymentId) -> Payment | None:
        """Return the payment, holding its row."""
        query = select(tables.payments).where(tables.payments.c.id == id).with_for_update()
        return await self._find(query, None)

    async def of_order(self, order_id: OrderId) -> Sequence[Payment]:
        """Return an order's payments, oldest first."""
        rows = await self._connection.execute(payments_of_order(order_id))
        return [payment_from_row(row) for row in rows.mappings()]

    async def save(self, payment: Payment) -> Payment:
        """Insert or update it, and stage its events."""
        version = await _PAYMENT.save(self._connection, payment_to_row(payment))
        await stage(self._connection, payment.events, aggregate_id=payment.id)
        return attrs.evolve(payment, version=version, events=())


def payments_of_order(order_id: OrderId) -> Select[Any]:
    """Select an order's payments, oldest first."""
    payments = tables.payments.c
    return (
        select(tables.payments)
        .where(payments.order_id == order_id)
        .order_by(payments.created_at, payments.id)
    )


@attrs.frozen
class SqlOperations:
    """What we asked the provider."""

    _connection: AsyncConnection
    _tokens: Tokens

    async def find(self, id: OperationId) -> Operation | None:
        """Return the operation, if it exists."""
        return await self._find(select(tables.operations).where(tables.operations.c.id == id))

    async def unresolved(self, payment_id: PaymentId) -> Operation | None:
        """Return the payment's unresolved operation, if it has one, holding its row."""
        operations = tables.operations.c
        query = (
            select(tables.operations)
            .where(operations.payment_id == payment_id)
            .where(tables.OPERATION_UNRESOLVED)
        )
        return await self._find(query.with_for_update())

    async def find_by_origin(self, origin: str) -> Operation | None:
        """Return the operation that this caller, path and key made, if any."""
        query = select(tables.operations).where(tables.operations.c.origin == origin)
        return await self._find(query)

    async def _find(self, query: Select[Any]) -> Operation | None:
        row = await one(self._connection, query)
        if row is None:
            return None
        context = operation_context(row["id"])
        return operation_from_row({**row, "params": self._tokens.open(row["params"], context)})

    async def due(self, *, now: datetime, limit: int) -> Sequence[OperationId]:
        """Name unresolved operations whose ``next_attempt_at`` has come, oldest first."""
        operations = tables.operations.c
        query = (
            select(operations.id)
            .where(tables.OPERATION_UNRESOLVED)
            .where(operations.next_attempt_at <= now)
            .order_by(operations.next_attempt_at, operations.created_at, operations.id)
            .limit(limit)
        )
        ids = await self._connection.execute(query)
        return [OperationId(due) for due in ids.scalars()]

    async def save(self, operation: Operation) -> Operation:
        """Insert or update it."""
        row = operation_to_row(operation)
        row["params"] = self._tokens.seal(row["params"], operation_context(operation.id))
        version = await _OPERATION.save(self._connection, row)
        return attrs.evolve(operation, version=version)


@attrs.frozen
class SqlLedger:
    """The books."""

    _connection: AsyncConnection

    async def post(self, entry: Entry) -> bool:
        """Append, unless ``(reference, kind)`` is posted already. Say whether it was new."""
        statement = _POST[self._connection.dialect.name]
        result = await self._connection.execute(statement, entry_to_row(entry))
        return result.rowcount == 1

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Entry]:
        """Return a payment's entries in the order they were posted."""
        entries = tables.ledger_entries.c
        query = select(tables.ledger_entries).where(entries.payment_id == payment_id)
        rows = await self._connection.execute(query.order_by(entries.sequence))
        return [entry_from_row(row) for row in rows.mappings()]


_POST: Final = {
    dialect: insert(tables.ledger_entries).on_conflict_do_nothing(
        index_elements=["reference", "kind"]
    )
    for dialect, insert in INSERTS.items()
}
