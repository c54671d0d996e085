"""Where Stripe's events come in: an ASGI application, for there are many of them.

A handler of the framework costs as much as everything that is done with an event. The signature
is the only caller's proof here, the answer is always the same, and whatever is raised becomes a
problem by the same table as everywhere else.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from litestar import asgi
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import ASGIRouteHandler
from litestar.status_codes import HTTP_200_OK
from litestar.types import ASGIApp, HTTPResponseStartEvent, Receive, Scope, Send

from markethub.domain.usecases.receive_event import ReceiveEvent, ReceiveEventCommand
from markethub.entrypoints.http.errors import HttpProblem
from markethub.entrypoints.http.json_body import BODY_SECONDS_MAXIMUM, WEBHOOK_BYTES_MAXIMUM
from markethub.entrypoints.http.openapi import documented_problems

PATH: Final = "/api/stripe/webhook"
_RECEIVED: Final = b'{"received":true}'
_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_RECEIVED)).encode()),
)


_PATHS: Final = frozenset({PATH, f"{PATH}/"})
_REFUSED: Final = "markethub_webhook_refused"
"""Where a request's state keeps why it was refused, for the framework to answer."""


class WebhookLane:
    """Takes events in before the framework looks at the request, and answers what went well.

    What did not, and whatever else there is at the path, is the framework's to answer.
    """

    def __init__(self, app: ASGIApp, receive_event: ReceiveEvent) -> None:
        """Store by ``receive_event``; hand everything else to ``app``."""
        self._app = app
        self._receive_event = receive_event

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer once the event is durable."""
        if (
            scope["type"] == ScopeType.HTTP
            and scope["method"] == "POST"
            and scope["path"] in _PATHS
        ):
            try:
                await _take_in(self._receive_event, scope, receive)
            except Exception as error:  # noqa: BLE001 - raised again where errors are answered
                scope["state"][_REFUSED] = error
            else:
                scope["path_template"] = PATH
                await _answer(send)
                return
        await self._app(scope, receive, send)


def webhook_route(receive_event: ReceiveEvent) -> ASGIRouteHandler:
    """Return the route that stores events by ``receive_event``. They are durable once it answers.

    Raises what ``receive_event`` raises, 405 for whatever is no POST, 413 for a body above the
    limit before it is kept, and 408 for one that only trickles in.
    """

    @asgi(PATH, copy_scope=False)
    async def webhook(scope: Scope, receive: Receive, send: Send) -> None:
        refused: Exception | None = scope["state"].get(_REFUSED)
        if refused is not None:
            raise refused
        if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
            raise MethodNotAllowedException(headers={"Allow": "POST"})
        await _take_in(receive_event, scope, receive)
        await _answer(send)

    return webhook


async def _take_in(receive_event: ReceiveEvent, scope: Scope, receive: Receive) -> None:
    signature, length = _headers(scope)
    body = await _body(receive, length)
    await receive_event(ReceiveEventCommand(body=body, signature=signature))


async def _answer(send: Send) -> None:
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": HTTP_200_OK,
        "headers": list(_HEADERS),
    }
    await send(start)
    await send({"type": "http.response.body", "body": _RECEIVED, "more_body": False})


def _headers(scope: Scope) -> tuple[str | None, int]:
    """Return the signature and the announced length of the body, 0 if none is announced."""
    signature, length = None, 0
    for name, value in scope["headers"]:
        if name == b"stripe-signature":
            # Two headers of the name are one list (RFC 9110 section 5.3), with two times in it.
            text = value.decode("latin-1")
            signature = text if signature is None else f"{signature},{text}"
        elif name == b"content-length":
            length = int(value) if value.isdigit() else 0  # what counts is what arrives
    return signature, length


async def _body(receive: Receive, length: int) -> bytes:
    if length > WEBHOOK_BYTES_MAXIMUM:
        raise RequestEntityTooLarge
    # An event mostly comes in one piece, for which the server itself waits no longer than for
    # any request. A limit of our own would cost more than the signature's check.
    piece, is_more = await _piece(receive)
    if not is_more:
        return _bounded(piece)
    pieces = [piece]
    received = len(piece)
    try:
        async with asyncio.timeout(BODY_SECONDS_MAXIMUM):
            while is_more:
                if received > WEBHOOK_BYTES_MAXIMUM:
                    raise RequestEntityTooLarge
                piece, is_more = await _piece(receive)
                pieces.append(piece)
                received += len(piece)
    except TimeoutError:
        raise HttpProblem(
            408, "request_timeout", "The body came too slowly.", headers={"Connection": "close"}
        ) from None
    return _bounded(b"".join(pieces))


def _bounded(body: bytes) -> bytes:
    if len(body) > WEBHOOK_BYTES_MAXIMUM:
        raise RequestEntityTooLarge
    return body


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise HttpProblem(400, "client_disconnected", "The body did not arrive.")
    return message.get("body", b""), message.get("more_body", False)


_OK: Final[Mapping[str, object]] = {
    "description": "The event is durable.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"received": {"type": "boolean"}},
                "required": ["received"],
                "additionalProperties": False,
            }
        }
    },
}
DOCUMENTED: Final[Mapping[str, object]] = {
    "post": {
        "tags": ["stripe"],
        "summary": "Webhook",
        "description": "Take an event in. It is durable once this answers.",
        "operationId": "ApiStripeWebhookWebhook",
        "parameters": [
            {
                "name": "Stripe-Signature",
                "in": "header",
                "schema": {"type": "string"},
                "required": True,
            }
        ],
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "description": "An event of Stripe's, signed over its raw bytes.",
                    }
                }
            },
            "required": True,
        },
        "responses": {"200": _OK} | documented_problems(400, 405, 408, 413, 500, 503),
    }
}
"""The route in the OpenAPI document: the framework reads nothing from an application."""
