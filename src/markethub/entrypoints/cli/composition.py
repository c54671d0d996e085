"""The container of a command: composed from the environment, opened, and closed again."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import click
from click.decorators import FC

from markethub.domain.audit import Act, Channel
from markethub.entrypoints.card_numbers import contains_card_number
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import Container, build_container
from markethub.entrypoints.lifecycle import running
from markethub.entrypoints.logging import configure_logging
from markethub.entrypoints.setting_values import OpsKey, Role
from markethub.entrypoints.settings import Settings

T = TypeVar("T")

_WHY: Final = "markethub.why"
"""Where the click context keeps why something is done: it belongs to no command's work."""
_REFUNDERS: Final = frozenset({Role.REFUNDER, Role.ADMIN})


def actor_option(command: FC) -> FC:
    """Let a command be told who acts, and why: the audit log shows both."""
    who = click.option(
        "--actor",
        callback=_without_card_number,
        help="Who acts, for the audit log: else whose key MARKETHUB_OPS_KEY is, "
        "else MARKETHUB_ACTOR, else the operating system's user.",
    )
    why = click.option(
        "--why", expose_value=False, callback=_keep_why, help="Why, for the audit log."
    )
    return who(why(command))


def _without_card_number(_: click.Context, param: click.Parameter, text: str | None) -> str | None:
    if text is not None and contains_card_number(text):
        raise click.BadParameter("contains a card number", param=param)
    return text


def _keep_why(ctx: click.Context, param: click.Parameter, text: str | None) -> None:
    ctx.meta[_WHY] = _without_card_number(ctx, param, text)


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


def acting_as(actor: str | None, settings: Settings) -> Act:
    """Say who acts here, and why.

    Whose key MARKETHUB_OPS_KEY is has shown who they are; everybody else only says so: as asked
    for, else as set, else as the operating system knows them. Raises click.UsageError for a key
    with another's name.
    """
    reason = click.get_current_context().meta.get(_WHY) or None
    key = settings.acting_key
    if key is None:
        name = actor or settings.actor or _system_user()
        return Act(actor=name, channel=Channel.CLI, reason=reason, is_shown=False)
    if actor not in (None, key.name):
        raise click.UsageError(f"--actor: MARKETHUB_OPS_KEY is the key of {key.name}.")
    return Act(actor=key.name, channel=Channel.CLI, reason=reason, is_shown=_may_refund(key))


def _may_refund(key: OpsKey) -> bool:
    """Tell whether a key counts where two persons are needed: as at the console and over HTTP."""
    return key.role in _REFUNDERS


def _system_user() -> str:
    """Return whom the system runs this as. The environment is not asked: anybody may set it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        return f"uid-{os.getuid()}"
