"""Payments: what became of them, and what staff may do to them."""

import re
from typing import Annotated, Any, Final

from litestar import Request, Router, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UnsetType

from markethub.domain import ids
from markethub.domain.errors import NotFound
from markethub.domain.ids import PaymentId
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.queries import PaymentFilter, Queries
from markethub.domain.ports.refunds import RefundQueries
from markethub.domain.usecases.cancel_payment import CancelPayment, CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePayment, CapturePaymentCommand
from markethub.entrypoints.http.auth import Access, Caller
from markethub.entrypoints.http.entrance import ACCESS
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.idempotency import KEEP, Keep, origin
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import json_body
from markethub.entrypoints.http.openapi import BEARER, READS, WRITES, documented, problems
from markethub.entrypoints.http.schemas import (
    CancelIn,
    CaptureIn,
    PaymentOut,
    PaymentsOut,
    given,
    payment_out,
    payments_out,
)
from markethub.entrypoints.setting_values import Role

PAGE_MAXIMUM: Final = 100
_READERS: Final = Access(storefront=True, customer=True, ops=Role.VIEWER)
_STAFF: Final = Access(storefront=True, ops=Role.SUPPORT)
_PAYMENT_ID: Final = re.compile(r"[A-Za-z0-9_]{1,128}")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=:.|+-]{1,512}")


def _payment_id(text: str) -> PaymentId:
    """Return what can be looked up; what cannot be an id of ours does not exist."""
    if not _PAYMENT_ID.fullmatch(text):
        raise NotFound("no such payment")
    return PaymentId(text)


@get(responses=problems(*READS), opt={ACCESS: _READERS})
async def list_payments(
    *,
    queries: Injected[Queries],
    refund_queries: Injected[RefundQueries],
    caller: Injected[Caller],
    order_id: FromQuery[str | None] = None,
    status: FromQuery[PaymentStatus | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAXIMUM)] = 50,
) -> PaymentsOut:
    """List payments, newest first; a customer's own for a customer."""
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise invalid("cursor", "is not one of ours")
    page = await queries.payments(
        PaymentFilter(
            order_id=None if order_id is None else ids.order_id(order_id),
            customer_id=caller.customer_id,
            status=status,
        ),
        cursor=cursor,
        limit=limit,
    )
    refunds = await refund_queries.refunds_of([payment.id for payment in page.items])
    return payments_out(page, caller, refunds=refunds)


@get("/{payment_id:str}", responses=problems(*READS), opt={ACCESS: _READERS})
async def get_payment(
    payment_id: FromPath[str],
    queries: Injected[Queries],
    refund_queries: Injected[RefundQueries],
    caller: Injected[Caller],
) -> PaymentOut:
    """Return a payment."""
    payment = await queries.payment(_payment_id(payment_id), customer_id=caller.customer_id)
    if payment is None:
        raise NotFound("no such payment")
    return await _shown(payment, caller, refund_queries)


@post(
    "/{payment_id:str}/capture",
    status_code=200,
    operation_class=documented(CaptureIn, required=False, keyed=True),
    responses=problems(*WRITES),
    opt={ACCESS: _STAFF, KEEP: Keep.ANSWER},
)
async def capture_payment(
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    capture_payment: Injected[CapturePayment],
    refund_queries: Injected[RefundQueries],
    caller: Injected[Caller],
) -> PaymentOut:
    """Take the money that the card holds, or a part of it; the rest is released."""
    known = _payment_id(payment_id)
    body = await json_body(request, CaptureIn)
    payment = await capture_payment(
        CapturePaymentCommand(
            payment_id=known,
            amount_minor=given(body.amount),
            origin=origin(request),
            act=caller.act,
        )
    )
    return await _shown(payment, caller, refund_queries)


@post(
    "/{payment_id:str}/cancel",
    status_code=200,
    operation_class=documented(CancelIn, required=False, keyed=True),
    responses=problems(*WRITES),
    opt={ACCESS: _STAFF, KEEP: Keep.ANSWER},
)
async def cancel_payment(
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    cancel_payment: Injected[CancelPayment],
    refund_queries: Injected[RefundQueries],
    caller: Injected[Caller],
) -> PaymentOut:
    """Give a payment up before money was captured. Its order stays open."""
    known = _payment_id(payment_id)
    body = await json_body(request, CancelIn)
    reason = None if isinstance(body.reason, UnsetType) else body.reason
    payment = await cancel_payment(
        CancelPaymentCommand(
            payment_id=known, reason=reason, origin=origin(request), act=caller.act
        )
    )
    return await _shown(payment, caller, refund_queries)


async def _shown(payment: Payment, caller: Caller, refund_queries: RefundQueries) -> PaymentOut:
    refunds = await refund_queries.refunds_of([payment.id])
    return payment_out(payment, caller, refunds=refunds)


payments_router = Router(
    "/api/payments",
    route_handlers=[list_payments, get_payment, capture_payment, cancel_payment],
    tags=["payments"],
    security=BEARER,
)
