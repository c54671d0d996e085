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
    SetupIntentId,
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


ProviderFact = IntentReported | ChargeReported | MethodReported | CustomerDeleted | Unrecognised


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
    payload: str
