"""The simulated account behind a real socket, and a record of all that came through its door."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import uvicorn
from litestar import Litestar
from litestar.types import ControllerRouterHandler
from uvicorn.lifespan.off import LifespanOff

from markethub.adapters.fake.account import Account
from markethub.entrypoints.fake_stripe import fake_stripe_router


@attrs.frozen(kw_only=True)
class Passed:
    """A request that came through: ``form`` is its body or, of a GET, its query."""

    method: str
    path: str
    form: str
    headers: dict[str, str]


@attrs.frozen(kw_only=True)
class Door:
    """Where the account can be reached, and what came in."""

    url: str
    passed: list[Passed]


class _Recorder:
    """An ASGI application around another that writes down each request before passing it on."""

    def __init__(self, app: Any, passed: list[Passed]) -> None:
        self._app = app
        self._passed = passed

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self._passed.append(
            Passed(
                method=scope["method"],
                path=scope["path"].removeprefix("/fake-stripe"),
                form=(body or scope["query_string"]).decode(errors="replace"),  # a file is no text
                headers={name.decode(): value.decode() for name, value in scope["headers"]},
            )
        )

        async def again() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


@asynccontextmanager
async def door_of(account: Account) -> AsyncIterator[Door]:
    """Serve ``account`` on a free port of the loopback, in this event loop, and write down."""
    passed: list[Passed] = []
    async with _serving(_Recorder(_app(account), passed)) as url:
        yield Door(url=url, passed=passed)


@asynccontextmanager
async def open_door(account: Account, *beside: ControllerRouterHandler) -> AsyncIterator[str]:
    """Serve ``account`` likewise, with nothing in between, and yield the base URL.

    That is ``http://127.0.0.1:PORT/fake-stripe``: an SDK's API base as it stands. ``beside`` is
    served next to it.
    """
    async with _serving(_app(account, *beside)) as url:
        yield url


def _app(account: Account, *beside: ControllerRouterHandler) -> Litestar:
    return Litestar([fake_stripe_router(account), *beside], openapi_config=None)


@asynccontextmanager
async def _serving(app: Any) -> AsyncIterator[str]:
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = LifespanOff(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        # Not `serve()`: that takes over the process's signals and polls for its own end.
        await server.startup(sockets=[listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/fake-stripe"
        finally:
            await server.shutdown(sockets=[listener])
