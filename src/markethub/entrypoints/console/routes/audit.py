"""The audit log: who did what, when and why."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from litestar import Request, get
from litestar.response import Template

from markethub.domain.audit import AuditAction
from markethub.domain.ports.audit import AuditFilter, AuditQueries
from markethub.entrypoints.console.exports import export_url
from markethub.entrypoints.console.lists import PAGE, chosen, chosen_of, options, pages
from markethub.entrypoints.console.pages import render
from markethub.entrypoints.console.staff import ROLE
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.setting_values import Role

_PAGES_OF: Final = {
    "pay_": "/ops/payments/",
    "ref_": "/ops/refunds/",
    "dsp_": "/ops/disputes/",
    "evt_": "/ops/events/",
}
"""Where what a line is about has a page of its own, by the prefix of its id."""


def wanted_entries(request: Request[Any, Any, Any]) -> AuditFilter:
    """Read which lines are asked for. Raises HttpProblem for what cannot be a filter."""
    since, until = _day(request, "since"), _day(request, "until")
    return AuditFilter(
        actor=chosen(request, "actor"),
        action=chosen_of(request, "action", AuditAction),
        subject=chosen(request, "subject"),
        since=since,
        until=None if until is None else until + timedelta(days=1),
    )


@get("/audit", opt={ROLE: Role.VIEWER})
async def list_entries(
    request: Request[Any, Any, Any], audit_queries: Injected[AuditQueries]
) -> Template:
    """List the lines that are asked for, the last first."""
    wanted = wanted_entries(request)
    page = await audit_queries.entries(wanted, cursor=chosen(request, "cursor"), limit=PAGE)
    return render(
        request,
        "audit.html",
        nav="audit",
        entries=[(entry, _page_of(entry.subject)) for entry in page.items],
        wanted=wanted,
        since=chosen(request, "since"),
        until=chosen(request, "until"),
        actions=[(value, value) for value, _ in options(AuditAction)],
        export_url=export_url(request),
        **pages(request, page.next_cursor),
    )


def _day(request: Request[Any, Any, Any], name: str) -> datetime | None:
    """Return the beginning of the day that a filter names. Raises HttpProblem for none."""
    text = chosen(request, name)
    if text is None:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        # The last days there are have no day after them.
        return day if day.year < 9999 else day.replace(year=9998)
    except ValueError:
        raise invalid(name, "must be a day, as in 2026-11-30") from None


def _page_of(subject: str | None) -> str | None:
    """Return where what it is about is shown, if it has a page."""
    for prefix, path in _PAGES_OF.items():
        if subject is not None and subject.startswith(prefix):
            return path + subject
    return None


HANDLERS: Final = (list_entries,)
