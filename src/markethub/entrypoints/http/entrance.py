"""The one way in: who is calling, how often, whether they may, and nothing that must not enter."""

from typing import Any, Final
from urllib.parse import parse_qsl

import attrs
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from markethub.domain.audit import REASON_MAXIMUM, AuditAction
from markethub.domain.usecases.record_audit import RecordAudit
from markethub.entrypoints.http.auth import (
    Access,
    Authenticator,
    Caller,
    CallerKind,
    forbidden,
    unauthorized,
)
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.json_body import check_text
from markethub.entrypoints.http.limits import RateLimiter

ACCESS: Final = "access"
"""The route option that says who may call. A route without it is closed to everybody."""
PUBLIC: Final = "public"
"""Its value for a route that needs no caller: health, and what a signature protects."""
REASON_HEADER: Final = "Audit-Reason"
"""The header that says why, for the audit log."""


class Entrance(ASGIMiddleware):
    """Stands before every route of ours; leaves the caller in the request's ``user``."""

    scopes = (ScopeType.HTTP,)

    def __init__(
        self, authenticator: Authenticator, limiter: RateLimiter, record_audit: RecordAudit
    ) -> None:
        """Ask ``authenticator`` who it is, ``limiter`` if it is too much; note who was refused."""
        self._authenticator = authenticator
        self._limiter = limiter
        self._record_audit = record_audit

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Let the request pass, or raise the problem that answers it."""
        access = scope["route_handler"].opt.get(ACCESS)
        request: Request[Any, Any, Any] = Request(scope)
        # OPTIONS is answered by the framework with the allowed methods, and reaches nothing.
        if access != PUBLIC and request.method != "OPTIONS":
            await self._admit(request, access or Access())
        check_address(request)
        await next_app(scope, receive, send)

    async def _admit(self, request: Request[Any, Any, Any], access: Access) -> None:
        caller = self._authenticator.identify(request.headers.get("Authorization"))
        self._limiter.check(request.client.host if request.client else "", caller)
        if caller is None:
            raise unauthorized()
        if not access.allows(caller):
            await self._note_denied(request, caller)
            raise forbidden()
        request.scope["user"] = attrs.evolve(caller, reason=_reason(request))

    async def _note_denied(self, request: Request[Any, Any, Any], caller: Caller) -> None:
        """Write down what somebody of the staff may not do, as the console does."""
        if caller.kind is CallerKind.OPS and caller.act is not None and caller.role is not None:
            route = f"{request.method} {request.scope.get('path_template', '')}"
            detail = {"asked_for": route, "role": caller.role.value}
            await self._record_audit(caller.act, AuditAction.API_DENIED, detail=detail)


def _reason(request: Request[Any, Any, Any]) -> str | None:
    """Return why it is asked. Raises HttpProblem for pages, and for what must not be kept."""
    text = request.headers.get(REASON_HEADER, "").strip()
    if len(text) > REASON_MAXIMUM:
        raise invalid(REASON_HEADER, f"must have at most {REASON_MAXIMUM} characters")
    check_text(text, field=REASON_HEADER)
    return text or None


def check_address(request: Request[Any, Any, Any]) -> None:
    """Raise for a path or query that must not reach a database or a log."""
    for name, value in request.path_params.items():
        check_text(str(value), field=name)
    try:
        query = request.scope["query_string"].decode("ascii")
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=32)
    except ValueError:
        raise invalid("", "the query is not readable") from None
    for name, value in pairs:
        check_text(name, field="")
        check_text(value, field=name)
