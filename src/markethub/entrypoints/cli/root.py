"""``markethub``: the commands by name, the options of all, and one end for every error."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from markethub.entrypoints.container import Container

COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "audit": ("markethub.entrypoints.cli.audit:audit", "List who did what, and why."),
        "db": ("markethub.entrypoints.cli.db:db", "Bring the database's schema up to date."),
        "deliveries": (
            "markethub.entrypoints.cli.deliveries:deliveries",
            "List outgoing webhooks, and send them again.",
        ),
        "demo": ("markethub.entrypoints.cli.demo:demo", "Watch one whole story, in process."),
        "disputes": (
            "markethub.entrypoints.cli.disputes:disputes",
            "List and show disputes, draft and submit evidence, accept.",
        ),
        "events": (
            "markethub.entrypoints.cli.events:events",
            "List, show and replay the provider's events; fetch missed ones.",
        ),
        "keys": ("markethub.entrypoints.cli.keys:keys", "Rotate the encryption keys."),
        "methods": (
            "markethub.entrypoints.cli.methods:methods",
            "List and remove saved payment methods.",
        ),
        "orders": ("markethub.entrypoints.cli.orders:orders", "Show and create orders."),
        "payments": (
            "markethub.entrypoints.cli.payments:payments",
            "List, show, capture and cancel payments.",
        ),
        "recover": (
            "markethub.entrypoints.cli.recover:recover",
            "Finish what a crash or an unknown outcome left.",
        ),
        "refund": ("markethub.entrypoints.cli.refunds:refund", "Give a payment's money back."),
        "refunds": (
            "markethub.entrypoints.cli.refunds:refunds",
            "List and show refunds; plan many, and apply the plan.",
        ),
        "serve": ("markethub.entrypoints.cli.serve:serve", "Run the HTTP server."),
        "simulate": (
            "markethub.entrypoints.cli.simulate:simulate",
            "Live through histories in which everything goes wrong.",
        ),
        "webhooks": (
            "markethub.entrypoints.cli.webhooks:webhooks",
            "Compare, set and rotate the provider's webhook endpoint.",
        ),
        "worker": ("markethub.entrypoints.cli.worker:worker", "Run the background worker alone."),
    }
)
"""Where each command lives, and the line of help that is shown without importing it."""

_INTERRUPTED: Final = 130
"""What shells report for a command ended by Ctrl-C (128 + SIGINT)."""


class Invocation:
    """How the command line was called: what every command is handed as click's ``obj``."""

    def __init__(self, compose: "Callable[[], Container] | None" = None) -> None:
        """Take ``compose`` to make the container; None reads the environment and ``.env``."""
        self._compose = compose
        self.as_json = False

    def compose(self) -> "Container":
        """Make the container of this process. Raises ConfigurationError."""
        if self._compose is not None:
            return self._compose()
        compose = import_module("markethub.entrypoints.cli.composition").compose
        container: Container = compose()
        return container


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order they are shown."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """Import the command that is called."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.version_option(package_name="markethub", prog_name="markethub")
@click.pass_obj
def root(invocation: Invocation, *, as_json: bool) -> None:
    """MarketHub's payments core.

    Exit codes: 0 done, 1 refused by a rule, 2 wrong usage, 3 not found,
    4 gateway unavailable or outcome unknown, 5 configuration.
    """
    invocation.as_json = as_json


def main(
    args: Sequence[str] | None = None, *, compose: "Callable[[], Container] | None" = None
) -> int:
    """Run the command line and return its exit code.

    ``args`` are the words after the program's name (those of the process, if None). ``compose``
    makes the container; a test passes its own.
    """
    words = sys.argv[1:] if args is None else list(args)
    invocation = Invocation(compose)
    # Wrong usage may be found before the option itself is read.
    invocation.as_json = "--json" in words
    try:
        code = root.main(words, prog_name="markethub", standalone_mode=False, obj=invocation)
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the one end of every error
        report = import_module("markethub.entrypoints.cli.failure").report
        failed: int = report(error, as_json=invocation.as_json)
        return failed
    return code if isinstance(code, int) else 0
