"""The audit log in SQL."""

import json
from collections.abc import Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Select, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy.audit_tables import audit_log
from markethub.adapters.sqlalchemy.mappers import Read, Row
from markethub.adapters.sqlalchemy.repositories import by, one
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.session import Session
from markethub.domain.audit import AuditAction, AuditEntry, Channel
from markethub.domain.ports.audit import AuditFilter, AuditLog, AuditPage, AuditQueries
from markethub.domain.ports.outbox import position

_APPEND: Final = insert(audit_log).inline()  # nobody asks for its number
_ACT: Final = by(audit_log, "action", "actor", "subject").limit(1)


def audit_to_row(entry: AuditEntry) -> Row:
    """Return the row of a line, without the number that the database gives it."""
    return {
        "at": entry.at,
        "actor": entry.actor,
        "channel": entry.channel.value,
        "action": entry.action.value,
        "subject": entry.subject,
        "payment_id": entry.payment_id,
        "reason": entry.reason,
        "detail": json.dumps(dict(entry.detail), ensure_ascii=False, sort_keys=True),
    }


def audit_from_row(row: Read) -> AuditEntry:
    """Return the line of a row."""
    return AuditEntry(
        at=row["at"],
        actor=row["actor"],
        channel=Channel(row["channel"]),
        action=AuditAction(row["action"]),
        subject=row["subject"],
        payment_id=row["payment_id"],
        reason=row["reason"],
        detail=json.loads(row["detail"]),
        sequence=row["sequence"],
    )


@attrs.frozen
class SqlAuditLog:
    """Lines about what the same transaction does."""

    _session: Session

    async def append(self, entry: AuditEntry) -> None:
        """Append a line."""
        await self._session.write(_APPEND, audit_to_row(entry))

    async def has(self, action: AuditAction, *, actor: str, subject: str) -> bool:
        """Tell whether somebody is known to have done this to it."""
        act = {"action": action.value, "actor": actor, "subject": subject}
        return await one(self._session, _ACT, **act) is not None


@attrs.frozen
class SqlAuditQueries:
    """Consistent reads outside of a use case's transaction."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def entries(
        self, filter: AuditFilter, *, cursor: str | None = None, limit: int = 50
    ) -> AuditPage:
        """List lines, the last first. Raises ValidationFailed for a cursor that is not ours."""
        query = _restricted(filter).order_by(audit_log.c.sequence.desc())
        if cursor is not None:
            query = query.where(audit_log.c.sequence < position(cursor))
        found = await self._read(query.limit(limit + 1))
        page = found[:limit]
        return AuditPage(items=page, next_cursor=str(page[-1].sequence) if found[limit:] else None)

    async def _read(self, query: Select[Any]) -> Sequence[AuditEntry]:
        async def once() -> Sequence[AuditEntry]:
            async with self._reader.connect() as connection:
                rows = await connection.execute(query)
                return [audit_from_row(row) for row in rows.mappings()]

        return await self._repeat(once)


def _restricted(filter: AuditFilter) -> Select[Any]:
    query = select(audit_log)
    if filter.actor is not None:
        query = query.where(audit_log.c.actor == filter.actor)
    if filter.action is not None:
        query = query.where(audit_log.c.action == filter.action.value)
    if filter.subject is not None:
        query = query.where(audit_log.c.subject == filter.subject)
    if filter.payment_id is not None:
        query = query.where(audit_log.c.payment_id == filter.payment_id)
    if filter.since is not None:
        query = query.where(audit_log.c.at >= filter.since)
    if filter.until is not None:
        query = query.where(audit_log.c.at < filter.until)
    return query


def _conforms(log: SqlAuditLog, queries: SqlAuditQueries) -> tuple[AuditLog, AuditQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return log, queries
