"""The audit log in memory."""

import attrs

from markethub.adapters.memory.database import Database
from markethub.domain.audit import AuditAction, AuditEntry
from markethub.domain.ports.audit import AuditFilter, AuditLog, AuditPage, AuditQueries
from markethub.domain.ports.outbox import position


@attrs.frozen
class MemoryAuditLog:
    """Lines that a transaction has appended; it numbers them as it commits."""

    _database: Database
    _appended: list[AuditEntry]

    async def append(self, entry: AuditEntry) -> None:
        """Append a line."""
        self._appended.append(entry)

    async def has(self, action: AuditAction, *, actor: str, subject: str) -> bool:
        """Tell whether somebody is known to have done this to it."""
        wanted = AuditFilter(action=action, actor=actor, subject=subject)
        return any(_suits(entry, wanted) for entry in (*self._database.audit, *self._appended))


@attrs.frozen
class MemoryAuditQueries:
    """Consistent reads outside of a use case's transaction."""

    _database: Database

    async def entries(
        self, filter: AuditFilter, *, cursor: str | None = None, limit: int = 50
    ) -> AuditPage:
        """List lines, the last first. Raises ValidationFailed for a cursor that is not ours."""
        before = None if cursor is None else position(cursor)
        found = [
            entry
            for entry in reversed(self._database.audit)
            if _suits(entry, filter) and (before is None or entry.sequence < before)
        ]
        page = found[:limit]
        more = str(page[-1].sequence) if len(found) > limit else None
        return AuditPage(items=page, next_cursor=more)


def _suits(entry: AuditEntry, filter: AuditFilter) -> bool:
    return (
        filter.actor in (None, entry.actor)
        and filter.action in (None, entry.action)
        and filter.subject in (None, entry.subject)
        and filter.payment_id in (None, entry.payment_id)
        and (filter.since is None or entry.at >= filter.since)
        and (filter.until is None or entry.at < filter.until)
    )


def _conforms(log: MemoryAuditLog, queries: MemoryAuditQueries) -> tuple[AuditLog, AuditQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return log, queries
