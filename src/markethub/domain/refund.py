"""Money on its way back to the customer: our side of one Refund at the provider.

A refund is reserved here before the provider is asked for it. No status is terminal for money:
the bank may return a refund that had succeeded, up to 30 days later.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.errors import InvalidTransition, ValidationFailed
from markethub.domain.events import DomainEvent, RefundFailed, RefundSucceeded
from markethub.domain.facts import ProviderRefund, ProviderRefundStatus
from markethub.domain.ids import OrderId, PaymentId, ProviderRefundId, RefundId
from markethub.domain.money import Money

NOTE_MAXIMUM: Final = 500
"""Characters of a note: a sentence or two for whoever looks at it later."""


class RefundStatus(StrEnum):
    """Where a refund stands; the public names, which are Stripe's."""

    PENDING = "pending"
    """Under way, or nobody knows yet whether it is."""
    REQUIRES_ACTION = "requires_action"
    """The customer must say where the money should go."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The bank returned it, or it never began: the customer does not have the money."""
    CANCELED = "canceled"


class RefundReason(StrEnum):
    """Why we refund. Ours alone: Stripe would block a customer for its ``fraudulent``."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUD_SUSPECTED = "fraud_suspected"
    ITEM_UNAVAILABLE = "item_unavailable"
    GOODWILL = "goodwill"
    OTHER = "other"


_S = RefundStatus
RESERVED: Final = frozenset({_S.PENDING, _S.REQUIRES_ACTION})
"""The amount is spoken for, and has not arrived."""
# Stripe's machine as it shows between two reads. A succeeded refund may come back; one that
# failed or was canceled stays so, but for one that we had given up before it turned up.
_NEXT: Final = {
    _S.PENDING: frozenset({_S.REQUIRES_ACTION, _S.SUCCEEDED, _S.FAILED, _S.CANCELED}),
    _S.REQUIRES_ACTION: frozenset({_S.PENDING, _S.SUCCEEDED, _S.FAILED, _S.CANCELED}),
    # Pending again: what came back was given new details between two looks.
    _S.SUCCEEDED: frozenset({_S.PENDING, _S.REQUIRES_ACTION, _S.FAILED, _S.CANCELED}),
    _S.FAILED: frozenset[RefundStatus](),
    _S.CANCELED: frozenset[RefundStatus](),
}
assert set(_NEXT) == set(RefundStatus), "every status says what may follow it"

_STATUS_OF: Final = {
    ProviderRefundStatus.PENDING: _S.PENDING,
    ProviderRefundStatus.REQUIRES_ACTION: _S.REQUIRES_ACTION,
    ProviderRefundStatus.SUCCEEDED: _S.SUCCEEDED,
    ProviderRefundStatus.FAILED: _S.FAILED,
    ProviderRefundStatus.CANCELED: _S.CANCELED,
}


@attrs.frozen(kw_only=True)
class PlanLine:
    """The line of a refund plan that a refund carries out; no two refunds carry out one line."""

    plan_hash: str
    line: int


@attrs.frozen(kw_only=True)
class Refund:
    """A refund of a payment, in whole or in part."""

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    amount: Money
    status: RefundStatus
    provider_id: ProviderRefundId | None = None
    """None until the provider has answered."""
    reason: RefundReason | None = None
    """None for a refund that was made at the provider."""
    note: str | None = None
    actor: str | None = None
    """Who asked us for it; None for a refund that was made at the provider."""
    plan: PlanLine | None = None
    failure_reason: str | None = None
    """The bank's or the provider's word for why it failed."""
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""
    events: tuple[DomainEvent, ...] = ()

    @classmethod
    def adopt(
        cls,
        seen: ProviderRefund,
        *,
        id: RefundId,
        payment_id: PaymentId,
        order_id: OrderId,
        now: datetime,
    ) -> Self:
        """Take over a refund that was made at the provider, say in its dashboard."""
        adopted = cls(
            id=id,
            payment_id=payment_id,
            order_id=order_id,
            amount=seen.amount,
            status=RefundStatus.PENDING,
            provider_id=seen.id,
            created_at=seen.created_at,
            updated_at=now,
        )
        return adopted.observe(seen, now=now)

    @property
    def is_reserved(self) -> bool:
        """Tell whether its amount is spoken for, and has not arrived."""
        return self.status in RESERVED

    @property
    def is_ours(self) -> bool:
        """Tell whether somebody asked us for it, rather than the provider."""
        return self.actor is not None

    def observe(self, seen: ProviderRefund, *, now: datetime) -> Self:
        """Merge what was read of it; what is known already changes nothing.

        The caller has made sure that ``seen`` is not older than what was merged before, or is
        final. Raises InvalidTransition for another refund than this.
        """
        if self.provider_id not in (None, seen.id):
            raise InvalidTransition("another refund than this")
        known = attrs.evolve(
            self,
            provider_id=seen.id,
            amount=seen.amount,
            failure_reason=seen.failure_reason or self.failure_reason,
        )
        status = _STATUS_OF.get(seen.status, self.status)
        # One that we had given up, and that turned up after all, begins anew.
        before = RefundStatus.PENDING if self.provider_id is None else self.status
        if status is not before and status not in _NEXT[before]:
            return self  # an older view: what came back to us does not leave again
        if status is not self.status:
            known = known._to(status, now)
        return self if known == self else attrs.evolve(known, updated_at=now)

    def refuse(self, code: str, *, now: datetime) -> Self:
        """Note that it will not take place: the provider refused it, or never heard of it."""
        if self.provider_id is not None:
            raise InvalidTransition("a refund at the provider is ended by the provider only")
        return attrs.evolve(self, failure_reason=code, updated_at=now)._to(RefundStatus.FAILED, now)

    def _to(self, status: RefundStatus, now: datetime) -> Self:
        moved = attrs.evolve(self, status=status)
        match status:
            case RefundStatus.SUCCEEDED:
                return moved._tell(
                    RefundSucceeded(
                        refund_id=self.id,
                        payment_id=self.payment_id,
                        order_id=self.order_id,
                        amount_minor=moved.amount.minor,
                        currency=moved.amount.currency.code,
                        occurred_at=now,
                    )
                )
            case RefundStatus.FAILED | RefundStatus.CANCELED:
                return moved._tell(
                    RefundFailed(
                        refund_id=self.id,
                        payment_id=self.payment_id,
                        order_id=self.order_id,
                        amount_minor=moved.amount.minor,
                        currency=moved.amount.currency.code,
                        failure_reason=moved.failure_reason or status.value,
                        had_succeeded=self.status is RefundStatus.SUCCEEDED,
                        occurred_at=now,
                    )
                )
            case _:
                return moved

    def _tell(self, event: DomainEvent) -> Self:
        return attrs.evolve(self, events=(*self.events, event))


def check_note(note: str | None) -> None:
    """Raise ValidationFailed for a note of pages."""
    if note is not None and len(note) > NOTE_MAXIMUM:
        raise ValidationFailed("note", f"must have at most {NOTE_MAXIMUM} characters")


def refunded(refunds: Iterable[Refund], nothing: Money) -> Money:
    """Add up what has succeeded, in the currency of ``nothing``."""
    return sum(
        (each.amount for each in refunds if each.status is RefundStatus.SUCCEEDED), start=nothing
    )


def reserved(refunds: Iterable[Refund], nothing: Money) -> Money:
    """Add up what is spoken for and has not arrived."""
    return sum((each.amount for each in refunds if each.is_reserved), start=nothing)
