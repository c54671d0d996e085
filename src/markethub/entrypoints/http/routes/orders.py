"""Orders of the storefront."""

from typing import Any

from litestar import Request, Router, delete, get, put
from litestar.params import FromPath

from markethub.domain import ids
from markethub.domain.errors import NotFound
from markethub.domain.ports.queries import OrderView, Queries
from markethub.domain.ports.refunds import RefundQueries
from markethub.domain.usecases.cancel_order import CancelOrder, CancelOrderCommand
from markethub.domain.usecases.register_order import RegisterOrder, RegisterOrderCommand
from markethub.entrypoints.http.auth import Access, Caller
from markethub.entrypoints.http.entrance import ACCESS
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import json_body
from markethub.entrypoints.http.openapi import BEARER, READS, WRITES, documented, problems
from markethub.entrypoints.http.schemas import OrderIn, OrderOut, given, order_out


@put(
    "/{order_id:str}",
    operation_class=documented(OrderIn),
    responses=problems(*WRITES),
    opt={ACCESS: Access(storefront=True)},
)
async def put_order(
    *,
    request: Request[Any, Any, Any],
    order_id: FromPath[str],
    register_order: Injected[RegisterOrder],
    queries: Injected[Queries],
    refund_queries: Injected[RefundQueries],
    caller: Injected[Caller],
) -> OrderOut:
    """Register an order, or replace one that is not paid."""
    known = ids.order_id(order_id)
    body = await json_body(request, OrderIn)
    await register_order(
        RegisterOrderCommand(
            order_id=known, cart=body.cart(), expected_total=given(body.expected_total)
        )
    )
    return await _shown(await queries.order(known), caller, refund_queries)


@get(
    "/{order_id:str}",
    responses=problems(*READS),
    opt={ACCESS: Access(storefront=True, customer=True)},
)
async def get_order(
    order_id: FromPath[str],
    queries: Injected[Queries],
    refund_queries: Injected[RefundQueries],
    caller: Injected[Caller],
) -> OrderOut:
    """Return an order with its payments."""
    view = await queries.order(ids.order_id(order_id), customer_id=caller.customer_id)
    return await _shown(view, caller, refund_queries)


@delete(
    "/{order_id:str}",
    status_code=200,
    responses=problems(*WRITES),
    opt={ACCESS: Access(storefront=True)},
)
async def delete_order(
    order_id: FromPath[str],
    cancel_order: Injected[CancelOrder],
    queries: Injected[Queries],
    refund_queries: Injected[RefundQueries],
    caller: Injected[Caller],
) -> OrderOut:
    """Cancel an unpaid order and its intent; return it as it is then."""
    known = ids.order_id(order_id)
    await cancel_order(CancelOrderCommand(order_id=known, act=caller.act))
    return await _shown(await queries.order(known), caller, refund_queries)


async def _shown(view: OrderView | None, caller: Caller, refund_queries: RefundQueries) -> OrderOut:
    if view is None:
        raise NotFound("no such order")
    refunds = await refund_queries.refunds_of([payment.id for payment in view.payments])
    return order_out(view, caller, refunds=refunds)


orders_router = Router(
    "/api/orders",
    route_handlers=[put_order, get_order, delete_order],
    tags=["orders"],
    security=BEARER,
)
