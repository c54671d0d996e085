"""What one transaction may touch: the ports' repositories over its staged tables."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from markethub.adapters.memory.database import (
    BY_CHARGE,
    BY_INTENT,
    BY_ORIGIN,
    ENTRIES_OF,
    OF_ORDER,
    UNFINISHED,
    UNRESOLVED,
    UNRESOLVED_OF,
    EntryKey,
)
from markethub.adapters.memory.tables import Staged
from markethub.domain.errors import StaleWrite
from markethub.domain.events import DomainEvent
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

_Versioned = Order | Payment | Operation


def _of(row: "Order | Payment | None", customer_id: CustomerId | None) -> bool:
    return row is not None and customer_id in (None, row.customer_id)


def _require_version(saved: _Versioned, current: _Versioned | None) -> None:
    if saved.version != (current.version if current else 0):
        raise StaleWrite("somebody else saved it first")


@attrs.frozen(kw_only=True)
class MemoryOrders:
    """Orders."""

    rows: Staged[OrderId, Order]
    outbox: list[DomainEvent]

    async def find(self, id: OrderId, *, customer_id: CustomerId | None = None) -> Order | None:
        """Return the order, if it exists and is the customer's (where one is given)."""
        order = self.rows.get(id)
        return order if _of(order, customer_id) else None

    async def lock(self, id: OrderId, *, customer_id: CustomerId | None = None) -> Order | None:
        """Return it as ``find`` does, holding its row."""
        if await self.find(id, customer_id=customer_id) is None:
            return None
        await self.rows.hold(id)
        return await self.find(id, customer_id=customer_id)

    async def save(self, order: Order) -> Order:
        """Insert or update it, and stage its events."""
        current = await self.rows.claim(order.id)
        _require_version(order, current)
        stored = attrs.evolve(order, version=order.version + 1, events=())
        self.rows.stage(order.id, stored)
        self.outbox.extend(order.events)
        return stored


@attrs.frozen(kw_only=True)
class MemoryPayments:
    """Payments."""

    rows: Staged[PaymentId, Payment]
    operations: Staged[OperationId, Operation]
    orders: MemoryOrders
    outbox: list[DomainEvent]

    async def find(self, id: PaymentId, *, customer_id: CustomerId | None = None) -> Payment | None:
        """Return the payment, if it exists and is the customer's (where one is given)."""
        payment = self.rows.get(id)
        return payment if _of(payment, customer_id) else None

    async def find_by_intent(
        self, intent_id: IntentId, *, customer_id: CustomerId | None = None
    ) -> Payment | None:
        """Return the payment of a provider intent, under the same condition."""
        for payment in self.rows.where(BY_INTENT, intent_id):
            return payment if _of(payment, customer_id) else None
        return None

    async def find_by_charge(self, charge_id: ChargeId) -> Payment | None:
        """Return the payment whose latest charge this is."""
        return next(iter(self.rows.where(BY_CHARGE, charge_id)), None)

    async def lock(self, id: PaymentId) -> Payment | None:
        """Return the payment, holding its row."""
        return await self.rows.hold(id)

    async def lock_with_order(self, id: PaymentId) -> tuple[Order, Payment] | None:
        """Return the payment and its order, holding the order's row, then the payment's."""
        found = self.rows.get(id)
        order = None if found is None else await self.orders.lock(found.order_id)
        payment = await self.lock(id)
        return None if order is None or payment is None else (order, payment)

    async def of_order(self, order_id: OrderId) -> Sequence[Payment]:
        """Return an order's payments, oldest first."""
        return sorted(self.rows.where(OF_ORDER, order_id), key=by_age)

    async def abandoned(
        self, *, before: datetime | None, strays_before: datetime, limit: int
    ) -> Sequence[PaymentId]:
        """Name payments whose intents nobody will pay, the longest untouched first."""
        found = [
            payment
            for payment in self.rows.where(UNFINISHED, key=True)
            if not self.operations.where(UNRESOLVED_OF, payment.id)
            and (
                (payment.is_stray and payment.updated_at <= strays_before)
                or (before is not None and payment.is_abandoned(before=before))
            )
        ]
        return [payment.id for payment in sorted(found, key=by_rest)[:limit]]

    async def expiring(self, *, before: datetime, limit: int) -> Sequence[PaymentId]:
        """Name authorized payments whose hold ends before then, if that was not told yet."""
        found = [
            payment
            for payment in self.rows.where(UNFINISHED, key=True)
            if payment.expires_before(before) and not payment.expiry_told
        ]
        return [payment.id for payment in sorted(found, key=by_rest)[:limit]]

    async def save(self, payment: Payment) -> Payment:
        """Insert or update it, and stage its events."""
        current = await self.rows.claim(payment.id)
        _require_version(payment, current)
        stored = attrs.evolve(payment, version=payment.version + 1, events=())
        self.rows.stage(payment.id, stored)
        self.outbox.extend(payment.events)
        return stored


def by_rest(payment: Payment) -> tuple[datetime, PaymentId]:
    """Order payments by when they were last touched; ids decide between the equal."""
    return payment.updated_at, payment.id


def by_age(payment: Payment) -> tuple[datetime, PaymentId]:
    """Order payments by when they were started; ids decide between the equal."""
    return payment.created_at, payment.id


@attrs.frozen(kw_only=True)
class MemoryOperations:
    """What we asked the provider."""

    rows: Staged[OperationId, Operation]

    async def find(self, id: OperationId) -> Operation | None:
        """Return the operation, if it exists."""
        return self.rows.get(id)

    async def unresolved(self, payment_id: PaymentId) -> Operation | None:
        """Return the payment's unresolved operation, if it has one, holding its row."""
        while True:
            found = self.rows.where(UNRESOLVED_OF, payment_id)
            if not found:
                return None
            held = await self.rows.hold(found[0].id)
            # While we waited it may have ended, and another may have begun.
            if held is not None and held.is_unresolved:
                return held

    async def find_by_origin(self, origin: str) -> Operation | None:
        """Return the operation that this caller, path and key made, if any."""
        return next(iter(self.rows.where(BY_ORIGIN, origin)), None)

    async def due(self, *, now: datetime, limit: int) -> Sequence[OperationId]:
        """Name unresolved operations whose ``next_attempt_at`` has come, oldest first."""
        due = [row for row in self.rows.where(UNRESOLVED, key=True) if row.next_attempt_at <= now]
        return [row.id for row in sorted(due, key=lambda row: row.next_attempt_at)[:limit]]

    async def save(self, operation: Operation) -> Operation:
        """Insert or update it."""
        current = await self.rows.claim(operation.id)
        _require_version(operation, current)
        stored = attrs.evolve(operation, version=operation.version + 1)
        self.rows.stage(operation.id, stored)
        return stored


@attrs.frozen(kw_only=True)
class MemoryLedger:
    """The books."""

    rows: Staged[EntryKey, Entry]

    async def post(self, entry: Entry) -> bool:
        """Append, unless ``(reference, kind)`` is posted already. Say whether it was new."""
        key = (entry.reference, entry.kind)
        if await self.rows.claim(key) is not None:
            return False
        self.rows.stage(key, entry)
        return True

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Entry]:
        """Return a payment's entries in the order they were posted."""
        return self.rows.where(ENTRIES_OF, payment_id)
