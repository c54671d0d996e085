"""The tables, and the constraints that the real schema has."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Final

import attrs

from markethub.adapters.memory import rules
from markethub.adapters.memory.tables import Index, Table
from markethub.domain.audit import AuditEntry
from markethub.domain.customer import Customer
from markethub.domain.delivery import Attempt, Delivery
from markethub.domain.dispute import Dispute
from markethub.domain.endpoint import Endpoint
from markethub.domain.events import DomainEvent
from markethub.domain.ids import (
    CustomerId,
    DisputeId,
    EventId,
    LeaseId,
    MethodId,
    OperationId,
    OrderId,
    PaymentId,
    RefundId,
    SubmissionId,
)
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ledger import Entry, EntryKind
from markethub.domain.operation import Operation
from markethub.domain.order import Order
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.public_events import aggregate_of, is_public
from markethub.domain.refund import Refund
from markethub.domain.submission import Submission

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


_FINISHED: Final = (PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED)
UNFINISHED: Final = Index[Payment](
    name="unfinished",
    key=lambda payment: payment.status not in _FINISHED or None,
)
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

REFUNDS_OF: Final = Index[Refund](name="payment", key=lambda refund: refund.payment_id)
BY_PROVIDER_REFUND: Final = Index[Refund](
    name="the provider's refund", key=lambda refund: refund.provider_id, unique=True
)
BY_PLAN: Final = Index[Refund](name="the plan's line", key=lambda refund: refund.plan, unique=True)

DISPUTES_OF: Final = Index[Dispute](name="payment", key=lambda dispute: dispute.payment_id)
BY_PROVIDER_DISPUTE: Final = Index[Dispute](
    name="the provider's dispute", key=lambda dispute: dispute.provider_id, unique=True
)

SUBMITTING: Final = Index[Submission](
    name="the dispute's unresolved submission",
    key=lambda submission: submission.dispute_id if submission.is_unresolved else None,
    unique=True,
)
SUBMISSIONS_UNRESOLVED: Final = Index[Submission](
    name="unresolved", key=lambda submission: submission.is_unresolved or None
)
SUBMISSION_BY_ORIGIN: Final = Index[Submission](
    name="the origin", key=lambda submission: submission.origin, unique=True
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


@attrs.frozen(kw_only=True)
class Leased:
    """Who processes a subject's events. One that was let go stays, without lease and holder."""

    subject: str
    lease: LeaseId | None
    holder: str | None
    until: datetime

    def is_live(self, now: datetime) -> bool:
        """Tell whether nobody else may take it."""
        return self.lease is not None and self.until > now


LEASED: Final = Index[Leased](name="the lease", key=lambda leased: leased.lease)

WAITING: Final = Index[InboxEvent](name="waiting", key=lambda event: event.is_waiting or None)
DEAD: Final = Index[InboxEvent](
    name="dead", key=lambda event: event.status is InboxStatus.DEAD or None
)
OF_WRONG_MODE: Final = Index[InboxEvent](
    name="wrong mode", key=lambda event: event.is_of_wrong_mode or None
)
UNDELIVERED: Final = Index[Delivery](
    name="pending", key=lambda delivery: delivery.is_pending or None
)
UNDELIVERED_OF: Final = Index[Delivery](
    name="pending of the aggregate",
    key=lambda delivery: delivery.aggregate_id if delivery.is_pending else None,
)


class Database:
    """Everything that is committed."""

    def __init__(self) -> None:
        """Begin empty."""
        self.orders = Table[OrderId, Order]("orders", rules=rules.OF_ORDERS)
        self.payments = Table[PaymentId, Payment](
            "payments",
            OF_ORDER,
            SLOT,
            BY_INTENT,
            BY_CHARGE,
            UNFINISHED,
            rules=rules.OF_PAYMENTS,
        )
        self.operations = Table[OperationId, Operation](
            "operations", UNRESOLVED_OF, UNRESOLVED, BY_ORIGIN, rules=rules.OF_OPERATIONS
        )
        self.refunds = Table[RefundId, Refund](
            "refunds", REFUNDS_OF, BY_PROVIDER_REFUND, BY_PLAN, rules=rules.OF_REFUNDS
        )
        self.disputes = Table[DisputeId, Dispute](
            "disputes", DISPUTES_OF, BY_PROVIDER_DISPUTE, rules=rules.OF_DISPUTES
        )
        self.submissions = Table[SubmissionId, Submission](
            "submissions", SUBMITTING, SUBMISSIONS_UNRESOLVED, SUBMISSION_BY_ORIGIN
        )
        self.customers = Table[CustomerId, Customer]("customers", BY_PROVIDER)
        self.methods = Table[MethodId, PaymentMethod](
            "payment_methods", BY_TOKEN, KEPT_OF, BY_CARD, DEFAULT_OF, DETACHABLE
        )
        self.ledger = Table[EntryKey, Entry]("ledger", ENTRIES_OF)
        self.inbox = Table[EventId, InboxEvent]("inbox", WAITING, DEAD, OF_WRONG_MODE)
        self.leases = Table[str, Leased]("inbox_leases", LEASED)
        self.outbox: list[DomainEvent] = []
        self.deliveries = Table[int, Delivery]("deliveries", UNDELIVERED, UNDELIVERED_OF)
        self.attempts: list[Attempt] = []
        self.endpoints = Table[str, Endpoint]("delivery_endpoints")
        self.audit: list[AuditEntry] = []

    def record(self, entries: Sequence[AuditEntry]) -> None:
        """Append to the audit log, each with its number."""
        for entry in entries:
            self.audit.append(attrs.evolve(entry, sequence=len(self.audit) + 1))

    def tell(self, events: Sequence[DomainEvent]) -> None:
        """Append to the outbox; public events begin their way to the storefront."""
        for event in events:
            self.outbox.append(event)
            if is_public(event):
                sequence = len(self.outbox)
                delivery = Delivery.of(event, sequence=sequence, aggregate_id=aggregate_of(event))
                self.deliveries.put(sequence, delivery)
