"""Refunds in the store: inside a transaction, and for screens."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs

from markethub.domain.ids import PaymentId, ProviderRefundId, RefundId
from markethub.domain.refund import PlanLine, Refund, RefundStatus


class Refunds(Protocol):
    """Refunds. One row per refund of the provider, one per line of a plan: the store refuses more.

    Whoever changes one holds its order and its payment.
    """

    async def find(self, id: RefundId) -> Refund | None:
        """Return the refund, if it exists."""
        ...

    async def find_by_provider_id(self, id: ProviderRefundId) -> Refund | None:
        """Return the refund of a provider's refund, if we know it."""
        ...

    async def find_by_plan(self, plan: PlanLine) -> Refund | None:
        """Return the refund that carries out a line of a plan, if there is one."""
        ...

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Refund]:
        """Return a payment's refunds, oldest first."""
        ...

    async def save(self, refund: Refund) -> Refund:
        """Insert or update it, as ``Orders.save``.

        Raises StaleWrite too where the provider's refund or the plan's line has another row.
        """
        ...


@attrs.frozen(kw_only=True)
class RefundFilter:
    """Which refunds to list; what is None does not restrict."""

    payment_id: PaymentId | None = None
    status: RefundStatus | None = None


@attrs.frozen(kw_only=True)
class RefundPage:
    """Refunds, newest first. ``next_cursor`` is None on the last page."""

    items: Sequence[Refund]
    next_cursor: str | None


class RefundQueries(Protocol):
    """Consistent reads outside of a use case's transaction."""

    async def refund(self, id: RefundId) -> Refund | None:
        """Return a refund, if it exists."""
        ...

    async def refunds(
        self, filter: RefundFilter, *, cursor: str | None = None, limit: int = 50
    ) -> RefundPage:
        """List refunds, newest first. Raises ValidationFailed for a cursor that is not ours."""
        ...

    async def refunds_of(
        self, payment_ids: Sequence[PaymentId]
    ) -> Mapping[PaymentId, Sequence[Refund]]:
        """Return the refunds of some payments, oldest first; a payment without any is left out."""
        ...
