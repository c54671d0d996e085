"""A real server on loopback, in a thread of its own: uvicorn, worker and pump as ``serve`` has."""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import attrs
import uvicorn

from markethub.domain.secret import Secret
from markethub.entrypoints.cli.http_protocol import ImpatientHttp
from markethub.entrypoints.container import Container, build_container
from markethub.entrypoints.http.app import create_app
from markethub.entrypoints.http.limits import Limits
from markethub.entrypoints.setting_values import Database, OpsKey, Role
from markethub.entrypoints.settings import Settings

OPS_SECRETS: Final = {role: f"{role}-key-of-the-browser-tests" for role in Role}
"""The secret that signs one in as a member of the staff, by role; the name is the role's."""
PLAIN: Final = Settings(
    database=Database(url="memory://"),
    ops_keys=tuple(
        OpsKey(name=role.value, role=role, secret=Secret(secret))
        for role, secret in OPS_SECRETS.items()
    ),
    fake_delay_s=0.2,
)
_STOP_S_MAXIMUM: Final = 30.0

_T = TypeVar("_T")


@attrs.frozen(kw_only=True)
class Server:
    """A running server: its address, what it is made of, and a way into its event loop."""

    url: str
    container: Container
    loop: asyncio.AbstractEventLoop

    def run(self, act: Coroutine[Any, Any, _T], *, within_s: float = 10.0) -> _T:
        """Run a coroutine, a use case say, where the server's own connections live."""
        return asyncio.run_coroutine_threadsafe(act, self.loop).result(timeout=within_s)


@contextmanager
def serving(settings: Settings = PLAIN, *, limits: Limits | None = None) -> Iterator[Server]:
    """Serve on a free port of loopback for as long as the body runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        # The fake's challenges are at the server's own address: it must know its port.
        settings = attrs.evolve(settings, host="127.0.0.1", port=port)
        started: Future[Server] = Future()
        leave = asyncio.Event()
        thread = threading.Thread(
            target=_serve, args=(settings, limits, listener, started, leave), daemon=True
        )
        thread.start()
        server = started.result(timeout=_STOP_S_MAXIMUM)
        try:
            yield server
        finally:
            server.loop.call_soon_threadsafe(leave.set)
            thread.join(_STOP_S_MAXIMUM)
            if thread.is_alive():
                raise RuntimeError("the server did not stop")


def _serve(
    settings: Settings,
    limits: Limits | None,
    listener: socket.socket,
    started: "Future[Server]",
    leave: asyncio.Event,
) -> None:
    async def live() -> None:
        container = build_container(settings)
        config = uvicorn.Config(
            create_app(container, limits=limits),
            http=ImpatientHttp,
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        # Not `serve()`: that takes over the process's signals and polls for its own end.
        await server.startup(sockets=[listener])
        if server.should_exit:
            raise RuntimeError("the server did not start; its log says why")
        started.set_result(
            Server(
                url=settings.local_url.rstrip("/"),
                container=container,
                loop=asyncio.get_running_loop(),
            )
        )
        await leave.wait()
        await server.shutdown(sockets=[listener])

    try:
        asyncio.run(live())
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)
