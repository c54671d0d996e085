"""Disputes in SQL: inside a transaction, and for screens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from sqlalchemy import Select, bindparam, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy.cursors import cursor_after, position
from markethub.adapters.sqlalchemy.dispute_mappers import (
    dispute_from_row,
    dispute_to_row,
    submission_from_row,
    submission_to_row,
)
from markethub.adapters.sqlalchemy.dispute_tables import (
    DISPUTE_ANSWERABLE,
    DISPUTE_UNREMINDED,
    SUBMISSION_UNRESOLVED,
    disputes,
    submissions,
)
from markethub.adapters.sqlalchemy.outbox import stage
from markethub.adapters.sqlalchemy.repositories import Versioned, by, every, one
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.session import Session
from markethub.adapters.sqlalchemy.types import UtcDateTime
from markethub.domain.dispute import DUE_SOON, Dispute
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

_DISPUTE: Final = Versioned.of(
    disputes, fixed=("provider_id", "payment_id", "order_id", "opened_at", "created_at")
)
_SUBMISSION: Final = Versioned.of(
    submissions,
    # A submission never changes once saved, but for what became of it.
    fixed=(
        "dispute_id",
        "kind",
        "method",
        "path",
        "params",
        "count_before",
        "actor",
        "origin",
        "created_at",
    ),
)


@attrs.frozen
class SqlDisputes:
    """Disputes."""

    _session: Session

    async def find(self, id: DisputeId) -> Dispute | None:
        """Return the dispute, if it exists."""
        return await self._find(_BY_ID, id=id)

    async def find_by_provider_id(self, id: ProviderDisputeId) -> Dispute | None:
        """Return the dispute of a provider's dispute, if we know it."""
        return await self._find(_BY_PROVIDER_ID, provider_id=id)

    async def lock(self, id: DisputeId) -> Dispute | None:
        """Return the dispute, holding its row."""
        return await self._find(_LOCKED, id=id)

    async def _find(self, query: Select[Any], **parameters: str) -> Dispute | None:
        row = await one(self._session, query, **parameters)
        return dispute_from_row(row) if row else None

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Dispute]:
        """Return a payment's disputes, oldest first."""
        rows = await every(self._session, _OF_PAYMENT, payment_id=payment_id)
        return [dispute_from_row(row) for row in rows]

    async def due(self, *, now: datetime, limit: int) -> Sequence[DisputeId]:
        """Name disputes of whose end of the time for evidence must be reminded, soonest first."""
        span = {"now": now, "soon": now + DUE_SOON, "at_most": limit}
        ids = await self._session.execute(_DUE, span)
        return [DisputeId(due) for due in ids.scalars()]

    async def save(self, dispute: Dispute) -> Dispute:
        """Insert or update it, and stage its events."""
        version = await _DISPUTE.save(self._session, dispute_to_row(dispute))
        await stage(self._session, dispute.events, aggregate_id=dispute.id)
        return attrs.evolve(dispute, version=version, events=())


_BY_ID: Final = by(disputes, "id")
_BY_PROVIDER_ID: Final = by(disputes, "provider_id")
_LOCKED: Final = _BY_ID.with_for_update()
_OF_PAYMENT: Final = by(disputes, "payment_id").order_by(disputes.c.created_at, disputes.c.id)
_DUE: Final = (
    select(disputes.c.id)
    .where(DISPUTE_UNREMINDED)
    .where(disputes.c.evidence_due_by >= bindparam("now"))
    .where(disputes.c.evidence_due_by <= bindparam("soon"))
    .order_by(disputes.c.evidence_due_by, disputes.c.id)
    .limit(bindparam("at_most"))
)


@attrs.frozen
class SqlSubmissions:
    """What we asked about disputes."""

    _session: Session

    async def find(self, id: SubmissionId) -> Submission | None:
        """Return the submission, if it exists."""
        return await self._find(_SUBMISSION_BY_ID, id=id)

    async def unresolved(self, dispute_id: DisputeId) -> Submission | None:
        """Return the dispute's unresolved submission, if it has one, holding its row."""
        return await self._find(_LOCKED_UNRESOLVED, dispute_id=dispute_id)

    async def find_by_origin(self, origin: str) -> Submission | None:
        """Return the submission that this caller, path and key made, if any."""
        return await self._find(_SUBMISSION_BY_ORIGIN, origin=origin)

    async def _find(self, query: Select[Any], **parameters: str) -> Submission | None:
        row = await one(self._session, query, **parameters)
        return submission_from_row(row) if row else None

    async def due(self, *, now: datetime, limit: int) -> Sequence[SubmissionId]:
        """Name unresolved submissions whose ``next_attempt_at`` has come, oldest first."""
        ids = await self._session.execute(_SUBMISSIONS_DUE, {"now": now, "at_most": limit})
        return [SubmissionId(due) for due in ids.scalars()]

    async def save(self, submission: Submission) -> Submission:
        """Insert or update it."""
        version = await _SUBMISSION.save(self._session, submission_to_row(submission))
        return attrs.evolve(submission, version=version)


_SUBMISSION_BY_ID: Final = by(submissions, "id")
_SUBMISSION_BY_ORIGIN: Final = by(submissions, "origin")
_LOCKED_UNRESOLVED: Final = by(
    submissions, "dispute_id", condition=SUBMISSION_UNRESOLVED
).with_for_update()
_SUBMISSIONS_DUE: Final = (
    select(submissions.c.id)
    .where(SUBMISSION_UNRESOLVED)
    .where(submissions.c.next_attempt_at <= bindparam("now"))
    .order_by(submissions.c.next_attempt_at, submissions.c.created_at, submissions.c.id)
    .limit(bindparam("at_most"))
)


@attrs.frozen
class SqlDisputeQueries:
    """Consistent reads outside of a use case's transaction."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def dispute(self, id: DisputeId) -> Dispute | None:
        """Return a dispute, if it exists."""
        found = await self._read(select(disputes).where(disputes.c.id == id))
        return found[0] if found else None

    async def disputes(
        self, filter: DisputeFilter, *, cursor: str | None = None, limit: int = 50
    ) -> DisputePage:
        """List disputes, newest first. Raises ValidationFailed for a cursor that is not ours."""
        query = select(disputes).order_by(disputes.c.created_at.desc(), disputes.c.id.desc())
        if filter.payment_id is not None:
            query = query.where(disputes.c.payment_id == filter.payment_id)
        if filter.status is not None:
            query = query.where(disputes.c.status == filter.status.value)
        if cursor is not None:
            created_at, dispute_id = position(cursor)
            last = tuple_(literal(created_at, UtcDateTime()), literal(dispute_id))
            query = query.where(tuple_(disputes.c.created_at, disputes.c.id) < last)
        found = await self._read(query.limit(limit + 1))
        page = found[:limit]
        last_of = cursor_after(page[-1].created_at, page[-1].id) if found[limit:] else None
        return DisputePage(items=page, next_cursor=last_of)

    async def answerable(self, *, cursor: str | None = None, limit: int = 50) -> DisputePage:
        """List the disputes that need a response by the end of the time for evidence."""
        due_by = func.coalesce(disputes.c.evidence_due_by, literal(NEVER_DUE, UtcDateTime()))
        query = select(disputes).where(DISPUTE_ANSWERABLE).order_by(due_by, disputes.c.id)
        if cursor is not None:
            at, dispute_id = position(cursor)
            last = tuple_(literal(at, UtcDateTime()), literal(dispute_id))
            query = query.where(tuple_(due_by, disputes.c.id) > last)
        found = await self._read(query.limit(limit + 1))
        page = found[:limit]
        last_of = None
        if found[limit:]:
            last_of = cursor_after(page[-1].evidence_due_by or NEVER_DUE, page[-1].id)
        return DisputePage(items=page, next_cursor=last_of)

    async def submissions(self, dispute_id: DisputeId) -> Sequence[Submission]:
        """Return what was asked about a dispute, oldest first."""
        query = (
            select(submissions)
            .where(submissions.c.dispute_id == dispute_id)
            .order_by(submissions.c.created_at, submissions.c.id)
        )
        return [submission_from_row(row) for row in await self._rows(query)]

    async def _read(self, query: Select[Any]) -> Sequence[Dispute]:
        return [dispute_from_row(row) for row in await self._rows(query)]

    async def _rows(self, query: Select[Any]) -> Sequence[Any]:
        async def once() -> Sequence[Any]:
            async with self._reader.connect() as connection:
                rows: Sequence[Any] = (await connection.execute(query)).mappings().all()
                return rows

        return await self._repeat(once)


def _conforms(
    disputes: SqlDisputes, submissions: SqlSubmissions, queries: SqlDisputeQueries
) -> tuple[Disputes, Submissions, DisputeQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return disputes, submissions, queries
