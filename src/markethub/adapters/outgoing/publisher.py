"""Webhooks over HTTP, to an address that is checked and held to at each send."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Final

import httpx

from markethub.adapters.outgoing.signing import Signer
from markethub.domain.delivery import Answer, Message
from markethub.domain.ports.publisher import Publisher
from markethub.domain.secret import Secret
from markethub.domain.target import IpAddress, Target, address_of

TIMEOUT_S: Final = 5.0
"""For all of it: resolving, connecting, sending, and the beginning of the answer."""
ANSWER_BYTES_MAXIMUM: Final = 4096
"""What is read of an answer's body, only to keep the connection; a longer one ends it."""
DRAIN_S_MAXIMUM: Final = 0.5
"""How long that may take: the status, which is all that counts, is known by then."""
CONNECTIONS_MAXIMUM: Final = 20

Resolve = Callable[[str, int], Awaitable[Sequence[IpAddress]]]
"""Returns the addresses of a host, best first. Raises OSError."""


class _Forbidden(Exception):
    """The host resolves to an address that nothing may be sent to."""


async def resolve(host: str, port: int) -> Sequence[IpAddress]:
    """Ask the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [address_of(str(sockaddr[0])) for _, _, _, _, sockaddr in found]


class WebhookPublisher:
    """Posts messages to one URL. Belongs to one event loop once it has sent."""

    def __init__(
        self,
        target: Target,
        secrets: Sequence[Secret],
        *,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Take the address and the secrets, newest first. ``tls`` None trusts the public CAs."""
        self._target = target
        self._signer = Signer(secrets)
        self._resolve = resolve
        self._tls = tls
        self._timeout_s = timeout_s
        self._client: httpx.AsyncClient | None = None

    @property
    def endpoint_id(self) -> str:
        """Name the place that is told, without showing it."""
        return self._target.id

    async def publish(self, messages: Sequence[Message]) -> Sequence[Answer]:
        """Send all of them, side by side, and say of each what came of it, in their order."""
        began = perf_counter()
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._addresses()
        except Exception as failure:  # noqa: BLE001 - whatever it is, nothing was sent
            return [_answer(began, error=_word(failure))] * len(messages)
        sending = (self._send(message, addresses, deadline) for message in messages)
        return await asyncio.gather(*sending)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _addresses(self) -> Sequence[IpAddress]:
        """Resolve once: what is checked here is what is connected to."""
        addresses = await self._resolve(self._target.host, self._target.port)
        if not addresses or not all(map(self._target.permits, addresses)):
            raise _Forbidden
        return addresses

    async def _send(
        self, message: Message, addresses: Sequence[IpAddress], deadline: float
    ) -> Answer:
        began = perf_counter()
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._post(message, addresses)
        except Exception as failure:  # noqa: BLE001 - the others' answers must not be lost by it
            return _answer(began, error=_word(failure))
        answer = _answer(began, status=response.status_code)
        await _let_go(response)
        return answer

    async def _post(self, message: Message, addresses: Sequence[IpAddress]) -> httpx.Response:
        """Post to the first of the addresses that can be connected to."""
        for address in addresses[:-1]:
            try:
                return await self._post_to(address, message)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent
        return await self._post_to(addresses[-1], message)

    async def _post_to(self, address: IpAddress, message: Message) -> httpx.Response:
        target = self._target
        host = f"[{address}]" if address.version == 6 else str(address)
        request = httpx.Request(
            "POST",
            f"{target.scheme}://{host}:{target.port}{target.path}",
            content=message.body.encode(),
            headers={
                "host": target.authority,
                "content-type": "application/json",
                "user-agent": "MarketHub",
                "accept-encoding": "identity",
                **self._signer.headers(message),
            },
            # The name that is asked for in the TLS handshake, and that the certificate must bear.
            extensions={
                "sni_hostname": target.host,
                "timeout": httpx.Timeout(self._timeout_s).as_dict(),
            },
        )
        return await self._connections().send(request, stream=True, follow_redirects=False)

    def _connections(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._tls or ssl.create_default_context(),
                trust_env=False,  # no proxy, no other certificates
                limits=httpx.Limits(max_connections=CONNECTIONS_MAXIMUM),
            )
        return self._client


async def _let_go(response: httpx.Response) -> None:
    """Read the rest of an answer if that is soon done, and end it. Raises nothing.

    Outside of the time for the answer: a message that was taken is not sent again because what
    came after its status came late.
    """
    with suppress(Exception):
        try:
            async with asyncio.timeout(DRAIN_S_MAXIMUM):
                await _drain(response)
        finally:
            await response.aclose()


async def _drain(response: httpx.Response) -> None:
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > ANSWER_BYTES_MAXIMUM:
            return


def _answer(began: float, *, status: int | None = None, error: str | None = None) -> Answer:
    return Answer(status=status, error=error, duration_ms=round((perf_counter() - began) * 1000))


def _word(failure: Exception) -> str:
    """Name a failure in one word that shows no address."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    match failure:
        case _Forbidden():
            return "forbidden_address"
        case socket.gaierror():
            return "unresolved"
        case TimeoutError() | httpx.TimeoutException():
            return "timeout"
        case httpx.ConnectError():
            return "connect"
        case httpx.ProtocolError():
            return "protocol"
        case httpx.NetworkError() | OSError():
            return "connection_lost"
        case _:
            return type(failure).__name__


def _conforms(publisher: WebhookPublisher) -> Publisher:
    """Let the type checker prove that the adapter fits its port."""
    return publisher
