"""Refunds in memory: inside a transaction, and for screens."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from markethub.adapters.memory.cursors import cursor_after, position
from markethub.adapters.memory.database import (
    BY_PLAN,
    BY_PROVIDER_REFUND,
    REFUNDS_OF,
    Database,
)
from markethub.adapters.memory.tables import Staged
from markethub.domain.errors import StaleWrite
from markethub.domain.events import DomainEvent
from markethub.domain.ids import PaymentId, ProviderRefundId, RefundId
from markethub.domain.ports.refunds import RefundFilter, RefundPage, RefundQueries, Refunds
from markethub.domain.refund import PlanLine, Refund


@attrs.frozen(kw_only=True)
class MemoryRefunds:
    """Refunds."""

    rows: Staged[RefundId, Refund]
    outbox: list[DomainEvent]

    async def find(self, id: RefundId) -> Refund | None:
        """Return the refund, if it exists."""
        return self.rows.get(id)

    async def find_by_provider_id(self, id: ProviderRefundId) -> Refund | None:
        """Return the refund of a provider's refund, if we know it."""
        return next(iter(self.rows.where(BY_PROVIDER_REFUND, id)), None)

    async def find_by_plan(self, plan: PlanLine) -> Refund | None:
        """Return the refund that carries out a line of a plan, if there is one."""
        return next(iter(self.rows.where(BY_PLAN, plan)), None)

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Refund]:
        """Return a payment's refunds, oldest first."""
        return sorted(self.rows.where(REFUNDS_OF, payment_id), key=_by_age)

    async def save(self, refund: Refund) -> Refund:
        """Insert or update it, and stage its events."""
        current = await self.rows.claim(refund.id)
        if refund.version != (current.version if current else 0):
            raise StaleWrite("somebody else saved it first")
        stored = attrs.evolve(refund, version=refund.version + 1, events=())
        self.rows.stage(refund.id, stored)
        self.outbox.extend(refund.events)
        return stored


@attrs.frozen
class MemoryRefundQueries:
    """Consistent reads outside of a use case's transaction."""

    _database: Database

    async def refund(self, id: RefundId) -> Refund | None:
        """Return a refund, if it exists."""
        return self._database.refunds.rows.get(id)

    async def refunds(
        self, filter: RefundFilter, *, cursor: str | None = None, limit: int = 50
    ) -> RefundPage:
        """List refunds, newest first. Raises ValidationFailed for a cursor that is not ours."""
        before = None if cursor is None else position(cursor)
        found = [
            refund
            for refund in self._database.refunds.rows.values()
            if filter.payment_id in (None, refund.payment_id)
            and filter.status in (None, refund.status)
            and (before is None or _by_age(refund) < before)
        ]
        found.sort(key=_by_age, reverse=True)
        page = found[:limit]
        last = cursor_after(page[-1].created_at, page[-1].id) if len(found) > limit else None
        return RefundPage(items=page, next_cursor=last)

    async def refunds_of(
        self, payment_ids: Sequence[PaymentId]
    ) -> Mapping[PaymentId, Sequence[Refund]]:
        """Return the refunds of some payments, oldest first."""
        wanted = frozenset(payment_ids)
        found: dict[PaymentId, list[Refund]] = {}
        for refund in sorted(self._database.refunds.rows.values(), key=_by_age):
            if refund.payment_id in wanted:
                found.setdefault(refund.payment_id, []).append(refund)
        return found


def _by_age(refund: Refund) -> tuple[datetime, str]:
    return refund.created_at, refund.id


def _conforms(
    refunds: MemoryRefunds, queries: MemoryRefundQueries
) -> tuple[Refunds, RefundQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return refunds, queries
