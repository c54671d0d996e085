"""The limits of uvicorn's HTTP as ``serve`` runs it, over a loopback socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from markethub.entrypoints.cli.http_protocol import HEAD_BYTES_MAXIMUM, ImpatientHttp

LIMIT_S = 0.2
HANGS_S = 20  # a hundred times the limit: who waits for so long waits for ever
ENDLESS = 32 * HEAD_BYTES_MAXIMUM


class QuicklyImpatient(ImpatientHttp):
    receive_s_maximum = LIMIT_S


async def slow_app(scope: Any, receive: Any, send: Any) -> None:
    """Read the whole body, then answer after twice the time that a request may take to arrive."""
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(2 * LIMIT_S)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"late but whole"})


@asynccontextmanager
async def connected(
    protocol: type[ImpatientHttp] = QuicklyImpatient,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(
        slow_app, http=protocol, lifespan="off", ws="none", log_config=None, port=0
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(HANGS_S):
            yield reader, writer
    finally:
        writer.close()
        await server.shutdown()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST / HTTP/1.1\r\nHost: he",
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nslow",
    ],
)
async def test_a_request_that_does_not_arrive_is_given_up(beginning: bytes) -> None:
    async with connected() as (reader, writer):
        writer.write(beginning)

        assert b"" == await reader.read()


@pytest.mark.anyio
async def test_an_answer_may_take_longer_than_its_request() -> None:
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")

        assert (await reader.read()).endswith(b"late but whole\r\n0\r\n\r\n")


@pytest.mark.anyio
async def test_a_second_request_of_the_connection_has_its_own_time() -> None:
    async with connected() as (reader, writer):
        request = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
        writer.write(request)
        await reader.readuntil(b"late but whole\r\n0\r\n\r\n")
        writer.write(request[:10])

        assert b"" == await reader.read()


@pytest.mark.anyio
async def test_a_head_that_is_too_long_is_cut_off_before_it_ends() -> None:
    async with connected(ImpatientHttp) as (reader, writer):
        answer = asyncio.create_task(reader.read())
        writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
        sent = 0
        while not answer.done() and sent < ENDLESS:
            writer.write(b"x" * 1024)
            sent += 1024
            await asyncio.sleep(0)
        answer.cancel()
        await asyncio.wait([answer])

        assert sent < ENDLESS


@pytest.mark.anyio
async def test_a_long_body_is_no_long_head() -> None:
    async with connected() as (reader, writer):
        body = b"x" * 2 * HEAD_BYTES_MAXIMUM
        writer.write(b"POST / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
