"""Refunds: money on its way back to customers."""

import re
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UnsetType

from markethub.domain.audit import Act
from markethub.domain.errors import NotFound
from markethub.domain.ids import PaymentId, RefundId
from markethub.domain.ports.refunds import RefundFilter, RefundQueries
from markethub.domain.refund import RefundReason, RefundStatus
from markethub.domain.usecases.refund_payment import RefundPayment, RefundPaymentCommand
from markethub.entrypoints.http.auth import Access, Caller, forbidden
from markethub.entrypoints.http.entrance import ACCESS
from markethub.entrypoints.http.errors import HttpProblem, invalid
from markethub.entrypoints.http.idempotency import KEEP, UNKEYED, Keep, origin
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import json_body
from markethub.entrypoints.http.openapi import BEARER, READS, WRITES, documented, problems
from markethub.entrypoints.http.refund_schemas import (
    RefundIn,
    RefundOut,
    RefundPreviewOut,
    RefundsOut,
    preview_out,
    refund_out,
    refunds_out,
)
from markethub.entrypoints.http.schemas import given
from markethub.entrypoints.setting_values import Role

PAGE_MAXIMUM: Final = 100
_READERS: Final = Access(storefront=True, ops=Role.VIEWER)
_REFUNDERS: Final = Access(storefront=True, ops=Role.REFUNDER)
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,128}")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=:.|+-]{1,512}")


class _DryRun(msgspec.Struct):
    dry_run: bool = False


def _act(caller: Caller) -> Act:
    """Say who gives money back: never a customer, whom the route does not let in."""
    if caller.act is None:
        raise forbidden()
    return caller.act


def is_dry_run(body: bytes) -> bool:
    """Tell whether a body only asks what would happen; anything unreadable does not."""
    try:
        return msgspec.json.decode(body, type=_DryRun).dry_run
    except msgspec.DecodeError:
        return False


@post(
    "/{payment_id:str}/refunds",
    status_code=201,
    operation_class=documented(RefundIn, required=False, keyed=True, needs_key=True),
    responses=problems(*WRITES),
    opt={ACCESS: _REFUNDERS, KEEP: Keep.ANSWER, UNKEYED: is_dry_run},
)
async def refund_payment(
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    refund_payment: Injected[RefundPayment],
    caller: Injected[Caller],
) -> Response[RefundOut | RefundPreviewOut]:
    """Give a captured payment's money back, in whole or in part.

    An outcome that nobody knows yet is a refund that is ``pending``. With ``dry_run`` the
    answer is 200 and says what would happen.
    """
    if not _ID.fullmatch(payment_id):
        raise NotFound("no such payment")
    body = await json_body(request, RefundIn)
    key = None if body.dry_run else origin(request)
    command = RefundPaymentCommand(
        payment_id=PaymentId(payment_id),
        act=_act(caller),
        amount_minor=given(body.amount),
        reason=RefundReason.OTHER if isinstance(body.reason, UnsetType) else body.reason,
        note=None if isinstance(body.note, UnsetType) else body.note,
        origin=key,
        again=True,  # the key already tells a repetition from a further refund
    )
    if body.dry_run:
        return Response(preview_out(await refund_payment.preview(command)), status_code=200)
    if key is None:
        raise HttpProblem(
            400, "idempotency_key_required", "A refund needs the header Idempotency-Key."
        )
    return Response(refund_out(await refund_payment(command)), status_code=201)


@get("/{refund_id:str}", responses=problems(*READS), opt={ACCESS: _READERS})
async def get_refund(
    refund_id: FromPath[str], refund_queries: Injected[RefundQueries]
) -> RefundOut:
    """Return a refund."""
    known = RefundId(refund_id) if _ID.fullmatch(refund_id) else None
    refund = None if known is None else await refund_queries.refund(known)
    if refund is None:
        raise NotFound("no such refund")
    return refund_out(refund)


@get(responses=problems(*READS), opt={ACCESS: _READERS})
async def list_refunds(
    *,
    refund_queries: Injected[RefundQueries],
    payment_id: FromQuery[str | None] = None,
    status: FromQuery[RefundStatus | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAXIMUM)] = 50,
) -> RefundsOut:
    """List refunds, newest first."""
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise invalid("cursor", "is not one of ours")
    if payment_id is not None and not _ID.fullmatch(payment_id):
        raise invalid("payment_id", "is no id of a payment")
    page = await refund_queries.refunds(
        RefundFilter(
            payment_id=None if payment_id is None else PaymentId(payment_id), status=status
        ),
        cursor=cursor,
        limit=limit,
    )
    return refunds_out(page)


refunds_router = Router(
    "/api/refunds", route_handlers=[get_refund, list_refunds], tags=["refunds"], security=BEARER
)
payment_refunds_router = Router(
    "/api/payments", route_handlers=[refund_payment], tags=["refunds"], security=BEARER
)
