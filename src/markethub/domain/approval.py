"""A second person for refunds that are too much for one: what was asked, and who said what to it.

A stolen key or a moment of haste gives back at most what the limit lets through.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.audit import Act
from markethub.domain.errors import InvalidTransition, PlanOutdated, SecondPersonRequired
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
    given_back: Money | None = None
    """What of the payment was given back by then, or about to be; None for a row of before."""
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

    def approve(self, act: Act, *, refund_id: RefundId, now: datetime) -> Self:
        """Agree. Raises as ``require_second``, and InvalidTransition once decided."""
        self.require_second(act)
        decided = self._decide(ApprovalStatus.APPROVED, act, now=now)
        return attrs.evolve(decided, refund_id=refund_id)

    def reject(self, act: Act, *, now: datetime) -> Self:
        """Refuse; who asked may take it back like this, too. Raises InvalidTransition."""
        return self._decide(ApprovalStatus.REJECTED, act, now=now)

    def require_second(self, act: Act) -> None:
        """Raise SecondPersonRequired if it is who asked, or somebody who only says a name.

        ``Ada`` is ``ada``: names are typed.
        """
        require_shown(act)
        if act.actor.casefold() == self.requested_by.casefold():
            raise SecondPersonRequired("somebody else has to approve what you asked for")

    def require_same(self, amount: Money, *, given_back: Money) -> None:
        """Raise PlanOutdated unless the payment stands as it did when this was asked for.

        ``amount`` is what this would give back now, ``given_back`` what was, or is about to be.
        What somebody has given back since may be this very sum, by another way.
        """
        if amount != self.amount or self.given_back not in (None, given_back):
            raise PlanOutdated("the payment has changed since its refund was asked for")

    def require_decided(self, status: ApprovalStatus) -> None:
        """Raise InvalidTransition unless it was decided like that."""
        if self.status is not status:
            raise InvalidTransition(f"the approval is {self.status}")

    def _decide(self, status: ApprovalStatus, act: Act, *, now: datetime) -> Self:
        if status not in _NEXT[self.status]:
            raise InvalidTransition(f"the approval is {self.status}")
        return attrs.evolve(
            self, status=status, decided_by=act.actor, why=act.reason, updated_at=now
        )


def require_shown(act: Act) -> None:
    """Raise SecondPersonRequired where no key shows who it is: two names may be one person."""
    if not act.is_shown:
        raise SecondPersonRequired(
            "what needs a second person is asked for, and agreed to, with a key of one's own"
        )


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
