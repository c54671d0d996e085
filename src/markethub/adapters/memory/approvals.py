"""Approvals in memory: inside a transaction, and for screens."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from markethub.adapters.memory.cursors import cursor_after, position
from markethub.adapters.memory.database import (
    APPROVAL_BY_ORIGIN,
    APPROVAL_BY_PLAN,
    APPROVALS_OF,
    Database,
)
from markethub.adapters.memory.tables import Staged
from markethub.domain.approval import Approval
from markethub.domain.errors import StaleWrite
from markethub.domain.ids import ApprovalId, PaymentId
from markethub.domain.ports.approvals import (
    ApprovalFilter,
    ApprovalPage,
    ApprovalQueries,
    Approvals,
)
from markethub.domain.refund import PlanLine


@attrs.frozen(kw_only=True)
class MemoryApprovals:
    """Approvals."""

    rows: Staged[ApprovalId, Approval]

    async def find(self, id: ApprovalId) -> Approval | None:
        """Return the approval, if it exists."""
        return self.rows.get(id)

    async def find_by_origin(self, origin: str) -> Approval | None:
        """Return what a request of that origin asked for, if it had to be approved."""
        return next(iter(self.rows.where(APPROVAL_BY_ORIGIN, origin)), None)

    async def find_by_plan(self, plan: PlanLine) -> Approval | None:
        """Return what a line of a plan asked for, if it had to be approved."""
        return next(iter(self.rows.where(APPROVAL_BY_PLAN, plan)), None)

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Approval]:
        """Return a payment's approvals, oldest first."""
        return sorted(self.rows.where(APPROVALS_OF, payment_id), key=_by_age)

    async def save(self, approval: Approval) -> Approval:
        """Insert or update it."""
        current = await self.rows.claim(approval.id)
        if approval.version != (current.version if current else 0):
            raise StaleWrite("somebody else saved it first")
        stored = attrs.evolve(approval, version=approval.version + 1)
        self.rows.stage(approval.id, stored)
        return stored


@attrs.frozen
class MemoryApprovalQueries:
    """Consistent reads outside of a use case's transaction."""

    _database: Database

    async def approval(self, id: ApprovalId) -> Approval | None:
        """Return an approval, if it exists."""
        return self._database.approvals.rows.get(id)

    async def approvals(
        self, filter: ApprovalFilter, *, cursor: str | None = None, limit: int = 50
    ) -> ApprovalPage:
        """List approvals, newest first. Raises ValidationFailed for a cursor that is not ours."""
        before = None if cursor is None else position(cursor)
        found = [
            approval
            for approval in self._database.approvals.rows.values()
            if filter.payment_id in (None, approval.payment_id)
            and filter.status in (None, approval.status)
            and (before is None or _by_age(approval) < before)
        ]
        found.sort(key=_by_age, reverse=True)
        page = found[:limit]
        last = cursor_after(page[-1].created_at, page[-1].id) if len(found) > limit else None
        return ApprovalPage(items=page, next_cursor=last)


def _by_age(approval: Approval) -> tuple[datetime, str]:
    return approval.created_at, approval.id


def _conforms(
    approvals: MemoryApprovals, queries: MemoryApprovalQueries
) -> tuple[Approvals, ApprovalQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return approvals, queries
