"""Approvals in the store: inside a transaction, and for screens."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from markethub.domain.approval import Approval, ApprovalStatus
from markethub.domain.ids import ApprovalId, PaymentId
from markethub.domain.refund import PlanLine


class Approvals(Protocol):
    """Approvals. One may be pending for a payment, one per origin and line of a plan.

    Whoever changes one holds its order and its payment.
    """

    async def find(self, id: ApprovalId) -> Approval | None:
        """Return the approval, if it exists."""
        ...

    async def find_by_origin(self, origin: str) -> Approval | None:
        """Return what a request of that origin asked for, if it had to be approved."""
        ...

    async def find_by_plan(self, plan: PlanLine) -> Approval | None:
        """Return what a line of a plan asked for, if it had to be approved."""
        ...

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Approval]:
        """Return a payment's approvals, oldest first."""
        ...

    async def save(self, approval: Approval) -> Approval:
        """Insert or update it, as ``Orders.save``. Raises StaleWrite for a second one, too."""
        ...


@attrs.frozen(kw_only=True)
class ApprovalFilter:
    """Which approvals to list; what is None does not restrict."""

    payment_id: PaymentId | None = None
    status: ApprovalStatus | None = None


@attrs.frozen(kw_only=True)
class ApprovalPage:
    """Approvals, newest first. ``next_cursor`` is None on the last page."""

    items: Sequence[Approval]
    next_cursor: str | None


class ApprovalQueries(Protocol):
    """Consistent reads outside of a use case's transaction."""

    async def approval(self, id: ApprovalId) -> Approval | None:
        """Return an approval, if it exists."""
        ...

    async def approvals(
        self, filter: ApprovalFilter, *, cursor: str | None = None, limit: int = 50
    ) -> ApprovalPage:
        """List approvals, newest first. Raises ValidationFailed for a cursor that is not ours."""
        ...
