"""A cardholder contests a payment: our side of one dispute at the provider.

The provider's object decides the status; ``observe`` merges what was read of it. Money moves
only by the balance transactions that it shows, each counted once by its id: no status moves
any. A dispute's amount may be lower or higher than its charge's, and of another currency.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.errors import EvidencePastDue, InvalidTransition, ValidationFailed
from markethub.domain.events import (
    DisputeDue,
    DisputeLost,
    DisputeOpened,
    DisputeStatusUnexpected,
    DisputeWon,
    DomainEvent,
)
from markethub.domain.evidence import Evidence
from markethub.domain.facts import BalanceTransaction, ProviderDispute, ProviderDisputeStatus
from markethub.domain.ids import DisputeId, OrderId, PaymentId, ProviderDisputeId
from markethub.domain.money import Currency, Money


class DisputeStatus(StrEnum):
    """Where a dispute stands: Stripe's eight statuses, under Stripe's names."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


DUE_SOON: Final = timedelta(days=3)
"""How long before the end of the time for evidence the storefront is reminded."""

_S = DisputeStatus
_P = ProviderDisputeStatus

INQUIRY: Final = frozenset({_S.WARNING_NEEDS_RESPONSE, _S.WARNING_UNDER_REVIEW, _S.WARNING_CLOSED})
"""The bank only asks: no money moves, and refunds remain possible."""
OPEN_CHARGEBACK: Final = frozenset({_S.NEEDS_RESPONSE, _S.UNDER_REVIEW})
"""Stripe: no refund outside of the dispute while it is open."""
NEEDS_RESPONSE: Final = frozenset({_S.WARNING_NEEDS_RESPONSE, _S.NEEDS_RESPONSE})
"""Evidence may be submitted."""

WITHOUT_A_WORD: Final = _S.UNDER_REVIEW
"""What a dispute counts as that begins in a status unheard of.

Its funds count, no refund is made beside it, and nobody is asked for evidence.
"""

EDGES: Final = {
    _S.WARNING_NEEDS_RESPONSE: frozenset(
        {_S.WARNING_UNDER_REVIEW, _S.WARNING_CLOSED, _S.NEEDS_RESPONSE, _S.PREVENTED}
    ),
    _S.WARNING_UNDER_REVIEW: frozenset({_S.WARNING_CLOSED, _S.NEEDS_RESPONSE, _S.PREVENTED}),
    _S.WARNING_CLOSED: frozenset[DisputeStatus](),
    _S.NEEDS_RESPONSE: frozenset({_S.UNDER_REVIEW, _S.WON, _S.LOST, _S.PREVENTED}),
    _S.UNDER_REVIEW: frozenset({_S.WON, _S.LOST}),
    _S.WON: frozenset[DisputeStatus](),
    _S.LOST: frozenset({_S.WON}),  # a late win
    _S.PREVENTED: frozenset[DisputeStatus](),
}
"""Stripe's machine as documented, one step at a time: what is expected, not what is allowed.

A dispute may be born in any status: ``lost`` too.
"""
assert set(EDGES) == set(DisputeStatus), "every status says what may follow it"


def _reachable(status: DisputeStatus) -> frozenset[DisputeStatus]:
    """Return what may be seen after ``status`` by someone who misses what lies between."""
    found: set[DisputeStatus] = set()
    waiting = {status}
    while waiting:
        waiting = {after for each in waiting for after in EDGES[each]} - found
        found |= waiting
    return frozenset(found)


_NEXT: Final = {status: _reachable(status) for status in DisputeStatus}

_STATUS_OF: Final = {
    _P.WARNING_NEEDS_RESPONSE: _S.WARNING_NEEDS_RESPONSE,
    _P.WARNING_UNDER_REVIEW: _S.WARNING_UNDER_REVIEW,
    _P.WARNING_CLOSED: _S.WARNING_CLOSED,
    _P.NEEDS_RESPONSE: _S.NEEDS_RESPONSE,
    _P.UNDER_REVIEW: _S.UNDER_REVIEW,
    _P.WON: _S.WON,
    _P.LOST: _S.LOST,
    _P.PREVENTED: _S.PREVENTED,
    # A full refund ends an inquiry, and only an inquiry leaves its charge refundable.
    _P.CHARGE_REFUNDED: _S.WARNING_CLOSED,
    _P.UNKNOWN: None,
}
assert set(_STATUS_OF) == set(ProviderDisputeStatus), "every provider status has one of ours"


_DECIDED: Final[Mapping[DisputeStatus, type[DisputeWon] | type[DisputeLost]]] = {
    _S.WON: DisputeWon,
    _S.LOST: DisputeLost,
}


@attrs.frozen(kw_only=True)
class Dispute:
    """A dispute of a payment."""

    id: DisputeId
    provider_id: ProviderDisputeId
    payment_id: PaymentId
    order_id: OrderId
    status: DisputeStatus
    reason: str
    amount: Money
    movements: tuple[BalanceTransaction, ...] = ()
    """By id; amounts below zero were taken from our balance, those above were given back."""
    evidence_due_by: datetime | None = None
    has_evidence: bool = False
    submission_count: int = 0
    is_past_due: bool = False
    draft: Evidence = attrs.field(factory=Evidence)
    """What was written and uploaded, and is not submitted yet."""
    drafted_by: str | None = None
    """Who changed the draft last."""
    reminded_at: datetime | None = None
    opened_at: datetime
    """When the bank opened it, by the provider's clock."""
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""
    events: tuple[DomainEvent, ...] = ()

    @classmethod
    def open(
        cls,
        view: ProviderDispute,
        *,
        id: DisputeId,
        payment_id: PaymentId,
        order_id: OrderId,
        now: datetime,
    ) -> Self:
        """Begin with what was read first, whatever its status."""
        status = _STATUS_OF[view.status]
        opened = cls(
            id=id,
            provider_id=view.id,
            payment_id=payment_id,
            order_id=order_id,
            status=status or WITHOUT_A_WORD,
            reason=view.reason,
            amount=view.amount,
            opened_at=view.created_at,
            created_at=now,
            updated_at=now,
        )
        opened = opened._merged(view)._tell_opened(now)
        if status is None:
            return opened._tell_unexpected(view.status, now)
        return opened._tell_decided(now)

    def observe(self, view: ProviderDispute, *, now: datetime) -> Self:
        """Merge what was read of it; what is known already changes nothing.

        The caller has made sure that ``view`` is not older than what was merged before: so its
        status is taken whatever it was, and a step that nobody drew is only told of. Refusing
        it would leave the money that it moved unbooked. Raises InvalidTransition for another
        dispute's view.
        """
        if view.id != self.provider_id:
            raise InvalidTransition("another dispute than this one")
        status = _STATUS_OF[view.status] or self.status
        seen = attrs.evolve(self._merged(view), status=status)
        if seen == self:
            return self
        seen = attrs.evolve(seen, updated_at=now)
        if status is self.status:
            return seen
        if status not in _NEXT[self.status]:
            seen = seen._tell_unexpected(self.status, now)
        if self.is_inquiry and not seen.is_inquiry:
            seen = seen._tell_opened(now)
        return seen._tell_decided(now)

    def _merged(self, view: ProviderDispute) -> Self:
        movements = {each.id: each for each in self.movements}
        for each in view.movements:
            movements.setdefault(each.id, each)
        return attrs.evolve(
            self,
            reason=view.reason,
            amount=view.amount,
            movements=tuple(movements[name] for name in sorted(movements)),
            evidence_due_by=view.evidence_due_by,
            has_evidence=view.has_evidence,
            submission_count=max(self.submission_count, view.submission_count),
            is_past_due=view.is_past_due,
        )

    # --- what is derived ----------------------------------------------------------------------

    @property
    def is_inquiry(self) -> bool:
        """Tell whether the bank only asks, or only asked."""
        return self.status in INQUIRY

    @property
    def is_open_chargeback(self) -> bool:
        """Tell whether it keeps the payment from being refunded."""
        return self.status in OPEN_CHARGEBACK

    @property
    def withdrawn(self) -> Money:
        """What was taken from us, in the dispute's currency."""
        return self._sum(sign=-1)

    @property
    def reinstated(self) -> Money:
        """What was given back to us, in the dispute's currency."""
        return self._sum(sign=1)

    def _sum(self, *, sign: int) -> Money:
        total = Money.zero(self.amount.currency)
        for movement in self.movements:
            if movement.amount.minor * sign > 0:
                total += self.presented(movement)
        return total

    def presented(self, movement: BalanceTransaction) -> Money:
        """Return what a movement took or gave in the dispute's currency, at least nothing.

        Where the provider settles in another currency, it does not say: the withdrawal stands
        for the whole disputed amount, and everything else for its share of that.
        """
        settled = abs(movement.amount.minor)
        if movement.amount.currency == self.amount.currency:
            return Money(minor=settled, currency=self.amount.currency)
        whole = self._settled_whole(movement.amount.currency)
        share = (self.amount.minor * settled * 2 + whole) // (whole * 2) if whole else 0
        # At least one minor unit: the ledger posts no movement of nothing.
        return Money(minor=min(max(share, 1), self.amount.minor), currency=self.amount.currency)

    def _settled_whole(self, currency: Currency) -> int:
        """Return what the disputed amount became in the currency that the provider settles in.

        A withdrawal in several lines adds up; one that was given back and taken again does not.
        What is never less than what is still gone, and never more than what was gone at once,
        can hold back too much of a payment, never too little.
        """
        lines = [each.amount.minor for each in self.movements if each.amount.currency == currency]
        return max([-sum(lines), *map(abs, lines)], default=0)

    @property
    def fees_minor_by_currency(self) -> dict[str, int]:
        """What the provider keeps for it: minor units by currency code."""
        fees: dict[str, int] = {}
        for each in self.movements:
            code = each.fee.currency.code
            fees[code] = fees.get(code, 0) + each.fee.minor
        return {code: minor for code, minor in fees.items() if minor}

    # --- evidence -----------------------------------------------------------------------------

    def require_answerable(self, *, now: datetime) -> None:
        """Raise unless evidence may be submitted now.

        Raises InvalidTransition in any other status; EvidencePastDue when the time is over.
        """
        if self.status not in NEEDS_RESPONSE:
            raise InvalidTransition(f"a dispute that is {self.status} takes no evidence")
        if self.is_past_due or (self.evidence_due_by is not None and now > self.evidence_due_by):
            raise EvidencePastDue("the time for evidence is over")

    def require_submittable(self, *, now: datetime) -> None:
        """Raise as ``require_answerable``, and ValidationFailed while nothing is drafted."""
        self.require_answerable(now=now)
        if self.draft.is_empty:
            raise ValidationFailed("evidence", "nothing is drafted")

    def require_acceptable(self) -> None:
        """Raise InvalidTransition unless it may be conceded.

        An inquiry is not conceded but refunded: nothing was taken yet.
        """
        if self.status is not DisputeStatus.NEEDS_RESPONSE:
            raise InvalidTransition(f"a dispute that is {self.status} cannot be accepted")

    def redraft(self, draft: Evidence, *, actor: str | None, now: datetime) -> Self:
        """Replace the draft. Raises as ``require_answerable``."""
        self.require_answerable(now=now)
        return attrs.evolve(self, draft=draft, drafted_by=actor, updated_at=now)

    def remind(self, *, now: datetime) -> Self:
        """Tell once that the time for evidence runs out soon; nothing if it does not."""
        due_by = self.evidence_due_by
        if self.reminded_at is not None or self.status not in NEEDS_RESPONSE or due_by is None:
            return self
        if not due_by - DUE_SOON <= now <= due_by:
            return self
        return attrs.evolve(self, reminded_at=now, updated_at=now)._tell(
            DisputeDue(
                dispute_id=self.id,
                payment_id=self.payment_id,
                order_id=self.order_id,
                due_by=due_by.isoformat(),
                occurred_at=now,
            )
        )

    # --- events -------------------------------------------------------------------------------

    def _tell_opened(self, now: datetime) -> Self:
        return self._tell(
            DisputeOpened(
                dispute_id=self.id,
                payment_id=self.payment_id,
                order_id=self.order_id,
                amount_minor=self.amount.minor,
                currency=self.amount.currency.code,
                reason=self.reason,
                is_inquiry=self.is_inquiry,
                occurred_at=now,
            )
        )

    def _tell_decided(self, now: datetime) -> Self:
        decided = _DECIDED.get(self.status)
        if decided is None:
            return self
        return self._tell(
            decided(
                dispute_id=self.id,
                payment_id=self.payment_id,
                order_id=self.order_id,
                amount_minor=self.amount.minor,
                currency=self.amount.currency.code,
                occurred_at=now,
            )
        )

    def _tell_unexpected(self, before: StrEnum, now: datetime) -> Self:
        return self._tell(
            DisputeStatusUnexpected(
                dispute_id=self.id,
                payment_id=self.payment_id,
                order_id=self.order_id,
                before=before.value,
                after=self.status.value,
                occurred_at=now,
            )
        )

    def _tell(self, event: DomainEvent) -> Self:
        return attrs.evolve(self, events=(*self.events, event))


def in_dispute(disputes: Iterable[Dispute], *, whole: Money) -> Money:
    """Return what a payment's disputes have taken and not given back, in the payment's currency.

    ``whole`` is the payment's amount. A dispute of another currency, which we cannot convert,
    holds all of it.
    """
    total = Money.zero(whole.currency)
    for dispute in disputes:
        left = dispute.withdrawn.minor - dispute.reinstated.minor
        if left <= 0:
            continue
        if dispute.amount.currency == whole.currency:
            total += Money(minor=left, currency=whole.currency)
        else:
            total += whole
    return total
