"""``markethub keys``: the keys under which secrets lie in the database."""

import sys

import click
import structlog

from markethub.domain.audit import AuditAction
from markethub.domain.errors import ConfigurationError
from markethub.domain.usecases.rotate_keys import KeysRotated
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import Container

_log = structlog.get_logger(__name__)


@click.group()
def keys() -> None:
    """Bring the database's secrets under the newest encryption key."""


@keys.command()
@actor_option
@click.pass_obj
def rotate(invocation: Invocation, *, actor: str | None) -> None:
    """Encrypt everything under the first of MARKETHUB_ENCRYPTION_KEYS.

    Give every process the new key first, in front of the older ones; rotate; then take the older
    ones away. An interrupted rotation is begun again.
    """

    async def work(container: Container) -> KeysRotated:
        act = acting_as(actor, container.settings())
        _log.info("keys.rotation_asked", actor=act.actor)
        await container.record_audit()(act, AuditAction.KEYS_ROTATE)
        try:
            done: KeysRotated = await container.rotate_keys()(progress=_show)
        except ValueError as error:
            raise ConfigurationError(f"MARKETHUB_ENCRYPTION_KEYS: {error}") from error
        return done

    done = run(invocation, work)
    if invocation.as_json:
        output.print_json({"looked_at": done.looked_at, "rotated": done.rotated})
    else:
        _clear()
        output.print_fields({"looked at": done.looked_at, "rotated": done.rotated})


def _show(so_far: KeysRotated) -> None:
    """Tell people on a terminal how far it is; nobody else needs to know."""
    if sys.stderr.isatty():
        click.echo(f"\r{so_far.looked_at} looked at", nl=False, err=True)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r", nl=False, err=True)
