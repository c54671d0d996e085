"""``Idempotency-Key``: the same request gives the same answer, to the byte, for 24 hours.

A key belongs to a caller, a method and a path. What a request did is never decided here: a
crashed holder's work is finished by the use case's own row, found by the same ``origin``.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final, cast

import attrs
import structlog
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from markethub.domain.errors import ApprovalRequired, RequestInProgress, StaleWrite
from markethub.domain.ports.idempotency import (
    Begun,
    IdempotencyKeys,
    InFlight,
    OtherRequest,
    Replay,
    StoredAnswer,
)
from markethub.domain.ports.system import Clock
from markethub.entrypoints.http.auth import Caller
from markethub.entrypoints.http.errors import PROBLEM_CODE_KEY, HttpProblem, invalid
from markethub.entrypoints.http.json_body import check_text, read_body

KEY_CHARACTERS_MAXIMUM: Final = 255
"""As at Stripe."""
KEEP: Final = "idempotency"
"""The route option that says what is kept; a route without it takes no key."""

UNKEYED: Final = "idempotency_unkeyed"
"""The route option that tells, from a body, a request that ignores its key."""

_NOT_KEPT_STATUS: Final = frozenset({401, 403, 429})
_NOT_KEPT_CODES: Final = frozenset({RequestInProgress.code, StaleWrite.code, ApprovalRequired.code})
"""Answers that decide nothing: the same request may succeed a moment later."""

_log = structlog.get_logger(__name__)


class Keep(StrEnum):
    """What is kept under a key."""

    ANSWER = "answer"
    FINGERPRINT = "fingerprint"
    """For a route that is idempotent by state: it is executed again, and stays up to date."""


@attrs.frozen(kw_only=True)
class _Held:
    """A key that this request holds, and the messages of its answer."""

    holder: str
    key: str
    keep: Keep
    messages: list[Message] = attrs.field(factory=list)


def idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    """Return the request's key. Raises 400 ``validation_failed`` for an unusable one."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    key = given[0]
    printable = key.isascii() and key.isprintable()
    if len(given) > 1 or not printable or not 0 < len(key) <= KEY_CHARACTERS_MAXIMUM:
        raise invalid(
            "Idempotency-Key", f"must be 1 to {KEY_CHARACTERS_MAXIMUM} printable ASCII characters"
        )
    check_text(key, field="Idempotency-Key")
    return key


def key_scope(request: Request[Any, Any, Any]) -> str:
    """Return whose key it is, and for what: caller, method and path."""
    caller = cast(Caller, request.scope["user"])
    # The scope's path is the routed one: with and without trailing slash are one path.
    return f"{caller.scope}|{request.method} {request.scope['path']}"


def origin(request: Request[Any, Any, Any]) -> str | None:
    """Return what makes this request recognisable for ever, or None without a key."""
    key = idempotency_key(request)
    return f"{key_scope(request)}|{key}" if key is not None else None


class Idempotency(ASGIMiddleware):
    """Replays, refuses or executes a request by its key."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, keys: IdempotencyKeys, *, clock: Clock) -> None:
        """Keep answers in ``keys``."""
        self._keys = keys
        self._clock = clock

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Answer from the key, or execute and keep the answer."""
        keep: Keep | None = scope["route_handler"].opt.get(KEEP)
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        if keep is None or "Idempotency-Key" not in request.headers:
            await next_app(scope, receive, send)
            return
        body = await read_body(request)
        is_unkeyed: Callable[[bytes], bool] | None = scope["route_handler"].opt.get(UNKEYED)
        key = None if is_unkeyed is not None and is_unkeyed(body) else idempotency_key(request)
        if key is None:
            await next_app(scope, receive, send)
            return
        held = _Held(holder=key_scope(request), key=key, keep=keep)
        fingerprint = sha256(body).hexdigest()
        match await self._keys.begin(held.holder, key, fingerprint, now=self._clock.now()):
            case Begun():
                await self._execute(held, lambda hold: next_app(scope, receive, hold))
                await self._keep(held, code=scope["state"].get(PROBLEM_CODE_KEY))
                for message in held.messages:
                    await send(message)
            case Replay(answer=None):
                await next_app(scope, receive, send)
            case Replay(answer=StoredAnswer() as answer):
                await _replay(answer, send)
            case OtherRequest():
                raise HttpProblem(
                    422,
                    "idempotency_key_reused",
                    "The Idempotency-Key was used with another body.",
                )
            case InFlight():
                raise RequestInProgress("the same request is being executed")

    async def _execute(self, held: _Held, execute: Callable[[Send], Awaitable[None]]) -> None:
        async def hold(message: Message) -> None:
            held.messages.append(message)

        try:
            await execute(hold)
        except BaseException:
            # Canceled, or broken beyond an answer: whatever was begun is found by its origin.
            await self._keys.release(held.holder, held.key)
            raise

    async def _keep(self, held: _Held, *, code: str | None) -> None:
        answer = _answer(held.messages)
        try:
            if (
                answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
                or answer.status in _NOT_KEPT_STATUS
                or code in _NOT_KEPT_CODES
            ):
                await self._keys.release(held.holder, held.key)
            else:
                kept = answer if held.keep is Keep.ANSWER else None
                await self._keys.complete(held.holder, held.key, kept, now=self._clock.now())
        except Exception:  # noqa: BLE001 - whatever the store raises, the work is done
            # Its true answer is at hand, and the caller gets it. The key stays in flight until
            # it is taken over by age.
            _log.exception("idempotency.not_kept")


def _answer(messages: list[Message]) -> StoredAnswer:
    status, content_type, body = 500, "", b""
    for message in messages:
        if message["type"] == "http.response.start":
            status = message["status"]
            named = {name.lower(): value for name, value in message["headers"]}
            content_type = named.get(b"content-type", b"").decode("latin-1")
        elif message["type"] == "http.response.body":
            body += message["body"]
    return StoredAnswer(status=status, content_type=content_type, body=body)


async def _replay(answer: StoredAnswer, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode("latin-1")),
        (b"content-length", str(len(answer.body)).encode()),
        (b"idempotent-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
