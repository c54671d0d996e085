"""Stripe's API over HTTP: the request decoded, the account asked, the answer encoded.

Nothing here knows an endpoint. Whatever HTTP itself gets wrong is answered in Stripe's own
error shape, for its clients read no other.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from litestar import MediaType, Request, Response
from litestar.datastructures import Headers
from litestar.exceptions import HTTPException
from litestar.types import HTTPScope, Receive

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.account import Response as Answer
from markethub.entrypoints.fake_stripe import form, upload

BODY_BYTES_MAXIMUM: Final = 1024 * 1024
"""A dispute's evidence, the longest of Stripe's texts, fits several times."""

_FORM: Final = "application/x-www-form-urlencoded"

_log = structlog.get_logger(__name__)


class RequestRefused(Exception):
    """The request is wrong before it reaches the account. The message is for the caller."""

    def __init__(self, status: int, message: str) -> None:
        """Answer with ``status``."""
        super().__init__(message)
        self.status = status


async def ask(account: Account, scope: HTTPScope, receive: Receive, *, path: str) -> Answer:
    """Pass a request on to the account, as one for ``path``. Raises RequestRefused."""
    is_upload = scope["method"] == "POST" and path == upload.PATH
    params = await (read_upload if is_upload else read_params)(scope, receive)
    headers = Headers.from_scope(scope)
    return account.request(
        method=scope["method"],
        path=path,
        params=params,
        key=headers.get("idempotency-key"),
        auth=api_key(headers.get("authorization")),
        version=headers.get("stripe-version"),
    )


async def read_params(scope: HTTPScope, receive: Receive) -> dict[str, form.Value]:
    """Read the parameters of the query string and of the body. Raises RequestRefused."""
    headers = Headers.from_scope(scope)
    body = await _read_body(receive, at_most=BODY_BYTES_MAXIMUM)
    if body and headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise RequestRefused(
            400, f"Invalid request (check that your POST content type is {_FORM})."
        )
    try:
        return form.decode(scope["query_string"], body)
    except form.FormError as error:
        raise RequestRefused(400, str(error)) from error


async def read_upload(scope: HTTPScope, receive: Receive) -> dict[str, form.Value]:
    """Read the parameters and the file of an upload. Raises RequestRefused."""
    content_type = Headers.from_scope(scope).get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != upload.CONTENT_TYPE:
        raise RequestRefused(
            400, f"Invalid request (check that your POST content type is {upload.CONTENT_TYPE})."
        )
    body = await _read_body(receive, at_most=upload.BODY_BYTES_MAXIMUM)
    try:
        return upload.decode(content_type, body)
    except form.FormError as error:
        raise RequestRefused(400, str(error)) from error


async def _read_body(receive: Receive, *, at_most: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise RequestRefused(400, "The request ended before its body did.")
        body += message["body"]
        if len(body) > at_most:
            raise RequestRefused(
                413, f"The body is too large: at most {at_most} bytes are accepted."
            )
        if not message["more_body"]:
            return bytes(body)


def api_key(authorization: str | None) -> str | None:
    """Take the key from a bearer token or, as ``curl -u key:`` sends it, a basic user name."""
    scheme, _, rest = (authorization or "").strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest or None
    if scheme.lower() == "basic":
        try:
            user = base64.b64decode(rest, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None
        return user or None
    return None


def encoded(answer: Answer) -> Response[bytes]:
    """Return the account's answer as it goes over the wire: JSON, indented as Stripe's is."""
    return Response(
        _json(answer.body),
        status_code=answer.status,
        headers={"cache-control": "no-cache, no-store", **answer.headers},
        media_type=MediaType.JSON,
    )


def _json(body: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


AnyRequest = Request[Any, Any, Any]


def refused(_: AnyRequest, error: RequestRefused) -> Response[bytes]:
    """Answer a request that is wrong before it reaches the account."""
    return _error(error.status, "invalid_request_error", str(error))


def not_served(_: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer what Litestar itself refuses."""
    return _error(error.status_code, "invalid_request_error", error.detail)


def failed(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer a bug of ours. Stripe's clients take a 500 for an unknown outcome, which it is."""
    _log.error("fake_stripe.failed", method=request.method, exc_info=error)
    return _error(500, "api_error", "An unknown error occurred.")


def _error(status: int, type_: str, message: str) -> Response[bytes]:
    return Response(
        _json({"error": {"message": message, "type": type_}}),
        status_code=status,
        media_type=MediaType.JSON,
    )
