"""Refunds in SQL: inside a transaction, and for screens."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy.cursors import cursor_after, position
from markethub.adapters.sqlalchemy.outbox import stage
from markethub.adapters.sqlalchemy.refund_mappers import refund_from_row, refund_to_row
from markethub.adapters.sqlalchemy.refund_tables import refunds
from markethub.adapters.sqlalchemy.repositories import Versioned, by, every, one
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.session import Session
from markethub.adapters.sqlalchemy.types import UtcDateTime
from markethub.domain.ids import PaymentId, ProviderRefundId, RefundId
from markethub.domain.ports.refunds import RefundFilter, RefundPage, RefundQueries, Refunds
from markethub.domain.refund import PlanLine, Refund

_REFUND: Final = Versioned.of(
    refunds,
    fixed=(
        "payment_id",
        "order_id",
        "reason",
        "note",
        "actor",
        "plan_hash",
        "plan_line",
        "created_at",
    ),
)


@attrs.frozen
class SqlRefunds:
    """Refunds."""

    _session: Session

    async def find(self, id: RefundId) -> Refund | None:
        """Return the refund, if it exists."""
        return await self._find(_BY_ID, id=id)

    async def find_by_provider_id(self, id: ProviderRefundId) -> Refund | None:
        """Return the refund of a provider's refund, if we know it."""
        return await self._find(_BY_PROVIDER_ID, provider_id=id)

    async def find_by_plan(self, plan: PlanLine) -> Refund | None:
        """Return the refund that carries out a line of a plan, if there is one."""
        return await self._find(_BY_PLAN, plan_hash=plan.plan_hash, plan_line=plan.line)

    async def _find(self, query: Select[Any], **parameters: object) -> Refund | None:
        row = await one(self._session, query, **parameters)
        return refund_from_row(row) if row else None

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Refund]:
        """Return a payment's refunds, oldest first."""
        rows = await every(self._session, _OF_PAYMENT, payment_id=payment_id)
        return [refund_from_row(row) for row in rows]

    async def save(self, refund: Refund) -> Refund:
        """Insert or update it, and stage its events."""
        version = await _REFUND.save(self._session, refund_to_row(refund))
        await stage(self._session, refund.events, aggregate_id=refund.id)
        return attrs.evolve(refund, version=version, events=())


_BY_ID: Final = by(refunds, "id")
_BY_PROVIDER_ID: Final = by(refunds, "provider_id")
_BY_PLAN: Final = by(refunds, "plan_hash", "plan_line")
_OF_PAYMENT: Final = by(refunds, "payment_id").order_by(refunds.c.created_at, refunds.c.id)


@attrs.frozen
class SqlRefundQueries:
    """Consistent reads outside of a use case's transaction."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def refund(self, id: RefundId) -> Refund | None:
        """Return a refund, if it exists."""
        found = await self._read(select(refunds).where(refunds.c.id == id))
        return found[0] if found else None

    async def refunds(
        self, filter: RefundFilter, *, cursor: str | None = None, limit: int = 50
    ) -> RefundPage:
        """List refunds, newest first. Raises ValidationFailed for a cursor that is not ours."""
        query = select(refunds).order_by(refunds.c.created_at.desc(), refunds.c.id.desc())
        if filter.payment_id is not None:
            query = query.where(refunds.c.payment_id == filter.payment_id)
        if filter.status is not None:
            query = query.where(refunds.c.status == filter.status.value)
        if cursor is not None:
            created_at, refund_id = position(cursor)
            last = tuple_(literal(created_at, UtcDateTime()), literal(refund_id))
            query = query.where(tuple_(refunds.c.created_at, refunds.c.id) < last)
        found = await self._read(query.limit(limit + 1))
        page = found[:limit]
        last_of = cursor_after(page[-1].created_at, page[-1].id) if found[limit:] else None
        return RefundPage(items=page, next_cursor=last_of)

    async def refunds_of(
        self, payment_ids: Sequence[PaymentId]
    ) -> Mapping[PaymentId, Sequence[Refund]]:
        """Return the refunds of some payments, oldest first."""
        if not payment_ids:
            return {}
        query = select(refunds).where(refunds.c.payment_id.in_(payment_ids))
        found: dict[PaymentId, list[Refund]] = {}
        for refund in await self._read(query.order_by(refunds.c.created_at, refunds.c.id)):
            found.setdefault(refund.payment_id, []).append(refund)
        return found

    async def _read(self, query: Select[Any]) -> Sequence[Refund]:
        async def once() -> Sequence[Refund]:
            async with self._reader.connect() as connection:
                rows = await connection.execute(query)
                return [refund_from_row(row) for row in rows.mappings()]

        return await self._repeat(once)


def _conforms(refunds: SqlRefunds, queries: SqlRefundQueries) -> tuple[Refunds, RefundQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return refunds, queries
