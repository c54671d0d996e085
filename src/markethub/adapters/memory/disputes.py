"""Disputes in memory: inside a transaction, and for screens."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from markethub.adapters.memory.cursors import cursor_after, position
from markethub.adapters.memory.database import (
    BY_PROVIDER_DISPUTE,
    DISPUTES_OF,
    SUBMISSION_BY_ORIGIN,
    SUBMISSIONS_UNRESOLVED,
    SUBMITTING,
    Database,
)
from markethub.adapters.memory.tables import Staged
from markethub.domain.dispute import DUE_SOON, NEEDS_RESPONSE, Dispute
from markethub.domain.errors import StaleWrite
from markethub.domain.events import DomainEvent
from markethub.domain.ids import DisputeId, PaymentId, ProviderDisputeId, SubmissionId
from markethub.domain.ports.disputes import (
    NEVER_DUE,
    DisputeFilter,
    DisputePage,
    DisputeQueries,
    Disputes,
    Submissions,
)
from markethub.domain.submission import Submission


@attrs.frozen(kw_only=True)
class MemoryDisputes:
    """Disputes."""

    rows: Staged[DisputeId, Dispute]
    outbox: list[DomainEvent]

    async def find(self, id: DisputeId) -> Dispute | None:
        """Return the dispute, if it exists."""
        return self.rows.get(id)

    async def find_by_provider_id(self, id: ProviderDisputeId) -> Dispute | None:
        """Return the dispute of a provider's dispute, if we know it."""
        return next(iter(self.rows.where(BY_PROVIDER_DISPUTE, id)), None)

    async def lock(self, id: DisputeId) -> Dispute | None:
        """Return the dispute, holding its row."""
        return await self.rows.hold(id)

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Dispute]:
        """Return a payment's disputes, oldest first."""
        return sorted(self.rows.where(DISPUTES_OF, payment_id), key=_by_age)

    async def due(self, *, now: datetime, limit: int) -> Sequence[DisputeId]:
        """Name disputes of whose end of the time for evidence must be reminded, soonest first."""
        due = sorted(
            (row.evidence_due_by, row.id)
            for row in self.rows.all()
            if row.reminded_at is None
            and row.status in NEEDS_RESPONSE
            and row.evidence_due_by is not None
            and now <= row.evidence_due_by <= now + DUE_SOON
        )
        return [dispute_id for _, dispute_id in due[:limit]]

    async def save(self, dispute: Dispute) -> Dispute:
        """Insert or update it, and stage its events."""
        current = await self.rows.claim(dispute.id)
        if dispute.version != (current.version if current else 0):
            raise StaleWrite("somebody else saved it first")
        stored = attrs.evolve(dispute, version=dispute.version + 1, events=())
        self.rows.stage(dispute.id, stored)
        self.outbox.extend(dispute.events)
        return stored


@attrs.frozen(kw_only=True)
class MemorySubmissions:
    """What we asked about disputes."""

    rows: Staged[SubmissionId, Submission]

    async def find(self, id: SubmissionId) -> Submission | None:
        """Return the submission, if it exists."""
        return self.rows.get(id)

    async def unresolved(self, dispute_id: DisputeId) -> Submission | None:
        """Return the dispute's unresolved submission, if it has one, holding its row."""
        while True:
            found = self.rows.where(SUBMITTING, dispute_id)
            if not found:
                return None
            held = await self.rows.hold(found[0].id)
            # While we waited it may have ended, and another may have begun.
            if held is not None and held.is_unresolved:
                return held

    async def find_by_origin(self, origin: str) -> Submission | None:
        """Return the submission that this caller, path and key made, if any."""
        return next(iter(self.rows.where(SUBMISSION_BY_ORIGIN, origin)), None)

    async def due(self, *, now: datetime, limit: int) -> Sequence[SubmissionId]:
        """Name unresolved submissions whose ``next_attempt_at`` has come, oldest first."""
        unresolved = self.rows.where(SUBMISSIONS_UNRESOLVED, key=True)
        due = [row for row in unresolved if row.next_attempt_at <= now]
        return [row.id for row in sorted(due, key=lambda row: row.next_attempt_at)[:limit]]

    async def save(self, submission: Submission) -> Submission:
        """Insert or update it."""
        current = await self.rows.claim(submission.id)
        if submission.version != (current.version if current else 0):
            raise StaleWrite("somebody else saved it first")
        stored = attrs.evolve(submission, version=submission.version + 1)
        self.rows.stage(submission.id, stored)
        return stored


@attrs.frozen
class MemoryDisputeQueries:
    """Consistent reads outside of a use case's transaction."""

    _database: Database

    async def dispute(self, id: DisputeId) -> Dispute | None:
        """Return a dispute, if it exists."""
        return self._database.disputes.rows.get(id)

    async def disputes(
        self, filter: DisputeFilter, *, cursor: str | None = None, limit: int = 50
    ) -> DisputePage:
        """List disputes, newest first. Raises ValidationFailed for a cursor that is not ours."""
        before = None if cursor is None else position(cursor)
        found = [
            dispute
            for dispute in self._database.disputes.rows.values()
            if filter.payment_id in (None, dispute.payment_id)
            and filter.status in (None, dispute.status)
            and (before is None or _by_age(dispute) < before)
        ]
        found.sort(key=_by_age, reverse=True)
        page = found[:limit]
        more = len(found) > limit
        last = cursor_after(page[-1].created_at, page[-1].id) if more else None
        return DisputePage(items=page, next_cursor=last)

    async def answerable(self, *, cursor: str | None = None, limit: int = 50) -> DisputePage:
        """List the disputes that need a response by the end of the time for evidence."""
        after = None if cursor is None else position(cursor)
        found = [
            dispute
            for dispute in self._database.disputes.rows.values()
            if dispute.status in NEEDS_RESPONSE and (after is None or _by_due(dispute) > after)
        ]
        found.sort(key=_by_due)
        page = found[:limit]
        more = len(found) > limit
        return DisputePage(
            items=page, next_cursor=cursor_after(*_by_due(page[-1])) if more else None
        )

    async def submissions(self, dispute_id: DisputeId) -> Sequence[Submission]:
        """Return what was asked about a dispute, oldest first."""
        found = [
            each
            for each in self._database.submissions.rows.values()
            if each.dispute_id == dispute_id
        ]
        return sorted(found, key=lambda each: (each.created_at, each.id))


def _by_due(dispute: Dispute) -> tuple[datetime, str]:
    return dispute.evidence_due_by or NEVER_DUE, dispute.id


def _by_age(dispute: Dispute) -> tuple[datetime, str]:
    return dispute.created_at, dispute.id


def _conforms(
    disputes: MemoryDisputes, submissions: MemorySubmissions, queries: MemoryDisputeQueries
) -> tuple[Disputes, Submissions, DisputeQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return disputes, submissions, queries
