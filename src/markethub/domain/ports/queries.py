"""Reads for screens: lists, filters, pages. Not through aggregates, and never for deciding."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import attrs

from markethub.domain.events import DomainEvent
from markethub.domain.ids import CustomerId, OrderId, PaymentId
from markethub.domain.ledger import Entry
from markethub.domain.money import Currency
from markethub.domain.order import Order
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.methods import MethodView
from markethub.domain.ports.payment_sort import PaymentSort


class Trouble(StrEnum):
    """What sets a payment apart from those that nobody has to look at."""

    DISPUTED = "disputed"
    """A chargeback of it is open, or disputes have taken money of it."""
    QUARANTINED = "quarantined"


@attrs.frozen(kw_only=True)
class PaymentFilter:
    """Which payments to list; what is None does not restrict."""

    order_id: OrderId | None = None
    customer_id: CustomerId | None = None
    status: PaymentStatus | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    """Up to, and without, this moment."""
    whose: str | None = None
    """An id: of the order, or of the customer."""
    currency: Currency | None = None
    trouble: Trouble | None = None


@attrs.frozen(kw_only=True)
class PaymentPage:
    """Payments in the order of their list. ``next_cursor`` is None on the last page."""

    items: Sequence[Payment]
    next_cursor: str | None


@attrs.frozen(kw_only=True)
class OrderView:
    """An order with its payments, oldest first."""

    order: Order
    payments: Sequence[Payment]


@attrs.frozen(kw_only=True)
class StoreHealth:
    """How the store is."""

    schema_is_current: bool
    oldest_waiting_event_at: datetime | None
    """When the oldest event received is still waiting to be processed; None if none waits."""
    earliest_due_at: datetime | None
    """When the waiting event that has been due for longest was due; None if none waits.

    One that is parked or failed waits for days without a worker being late: it is due later.
    """
    waiting_events: int
    unresolved_operations: int
    parked_events: int = 0
    """Those of the waiting ones that wait for what they are about."""
    retrying_events: int = 0
    """Those of the waiting ones that were put off: somebody was in the way, or we stumbled."""
    failing_events: int = 0
    """Those of the waiting ones that we stumbled over: they are on their way to the dead letter."""
    dead_events: int = 0
    wrong_mode_events: int = 0
    """Ignored, for they are of the other mode: an endpoint or a key is in the wrong place."""


class Queries(Protocol):
    """Consistent reads outside of a use case's transaction."""

    async def order(
        self, id: OrderId, *, customer_id: CustomerId | None = None
    ) -> OrderView | None:
        """Return an order with its payments, if it exists and is the customer's."""
        ...

    async def payment(
        self, id: PaymentId, *, customer_id: CustomerId | None = None
    ) -> Payment | None:
        """Return a payment, if it exists and is the customer's (where one is given)."""
        ...

    async def payments(
        self,
        filter: PaymentFilter,
        *,
        sort: PaymentSort = PaymentSort.NEWEST,
        cursor: str | None = None,
        limit: int = 50,
    ) -> PaymentPage:
        """List payments. Raises ValidationFailed for a cursor that is not of this very order."""
        ...

    async def payment_of(self, id: str) -> PaymentId | None:
        """Name the payment that an id leads to, if there is one.

        The id is its own, its intent's or its charge's, or that of a refund or a dispute of it,
        whether ours or the provider's; whole, and spelled as it is.
        """
        ...

    async def methods(self, customer_id: CustomerId) -> Sequence[MethodView]:
        """List a customer's saved methods, oldest first, without removed ones."""
        ...

    async def ledger(self) -> Sequence[Entry]:
        """Return all entries of the ledger in the order they were posted."""
        ...

    async def outbox(self) -> Sequence[DomainEvent]:
        """Return all staged events in the order they were staged."""
        ...

    async def health(self) -> StoreHealth:
        """Say how the store is. Raises whatever the database raises when it is out of reach."""
        ...
