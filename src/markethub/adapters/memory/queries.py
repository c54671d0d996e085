"""Reads for screens: of what is committed, never of what is staged."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import attrs

from markethub.adapters.memory.database import (
    BY_CHARGE,
    BY_INTENT,
    BY_PROVIDER_DISPUTE,
    BY_PROVIDER_REFUND,
    DEAD,
    KEPT_OF,
    OF_ORDER,
    OF_WRONG_MODE,
    UNRESOLVED,
    WAITING,
    Database,
)
from markethub.adapters.memory.methods import by_age as by_age_of_method
from markethub.adapters.memory.repositories import by_age
from markethub.domain.events import DomainEvent
from markethub.domain.ids import CustomerId, DisputeId, OrderId, PaymentId, RefundId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.ledger import Entry
from markethub.domain.payment import Payment
from markethub.domain.ports.methods import MethodView
from markethub.domain.ports.payment_sort import PaymentSort, cursor_after, place_in, place_of
from markethub.domain.ports.queries import (
    OrderView,
    PaymentFilter,
    PaymentPage,
    Queries,
    StoreHealth,
    Trouble,
)

_IS: Final[Mapping[Trouble, Callable[[Payment], bool]]] = {
    Trouble.DISPUTED: lambda payment: payment.is_disputed,
    Trouble.QUARANTINED: lambda payment: payment.quarantine is not None,
}
assert set(_IS) == set(Trouble), "each is looked for"


@attrs.frozen
class MemoryQueries:
    """Consistent reads outside of a use case's transaction."""

    _database: Database

    async def order(
        self, id: OrderId, *, customer_id: CustomerId | None = None
    ) -> OrderView | None:
        """Return an order with its payments, if it exists and is the customer's."""
        order = self._database.orders.rows.get(id)
        if order is None or customer_id not in (None, order.customer_id):
            return None
        return OrderView(order=order, payments=sorted(self._of_order(id), key=by_age))

    async def payment(
        self, id: PaymentId, *, customer_id: CustomerId | None = None
    ) -> Payment | None:
        """Return a payment, if it exists and is the customer's (where one is given)."""
        found = self._database.payments.rows.get(id)
        return found if found and customer_id in (None, found.customer_id) else None

    async def payments(
        self,
        filter: PaymentFilter,
        *,
        sort: PaymentSort = PaymentSort.NEWEST,
        cursor: str | None = None,
        limit: int = 50,
    ) -> PaymentPage:
        """List payments. Raises ValidationFailed for a cursor that is not of this very order."""
        found = [payment for payment in self._candidates(filter) if _matches(payment, filter)]
        found.sort(key=lambda payment: place_of(payment, sort), reverse=sort.is_descending)
        if cursor is not None:
            last = place_in(cursor, sort)
            found = [
                payment
                for payment in found
                if (
                    place_of(payment, sort) < last
                    if sort.is_descending
                    else place_of(payment, sort) > last
                )
            ]
        page = found[:limit]
        return PaymentPage(
            items=page,
            next_cursor=cursor_after(page[-1], sort) if len(found) > limit else None,
        )

    async def payment_of(self, id: str) -> PaymentId | None:
        """Name the payment that an id leads to, if there is one."""
        database = self._database
        if id in database.payments.rows:
            return PaymentId(id)
        for index in (BY_INTENT, BY_CHARGE):
            for found in database.payments.ids(index, id):
                return found
        for refund_id in (RefundId(id), *database.refunds.ids(BY_PROVIDER_REFUND, id)):
            if refund_id in database.refunds.rows:
                return database.refunds.rows[refund_id].payment_id
        for dispute_id in (DisputeId(id), *database.disputes.ids(BY_PROVIDER_DISPUTE, id)):
            if dispute_id in database.disputes.rows:
                return database.disputes.rows[dispute_id].payment_id
        return None

    def _candidates(self, filter: PaymentFilter) -> Iterable[Payment]:
        if filter.order_id is not None:
            return self._of_order(filter.order_id)
        return self._database.payments.rows.values()

    def _of_order(self, order_id: OrderId) -> Iterable[Payment]:
        payments = self._database.payments
        return [payments.rows[found] for found in payments.ids(OF_ORDER, order_id)]

    async def methods(self, customer_id: CustomerId) -> Sequence[MethodView]:
        """List a customer's saved methods, oldest first, without removed ones."""
        methods = self._database.methods
        found = [methods.rows[kept] for kept in methods.ids(KEPT_OF, customer_id)]
        return [
            MethodView(
                id=method.id,
                customer_id=method.customer_id,
                card=method.card,
                is_default=method.is_default,
                is_active=method.is_active,
            )
            for method in sorted(found, key=by_age_of_method)
        ]

    async def ledger(self) -> Sequence[Entry]:
        """Return all entries of the ledger in the order they were posted."""
        return list(self._database.ledger.rows.values())

    async def outbox(self) -> Sequence[DomainEvent]:
        """Return all staged events in the order they were staged."""
        return list(self._database.outbox)

    async def health(self) -> StoreHealth:
        """Say how the store is."""
        inbox, operations = self._database.inbox, self._database.operations
        waiting = [inbox.rows[found] for found in inbox.ids(WAITING, key=True)]
        return StoreHealth(
            schema_is_current=True,
            oldest_waiting_event_at=min((row.received_at for row in waiting), default=None),
            earliest_due_at=min((row.next_attempt_at for row in waiting), default=None),
            waiting_events=len(waiting),
            unresolved_operations=sum(1 for _ in operations.ids(UNRESOLVED, key=True)),
            parked_events=sum(row.status is InboxStatus.PARKED for row in waiting),
            retrying_events=sum(
                row.status is InboxStatus.PENDING and row.attempts > 0 for row in waiting
            ),
            failing_events=sum(row.failures > 0 for row in waiting),
            dead_events=sum(1 for _ in inbox.ids(DEAD, key=True)),
            wrong_mode_events=sum(1 for _ in inbox.ids(OF_WRONG_MODE, key=True)),
        )


def _matches(payment: Payment, filter: PaymentFilter) -> bool:
    return (
        filter.order_id in (None, payment.order_id)
        and filter.customer_id in (None, payment.customer_id)
        and filter.status in (None, payment.status)
        and (filter.created_from is None or payment.created_at >= filter.created_from)
        and (filter.created_until is None or payment.created_at < filter.created_until)
        and filter.whose in (None, payment.order_id, payment.customer_id)
        and filter.currency in (None, payment.amount.currency)
        and (filter.trouble is None or _IS[filter.trouble](payment))
    )


def _conforms(database: Database) -> Queries:
    """Let the type checker prove that the adapter fits its port."""
    return MemoryQueries(database)
