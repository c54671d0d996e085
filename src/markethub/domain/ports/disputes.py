"""Disputes in the store: inside a transaction, and for screens."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import attrs

from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.ids import DisputeId, PaymentId, ProviderDisputeId, SubmissionId
from markethub.domain.submission import Submission


class Disputes(Protocol):
    """Disputes. One row per dispute of the provider: the store itself refuses a second."""

    async def find(self, id: DisputeId) -> Dispute | None:
        """Return the dispute, if it exists."""
        ...

    async def find_by_provider_id(self, id: ProviderDisputeId) -> Dispute | None:
        """Return the dispute of a provider's dispute, if we know it."""
        ...

    async def lock(self, id: DisputeId) -> Dispute | None:
        """Return the dispute, holding its row. Lock its order and payment first."""
        ...

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Dispute]:
        """Return a payment's disputes, oldest first."""
        ...

    async def due(self, *, now: datetime, limit: int) -> Sequence[DisputeId]:
        """Name disputes of whose end of the time for evidence must be reminded, soonest first.

        Those that still need a response, have not been reminded of, and are due within
        ``DUE_SOON``.
        """
        ...

    async def save(self, dispute: Dispute) -> Dispute:
        """Insert or update it, as ``Orders.save``.

        Raises StaleWrite too where the provider's dispute has another row.
        """
        ...


class Submissions(Protocol):
    """What we asked about disputes. At most one of a dispute is unresolved: the store refuses."""

    async def find(self, id: SubmissionId) -> Submission | None:
        """Return the submission, if it exists."""
        ...

    async def unresolved(self, dispute_id: DisputeId) -> Submission | None:
        """Return the dispute's unresolved submission, if it has one, holding its row."""
        ...

    async def find_by_origin(self, origin: str) -> Submission | None:
        """Return the submission that this caller, path and key made, if any."""
        ...

    async def due(self, *, now: datetime, limit: int) -> Sequence[SubmissionId]:
        """Name unresolved submissions whose ``next_attempt_at`` has come, oldest first."""
        ...

    async def save(self, submission: Submission) -> Submission:
        """Insert or update it, as ``Orders.save``.

        Raises StaleWrite too where the dispute has another unresolved one or the origin is used.
        """
        ...


NEVER_DUE: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Where a dispute without an end of the time for evidence stands among the others."""


@attrs.frozen(kw_only=True)
class DisputeFilter:
    """Which disputes to list; what is None does not restrict."""

    payment_id: PaymentId | None = None
    status: DisputeStatus | None = None


@attrs.frozen(kw_only=True)
class DisputePage:
    """Disputes in the order of their list. ``next_cursor`` is None on the last page."""

    items: Sequence[Dispute]
    next_cursor: str | None


class DisputeQueries(Protocol):
    """Consistent reads outside of a use case's transaction."""

    async def dispute(self, id: DisputeId) -> Dispute | None:
        """Return a dispute, if it exists."""
        ...

    async def disputes(
        self, filter: DisputeFilter, *, cursor: str | None = None, limit: int = 50
    ) -> DisputePage:
        """List disputes, newest first. Raises ValidationFailed for a cursor that is not ours."""
        ...

    async def answerable(self, *, cursor: str | None = None, limit: int = 50) -> DisputePage:
        """List the disputes that need a response by the end of the time for evidence.

        Those without one come last. Raises ValidationFailed for a cursor that is not ours.
        """
        ...

    async def submissions(self, dispute_id: DisputeId) -> Sequence[Submission]:
        """Return what was asked about a dispute, oldest first."""
        ...
