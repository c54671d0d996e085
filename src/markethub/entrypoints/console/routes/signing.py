"""Signing in and out."""

import re
from secrets import token_urlsafe
from typing import Any, Final

import structlog
from litestar import Request, Response, get, post
from litestar.response import Template

from markethub.domain.audit import AuditAction
from markethub.domain.usecases.record_audit import RecordAudit
from markethub.entrypoints.console import cookies
from markethub.entrypoints.console.acts import act_of, act_of_nobody
from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.guard import SIGN_IN_PATH, whereabouts
from markethub.entrypoints.console.pages import render, see_other
from markethub.entrypoints.console.sessions import TOKEN_BYTES, Sessions
from markethub.entrypoints.console.staff import OPEN, ROLE, Staff
from markethub.entrypoints.http.errors import HttpProblem
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.limits import Buckets, network
from markethub.entrypoints.setting_values import Role

_HOME: Final = "/ops"
_WAY: Final = re.compile(r"/ops(?:/[A-Za-z0-9_.~%:@-]+)*/?(?:\?[A-Za-z0-9_.~%&=+:@-]*)?")
_REFUSED: Final = "No key of the staff is that one."

_log = structlog.get_logger(__name__)


@get("/sign-in", opt={ROLE: OPEN})
async def sign_in_page(request: Request[Any, Any, Any]) -> Response[Any]:
    """Show the form, or the console to whoever is signed in already."""
    way = _own(request.query_params.get("next", ""))
    if request.scope.get("user") is not None:
        return see_other(way)
    return _form_page(request, way=way)


@post("/sign-in", status_code=200, opt={ROLE: OPEN})
async def sign_in(
    request: Request[Any, Any, Any],
    sessions: Injected[Sessions],
    sign_ins: Injected[Buckets],
    record_audit: Injected[RecordAudit],
    form: Injected[Form],
) -> Response[Any]:
    """Begin a session for whoever knows a key of the staff."""
    address = network(request.client.host if request.client else "")
    # Whoever guesses from behind the same proxy keeps nobody out who was here before.
    wait_s = sign_ins.take(whereabouts(request, sessions))
    if wait_s:
        raise HttpProblem(
            429,
            "rate_limited",
            "Too many attempts to sign in. Wait a minute.",
            headers={"Retry-After": str(wait_s)},
        )
    way = _own(form.text("next"))
    staff = await sessions.open(form.text("ops_key"))
    if staff is None:
        _log.warning("console.sign_in_refused")
        refused = AuditAction.CONSOLE_SIGN_IN_REFUSED
        await record_audit(act_of_nobody(), refused, detail={"address": address})
        return _form_page(request, way=way, problem=_REFUSED, status=401)
    # Whatever session this browser had is over: nobody else's can be continued by it.
    await sessions.end(request.cookies.get(cookies.SESSION))
    _log.info("console.sign_in", actor=staff.name)
    signed_in = AuditAction.CONSOLE_SIGN_IN
    await record_audit(act_of(staff), signed_in, detail={"address": address})
    response = see_other(way)
    response.cookies = [
        cookies.cookie(cookies.SESSION, staff.token),
        cookies.no_cookie(cookies.VISITOR),
        cookies.cookie(cookies.BROWSER, sessions.remember(staff), life=cookies.BROWSER_LIFE),
    ]
    return response


@post("/sign-out", status_code=303, opt={ROLE: Role.VIEWER})
async def sign_out(
    staff: Injected[Staff], sessions: Injected[Sessions], record_audit: Injected[RecordAudit]
) -> Response[Any]:
    """End the session, here and in the browser."""
    await sessions.end(staff.token)
    await record_audit(act_of(staff), AuditAction.CONSOLE_SIGN_OUT)
    _log.info("console.sign_out", actor=staff.name)
    response = see_other(SIGN_IN_PATH, done="signed-out")
    response.cookies = [cookies.no_cookie(cookies.SESSION)]
    return response


def _form_page(
    request: Request[Any, Any, Any], *, way: str, problem: str | None = None, status: int = 200
) -> Template:
    secret = request.cookies.get(cookies.VISITOR) or token_urlsafe(TOKEN_BYTES)
    page = render(
        request,
        "sign_in.html",
        form_secret=secret,
        next=way,
        problem=problem,
        status=status,
    )
    page.cookies = [cookies.cookie(cookies.VISITOR, secret)]
    return page


def _own(way: str) -> str:
    """Return where to go after signing in: a page of ours, whatever the address says."""
    return way if _WAY.fullmatch(way) else _HOME


HANDLERS: Final = (sign_in_page, sign_in, sign_out)
