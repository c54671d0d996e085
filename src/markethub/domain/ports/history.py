"""Reads for a payment's page: all that is known of what happened to it, in one look.

Nothing here can be charged with or is a secret: requests and events come without what they say.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Generic, Protocol, Self, TypeVar

import attrs

from markethub.domain.approval import Approval
from markethub.domain.audit import AuditEntry
from markethub.domain.delivery import Delivery
from markethub.domain.dispute import Dispute
from markethub.domain.ids import DisputeId, EventId, PaymentId, RefundId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.ledger import Entry
from markethub.domain.money import Money
from markethub.domain.operation import Operation, OperationKind, OperationStatus
from markethub.domain.payment import Action, Payment
from markethub.domain.refund import Refund
from markethub.domain.submission import Submission, SubmissionKind

LAST: Final = 200
"""How many of each kind are read: a payment that has had more has had them of late, too."""

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Last(Generic[T]):
    """The last things of a kind, the oldest of them first."""

    items: Sequence[T] = ()
    is_all: bool = True
    """False where there were earlier ones, which are left out."""

    @classmethod
    def of(cls, newest_first: Sequence[T], most: int) -> Self:
        """Keep at most so many. Whoever has read one more than that knows that there is more."""
        return cls(items=newest_first[:most][::-1], is_all=len(newest_first) <= most)


@attrs.frozen(kw_only=True)
class Attempt:
    """A request of ours to the provider, about the payment or a dispute of it."""

    kind: OperationKind | SubmissionKind
    about: RefundId | DisputeId | None
    """The refund that it is to make, or the dispute that it is about; else it is the intent."""
    amount: Money | None
    number: int
    """Which attempt it is: the ones before it are known to have had no effect."""
    status: OperationStatus
    error_code: str | None
    asked_at: datetime
    updated_at: datetime

    @classmethod
    def of_operation(cls, operation: Operation) -> Self:
        """Leave out what was sent."""
        return cls(
            kind=operation.kind,
            about=operation.refund_id,
            amount=operation.amount,
            number=operation.attempt,
            status=operation.status,
            error_code=operation.error_code,
            asked_at=operation.created_at,
            updated_at=operation.updated_at,
        )

    @classmethod
    def of_submission(cls, submission: Submission) -> Self:
        """Leave out what was sent."""
        return cls(
            kind=submission.kind,
            about=submission.dispute_id,
            amount=None,
            number=submission.attempt,
            status=submission.status,
            error_code=submission.error_code,
            asked_at=submission.created_at,
            updated_at=submission.updated_at,
        )

    @property
    def is_unresolved(self) -> bool:
        """Tell whether the outcome is not known."""
        return self.status is OperationStatus.UNRESOLVED


@attrs.frozen(kw_only=True)
class Arrival:
    """An event of the provider that has arrived, without what it says."""

    id: EventId
    type: str
    status: InboxStatus
    reason: str | None
    created_at: datetime
    """When it happened, by the provider's clock."""
    received_at: datetime
    replayed_at: datetime | None


@attrs.frozen(kw_only=True)
class History:
    """What happened to a payment: of each kind the last, in the order in which it happened.

    What is told of refunds, disputes, events and messages is told of those that stand here.
    """

    payment: Payment
    refunds: Last[Refund]
    disputes: Last[Dispute]
    approvals: Last[Approval]
    operations: Last[Attempt]
    submissions: Last[Attempt]
    events: Last[Arrival]
    """About the payment's intent, charges, refunds, disputes and warnings, as they arrived."""
    entries: Last[Entry]
    """As they were posted."""
    messages: Last[Delivery]
    """What the storefront is told."""
    acts: Last[AuditEntry]
    """What staff did to the payment, or to an event or message of it."""

    @property
    def unresolved(self) -> Attempt | None:
        """The request whose outcome is not known: another is not made before it is."""
        return next((each for each in self.operations.items if each.is_unresolved), None)

    @property
    def available_actions(self) -> tuple[Action, ...]:
        """What can be done now: nothing, until an outcome is known that is not."""
        return () if self.unresolved else self.payment.available_actions


def subjects_of(
    payment: Payment, refunds: Sequence[Refund], disputes: Sequence[Dispute]
) -> Sequence[str]:
    """Return what events about a payment are about (``ReceivedEvent.subject``)."""
    failed = payment.failure.charge_id if payment.failure else None
    subjects = (
        payment.intent_id,
        payment.charge_id,
        failed,
        *(refund.provider_id for refund in refunds),
        *(dispute.provider_id for dispute in disputes),
        *(warning.id for warning in payment.fraud_warnings),
    )
    return [subject for subject in dict.fromkeys(subjects) if subject is not None]


def aggregates_of(
    payment: Payment, refunds: Sequence[Refund], disputes: Sequence[Dispute]
) -> Sequence[str]:
    """Return whose messages may be about a payment: those of its order may be about another."""
    return [
        payment.id,
        payment.order_id,
        *(refund.id for refund in refunds),
        *(dispute.id for dispute in disputes),
    ]


def is_about(message: Delivery, payment: Payment) -> bool:
    """Tell whether a message to the storefront is about this payment."""
    return getattr(message.event, "payment_id", None) == payment.id


class HistoryQueries(Protocol):
    """A consistent read outside of a use case's transaction."""

    async def history(self, id: PaymentId, *, most: int = LAST) -> History | None:
        """Return what happened to a payment, if it exists: of each kind at most so many."""
        ...
