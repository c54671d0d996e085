"""Approvals in SQL: inside a transaction, and for screens."""

from collections.abc import Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy.approval_tables import approvals
from markethub.adapters.sqlalchemy.cursors import cursor_after, position
from markethub.adapters.sqlalchemy.mappers import Read, Row
from markethub.adapters.sqlalchemy.repositories import Versioned, by, every, one
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.session import Session
from markethub.adapters.sqlalchemy.types import UtcDateTime
from markethub.domain.approval import Approval, ApprovalStatus
from markethub.domain.ids import ApprovalId, PaymentId
from markethub.domain.money import Money
from markethub.domain.ports.approvals import (
    ApprovalFilter,
    ApprovalPage,
    ApprovalQueries,
    Approvals,
)
from markethub.domain.refund import PlanLine, RefundReason

_APPROVAL: Final = Versioned.of(
    approvals,
    fixed=(
        "payment_id",
        "order_id",
        "amount_minor",
        "currency",
        "takes_the_rest",
        "reason",
        "note",
        "requested_by",
        "origin",
        "plan_hash",
        "plan_line",
        "given_back_minor",
        "created_at",
    ),
)


def approval_to_row(approval: Approval) -> Row:
    """Return the row of an approval, with the version that it has in memory."""
    return {
        "id": approval.id,
        "payment_id": approval.payment_id,
        "order_id": approval.order_id,
        "amount_minor": approval.amount.minor,
        "currency": approval.amount.currency.code,
        "takes_the_rest": approval.takes_the_rest,
        "reason": approval.reason.value,
        "note": approval.note,
        "requested_by": approval.requested_by,
        "origin": approval.origin,
        "plan_hash": approval.plan.plan_hash if approval.plan else None,
        "plan_line": approval.plan.line if approval.plan else None,
        "given_back_minor": approval.given_back.minor if approval.given_back else None,
        "status": approval.status.value,
        "decided_by": approval.decided_by,
        "why": approval.why,
        "refund_id": approval.refund_id,
        "created_at": approval.created_at,
        "updated_at": approval.updated_at,
        "version": approval.version,
    }


def approval_from_row(row: Read) -> Approval:
    """Return the approval of a row."""
    return Approval(
        id=row["id"],
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        amount=Money.of(row["amount_minor"], row["currency"]),
        takes_the_rest=bool(row["takes_the_rest"]),
        reason=RefundReason(row["reason"]),
        note=row["note"],
        requested_by=row["requested_by"],
        origin=row["origin"],
        plan=None
        if row["plan_hash"] is None
        else PlanLine(plan_hash=row["plan_hash"], line=row["plan_line"]),
        given_back=None
        if row["given_back_minor"] is None
        else Money.of(row["given_back_minor"], row["currency"]),
        status=ApprovalStatus(row["status"]),
        decided_by=row["decided_by"],
        why=row["why"],
        refund_id=row["refund_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


@attrs.frozen
class SqlApprovals:
    """Approvals."""

    _session: Session

    async def find(self, id: ApprovalId) -> Approval | None:
        """Return the approval, if it exists."""
        return await self._find(_BY_ID, id=id)

    async def find_by_origin(self, origin: str) -> Approval | None:
        """Return what a request of that origin asked for, if it had to be approved."""
        return await self._find(_BY_ORIGIN, origin=origin)

    async def find_by_plan(self, plan: PlanLine) -> Approval | None:
        """Return what a line of a plan asked for, if it had to be approved."""
        return await self._find(_BY_PLAN, plan_hash=plan.plan_hash, plan_line=plan.line)

    async def _find(self, query: Select[Any], **parameters: object) -> Approval | None:
        row = await one(self._session, query, **parameters)
        return approval_from_row(row) if row else None

    async def of_payment(self, payment_id: PaymentId) -> Sequence[Approval]:
        """Return a payment's approvals, oldest first."""
        rows = await every(self._session, _OF_PAYMENT, payment_id=payment_id)
        return [approval_from_row(row) for row in rows]

    async def save(self, approval: Approval) -> Approval:
        """Insert or update it."""
        version = await _APPROVAL.save(self._session, approval_to_row(approval))
        return attrs.evolve(approval, version=version)


_BY_ID: Final = by(approvals, "id")
_BY_ORIGIN: Final = by(approvals, "origin")
_BY_PLAN: Final = by(approvals, "plan_hash", "plan_line")
_OF_PAYMENT: Final = by(approvals, "payment_id").order_by(approvals.c.created_at, approvals.c.id)


@attrs.frozen
class SqlApprovalQueries:
    """Consistent reads outside of a use case's transaction."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def approval(self, id: ApprovalId) -> Approval | None:
        """Return an approval, if it exists."""
        found = await self._read(select(approvals).where(approvals.c.id == id))
        return found[0] if found else None

    async def approvals(
        self, filter: ApprovalFilter, *, cursor: str | None = None, limit: int = 50
    ) -> ApprovalPage:
        """List approvals, newest first. Raises ValidationFailed for a cursor that is not ours."""
        query = select(approvals).order_by(approvals.c.created_at.desc(), approvals.c.id.desc())
        if filter.payment_id is not None:
            query = query.where(approvals.c.payment_id == filter.payment_id)
        if filter.status is not None:
            query = query.where(approvals.c.status == filter.status.value)
        if cursor is not None:
            created_at, approval_id = position(cursor)
            last = tuple_(literal(created_at, UtcDateTime()), literal(approval_id))
            query = query.where(tuple_(approvals.c.created_at, approvals.c.id) < last)
        found = await self._read(query.limit(limit + 1))
        page = found[:limit]
        last_of = cursor_after(page[-1].created_at, page[-1].id) if found[limit:] else None
        return ApprovalPage(items=page, next_cursor=last_of)

    async def _read(self, query: Select[Any]) -> Sequence[Approval]:
        async def once() -> Sequence[Approval]:
            async with self._reader.connect() as connection:
                rows = await connection.execute(query)
                return [approval_from_row(row) for row in rows.mappings()]

        return await self._repeat(once)


def _conforms(
    approvals: SqlApprovals, queries: SqlApprovalQueries
) -> tuple[Approvals, ApprovalQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return approvals, queries
