"""Refunds that are too much for one person, and what the second one says to them."""

import re
from typing import Annotated, Any, Final

import attrs
from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UnsetType

from markethub.domain.approval import ApprovalStatus
from markethub.domain.errors import NotFound
from markethub.domain.ids import ApprovalId, PaymentId
from markethub.domain.ports.approvals import ApprovalFilter, ApprovalQueries
from markethub.domain.usecases.decide_approval import DecideApproval, DecideApprovalCommand
from markethub.entrypoints.http.approval_schemas import (
    ApprovalOut,
    ApprovalsOut,
    DecisionIn,
    approval_out,
    approvals_out,
)
from markethub.entrypoints.http.auth import Access, Caller, forbidden
from markethub.entrypoints.http.entrance import ACCESS
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.idempotency import KEEP, Keep
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import json_body
from markethub.entrypoints.http.openapi import BEARER, READS, WRITES, documented, problems
from markethub.entrypoints.setting_values import Role

PAGE_MAXIMUM: Final = 100
_READERS: Final = Access(ops=Role.VIEWER)
_DECIDERS: Final = Access(ops=Role.REFUNDER)
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,128}")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=:.|+-]{1,512}")


def _known(approval_id: str) -> ApprovalId:
    if not _ID.fullmatch(approval_id):
        raise NotFound("no such approval")
    return ApprovalId(approval_id)


@get(responses=problems(*READS), opt={ACCESS: _READERS})
async def list_approvals(
    *,
    approval_queries: Injected[ApprovalQueries],
    payment_id: FromQuery[str | None] = None,
    status: FromQuery[ApprovalStatus | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAXIMUM)] = 50,
) -> ApprovalsOut:
    """List approvals, newest first."""
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise invalid("cursor", "is not one of ours")
    if payment_id is not None and not _ID.fullmatch(payment_id):
        raise invalid("payment_id", "is no id of a payment")
    page = await approval_queries.approvals(
        ApprovalFilter(
            payment_id=None if payment_id is None else PaymentId(payment_id), status=status
        ),
        cursor=cursor,
        limit=limit,
    )
    return approvals_out(page)


@get("/{approval_id:str}", responses=problems(*READS), opt={ACCESS: _READERS})
async def get_approval(
    approval_id: FromPath[str], approval_queries: Injected[ApprovalQueries]
) -> ApprovalOut:
    """Return an approval."""
    found = await approval_queries.approval(_known(approval_id))
    if found is None:
        raise NotFound("no such approval")
    return approval_out(found)


@post(
    "/{approval_id:str}/approve",
    status_code=200,
    operation_class=documented(DecisionIn, required=False, keyed=True),
    responses=problems(*WRITES),
    opt={ACCESS: _DECIDERS, KEEP: Keep.ANSWER},
)
async def approve(
    request: Request[Any, Any, Any],
    approval_id: FromPath[str],
    decide_approval: Injected[DecideApproval],
    caller: Injected[Caller],
) -> ApprovalOut:
    """Agree, as somebody else than who asked: the refund is made, once.

    What became of it is to be read of the refund.
    """
    body = await json_body(request, DecisionIn)
    return await _decided(decide_approval, approval_id, body, caller, approves=True)


@post(
    "/{approval_id:str}/reject",
    status_code=200,
    operation_class=documented(DecisionIn, required=False, keyed=True),
    responses=problems(*WRITES),
    opt={ACCESS: _DECIDERS, KEEP: Keep.ANSWER},
)
async def reject(
    request: Request[Any, Any, Any],
    approval_id: FromPath[str],
    decide_approval: Injected[DecideApproval],
    caller: Injected[Caller],
) -> ApprovalOut:
    """Refuse the refund: nothing is given back."""
    body = await json_body(request, DecisionIn)
    return await _decided(decide_approval, approval_id, body, caller, approves=False)


async def _decided(
    decide_approval: DecideApproval,
    approval_id: str,
    body: DecisionIn,
    caller: Caller,
    *,
    approves: bool,
) -> ApprovalOut:
    if caller.act is None:
        raise forbidden()
    command = DecideApprovalCommand(
        approval_id=_known(approval_id),
        act=caller.act
        if isinstance(body.why, UnsetType)
        else attrs.evolve(caller.act, reason=body.why),
        approves=approves,
    )
    return approval_out(await decide_approval(command))


approvals_router = Router(
    "/api/approvals",
    route_handlers=[list_approvals, get_approval, approve, reject],
    tags=["approvals"],
    security=BEARER,
)
