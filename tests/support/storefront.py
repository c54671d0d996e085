"""The storefront's end of outgoing webhooks: one in memory, and one behind a real socket."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import attrs

from markethub.domain.delivery import Answer, Message


@attrs.define
class Storefront:
    """A publisher that keeps what it is told, and answers as a test says."""

    endpoint_id: str = "storefront"
    answer: Callable[[Message], Answer] = lambda message: Answer(status=200, duration_ms=1)
    told: list[Message] = attrs.field(factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """What happens once it has been told, before the relay hears so."""

    async def publish(self, messages: Sequence[Message]) -> Sequence[Answer]:
        self.told.extend(messages)
        if self.meanwhile is not None:
            await self.meanwhile()
        return [self.answer(message) for message in messages]

    async def close(self) -> None:
        """Nothing is open."""


@attrs.frozen(kw_only=True)
class Received:
    """A request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


@attrs.define
class Receiver:
    """A small HTTP server on loopback that answers each request with the next of ``answers``."""

    port: int = 0
    answers: list[bytes] = attrs.field(factory=list)
    received: list[Received] = attrs.field(factory=list)
    connections: int = 0
    names: list[str | None] = attrs.field(factory=list)
    """What TLS handshakes asked for."""
    arrived: asyncio.Event = attrs.field(factory=asyncio.Event)
    serving: "list[asyncio.Task[object]]" = attrs.field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        serving = asyncio.current_task()
        assert serving is not None
        self.serving.append(serving)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().strip().split("\r\n")
                pairs = (each.partition(": ") for each in lines)
                headers = {name.lower(): value for name, _, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
                self.received.append(Received(line=line, headers=headers, body=body))
                self.arrived.set()
                writer.write(self.answers.pop(0) if self.answers else reply(200))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def reply(status: int, *headers: str, body: bytes = b"ok") -> bytes:
    """Return an HTTP answer as bytes."""
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver for as long as the body runs."""
    receiver = Receiver()
    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: receiver.names.append(name)
    server = await asyncio.start_server(receiver._serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for serving in receiver.serving:
            serving.cancel()
        await asyncio.gather(*receiver.serving, return_exceptions=True)
