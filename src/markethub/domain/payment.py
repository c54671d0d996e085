"""One attempt to be paid for an order: our side of one PaymentIntent.

The provider's object decides the status; ``observe`` merges what was read of it. The entity
holds the facts, and every amount that people ask for is derived from them.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.errors import (
    InvalidTransition,
    PaymentDisputed,
    PaymentNotRefundable,
    RefundExceedsCaptured,
    RequestInProgress,
    ValidationFailed,
)
from markethub.domain.events import (
    DomainEvent,
    PaymentAuthorized,
    PaymentCanceled,
    PaymentFailed,
    PaymentQuarantinedEvent,
)
from markethub.domain.facts import (
    CaptureMethod,
    Card,
    Failure,
    FraudWarning,
    IntentStatus,
    ProviderIntent,
)
from markethub.domain.ids import ChargeId, CustomerId, IntentId, OrderId, PaymentId
from markethub.domain.money import Money
from markethub.domain.order import Order, OrderStatus


class PaymentStatus(StrEnum):
    """Where a payment stands; the public names."""

    PENDING = "pending"
    """The provider has not answered yet, or the answer is unknown."""
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class Action(StrEnum):
    """What can be done to a payment now."""

    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class Quarantine(StrEnum):
    """Why money that arrived is not accepted as payment of its order."""

    AMOUNT_MISMATCH = "amount_mismatch"
    ORDER_CANCELED = "order_canceled"
    ORDER_ALREADY_PAID = "order_already_paid"
    CUSTOMER_MISMATCH = "customer_mismatch"
    UNEXPECTED_CAPTURE = "unexpected_capture"


NEVER_CREATED: Final = "never_created"
"""Failure code of a payment whose intent the provider never made."""
SUPERSEDED: Final = "superseded"
"""Failure code of a payment that nobody got to see: its intent, if there is one, is a stray."""
REJECTED: Final = "gateway_rejected"
"""Failure code of a payment whose intent the provider refused to make."""

DECLINES_MAXIMUM: Final = 10
"""Declined attempts on an order after which its intent is canceled and it rests (card testing)."""

_S = PaymentStatus
UNPAID: Final = (PaymentStatus.REQUIRES_PAYMENT_METHOD, PaymentStatus.REQUIRES_ACTION)
"""Waiting for the customer: no money is held or moving."""
_OPEN = frozenset({_S.REQUIRES_PAYMENT_METHOD, _S.REQUIRES_ACTION, _S.PROCESSING})
# Only from a read of the provider, so every edge that Stripe's machine can show us between two
# reads is legal; what is missing here would mean that money vanished or an intent came back.
_NEXT: Final = {
    _S.PENDING: _OPEN | {_S.AUTHORIZED, _S.SUCCEEDED, _S.CANCELED},
    _S.REQUIRES_PAYMENT_METHOD: _OPEN | {_S.AUTHORIZED, _S.SUCCEEDED, _S.CANCELED},
    _S.REQUIRES_ACTION: _OPEN | {_S.AUTHORIZED, _S.SUCCEEDED, _S.CANCELED},
    _S.PROCESSING: _OPEN | {_S.AUTHORIZED, _S.SUCCEEDED, _S.CANCELED},
    # Open again: a capture that is settled later can fail later, too.
    _S.AUTHORIZED: _OPEN | {_S.SUCCEEDED, _S.CANCELED},
    _S.SUCCEEDED: frozenset[PaymentStatus](),
    # Closed as never created, and then its intent turned up after all.
    _S.CANCELED: _OPEN | {_S.AUTHORIZED, _S.SUCCEEDED},
}
assert set(_NEXT) == set(PaymentStatus), "every status says what may follow it"

_STATUS_OF: Final = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: _S.REQUIRES_PAYMENT_METHOD,
    IntentStatus.REQUIRES_CONFIRMATION: _S.REQUIRES_PAYMENT_METHOD,
    IntentStatus.REQUIRES_ACTION: _S.REQUIRES_ACTION,
    IntentStatus.PROCESSING: _S.PROCESSING,
    IntentStatus.REQUIRES_CAPTURE: _S.AUTHORIZED,
    IntentStatus.SUCCEEDED: _S.SUCCEEDED,
    IntentStatus.CANCELED: _S.CANCELED,
    IntentStatus.UNKNOWN: _S.PENDING,
}
assert set(_STATUS_OF) == set(IntentStatus), "every provider status has one of ours"

_ACTIONS: Final = {
    _S.PENDING: (),
    _S.REQUIRES_PAYMENT_METHOD: (Action.CANCEL,),
    _S.REQUIRES_ACTION: (Action.CANCEL,),
    _S.PROCESSING: (),
    _S.AUTHORIZED: (Action.CAPTURE, Action.CANCEL),
    _S.SUCCEEDED: (),
    _S.CANCELED: (),
}
assert set(_ACTIONS) == set(PaymentStatus), "every status says what can be done"


@attrs.frozen(kw_only=True)
class Payment:
    """A payment of an order. ``amount`` is what its intent asks for."""

    id: PaymentId
    order_id: OrderId
    customer_id: CustomerId
    amount: Money
    capture_method: CaptureMethod
    status: PaymentStatus
    holds_slot: bool = True
    """An order has one slot: at most one payment of it is live. The database enforces it."""
    intent_id: IntentId | None = None
    charge_id: ChargeId | None = None
    authorized: Money
    """What the card holds or held for us."""
    captured: Money
    refunded: Money
    """What has reached the customer again."""
    refund_reserved: Money
    """What is on its way there: reserved before the provider is asked."""
    disputed: Money
    """What disputes have taken and not given back. May exceed what was captured."""
    chargeback_open: bool = False
    """A dispute waits for our answer or its decision: no refund outside of it meanwhile."""
    fraud_warnings: tuple[FraudWarning, ...] = ()
    """By id."""
    capture_asked: Money | None = None
    """What we asked to capture of a manual payment; money captured without it is quarantined."""
    capture_before: datetime | None = None
    """Until when what the card holds may be captured, where its network says so."""
    expiry_told: bool = False
    """The end of the hold was reported."""
    card: Card | None = None
    failure: Failure | None = None
    quarantine: Quarantine | None = None
    declines: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""
    events: tuple[DomainEvent, ...] = ()

    @classmethod
    def start(
        cls,
        *,
        id: PaymentId,
        order: Order,
        capture_method: CaptureMethod,
        now: datetime,
    ) -> Self:
        """Begin to ask for an open order's total. Raises as ``Order.require_open``."""
        order.require_open()
        nothing = Money.zero(order.total.currency)
        return cls(
            id=id,
            order_id=order.id,
            customer_id=order.customer_id,
            amount=order.total,
            capture_method=capture_method,
            status=PaymentStatus.PENDING,
            authorized=nothing,
            captured=nothing,
            refunded=nothing,
            refund_reserved=nothing,
            disputed=nothing,
            created_at=now,
            updated_at=now,
        )

    @property
    def amount_refundable(self) -> Money:
        """Captured - refunded or about to be - in dispute, at least nothing."""
        left = self.captured - self.refunded - self.refund_reserved - self.disputed
        return max(left, Money.zero(left.currency))

    @property
    def available_actions(self) -> tuple[Action, ...]:
        """What can be done now."""
        if self.amount_refundable.minor and not self.chargeback_open:
            return (*_ACTIONS[self.status], Action.REFUND)
        return _ACTIONS[self.status]

    @property
    def is_disputed(self) -> bool:
        """Tell whether a chargeback is open, or disputes have taken money and not given it back."""
        return self.chargeback_open or self.disputed.minor > 0

    @property
    def is_stray(self) -> bool:
        """Tell whether it was closed and its intent turned up after all: cancel it."""
        return not self.holds_slot and self.status not in (
            PaymentStatus.CANCELED,
            PaymentStatus.SUCCEEDED,
        )

    def is_abandoned(self, *, before: datetime) -> bool:
        """Tell whether its customer has left it unpaid, untouched since ``before``."""
        return self.status in UNPAID and self.updated_at <= before and self.intent_id is not None

    def expires_before(self, moment: datetime) -> bool:
        """Tell whether what the card holds is let go before then, if nobody captures it."""
        return (
            self.status is PaymentStatus.AUTHORIZED
            and self.capture_before is not None
            and self.capture_before <= moment
        )

    def tell_expiry(self) -> Self:
        """Note that the end of the hold was reported. Nothing else changes."""
        return attrs.evolve(self, expiry_told=True)

    @property
    def error_code(self) -> str | None:
        """Why it was quarantined, or else why its last attempt failed."""
        if self.quarantine is not None:
            return self.quarantine.value
        return self.failure.code if self.failure else None

    def fits(self, order: Order) -> bool:
        """Tell whether its intent asks for what the order costs, of the same customer."""
        return self.amount == order.total and self.customer_id == order.customer_id

    def can_follow(self, order: Order) -> bool:
        """Tell whether its intent may be updated to the order, rather than replaced.

        An intent that waits for the customer's challenge is always replaced: the challenge
        shows the old amount.
        """
        return (
            self.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
            and self.amount.currency == order.total.currency
            and self.customer_id == order.customer_id
        )

    def require_replaceable(self) -> None:
        """Raise unless the order under it may still be changed.

        Raises RequestInProgress while pending; InvalidTransition once money is held or moving.
        """
        if self.status is PaymentStatus.PENDING:
            raise RequestInProgress("the order's payment is being created")
        if self.status in (PaymentStatus.PROCESSING, PaymentStatus.AUTHORIZED):
            raise InvalidTransition(f"the order's payment is {self.status}")

    def require_fit(self, order: Order) -> None:
        """Raise unless money taken now would pay ``order``: taking what is known not to is a wrong.

        Raises OrderAlreadyPaid, or InvalidTransition for an order that is canceled or changed.
        """
        order.require_open()
        if not self.fits(order):
            raise InvalidTransition("the order has changed since the payment was authorized")

    def require(self, action: Action) -> None:
        """Raise RequestInProgress or InvalidTransition if ``action`` is not possible now."""
        if self.status is PaymentStatus.PENDING:
            raise RequestInProgress("the payment is being created")
        if action not in self.available_actions:
            raise InvalidTransition(f"a payment that is {self.status} has no {action}")

    def ask_capture(self, amount: Money | None, *, now: datetime) -> Self:
        """Note that ``amount`` (all that is held, if None) is to be captured, before asking.

        Raises InvalidTransition or RequestInProgress as ``require``; ValidationFailed for more
        than is held, or nothing.
        """
        self.require(Action.CAPTURE)
        amount = amount or self.authorized
        if not 0 < amount.minor <= self.authorized.minor:
            raise ValidationFailed("amount", f"must be between 1 and {self.authorized.minor}")
        amount.require_divisible()
        return attrs.evolve(self, capture_asked=amount, updated_at=now)

    def touch(self, *, now: datetime) -> Self:
        """Take note that the provider is about to be asked something.

        The new version makes every view of the intent from before recognisably old.
        """
        return attrs.evolve(self, updated_at=now)

    def forget_capture(self, *, now: datetime) -> Self:
        """Note that the provider refused the capture we asked for."""
        return attrs.evolve(self, capture_asked=None, updated_at=now)

    def require_refundable(self, amount: Money | None = None) -> Money:
        """Return the amount that a refund of ``amount`` (all that is left, if None) gives back.

        Raises RequestInProgress while pending; PaymentNotRefundable where nothing was captured
        or nothing is left; PaymentDisputed while a chargeback is open; RefundExceedsCaptured;
        ValidationFailed for nothing, another currency, or decimals that it does not use.
        """
        if self.status is PaymentStatus.PENDING:
            raise RequestInProgress("the payment is being created")
        if not self.captured.minor:
            held = self.status is PaymentStatus.AUTHORIZED
            hint = "; cancel it instead" if held else ""
            raise PaymentNotRefundable(f"nothing was captured of the payment{hint}")
        if self.chargeback_open:
            raise PaymentDisputed("a chargeback of the payment is open")
        left = self.amount_refundable
        if not left.minor:
            raise PaymentNotRefundable("nothing of the payment is left to refund")
        if amount is None:
            return left
        if amount.currency != left.currency:
            raise ValidationFailed("amount", f"must be in {left.currency.code}")
        if amount.minor < 1:
            raise ValidationFailed("amount", "must be at least 1")
        amount.require_divisible()
        if amount > left:
            raise RefundExceedsCaptured(f"only {left} of the payment is left to refund")
        return amount

    def refund(self, *, refunded: Money, reserved: Money, now: datetime) -> Self:
        """Take over how its refunds stand.

        The version is raised even where the sums are as they were: a view of its refunds from
        before is recognisably old. What is reserved beyond what is left (somebody refunded at
        the provider meanwhile) cannot be given any more: the provider will refuse it.
        """
        left = max(self.captured - refunded, Money.zero(refunded.currency))
        return attrs.evolve(
            self, refunded=refunded, refund_reserved=min(reserved, left), updated_at=now
        )

    def contest(self, *, disputed: Money, chargeback_open: bool, now: datetime) -> Self:
        """Take over how its disputes stand; nothing new changes nothing."""
        seen = attrs.evolve(self, disputed=disputed, chargeback_open=chargeback_open)
        return self if seen == self else attrs.evolve(seen, updated_at=now)

    def warn(self, warning: FraudWarning, *, now: datetime) -> Self:
        """Note an early fraud warning, or what became of it; nothing new changes nothing."""
        known = {each.id: each for each in self.fraud_warnings}
        if known.get(warning.id) == warning:
            return self
        known[warning.id] = warning
        warnings = tuple(known[name] for name in sorted(known))
        return attrs.evolve(self, fraud_warnings=warnings, updated_at=now)

    def close(self, code: str, *, now: datetime) -> Self:
        """Give up a payment whose intent does not exist at the provider; its slot is free."""
        if self.intent_id is not None:
            raise InvalidTransition("a payment with an intent is closed by the provider only")
        closed = attrs.evolve(self, failure=Failure(code=code))._to(PaymentStatus.CANCELED, now)
        # Of a payment that nobody got to see, nobody is told that it was canceled.
        return attrs.evolve(closed, events=self.events) if code == SUPERSEDED else closed

    def observe(self, intent: ProviderIntent, *, order: Order, now: datetime) -> Self:
        """Merge what was read of its intent; what is known already changes nothing.

        The caller has made sure that ``intent`` is not older than what was merged before, or
        is final. ``order`` is the order as it stands now, to judge money that arrived.
        Raises InvalidTransition for what the provider's machine cannot do.
        """
        if self.intent_id not in (None, intent.id):
            raise InvalidTransition("another intent than the payment's")
        status = _STATUS_OF[intent.status]
        if self.status is PaymentStatus.SUCCEEDED and status is not PaymentStatus.SUCCEEDED:
            return self  # an older view than ours: money that arrived does not vanish
        canceled = self.status is PaymentStatus.CANCELED and self.intent_id is not None
        if canceled and status is not PaymentStatus.SUCCEEDED:
            return self  # likewise: a canceled intent does not come back
        if intent.status is IntentStatus.UNKNOWN:
            status = self.status  # a status that we have no word for changes nothing
        seen = attrs.evolve(
            self,
            intent_id=intent.id,
            amount=intent.amount,
            charge_id=intent.latest_charge_id or self.charge_id,
            authorized=self._authorized_by(intent),
            captured=intent.received,
            refunded=attrs.evolve(self.refunded, currency=intent.amount.currency),
            refund_reserved=attrs.evolve(self.refund_reserved, currency=intent.amount.currency),
            disputed=attrs.evolve(self.disputed, currency=intent.amount.currency),
            capture_before=(intent.charge.capture_before if intent.charge else None)
            or self.capture_before,
            card=(intent.charge.card if intent.charge else None) or self.card,
            failure=self._failure_after(intent),
            declines=self.declines + self._is_new_decline(intent),
        )
        if seen == self and status is self.status:
            return self
        seen = attrs.evolve(seen, updated_at=now)
        if self._is_new_decline(intent) and intent.failure is not None:
            seen = seen._tell(
                PaymentFailed(
                    payment_id=self.id,
                    order_id=self.order_id,
                    failure_code=intent.failure.code,
                    occurred_at=now,
                )
            )
        if status is PaymentStatus.SUCCEEDED and self.status is not PaymentStatus.SUCCEEDED:
            seen = seen._judge(intent, order=order, now=now)
        return seen._to(status, now)

    def _authorized_by(self, intent: ProviderIntent) -> Money:
        if intent.status is IntentStatus.REQUIRES_CAPTURE:
            return intent.capturable
        if intent.status is IntentStatus.UNKNOWN:
            return attrs.evolve(self.authorized, currency=intent.amount.currency)
        if intent.status is IntentStatus.SUCCEEDED:
            return intent.amount
        return Money.zero(intent.amount.currency)

    def _failure_after(self, intent: ProviderIntent) -> Failure | None:
        return intent.failure if intent.status is not IntentStatus.SUCCEEDED else None

    def _is_new_decline(self, intent: ProviderIntent) -> bool:
        # Not of ``intent.failure``: a success may still show the failure of the attempt before.
        failure = self._failure_after(intent)
        return failure is not None and failure != self.failure

    def _judge(self, intent: ProviderIntent, *, order: Order, now: datetime) -> Self:
        """Quarantine money that does not fit the order."""
        reason = self._misfit(intent, order)
        if reason is None:
            return self
        return attrs.evolve(self, quarantine=reason)._tell(
            PaymentQuarantinedEvent(
                payment_id=self.id,
                order_id=self.order_id,
                reason=reason.value,
                amount_minor=intent.received.minor,
                currency=intent.received.currency.code,
                occurred_at=now,
            )
        )

    def _misfit(self, intent: ProviderIntent, order: Order) -> Quarantine | None:
        asked = self.capture_asked if self.capture_method is CaptureMethod.MANUAL else intent.amount
        if not self.holds_slot:
            return Quarantine.UNEXPECTED_CAPTURE  # it was closed, and its customer was told so
        if order.status is OrderStatus.PAID and order.paid_by != self.id:
            return Quarantine.ORDER_ALREADY_PAID
        if order.status is OrderStatus.CANCELED:
            return Quarantine.ORDER_CANCELED
        if intent.amount != order.total:
            return Quarantine.AMOUNT_MISMATCH
        if self.customer_id != order.customer_id:
            return Quarantine.CUSTOMER_MISMATCH
        if intent.reference.customer_id not in (None, order.customer_id):
            return Quarantine.CUSTOMER_MISMATCH
        if asked is None:
            return Quarantine.UNEXPECTED_CAPTURE
        if intent.received != asked:
            return Quarantine.AMOUNT_MISMATCH
        return None

    def _to(self, status: PaymentStatus, now: datetime) -> Self:
        if status is self.status:
            return self
        if status not in _NEXT[self.status]:
            raise InvalidTransition(f"a payment that is {self.status} cannot become {status}")
        moved = attrs.evolve(
            self,
            status=status,
            holds_slot=self.holds_slot and status is not PaymentStatus.CANCELED,
            updated_at=now,
        )
        match status:
            case PaymentStatus.CANCELED if not self.holds_slot:
                return moved  # it was closed, and that was told, before its intent turned up
            case PaymentStatus.CANCELED:
                return moved._tell(
                    PaymentCanceled(payment_id=self.id, order_id=self.order_id, occurred_at=now)
                )
            case PaymentStatus.AUTHORIZED:
                return moved._tell(
                    PaymentAuthorized(
                        payment_id=self.id,
                        order_id=self.order_id,
                        amount_minor=self.authorized.minor,
                        currency=self.authorized.currency.code,
                        occurred_at=now,
                    )
                )
            case _:
                return moved

    def _tell(self, event: DomainEvent) -> Self:
        return attrs.evolve(self, events=(*self.events, event))
