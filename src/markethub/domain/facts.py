"""What the provider says: its objects and events as plain domain values.

Adapters translate into these; entities decide what they mean. An unknown value of the
provider's never fails here: it arrives as the ``UNKNOWN`` arm.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from markethub.domain.ids import (
    ChargeId,
    CustomerId,
    EventId,
    IntentId,
    OrderId,
    PaymentId,
    ProviderCustomerId,
    ProviderDisputeId,
    ProviderRefundId,
    RefundId,
    SetupIntentId,
    WarningId,
)
from markethub.domain.money import Money
from markethub.domain.secret import Secret


class IntentStatus(StrEnum):
    """Stripe's PaymentIntent statuses, under Stripe's names, and one for those yet unheard of."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Tell whether the intent stays so: its charge may still be refunded or disputed."""
        return self in (IntentStatus.SUCCEEDED, IntentStatus.CANCELED)


class CaptureMethod(StrEnum):
    """Whether a confirmed card is charged at once or only authorized."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


@attrs.frozen(kw_only=True)
class Card:
    """What may be shown of a card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


@attrs.frozen(kw_only=True)
class Failure:
    """Why an attempt failed, in the provider's codes."""

    code: str
    decline_code: str | None = None
    charge_id: ChargeId | None = None


@attrs.frozen(kw_only=True)
class BalanceTransaction:
    """A movement of our balance at the provider, in the settlement currency.

    ``amount - fee = net``. The currency may differ from the charge's.
    """

    id: str
    amount: Money
    fee: Money


@attrs.frozen(kw_only=True)
class ProviderCharge:
    """A charge (one attempt that reached the card network)."""

    id: ChargeId
    intent_id: IntentId | None
    amount: Money
    captured: Money
    card: Card | None = None
    balance: BalanceTransaction | None = None
    """None until the provider has booked it."""
    released: BalanceTransaction | None = None
    """What was booked back of ``balance`` for the part that was not captured (negative).

    Read only where it decides something: for a part that was exchanged.
    """
    capture_before: datetime | None = None
    """Until when a card that only holds the amount may be captured: a rule of its network."""

    @property
    def is_exchanged_in_part(self) -> bool:
        """Tell whether a part was captured and the provider settles in another currency."""
        return (
            self.balance is not None
            and self.captured != self.amount
            and self.balance.amount.currency != self.amount.currency
        )


@attrs.frozen(kw_only=True)
class Reference:
    """Our ids as found in the provider's ``metadata``; absent on objects that are not ours."""

    payment_id: PaymentId | None = None
    order_id: OrderId | None = None
    customer_id: CustomerId | None = None


@attrs.frozen(kw_only=True)
class ProviderIntent:
    """A PaymentIntent at one moment."""

    id: IntentId
    status: IntentStatus
    amount: Money
    received: Money
    capturable: Money
    capture_method: CaptureMethod
    reference: Reference
    livemode: bool
    created_at: datetime
    client_secret: Secret | None = None
    failure: Failure | None = None
    cancellation_reason: str | None = None
    latest_charge_id: ChargeId | None = None
    charge: ProviderCharge | None = None
    """The latest charge, where the answer had it inline (reads do, events do not)."""
    next_action: Mapping[str, object] | None = attrs.field(default=None, eq=False, repr=False)
    """What the customer must do, in Stripe's shape: handed to the browser as it is."""
    customer_id: ProviderCustomerId | None = None
    method: Secret | None = None
    """The token of the method that it is or was to be paid by."""
    saves_method: bool = False
    """Whether success saves the method to the customer."""
    allows_redirects: bool = True
    """Whether a confirmation must say where the browser goes back to."""


@attrs.frozen(kw_only=True)
class ProviderMethod:
    """A payment method at one moment. ``token`` is what it is charged by."""

    token: Secret
    customer_id: ProviderCustomerId | None
    """None until it is saved to a customer, and again, for good, once it is detached."""
    card: Card | None
    """None for whatever is no card."""
    fingerprint: Secret | None
    """The same for the same card number, however often it is entered."""
    created_at: datetime


@attrs.frozen(kw_only=True)
class ProviderSetup:
    """A SetupIntent that was just made, for the customer's browser to confirm."""

    id: SetupIntentId
    client_secret: Secret


@attrs.frozen(kw_only=True)
class IntentReported:
    """An event that carried a PaymentIntent."""

    intent: ProviderIntent
    claimed_status: IntentStatus | None
    """The status that the event's type claims; None where the type claims none."""

    @property
    def contradicts_itself(self) -> bool:
        """Tell whether type and object disagree: then neither settles anything."""
        return self.claimed_status is not None and self.claimed_status is not self.intent.status


@attrs.frozen(kw_only=True)
class ChargeReported:
    """An event that carried a Charge: a hint to read its intent again."""

    charge_id: ChargeId
    intent_id: IntentId | None
    reference: Reference


@attrs.frozen(kw_only=True)
class IntentHinted:
    """An event that only named an intent, or a charge of one, legibly: a hint to read the intent.

    ``reference`` is what it told of our ids.
    """

    intent_id: IntentId | None
    charge_id: ChargeId | None
    reference: Reference = Reference()


class ProviderRefundStatus(StrEnum):
    """Stripe's Refund statuses, and one for those yet unheard of."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Tell whether the refund stays so. A success does not: the bank may return it."""
        return self in (ProviderRefundStatus.FAILED, ProviderRefundStatus.CANCELED)


@attrs.frozen(kw_only=True)
class ProviderRefund:
    """A refund at one moment."""

    id: ProviderRefundId
    status: ProviderRefundStatus
    amount: Money
    charge_id: ChargeId | None
    intent_id: IntentId | None
    refund_id: RefundId | None = None
    """Our id as found in its ``metadata``; None where we did not make it."""
    balance: BalanceTransaction | None = None
    """What it took from our balance (negative); None until the provider has booked it."""
    returned: BalanceTransaction | None = None
    """What came back when it failed or was canceled (positive)."""
    failure_reason: str | None = None
    created_at: datetime


@attrs.frozen(kw_only=True)
class RefundReported:
    """An event that carried a Refund, or a Charge whose refunds changed: a hint to read them.

    ``refund`` is what an event showed that carried one; one that only named it has its id.
    """

    intent_id: IntentId | None
    charge_id: ChargeId | None
    refund: ProviderRefund | None = None
    provider_refund_id: ProviderRefundId | None = None


class ProviderDisputeStatus(StrEnum):
    """Stripe's Dispute statuses, an old one of its own, and one for those yet unheard of."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"
    CHARGE_REFUNDED = "charge_refunded"
    """Only in old payloads: an inquiry that ended because the charge was refunded."""
    UNKNOWN = "unknown"


@attrs.frozen(kw_only=True)
class ProviderDispute:
    """A dispute at one moment.

    Its amount may be lower or higher than the charge's, and of another currency.
    """

    id: ProviderDisputeId
    status: ProviderDisputeStatus
    reason: str
    amount: Money
    charge_id: ChargeId | None
    intent_id: IntentId | None
    movements: tuple[BalanceTransaction, ...] = ()
    """What was taken from our balance (negative) or given back (positive), with its fees."""
    evidence_due_by: datetime | None = None
    has_evidence: bool = False
    evidence: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """What the provider holds, by Stripe's field names: texts, and the ids of files."""
    submission_count: int = 0
    is_past_due: bool = False
    livemode: bool
    created_at: datetime


@attrs.frozen(kw_only=True)
class FraudWarning:
    """An issuer's early fraud warning: a cardholder called a charge fraudulent.

    ``is_actionable``: it has not become a dispute yet, and a refund may still prevent one.
    """

    id: WarningId
    fraud_type: str
    is_actionable: bool
    created_at: datetime


@attrs.frozen(kw_only=True)
class ProviderFraudWarning:
    """An early fraud warning, and what it is about."""

    warning: FraudWarning
    charge_id: ChargeId | None
    intent_id: IntentId | None


@attrs.frozen(kw_only=True)
class DisputeReported:
    """An event that carried a Dispute: a hint to read it.

    Without charge and intent, where it was only named, reading it tells what it is about.
    """

    dispute_id: ProviderDisputeId
    charge_id: ChargeId | None
    intent_id: IntentId | None


@attrs.frozen(kw_only=True)
class WarningReported:
    """An event that carried an early fraud warning, or named it: as ``DisputeReported``."""

    warning_id: WarningId
    charge_id: ChargeId | None
    intent_id: IntentId | None


@attrs.frozen(kw_only=True)
class MethodReported:
    """An event about a payment method, or a success that saved one: a hint to read it."""

    token: Secret
    is_detached: bool
    """It was detached: for good, so that no read can say otherwise."""


@attrs.frozen(kw_only=True)
class CustomerDeleted:
    """The customer was deleted at the provider, for good, and their methods with them."""

    customer_id: ProviderCustomerId


@attrs.frozen(kw_only=True)
class Unrecognised:
    """An event of a type that no handler is declared for."""

    type: str


ProviderFact = (
    IntentReported
    | ChargeReported
    | IntentHinted
    | RefundReported
    | DisputeReported
    | WarningReported
    | MethodReported
    | CustomerDeleted
    | Unrecognised
)


@attrs.frozen(kw_only=True)
class ReceivedEvent:
    """A verified event on its way into the inbox.

    ``payload`` is the event's JSON with every ``client_secret`` masked.
    """

    id: EventId
    type: str
    livemode: bool
    created_at: datetime
    api_version: str | None
    payload: str = attrs.field(repr=False)  # it names saved methods and their holders
    subject: str = attrs.field()
    """What it is about, as far as its order among others goes: an id of the provider's."""

    @subject.default
    def _itself(self) -> str:
        return self.id
