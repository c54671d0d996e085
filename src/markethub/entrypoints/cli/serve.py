"""``markethub serve``: the HTTP server."""

import asyncio
import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn

import click
import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess

from markethub.domain.errors import ConfigurationError
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import begin, compose, log_as_set
from markethub.entrypoints.cli.http_protocol import ImpatientHttp
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.story import has_story, places, story
from markethub.entrypoints.http.app import create_app
from markethub.entrypoints.lifecycle import running
from markethub.entrypoints.settings import Settings

BACKLOG: Final = 1024
"""Connections that the kernel keeps waiting for us."""
CONCURRENCY_MAXIMUM: Final = 2000
"""Connections at once; more are answered 503, so that those which are in stay quick."""
KEEP_ALIVE_S: Final = 20
"""Seconds that an idle connection is kept; a proxy in front should close its own sooner."""
SHUTDOWN_S_MAXIMUM: Final = 30
"""Seconds that a stop waits for answers under way: longer than a call to the provider takes."""


@click.command()
@click.pass_obj
def serve(invocation: Invocation) -> None:
    """Serve the HTTP interface until SIGTERM or Ctrl-C.

    Settings come from the environment and from .env; README.md lists them.
    """
    container = begin(invocation)
    settings = container.settings()
    with _leaving_on_signal(), _listen(settings.host, settings.port) as listener:
        # Whatever must stop the start does so here, as our error with our exit code. The
        # container is not the application's: its connections belong to another event loop.
        asyncio.run(_check(invocation))
        _announce(invocation, settings, port=listener.getsockname()[1])
        try:
            if settings.workers > 1:
                many = _configured(
                    f"{__name__}:application", factory=True, workers=settings.workers
                )
                Multiprocess(many, sockets=[listener]).run()
            else:
                uvicorn.Server(_configured(create_app(container))).run(sockets=[listener])
        except SystemExit as error:
            # uvicorn's code for a failed start means something else in our table.
            raise ConfigurationError("the server did not start; its log says why") from error


def application() -> object:
    """Make the application of one of several processes, from the environment."""
    container = compose()
    log_as_set(container.settings())
    return create_app(container)


@contextmanager
def _leaving_on_signal() -> Iterator[None]:
    """End with 0 when asked to.

    Before uvicorn serves there is nothing to wait for. Afterwards it stops gracefully, and raises
    the signal again once all is done.
    """

    def leave(_number: int, _frame: FrameType | None) -> NoReturn:
        raise click.exceptions.Exit(0)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _check(invocation: Invocation) -> None:
    async with running(invocation.compose()):
        pass


def _configured(app: Any, **options: Any) -> uvicorn.Config:  # noqa: ANN401 - uvicorn's own types
    return uvicorn.Config(
        app,
        **options,
        loop="uvloop",
        http=ImpatientHttp,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,  # the application writes its own, without secrets
        server_header=False,
        # X-Forwarded-For can be forged by whoever reaches us: nothing here believes it.
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=CONCURRENCY_MAXIMUM,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S_MAXIMUM,
    )


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else starts. Raises ConfigurationError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"MARKETHUB_PORT: port {port} of {host} is in use by another program."
        else:
            reason = f"MARKETHUB_HOST: cannot listen on port {port} of {host}."
        raise ConfigurationError(reason) from error


def _announce(invocation: Invocation, settings: Settings, *, port: int) -> None:
    """Say what can be opened. The listener is open already: whoever calls early waits."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{port}"
    open_at = places(url, settings)
    if invocation.as_json:
        output.print_json({"url": url, **open_at})
        return
    click.echo(
        f"MarketHub serves at {url} "
        f"(gateway {settings.gateway}, {settings.mode} mode, database {settings.database.kind})."
    )
    output.print_fields({name.replace("_", " "): place for name, place in open_at.items()})
    if has_story(settings):
        click.echo(f"\nPaste this into another shell:\n\n{story(url)}\n")
