"""Reads for the front page: what was sold, declined, refunded and disputed, and what waits.

Figures are counted where the rows are, and come back few. A day is a day in UTC, money is whole
minor units per currency, and no rate is computed here: whoever shows one says what it divides by
what.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, Protocol, Self

import attrs

from markethub.domain.ids import DisputeId, PaymentId
from markethub.domain.money import Money
from markethub.domain.operation import OperationKind
from markethub.domain.submission import SubmissionKind

LAG_EVENTS_MAXIMUM: Final = 5_000
"""The webhook lag is that of so many events at most: those of the period that came last."""
HOLD_ENDS_SOON: Final = timedelta(days=2)
"""How long before its end a hold that nobody has captured is shown."""
EXAMPLES_MAXIMUM: Final = 5
"""How many of what waits are named; all of them are counted."""


@attrs.frozen(kw_only=True)
class Period:
    """Days in UTC, from the first to the last, both included."""

    first: date
    last: date

    @classmethod
    def ending(cls, last: date, *, days: int) -> Self:
        """Return so many days, of which ``last`` is the last."""
        return cls(first=last - timedelta(days=days - 1), last=last)

    @property
    def days(self) -> Sequence[date]:
        """Each of its days, in order."""
        length = (self.last - self.first).days + 1
        return [self.first + timedelta(days=each) for each in range(length)]


@attrs.frozen(kw_only=True)
class Sales:
    """What came of the payments that were begun on one day in one currency.

    A payment belongs to the day on which it was begun, whenever it is paid.
    """

    day: date
    begun: int
    """Payments: one for each time that an order's total was asked for."""
    accepted: int
    """Those that are authorized or succeeded now: the bank's yes stands."""
    declined: int
    """Those that were declined at least once and are not accepted."""
    declines: int
    """Attempts on any of them that were declined, or failed their authentication."""
    captured: int
    """Those of which money was captured."""
    volume: Money
    """What was captured of them, before refunds and disputes."""


@attrs.frozen(kw_only=True)
class Declined:
    """Payments begun in the period that are not accepted, by why the bank last said no.

    ``reason`` is the provider's ``decline_code``, or else its error code. What a payment was
    declined for before it was accepted after all is not kept, and not counted.
    """

    reason: str
    payments: int


@attrs.frozen(kw_only=True)
class Refunded:
    """Refunds made in the period in one currency, without those that failed or were canceled."""

    count: int
    amount: Money


@attrs.frozen(kw_only=True)
class Lag:
    """How long events waited from their receipt until they were processed.

    Of those that were received in the period and are processed, without those that were
    replayed; the last ``LAG_EVENTS_MAXIMUM`` of them. By nearest rank; None where there is none.
    """

    events: int
    p50: timedelta | None = None
    p95: timedelta | None = None
    longest: timedelta | None = None

    @classmethod
    def of(cls, waits: Sequence[timedelta]) -> Self:
        """Rank what was measured."""
        if not waits:
            return cls(events=0)
        ranked = sorted(waits)

        def rank(percent: int) -> timedelta:
            return ranked[-(-len(ranked) * percent // 100) - 1]

        return cls(events=len(ranked), p50=rank(50), p95=rank(95), longest=ranked[-1])


@attrs.frozen(kw_only=True)
class Figures:
    """The figures of a period. Days and currencies without a payment are left out."""

    sales: Sequence[Sales]
    """By day, then currency."""
    declined: Sequence[Declined]
    """The most frequent first, then by name."""
    refunded: Sequence[Refunded]
    """By currency."""
    lag: Lag


@attrs.frozen(kw_only=True)
class NetworkMonth:
    """What a card network counts of one month.

    A sale belongs to the month in which its payment was begun, a dispute to the one in which the
    bank opened it, a fraud warning to the one in which the issuer gave it.
    """

    month: date
    """Its first day."""
    network: str
    """The card's brand, as the provider writes it."""
    sales: int = 0
    """Payments of which money was captured."""
    chargebacks: int = 0
    """Disputes that are no inquiries, and were not prevented."""
    fraud_chargebacks: int = 0
    """Those of them for which the bank gave the reason ``fraudulent``."""
    fraud_warnings: int = 0
    """Early fraud warnings, whether or not a dispute followed."""


@attrs.frozen(kw_only=True)
class UnknownOperation:
    """A request to the provider about a payment whose outcome nobody knows."""

    payment_id: PaymentId
    kind: OperationKind
    since: datetime


@attrs.frozen(kw_only=True)
class UnknownSubmission:
    """A request to the provider about a dispute whose outcome nobody knows."""

    dispute_id: DisputeId
    kind: SubmissionKind
    since: datetime


@attrs.frozen(kw_only=True)
class DueDispute:
    """A dispute that needs a response."""

    dispute_id: DisputeId
    amount: Money
    due_by: datetime | None


@attrs.frozen(kw_only=True)
class EndingHold:
    """Money that a card holds, and lets go at ``ends_at`` if nobody captures it."""

    payment_id: PaymentId
    amount: Money
    ends_at: datetime


@attrs.frozen(kw_only=True)
class Quarantined:
    """Money that arrived and pays no order; staff must give it back or accept it."""

    payment_id: PaymentId
    amount: Money
    since: datetime


@attrs.frozen(kw_only=True)
class Waiting:
    """What waits for somebody now. All are counted, the first of each kind are named."""

    operations: int
    oldest_operations: Sequence[UnknownOperation]
    submissions: int
    oldest_submissions: Sequence[UnknownSubmission]
    disputes: int
    """Disputes that need a response."""
    next_disputes: Sequence[DueDispute]
    """By the end of the time for evidence; those without one come last."""
    holds: int
    """Holds that end within ``HOLD_ENDS_SOON`` and are not captured."""
    next_holds: Sequence[EndingHold]
    quarantined: int
    """Payments in quarantine of which something is neither refunded nor about to be."""
    oldest_quarantined: Sequence[Quarantined]
    failing_deliveries: int
    """Messages to the storefront that were tried, failed, and will be tried again."""


class OverviewQueries(Protocol):
    """Reads that decide nothing. Each method sees one moment of the database."""

    async def figures(self, period: Period) -> Figures:
        """Count what the payments, refunds and events of a period came to."""
        ...

    async def networks(self, period: Period) -> Sequence[NetworkMonth]:
        """Count what the card networks count, by month and then by network.

        ``period`` is made of whole months, but for the last, which may be under way. A payment
        whose card is not known counts nowhere.
        """
        ...

    async def waiting(self, *, now: datetime) -> Waiting:
        """Say what waits for somebody now.

        A request counts as of unknown outcome once it was left behind: whoever began it has had
        ``RETRY_AFTER`` to finish it.
        """
        ...
