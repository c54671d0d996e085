"""The console's one way in: who is signed in, from where they come, and whether they may."""

from typing import Any, Final
from urllib.parse import urlencode

import structlog
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from markethub.domain.audit import AuditAction
from markethub.domain.usecases.record_audit import RecordAudit
from markethub.entrypoints.console import cookies
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.forgery import FIELD, check_origin, check_token
from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.sessions import Sessions
from markethub.entrypoints.console.staff import FILE, OPEN, ROLE, Staff
from markethub.entrypoints.http.auth import forbidden
from markethub.entrypoints.http.entrance import check_address
from markethub.entrypoints.http.limits import RateLimiter, network
from markethub.entrypoints.setting_values import Role

SIGN_IN_PATH: Final = "/ops/sign-in"
FORM: Final = "console_form"
"""Where the request's state keeps the form that was read to judge it."""
_READING: Final = frozenset({"GET", "HEAD"})

_log = structlog.get_logger(__name__)


class SignInNeeded(Exception):
    """Nobody is signed in, or not any more. ``path`` is where they wanted to go."""

    def __init__(self, path: str) -> None:
        """Remember the way."""
        super().__init__("sign in first")
        self.path = path

    @property
    def location(self) -> str:
        """Where to sign in, and to come back from."""
        return f"{SIGN_IN_PATH}?{urlencode({'next': self.path})}" if self.path else SIGN_IN_PATH


class Guard(ASGIMiddleware):
    """Stands before every page; leaves who is signed in in the request's ``user``.

    Only the cookie of the session is looked at: a bearer token opens nothing here.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self, sessions: Sessions, limiter: RateLimiter, record_audit: RecordAudit) -> None:
        """Ask ``sessions`` who it is, ``limiter`` whether it is too much; write down refusals."""
        self._sessions = sessions
        self._limiter = limiter
        self._record_audit = record_audit

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the request pass, or raise the problem that answers it."""
        request: Request[Any, Any, Any] = Request(scope, receive)
        least = scope["route_handler"].opt.get(ROLE)
        if least == FILE:
            await next_app(scope, receive, send)
            return
        staff = await self._sessions.find(request.cookies.get(cookies.SESSION))
        scope["user"] = staff
        self._limiter.check(whereabouts(request, self._sessions), staff.caller if staff else None)
        check_address(request)
        if request.method not in _READING:
            check_origin(request)
        if least != OPEN:
            await self._check_role(request, staff, least)
        if request.method in _READING:
            await next_app(scope, receive, send)
            return
        form = await Form.read(request)
        try:
            check_token(form.text(FIELD), _secret(request, least))
            scope["state"][FORM] = form
            await next_app(scope, receive, send)
        finally:
            await form.close()

    async def _check_role(
        self, request: Request[Any, Any, Any], staff: Staff | None, least: object
    ) -> None:
        """Raise unless somebody is signed in who has the role; a route without one is closed."""
        if staff is None:
            raise SignInNeeded(_way(request))
        if not (isinstance(least, Role) and staff.may(least)):
            await self._note_denied(request, staff)
            raise forbidden("Your role may not do this.")

    async def _note_denied(self, request: Request[Any, Any, Any], staff: Staff) -> None:
        route = f"{request.method} {request.scope.get('path_template', '')}"
        _log.warning("console.denied", actor=staff.name, route=route)
        detail = {"asked_for": route, "role": staff.role.value}
        await self._record_audit(act_of(staff), AuditAction.CONSOLE_DENIED, detail=detail)


def whereabouts(request: Request[Any, Any, Any], sessions: Sessions) -> str:
    """Return whose attempts these are: a known browser's, or else those of all at its address."""
    known = sessions.knows(request.cookies.get(cookies.BROWSER))
    return known or network(request.client.host if request.client else "")


def _secret(request: Request[Any, Any, Any], least: object) -> str | None:
    """Return what the form's token was made from: a session cannot protect what begins one."""
    return request.cookies.get(cookies.VISITOR if least == OPEN else cookies.SESSION)


def _way(request: Request[Any, Any, Any]) -> str:
    """Return the page that was asked for; what was sent to be done is not done later."""
    if request.method not in _READING:
        return ""
    query = request.scope["query_string"].decode("ascii", "ignore")
    return f"{request.url.path}?{query}" if query else request.url.path
