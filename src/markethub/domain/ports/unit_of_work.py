"""Transactions, and the repositories inside one."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

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
from markethub.domain.ports.audit import AuditLog
from markethub.domain.ports.disputes import Disputes, Submissions
from markethub.domain.ports.inbox import InboxEvents
from markethub.domain.ports.methods import Customers, Methods
from markethub.domain.ports.outbox import Deliveries
from markethub.domain.ports.refunds import Refunds

T = TypeVar("T")


class Orders(Protocol):
    """Orders. ``lock`` holds the row until the transaction ends."""

    async def find(self, id: OrderId, *, customer_id: CustomerId | None = None) -> Order | None:
        """Return the order, if it exists and is the customer's (where one is given)."""
        ...

    async def lock(self, id: OrderId, *, customer_id: CustomerId | None = None) -> Order | None:
        """Return it as ``find`` does, holding its row."""
        ...

    async def save(self, order: Order) -> Order:
        """Insert (version 0) or update it, stage its events, and return it as stored.

        The returned order has its new version and no events. Raises StaleWrite if somebody
        else saved it since it was read, or inserted it first.
        """
        ...


class Payments(Protocol):
    """Payments. At most one of an order holds its slot: the store itself refuses a second."""

    async def find(self, id: PaymentId, *, customer_id: CustomerId | None = None) -> Payment | None:
        """Return the payment, if it exists and is the customer's (where one is given)."""
        ...

    async def find_by_intent(
        self, intent_id: IntentId, *, customer_id: CustomerId | None = None
    ) -> Payment | None:
        """Return the payment of a provider intent, under the same condition."""
        ...

    async def find_by_charge(self, charge_id: ChargeId) -> Payment | None:
        """Return the payment whose latest charge this is."""
        ...

    async def lock(self, id: PaymentId) -> Payment | None:
        """Return the payment, holding its row."""
        ...

    async def lock_with_order(self, id: PaymentId) -> tuple[Order, Payment] | None:
        """Return the payment and its order, holding the order's row, then the payment's."""
        ...

    async def of_order(self, order_id: OrderId) -> Sequence[Payment]:
        """Return an order's payments, oldest first."""
        ...

    async def abandoned(
        self, *, before: datetime | None, strays_before: datetime, limit: int
    ) -> Sequence[PaymentId]:
        """Name payments whose intents nobody will pay, the longest untouched first.

        Those that wait for their customer, untouched since ``before`` (none if it is None);
        and strays, which hold no slot, untouched since ``strays_before``. Both without an
        unresolved operation.
        """
        ...

    async def expiring(self, *, before: datetime, limit: int) -> Sequence[PaymentId]:
        """Name authorized payments whose hold ends before then, if that was not told yet."""
        ...

    async def save(self, payment: Payment) -> Payment:
        """Insert or update it, as ``Orders.save``.

        Raises StaleWrite too where the order's slot or the intent id is taken by another.
        """
        ...


class Operations(Protocol):
    """What we asked the provider. At most one of a payment is unresolved: the store refuses."""

    async def find(self, id: OperationId) -> Operation | None:
        """Return the operation, if it exists."""
        ...

    async def unresolved(self, payment_id: PaymentId) -> Operation | None:
        """Return the payment's unresolved operation, if it has one, holding its row."""
        ...

    async def find_by_origin(self, origin: str) -> Operation | None:
        """Return the operation that this caller, path and key made, if any."""
        ...

    async def due(self, *, now: datetime, limit: int) -> Sequence[OperationId]:
        """Name unresolved operations whose ``next_attempt_at`` has come, oldest first."""
        ...

    async def save(self, operation: Operation) -> Operation:
        """Insert or update it, as ``Orders.save``.

        Raises StaleWrite too where the payment has another unresolved one or the origin is used.
        """
        ...


class Ledger(Protocol):
    """The books: append-only."""

    async def post(self, entry: Entry) -> bool:
        """Append, unless ``(reference, kind)`` is posted already. Say whether it was new."""
        ...

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Entry]:
        """Return a payment's entries in the order they were posted."""
        ...


class Transaction(Protocol):
    """Everything that one transaction may touch.

    What is saved is seen by every later read. It may be sent only then, or before the commit, and
    what refuses it is raised there.
    """

    @property
    def orders(self) -> Orders:
        """Orders."""
        ...

    @property
    def payments(self) -> Payments:
        """Payments."""
        ...

    @property
    def operations(self) -> Operations:
        """What we asked the provider."""
        ...

    @property
    def customers(self) -> Customers:
        """Customers at the provider."""
        ...

    @property
    def methods(self) -> Methods:
        """Saved methods."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The books."""
        ...

    @property
    def refunds(self) -> Refunds:
        """Refunds."""
        ...

    @property
    def disputes(self) -> Disputes:
        """Disputes."""
        ...

    @property
    def submissions(self) -> Submissions:
        """What we asked about disputes."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """Public events on their way to the storefront."""
        ...

    @property
    def inbox(self) -> InboxEvents:
        """Stored events of the provider."""
        ...

    @property
    def audit(self) -> AuditLog:
        """What people did."""
        ...


class Transactions(Protocol):
    """Runs work in a transaction."""

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Begin, await ``work``, commit, and return its result; roll back on any exception.

        ``work`` is repeated from the start a bounded number of times on a serialization
        failure, a deadlock, a busy database or StaleWrite, so it must touch nothing but its
        transaction. Raises StaleWrite when the bound is reached, StoreUnavailable where the
        database is out of reach, and CommitUnknown when the connection was lost at COMMIT
        (never repeated: only a read tells).
        """
        ...
