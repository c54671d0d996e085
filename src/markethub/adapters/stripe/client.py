"""Stripe's SDK, in and out: requests as we rendered them go in, plain answers come out.

The only module that imports ``stripe`` (0.2 s, 33 MB). Requests are sent through the SDK's
``raw_request_async``, so that a stored one goes out as it was rendered, not as today's code
would: with our API version, our idempotency key, the SDK's encoding, retries and errors.
"""

import asyncio
import io
import logging
from collections.abc import Mapping
from typing import Final

import attrs
import stripe
from stripe import _util as stripe_util

from markethub.adapters.stripe.outcomes import Answer, NoAnswer, Reply
from markethub.adapters.stripe.requests import API_VERSION
from markethub.domain.operation import ProviderRequest
from markethub.domain.secret import Secret

ATTEMPT_TIMEOUT_S: Final = 20.0
"""How long one attempt may take as a whole. The SDK's own 80 s outlast every caller."""


class StripeApi:
    """Stripe's HTTP API for one secret key. Usable from several event loops."""

    def __init__(
        self,
        key: Secret,
        *,
        base_address: str | None,
        attempt_timeout_s: float,
        max_network_retries: int,
    ) -> None:
        """Take the secret key; ``base_address`` replaces Stripe's own."""
        _silence()
        self._key = key
        self._base_address = base_address.rstrip("/") if base_address else None
        self._attempt_timeout_s = attempt_timeout_s
        self._max_network_retries = max_network_retries
        # A connection belongs to the loop that opened it.
        self._clients: dict[asyncio.AbstractEventLoop, _Client] = {}

    async def call(self, request: ProviderRequest, *, idempotency_key: str | None = None) -> Reply:
        """Send and return what came back. Raises for nothing that the network or Stripe does."""
        params = _plain(request.params)
        return await self._raw(request.method, request.path, params, key=idempotency_key)

    async def upload(
        self,
        path: str,
        content: bytes,
        *,
        file_name: str,
        purpose: str,
        idempotency_key: str,
    ) -> Reply:
        """Send a file, as the SDK does: multipart, and to Stripe's address for files."""
        file = io.BytesIO(content)
        file.name = file_name
        params: dict[str, object] = {
            "purpose": purpose,
            "file": file,
            "content_type": "multipart/form-data",
            "base": "files",
        }
        return await self._raw("POST", path, params, key=idempotency_key)

    async def _raw(
        self, method: str, path: str, params: dict[str, object], *, key: str | None
    ) -> Reply:
        client = self._of_this_loop()
        try:
            response = await client.sdk.raw_request_async(
                method.lower(), path, **params, idempotency_key=key
            )
        except Exception as error:  # noqa: BLE001 - whatever stumbled, it may have been sent
            return _reply_of(error)
        return Answer.of(response.code, response.data, response.headers)

    async def close(self) -> None:
        """Close this loop's connections. Those of a loop that is gone went with it."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.http.close_async()  # type: ignore[no-untyped-call] # the SDK's gap

    def _of_this_loop(self) -> "_Client":
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            for gone in [each for each in self._clients if each.is_closed()]:
                del self._clients[gone]
            self._clients[loop] = self._new_client()
        return self._clients[loop]

    def _new_client(self) -> "_Client":
        http = _HttpClient(self._attempt_timeout_s)
        sdk = stripe.StripeClient(
            self._key.reveal(),
            stripe_version=API_VERSION,
            base_addresses={"api": self._base_address, "files": self._base_address}
            if self._base_address
            else None,
            max_network_retries=self._max_network_retries,
            http_client=http,
        )
        return _Client(sdk=sdk, http=http)


@attrs.frozen(kw_only=True)
class _Client:
    """The SDK's client of one event loop, and its connections, which only we close."""

    sdk: stripe.StripeClient
    http: stripe.HTTPXClient


class _HttpClient(stripe.HTTPXClient):
    """The SDK's client on httpx, with a limit to the whole attempt.

    The SDK's own limits each wait for bytes, which a trickle never exceeds; it hands the form
    over in a way that httpx deprecates; and it repeats whatever fails, our own bugs included.
    """

    def __init__(self, attempt_timeout_s: float) -> None:
        super().__init__()
        self._attempt_timeout_s = attempt_timeout_s

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: str | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        try:
            async with asyncio.timeout(self._attempt_timeout_s):
                response = await self._client_async.request(
                    method, url, headers=headers, content=post_data, timeout=None
                )
        except (self.httpx.TransportError, TimeoutError) as error:
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call] # the SDK's gap
                f"no answer from the provider: {type(error).__name__}", should_retry=True
            ) from error
        return response.content, response.status_code, response.headers


def _reply_of(error: Exception) -> Reply:
    """Map everything that the SDK raises: an answer is an answer, all else is none."""
    match error:
        case stripe.APIConnectionError():
            return NoAnswer(reason=type(error.__cause__ or error).__name__)
        case stripe.StripeError(http_status=int() as status):
            # For a body that is no JSON the SDK puts the headers in the body's place.
            body = error.json_body if isinstance(error.json_body, dict) else None
            return Answer.of(status, body, error.headers or {})
        case _:
            return NoAnswer(reason=type(error).__name__)


def _plain(params: Mapping[str, object]) -> dict[str, object]:
    """Return ``params`` in dicts and lists: the SDK would print any other mapping as a text."""
    return {name: _plain_value(value) for name, value in params.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, list | tuple):
        return [_plain_value(each) for each in value]
    return value


def _silence() -> None:
    """Keep the SDK from reporting to Stripe, and from printing bodies and errors.

    It logs whole bodies, client secrets included, at DEBUG, and prints them where the
    environment says STRIPE_LOG.
    """
    stripe.enable_telemetry = False
    stripe.log = None
    stripe_util.STRIPE_LOG = None
    logging.getLogger("stripe").addFilter(_is_warning)


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING
