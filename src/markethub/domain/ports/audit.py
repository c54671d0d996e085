"""The audit log in the store: appended to inside a transaction, and read by screens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from markethub.domain.audit import AuditAction, AuditEntry
from markethub.domain.ids import PaymentId


class AuditLog(Protocol):
    """Lines about what the same transaction does. The store refuses to change or delete one."""

    async def append(self, entry: AuditEntry) -> None:
        """Append a line, which gets its number."""
        ...

    async def has(self, action: AuditAction, *, actor: str, subject: str) -> bool:
        """Tell whether somebody is known to have done this to it."""
        ...


@attrs.frozen(kw_only=True)
class AuditFilter:
    """Which lines to list; what is None does not restrict."""

    actor: str | None = None
    action: AuditAction | None = None
    subject: str | None = None
    payment_id: PaymentId | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Up to, and without, this moment."""


@attrs.frozen(kw_only=True)
class AuditPage:
    """Lines, the last first. ``next_cursor`` is None on the last page."""

    items: Sequence[AuditEntry]
    next_cursor: str | None


class AuditQueries(Protocol):
    """Consistent reads outside of a use case's transaction."""

    async def entries(
        self, filter: AuditFilter, *, cursor: str | None = None, limit: int = 50
    ) -> AuditPage:
        """List lines, the last first. Raises ValidationFailed for a cursor that is not ours."""
        ...
