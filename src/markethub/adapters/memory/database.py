"""The tables, and the constraints that the real schema has."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from markethub.adapters.memory.tables import Index, Table
from markethub.domain.customer import Customer
from markethub.domain.ids import CustomerId, EventId, MethodId, OperationId, OrderId, PaymentId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ledger import Entry, EntryKind
from markethub.domain.operation import Operation
from markethub.domain.order import Order
from markethub.domain.payment import Payment
from markethub.domain.payment_method import PaymentMethod

if TYPE_CHECKING:
    from markethub.domain.events import DomainEvent

EntryKey = tuple[str, EntryKind]
"""The provider's id of a fact, and what was posted of it."""


def _slot(payment: Payment) -> Hashable | None:
    return payment.order_id if payment.holds_slot else None


def _unresolved_of(operation: Operation) -> Hashable | None:
    return operation.payment_id if operation.is_unresolved else None


def _kept_of(method: PaymentMethod) -> Hashable | None:
    return None if method.is_removed else method.customer_id


def _card_of(method: PaymentMethod) -> Hashable | None:
    return None if method.is_removed else (method.customer_id, method.fingerprint)


def _default_of(method: PaymentMethod) -> Hashable | None:
    return method.customer_id if method.is_default else None


OF_ORDER: Final = Index[Payment](name="order", key=lambda payment: payment.order_id)
SLOT: Final = Index[Payment](name="the order's slot", key=_slot, unique=True)
BY_INTENT: Final = Index[Payment](
    name="the intent id", key=lambda payment: payment.intent_id, unique=True
)
BY_CHARGE: Final = Index[Payment](
    name="the charge id", key=lambda payment: payment.charge_id, unique=True
)

UNRESOLVED_OF: Final = Index[Operation](
    name="the payment's unresolved operation", key=_unresolved_of, unique=True
)
UNRESOLVED: Final = Index[Operation](
    name="unresolved", key=lambda operation: operation.is_unresolved or None
)
BY_ORIGIN: Final = Index[Operation](
    name="the origin", key=lambda operation: operation.origin, unique=True
)

BY_PROVIDER: Final = Index[Customer](
    name="the provider's customer id", key=lambda customer: customer.provider_id, unique=True
)
BY_TOKEN: Final = Index[PaymentMethod](
    name="the token", key=lambda method: method.token, unique=True
)
KEPT_OF: Final = Index[PaymentMethod](name="customer", key=_kept_of)
BY_CARD: Final = Index[PaymentMethod](name="the customer's card", key=_card_of, unique=True)
DEFAULT_OF: Final = Index[PaymentMethod](
    name="the customer's default", key=_default_of, unique=True
)
DETACHABLE: Final = Index[PaymentMethod](
    name="detachable", key=lambda method: method.detach_due_at is not None or None
)

ENTRIES_OF: Final = Index[Entry](name="payment", key=lambda entry: entry.payment_id)

WAITING: Final = Index[InboxEvent](name="waiting", key=lambda event: event.is_waiting or None)


class Database:
    """Everything that is committed."""

    def __init__(self) -> None:
        """Begin empty."""
        self.orders = Table[OrderId, Order]("orders")
        self.payments = Table[PaymentId, Payment]("payments", OF_ORDER, SLOT, BY_INTENT, BY_CHARGE)
        self.operations = Table[OperationId, Operation](
            "operations", UNRESOLVED_OF, UNRESOLVED, BY_ORIGIN
        )
        self.customers = Table[CustomerId, Customer]("customers", BY_PROVIDER)
        self.methods = Table[MethodId, PaymentMethod](
            "payment_methods", BY_TOKEN, KEPT_OF, BY_CARD, DEFAULT_OF, DETACHABLE
        )
        self.ledger = Table[EntryKey, Entry]("ledger", ENTRIES_OF)
        self.inbox = Table[EventId, InboxEvent]("inbox", WAITING)
        self.outbox: list[DomainEvent] = []
