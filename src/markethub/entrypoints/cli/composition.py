"""The container of a command: composed from the environment, opened, and closed again."""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from markethub.domain.audit import Act, Channel
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import Container, build_container
from markethub.entrypoints.lifecycle import running
from markethub.entrypoints.logging import configure_logging
from markethub.entrypoints.settings import Settings

T = TypeVar("T")

actor_option = click.option(
    "--actor",
    help="Who acts, for the log: else MARKETHUB_ACTOR, else the operating system's user.",
)


def compose() -> Container:
    """Compose this process from the environment and ``.env``. Raises ConfigurationError."""
    return build_container(Settings.from_environ(os.environ, Path(".env")))


def begin(invocation: Invocation) -> Container:
    """Make the container and let the log go where its settings say. Raises ConfigurationError."""
    container = invocation.compose()
    log_as_set(container.settings())
    return container


def log_as_set(settings: Settings) -> None:
    """Send the log to standard error: standard output is for what was asked."""
    configure_logging(level=settings.log_level, log_format=settings.log_format)


def run(invocation: Invocation, work: Callable[[Container], Awaitable[T]]) -> T:
    """Open the container, await ``work`` with it, close everything and return the result.

    Raises ConfigurationError, ForeignDatabase, and whatever ``work`` raises.
    """
    container = begin(invocation)

    async def opened() -> T:
        async with running(container):
            return await work(container)

    return asyncio.run(opened())


def acting_as(actor: str | None, settings: Settings, *, reason: str | None = None) -> Act:
    """Say who acts here: as asked for, else as set, else as the operating system knows them."""
    return Act(actor=_named(actor, settings), channel=Channel.CLI, reason=reason)


def _named(actor: str | None, settings: Settings) -> str:
    if named := actor or settings.actor:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name; getpass says so by KeyError before Python 3.13.
        return f"uid-{os.getuid()}"
