"""Outgoing deliveries: what the storefront is told, and what it answers."""

from typing import Any, Final

import structlog
from litestar import Request, Response, get, post
from litestar.response import Template

from markethub.domain.delivery import DeliveryStatus
from markethub.domain.errors import PaymentsError
from markethub.domain.ports.outbox import DeliveryQueries
from markethub.domain.ports.publisher import Publisher
from markethub.domain.usecases.replay_deliveries import ReplayDeliveries
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.lists import PAGE, chosen, chosen_of, looked_up, options, pages
from markethub.entrypoints.console.pages import render, see_other
from markethub.entrypoints.console.problems import problem_of
from markethub.entrypoints.console.staff import ROLE, Staff
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.setting_values import Role

_PATH: Final = "/ops/deliveries"
_AT_ONCE: Final = PAGE

_log = structlog.get_logger(__name__)


@get("/deliveries", opt={ROLE: Role.VIEWER})
async def list_deliveries(
    request: Request[Any, Any, Any],
    delivery_queries: Injected[DeliveryQueries],
    publisher: Injected[Publisher | None],
) -> Template:
    """List deliveries, newest first, and how their endpoint is."""
    return await _list(request, delivery_queries, publisher)


@post("/deliveries/replay", status_code=303, opt={ROLE: Role.SUPPORT})
async def replay(
    *,
    request: Request[Any, Any, Any],
    delivery_queries: Injected[DeliveryQueries],
    publisher: Injected[Publisher | None],
    replay_deliveries: Injected[ReplayDeliveries],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Send those again that were ticked, all or none; with none ticked, enable the endpoint."""
    ids = [looked_up(text, "delivery") for text in dict.fromkeys(form.texts("id"))]
    enabling = form.text("only") == "enable"
    if enabling is bool(ids) or len(ids) > _AT_ONCE:
        raise invalid("id", f"must name 1 to {_AT_ONCE} deliveries")
    try:
        await replay_deliveries(ids, act=act_of(staff, form))
    except PaymentsError as error:
        status, problem = problem_of(error)
        return await _list(request, delivery_queries, publisher, status=status, problem=problem)
    _log.info("deliveries.replayed", actor=staff.name, message_ids=ids)
    return see_other(_PATH, done="endpoint-enabled" if enabling else "deliveries-replayed")


async def _list(
    request: Request[Any, Any, Any],
    delivery_queries: DeliveryQueries,
    publisher: Publisher | None,
    *,
    status: int = 200,
    problem: str | None = None,
) -> Template:
    wanted = chosen_of(request, "status", DeliveryStatus)
    cursor = chosen(request, "cursor")
    page = await delivery_queries.deliveries(wanted, cursor=cursor, limit=PAGE)
    health = (
        None if publisher is None else await delivery_queries.outbox_health(publisher.endpoint_id)
    )
    return render(
        request,
        "deliveries.html",
        nav="deliveries",
        status=status,
        problem=problem,
        deliveries=page.items,
        wanted=wanted,
        statuses=options(DeliveryStatus),
        health=health,
        **pages(request, page.next_cursor),
    )


HANDLERS: Final = (list_deliveries, replay)
