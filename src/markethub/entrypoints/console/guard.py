"""The console's one way in: who is signed in, from where they come, and whether they may."""

from typing import Any, Final
from urllib.parse import urlencode

import structlog
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from markethub.entrypoints.console import cookies
from markethub.entrypoints.console.forgery import FIELD, check_origin, check_token
from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.sessions import Sessions
from markethub.entrypoints.console.staff import FILE, OPEN, ROLE, Staff
from markethub.entrypoints.http.auth import forbidden
from markethub.entrypoints.http.entrance import check_address
from markethub.entrypoints.http.limits import RateLimiter
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

    def __init__(self, sessions: Sessions, limiter: RateLimiter) -> None:
        """Ask ``sessions`` who it is, and ``limiter`` whether it is too much."""
        self._sessions = sessions
        self._limiter = limiter

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the request pass, or raise the problem that answers it."""
        request: Request[Any, Any, Any] = Request(scope, receive)
        least = scope["route_handler"].opt.get(ROLE)
        if least == FILE:
            await next_app(scope, receive, send)
            return
        staff = await self._sessions.find(request.cookies.get(cookies.SESSION))
        scope["user"] = staff
        self._limiter.check(
            request.client.host if request.client else "", staff.caller if staff else None
        )
        check_address(request)
        if least != OPEN and staff is None:
            raise SignInNeeded(_way(request))
        if request.method not in _READING:
            await self._check_form(request, staff, least)
        if least != OPEN and not (staff and isinstance(least, Role) and staff.may(least)):
            assert staff is not None, "nobody came past the sign-in"
            _log.warning("console.denied", actor=staff.name, route=scope.get("path_template", ""))
            raise forbidden("Your role may not do this.")
        await next_app(scope, receive, send)

    async def _check_form(
        self, request: Request[Any, Any, Any], staff: Staff | None, least: object
    ) -> None:
        check_origin(request)
        form = await Form.read(request)
        secret = request.cookies.get(cookies.VISITOR) if least == OPEN else None
        check_token(form.text(FIELD), staff.token if staff and least != OPEN else secret)
        request.scope["state"][FORM] = form


def _way(request: Request[Any, Any, Any]) -> str:
    """Return the page that was asked for; what was sent to be done is not done later."""
    if request.method not in _READING:
        return ""
    query = request.scope["query_string"].decode("ascii", "ignore")
    return f"{request.url.path}?{query}" if query else request.url.path
