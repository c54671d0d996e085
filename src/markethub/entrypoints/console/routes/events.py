"""The inbox: the provider's events, what became of them, and letting them begin anew."""

import json
from typing import Any, Final

import structlog
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Template

from markethub.domain.errors import NotFound, PaymentsError
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ports.inbox import InboxFilter, InboxQueries
from markethub.domain.ports.queries import Queries
from markethub.domain.usecases.replay_event import ReplayEvent
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.lists import PAGE, chosen, chosen_of, looked_up, options, pages
from markethub.entrypoints.console.pages import render, see_other
from markethub.entrypoints.console.problems import problem_of
from markethub.entrypoints.console.staff import ROLE, Staff
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.setting_values import Role

_PATH: Final = "/ops/events"
_NAV: Final = "events"
_AT_ONCE: Final = PAGE

_log = structlog.get_logger(__name__)


@get("/events", opt={ROLE: Role.VIEWER})
async def list_events(
    request: Request[Any, Any, Any],
    inbox_queries: Injected[InboxQueries],
    queries: Injected[Queries],
) -> Template:
    """List stored events, the last received first."""
    return await _list(request, inbox_queries, queries)


@get("/events/{event_id:str}", opt={ROLE: Role.VIEWER})
async def show_event(
    request: Request[Any, Any, Any],
    event_id: FromPath[str],
    inbox_queries: Injected[InboxQueries],
) -> Template:
    """Show one event: what became of it, its last error, and what it says."""
    return _show(request, await _found(inbox_queries, event_id))


@post("/events/{event_id:str}/replay", status_code=303, opt={ROLE: Role.SUPPORT})
async def replay_one(
    *,
    request: Request[Any, Any, Any],
    event_id: FromPath[str],
    inbox_queries: Injected[InboxQueries],
    replay_event: Injected[ReplayEvent],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Let one event begin anew."""
    found = await _found(inbox_queries, event_id)
    try:
        await replay_event(found.event.id, act=act_of(staff, form))
    except PaymentsError as error:
        status, problem = problem_of(error)
        return _show(request, found, status=status, problem=problem)
    _log.info("event.replayed", actor=staff.name, event_id=found.event.id)
    return see_other(f"{_PATH}/{found.event.id}", done="event-replayed")


@post("/events/replay", status_code=303, opt={ROLE: Role.SUPPORT})
async def replay_several(
    *,
    request: Request[Any, Any, Any],
    inbox_queries: Injected[InboxQueries],
    queries: Injected[Queries],
    replay_event: Injected[ReplayEvent],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Let those events begin anew that were ticked. Each is by itself: one may be refused."""
    ids = [EventId(looked_up(text, "event")) for text in dict.fromkeys(form.texts("id"))]
    if not ids or len(ids) > _AT_ONCE:
        raise invalid("id", f"must name 1 to {_AT_ONCE} events")
    act, refused = act_of(staff, form), []
    for each in ids:
        try:
            await replay_event(each, act=act)
        except PaymentsError as error:
            refused.append((problem_of(error), each))
        else:
            _log.info("event.replayed", actor=staff.name, event_id=each)
    if refused:
        (status, _), _ = refused[0]
        said = " ".join(f"{each}: {why}" for (_, why), each in refused)
        done = len(ids) - len(refused)
        return await _list(
            request,
            inbox_queries,
            queries,
            status=status,
            problem=f"{done} of {len(ids)} begin anew. Not these: {said}",
        )
    return see_other(_PATH, done="events-replayed")


async def _list(
    request: Request[Any, Any, Any],
    inbox_queries: InboxQueries,
    queries: Queries,
    *,
    status: int = 200,
    problem: str | None = None,
) -> Template:
    wanted = InboxFilter(
        status=chosen_of(request, "status", InboxStatus),
        type=chosen(request, "type"),
        subject=chosen(request, "about"),
    )
    cursor = chosen(request, "cursor")
    page = await inbox_queries.events(wanted, cursor=cursor, limit=PAGE)
    return render(
        request,
        "events.html",
        nav=_NAV,
        status=status,
        problem=problem,
        events=page.items,
        wanted=wanted,
        statuses=options(InboxStatus),
        health=await queries.health(),
        **pages(request, page.next_cursor),
    )


def _show(
    request: Request[Any, Any, Any],
    found: InboxEvent,
    *,
    status: int = 200,
    problem: str | None = None,
) -> Template:
    return render(
        request,
        "event.html",
        nav=_NAV,
        status=status,
        problem=problem,
        found=found,
        payload=_readable(found),
    )


async def _found(inbox_queries: InboxQueries, text: str) -> InboxEvent:
    found = await inbox_queries.event(EventId(looked_up(text, "event")))
    if found is None:
        raise NotFound("no such event")
    return found


def _readable(found: InboxEvent) -> str:
    """Return what the event says, a value to a line where it is JSON."""
    try:
        return json.dumps(json.loads(found.event.payload), indent=2, ensure_ascii=False)
    except ValueError:
        return found.event.payload


HANDLERS: Final = (list_events, show_event, replay_one, replay_several)
