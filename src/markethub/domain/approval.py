"""A second person for refunds that are too much for one: what was asked, and who said what to it.

A stolen key or a moment of haste gives back at most what the limit lets through.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.audit import REASON_MAXIMUM
from markethub.domain.errors import InvalidTransition, SecondPersonRequired, ValidationFailed
from markethub.domain.ids import ApprovalId, OrderId, PaymentId, RefundId
from markethub.domain.money import Money
from markethub.domain.refund import PlanLine, Refund, RefundReason, RefundStatus


class ApprovalStatus(StrEnum):
    """Where it stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


_S = ApprovalStatus
_NEXT: Final = {
    _S.PENDING: frozenset({_S.APPROVED, _S.REJECTED}),
    _S.APPROVED: frozenset[ApprovalStatus](),
    _S.REJECTED: frozenset[ApprovalStatus](),
}
assert set(_NEXT) == set(ApprovalStatus), "every status says what may follow it"

_NOT_GIVEN_BACK: Final = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})


@attrs.frozen(kw_only=True)
class Approval:
    """A refund that somebody asked for, and that another has to approve."""

    id: ApprovalId
    payment_id: PaymentId
    order_id: OrderId
    amount: Money
    takes_the_rest: bool
    """Whether all that was left was asked for, not a number."""
    reason: RefundReason
    note: str | None = None
    requested_by: str
    origin: str | None = None
    """The caller, path and Idempotency-Key of the request: a repeat finds this."""
    plan: PlanLine | None = None
    status: ApprovalStatus = ApprovalStatus.PENDING
    decided_by: str | None = None
    why: str | None = None
    """What the second person said to it."""
    refund_id: RefundId | None = None
    """The refund that was made of it."""
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""

    @property
    def is_pending(self) -> bool:
        """Tell whether it waits for somebody."""
        return self.status is ApprovalStatus.PENDING

    def approve(self, *, by: str, refund_id: RefundId, why: str | None, now: datetime) -> Self:
        """Agree. Raises SecondPersonRequired for who asked, InvalidTransition once decided."""
        decided = self._decide(ApprovalStatus.APPROVED, by=by, why=why, now=now)
        return attrs.evolve(decided, refund_id=refund_id)

    def reject(self, *, by: str, why: str | None, now: datetime) -> Self:
        """Refuse; who asked may take it back like this, too. Raises InvalidTransition."""
        return self._decide(ApprovalStatus.REJECTED, by=by, why=why, now=now)

    def require_second(self, person: str) -> None:
        """Raise SecondPersonRequired if the person is who asked."""
        if person == self.requested_by:
            raise SecondPersonRequired("somebody else has to approve what you asked for")

    def _decide(self, status: ApprovalStatus, *, by: str, why: str | None, now: datetime) -> Self:
        if status is ApprovalStatus.APPROVED:
            self.require_second(by)
        if status not in _NEXT[self.status]:
            raise InvalidTransition(f"the approval is {self.status}")
        if why is not None and len(why) > REASON_MAXIMUM:
            raise ValidationFailed("why", f"must have at most {REASON_MAXIMUM} characters")
        return attrs.evolve(self, status=status, decided_by=by, why=why, updated_at=now)


@attrs.frozen
class ApprovalLimit:
    """Up to how much of a payment one person may give back; None sets no limit.

    In a currency that is not named nothing is free: whoever sets limits decides on each.
    """

    by_currency: Mapping[str, Money] | None = None

    def requires_second(
        self, amount: Money, refunds: Iterable[Refund], approved: Iterable[RefundId]
    ) -> bool:
        """Tell whether ``amount`` needs a second person.

        ``refunds`` are the payment's, ``approved`` those a second person agreed to. What one
        person has given back of the same payment counts: small parts add up to a large sum.
        """
        if self.by_currency is None:
            return False
        limit = self.by_currency.get(amount.currency.code)
        free = frozenset(approved)
        alone = sum(
            refund.amount.minor
            for refund in refunds
            if refund.is_ours and refund.id not in free and refund.status not in _NOT_GIVEN_BACK
        )
        return limit is None or alone + amount.minor > limit.minor


NO_LIMIT: Final = ApprovalLimit()
"""Everybody who may refund may refund anything."""
