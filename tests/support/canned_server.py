"""An HTTP server on the loopback that answers what it was told, however odd, and takes notes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Seen:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str


def answer(status: int, body: Any, **headers: str) -> bytes:
    """Render an answer; a body that is not bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


HANG = b""
"""Never answers; holds the connection until the client gives up."""
DROP = b"\x00drop"
"""Reads the request, then closes the connection."""
TRICKLE = b"\x00trickle"
"""Promises a long body and sends it byte by byte, without end."""


class CannedServer:
    """Answers each request with the next of its answers, and the last one from then on."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.seen: list[Seen] = []
        self.port = 0
        self._done = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.seen.append(await _read(reader))
        reply = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if reply == DROP:
            return False
        if reply == HANG:
            await self._done.wait()
            return False
        if reply == TRICKLE:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            while not self._done.is_set():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
            return False
        writer.write(reply)
        await writer.drain()
        return True

    def release(self) -> None:
        self._done.set()


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    request_line, *lines = head.rstrip().split("\r\n")
    method, target, _ = request_line.split(" ")
    headers = {
        name.lower(): value for name, value in (re.split(": ?", x, maxsplit=1) for x in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method=method, target=target, headers=headers, body=body.decode())


@asynccontextmanager
async def canned(*answers: bytes) -> AsyncIterator[CannedServer]:
    """Run a server on a free port, and stop it afterwards."""
    server = CannedServer(*answers)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.release()
        listener.close()
        await listener.wait_closed()
