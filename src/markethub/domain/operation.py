"""One thing we asked the provider to do: the durable intention that outlives a crash.

Saved before the provider is called; never changed afterwards but for its outcome. Other
parameters are another operation. The idempotency key is derived from the row, so whoever
finishes it, however often and after whatever crash, asks for the same thing under the same key.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.backoff import as_long_again
from markethub.domain.errors import (
    GatewayRejected,
    InvalidTransition,
    PaymentDisputed,
    PaymentNotRefundable,
    RefundExceedsCaptured,
    Refused,
    RequestInProgress,
)
from markethub.domain.facts import IntentStatus, ProviderIntent
from markethub.domain.ids import IntentId, OperationId, PaymentId, ProviderCustomerId, RefundId
from markethub.domain.money import Money
from markethub.domain.secret import Secret

KEY_LIFE: Final = timedelta(hours=23)
"""Stripe may prune a key once it is 24 hours old; the same key then executes again."""
LOOKUP_SPACING: Final = timedelta(hours=1)
"""Two empty listings this far apart prove that an intent was never created."""
RETRY_AFTER: Final = timedelta(seconds=10)
"""How long an operation is left to the request that began it, and before the first new try."""
RETRY_MAXIMUM: Final = timedelta(minutes=15)
"""The longest interval at which an unknown outcome is asked for under its key."""


class OperationKind(StrEnum):
    """What the provider was asked."""

    CREATE_INTENT = "create_intent"
    UPDATE_INTENT = "update_intent"
    CONFIRM = "confirm"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


class OperationStatus(StrEnum):
    """What became of it."""

    UNRESOLVED = "unresolved"
    DONE = "done"
    REFUSED = "refused"
    """The provider said no, or what it should do is no longer possible."""
    NEVER_HAPPENED = "never_happened"
    """The provider has no trace of it, and it will not be sent again."""


@attrs.frozen(kw_only=True)
class ProviderRequest:
    """A request to the provider as it will be sent, also after a deploy that renders otherwise.

    ``params`` holds JSON values only (nested mappings, lists, str, int, bool).
    """

    method: str
    path: str
    params: Mapping[str, object] = attrs.field(repr=False)  # a saved method's token may be in it


# --- what can be asked ------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class CreateIntent:
    """Create an unconfirmed intent: the customer's browser confirms it, or ``ConfirmIntent``."""

    payment_id: PaymentId
    order_id: str
    customer_id: str
    amount: Money
    manual_capture: bool
    provider_customer_id: ProviderCustomerId | None = None
    """Whose methods may be used, and to whom one is saved."""
    method: Secret | None = None
    saves_method: bool = False
    allows_redirects: bool = True
    """False where we confirm it ourselves: there is no browser to come back."""


@attrs.frozen(kw_only=True)
class UpdateIntent:
    """Let an unconfirmed intent ask for another amount of the same currency, or otherwise.

    What is None stays as it is.
    """

    intent_id: IntentId
    amount: Money
    provider_customer_id: ProviderCustomerId | None = None
    method: Secret | None = None
    saves_method: bool | None = None


@attrs.frozen(kw_only=True)
class ConfirmIntent:
    """Charge an intent's customer with a saved method, from here. This moves money."""

    intent_id: IntentId
    method: Secret
    off_session: bool
    """The customer is not there to answer a challenge."""


@attrs.frozen(kw_only=True)
class CaptureIntent:
    """Take the amount that the card holds, or a part: the rest is released."""

    intent_id: IntentId
    amount: Money


@attrs.frozen(kw_only=True)
class CancelIntent:
    """Give the intent up. ``reason`` is one of Stripe's four for callers, or None."""

    intent_id: IntentId
    reason: str | None = None


@attrs.frozen(kw_only=True)
class RefundIntent:
    """Give an amount back to whoever paid the intent. ``reason`` is our own."""

    intent_id: IntentId
    refund_id: RefundId
    payment_id: PaymentId
    amount: Money
    reason: str
    takes_the_rest: bool = False
    """No amount was asked for: it is all that was left."""


GatewayCommand = (
    CreateIntent | UpdateIntent | ConfirmIntent | CaptureIntent | CancelIntent | RefundIntent
)

_KIND_OF: Final = {
    CreateIntent: OperationKind.CREATE_INTENT,
    UpdateIntent: OperationKind.UPDATE_INTENT,
    ConfirmIntent: OperationKind.CONFIRM,
    CaptureIntent: OperationKind.CAPTURE,
    CancelIntent: OperationKind.CANCEL,
    RefundIntent: OperationKind.REFUND,
}
assert set(_KIND_OF.values()) == set(OperationKind), "every kind has its command"

_CONFIRMED: Final = frozenset({IntentStatus.PROCESSING, IntentStatus.REQUIRES_CAPTURE})
"""An intent whose amount can no longer be updated: its customer has confirmed it."""
_UNHELD: Final = frozenset(
    {
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        IntentStatus.REQUIRES_CONFIRMATION,
        IntentStatus.REQUIRES_ACTION,
        IntentStatus.CANCELED,
    }
)
"""An intent that holds no money any more: nothing is left to capture."""
_OVERTAKEN: Final = frozenset({"superseded", "expired", "never_created"})
"""Codes of what ended without the provider saying no."""


@attrs.frozen(kw_only=True)
class Operation:
    """One request to the provider and what became of it."""

    id: OperationId
    payment_id: PaymentId
    kind: OperationKind
    request: ProviderRequest
    amount: Money | None = None
    """What an update, a capture or a refund asked for; None for a refund of all that is left."""
    refund_id: RefundId | None = None
    """Which refund it is to make, if it is to make one."""
    origin: str | None = None
    """Caller, path and Idempotency-Key that made it; unique. A repeat finds this row."""
    cancels_order: bool = False
    """When the intent is canceled, the order is canceled too."""
    attempt: int = 1
    """Raised only after the attempt before is known to have had no effect."""
    status: OperationStatus = OperationStatus.UNRESOLVED
    error_code: str | None = None
    missing_since: datetime | None = None
    """When the provider's listing was first read after the key's life, and did not have it."""
    next_attempt_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""

    @classmethod
    def ask(
        cls,
        *,
        id: OperationId,
        payment_id: PaymentId,
        command: GatewayCommand,
        request: ProviderRequest,
        now: datetime,
        origin: str | None = None,
        cancels_order: bool = False,
    ) -> Self:
        """Intend ``command``, rendered as ``request``. Save it before the provider is called."""
        return cls(
            id=id,
            payment_id=payment_id,
            kind=_KIND_OF[type(command)],
            request=request,
            amount=_amount_asked(command),
            refund_id=command.refund_id if isinstance(command, RefundIntent) else None,
            origin=origin,
            cancels_order=cancels_order,
            next_attempt_at=now + RETRY_AFTER,
            created_at=now,
            updated_at=now,
        )

    @property
    def idempotency_key(self) -> str:
        """The key under which the provider executes this attempt once."""
        return f"{self.kind}:{self.id}:{self.attempt}"

    @property
    def is_unresolved(self) -> bool:
        """Tell whether the outcome is not known."""
        return self.status is OperationStatus.UNRESOLVED

    def is_left_behind(self, now: datetime) -> bool:
        """Tell whether its outcome is unknown, and not because somebody is just asking."""
        return self.is_unresolved and now - self.created_at >= RETRY_AFTER

    def require_effect(self) -> None:
        """Raise as its first caller was answered, if it ended without effect.

        Raises GatewayRejected for what the provider refused, InvalidTransition for what others
        overtook.
        """
        if self.status in (OperationStatus.UNRESOLVED, OperationStatus.DONE):
            return
        if self.error_code in _OVERTAKEN:
            raise InvalidTransition(f"the {self.kind} did not take place ({self.error_code})")
        raise refusal(self.error_code or "unknown")

    @property
    def is_superseded(self) -> bool:
        """Tell whether it was given up although nobody knows that it had no effect."""
        return self.status is OperationStatus.NEVER_HAPPENED and self.error_code == "superseded"

    def may_be_sent(self, now: datetime) -> bool:
        """Tell whether its key still protects: afterwards only a lookup is safe."""
        return now - self.created_at < KEY_LIFE

    def asks_the_same(self, kind: OperationKind, amount: Money | None) -> bool:
        """Tell whether it already asks for exactly this."""
        return self.kind is kind and self.amount == amount

    def resolve(self, intent: ProviderIntent, *, now: datetime) -> Self:
        """Conclude from the intent, read later than this was asked, what became of it.

        Returns self unchanged where the intent does not tell.
        """
        if not self.is_unresolved:
            return self
        done, moot = self._verdict(intent)
        if done:
            return self._end(OperationStatus.DONE, now=now)
        if moot:
            return self._end(OperationStatus.REFUSED, code="superseded", now=now)
        return self

    def _verdict(self, intent: ProviderIntent) -> tuple[bool, bool]:
        """(it has happened, it can no longer happen)."""
        match self.kind:
            case OperationKind.CREATE_INTENT:
                return True, False
            case OperationKind.UPDATE_INTENT:
                done = intent.amount == self.amount
                return done, intent.status.is_final or intent.status in _CONFIRMED
            case OperationKind.CONFIRM:
                # An intent that wants a method was declined, or not confirmed yet: it does not
                # tell. The answer under the operation's own key does.
                done = intent.status in _CONFIRMED | {
                    IntentStatus.REQUIRES_ACTION,
                    IntentStatus.SUCCEEDED,
                }
                return done, intent.status is IntentStatus.CANCELED
            case OperationKind.CAPTURE:
                done = intent.status is IntentStatus.SUCCEEDED
                return done, intent.status in _UNHELD
            case OperationKind.CANCEL:
                done = intent.status is IntentStatus.CANCELED
                return done, intent.status is IntentStatus.SUCCEEDED
            case OperationKind.REFUND:
                return False, False  # an intent does not show its refunds

    def conclude(self, *, now: datetime) -> Self:
        """Note that what it asked for is there."""
        return self._end(OperationStatus.DONE, now=now) if self.is_unresolved else self

    def decline(self, *, now: datetime) -> Self:
        """Note that the bank declined what it confirmed: it took place, and its intent tells."""
        return self._end(OperationStatus.DONE, now=now)

    def refuse(self, code: str, *, now: datetime) -> Self:
        """Note that the provider refused it, without effect."""
        return self._end(OperationStatus.REFUSED, code=code, now=now)

    def abandon(self, *, now: datetime) -> Self:
        """Give up what had no effect and is too old to be sent."""
        return self._end(OperationStatus.NEVER_HAPPENED, code="expired", now=now)

    def withdraw(self, *, now: datetime) -> Self:
        """Give up a charge that had no effect, and whose method was removed since."""
        return self._end(OperationStatus.NEVER_HAPPENED, code="method_removed", now=now)

    def supersede(self, *, now: datetime) -> Self:
        """Give up an intent that nobody got the secret of: if it exists, it cannot be confirmed.

        Raises InvalidTransition for anything else: what may have moved money is waited for.
        """
        if self.kind is not OperationKind.CREATE_INTENT:
            raise InvalidTransition(f"a {self.kind} cannot be superseded")
        return self._end(OperationStatus.NEVER_HAPPENED, code="superseded", now=now)

    def try_again(self, *, now: datetime) -> Self:
        """Begin another attempt, under a new key: a read has shown that this had no effect."""
        return attrs.evolve(
            self,
            attempt=self.attempt + 1,
            next_attempt_at=now + RETRY_AFTER,
            updated_at=now,
        )

    def try_again_later(self, *, now: datetime) -> Self:
        """As ``try_again``, but only an hour after a first look that showed no effect, either.

        For what must not happen twice, and may still be carried out after the 5xx.
        """
        if self.missing_since is None:
            return self.missing(now=now)
        if now - self.missing_since < LOOKUP_SPACING:
            return attrs.evolve(
                self, next_attempt_at=self.missing_since + LOOKUP_SPACING, updated_at=now
            )
        return attrs.evolve(self.try_again(now=now), missing_since=None)

    def postpone(self, *, now: datetime) -> Self:
        """Leave it for later: the outcome is still unknown.

        It is asked for at widening intervals, and hourly once its key protects no more.
        """
        wait = ask_again_after(self.id, now - self.created_at)
        return attrs.evolve(
            self,
            next_attempt_at=now + (wait if self.may_be_sent(now) else LOOKUP_SPACING),
            updated_at=now,
        )

    def missing(self, *, now: datetime) -> Self:
        """Note that a listing made after the key's life did not have it.

        The second such note, an hour after the first, ends it as never happened.
        """
        if self.missing_since is None:
            return attrs.evolve(
                self,
                missing_since=now,
                next_attempt_at=now + LOOKUP_SPACING,
                updated_at=now,
            )
        if now - self.missing_since < LOOKUP_SPACING:
            return self.postpone(now=now)
        return self._end(OperationStatus.NEVER_HAPPENED, code="never_created", now=now)

    def _end(self, status: OperationStatus, *, code: str | None = None, now: datetime) -> Self:
        return attrs.evolve(self, status=status, error_code=code, updated_at=now)


def _amount_asked(command: GatewayCommand) -> Money | None:
    match command:
        case RefundIntent(takes_the_rest=True):
            return None
        case UpdateIntent() | CaptureIntent() | RefundIntent():
            return command.amount
        case _:
            return None


def ask_again_after(id: str, age: timedelta) -> timedelta:
    """Return when to ask again for an outcome that has been unknown for ``age``."""
    return as_long_again(id, age, first=RETRY_AFTER, maximum=RETRY_MAXIMUM)


def refusal(code: str) -> Refused:
    """Return the error of a request that was refused for good: the provider's ``code``, or ours."""
    match code:
        case "charge_already_refunded" | PaymentNotRefundable.code:
            return PaymentNotRefundable("nothing of the payment is left to refund")
        case "charge_disputed" | PaymentDisputed.code:
            return PaymentDisputed("a chargeback of the payment is open")
        case RefundExceedsCaptured.code:
            return RefundExceedsCaptured("less of the payment is left to refund")
        case _:
            return GatewayRejected(f"the provider refused the request ({code})")


def refuse_second(unresolved: Operation | None) -> None:
    """Raise RequestInProgress where a payment has an unresolved operation already."""
    if unresolved is not None:
        raise RequestInProgress(
            f"another request on this payment is unresolved ({unresolved.kind})"
        )
