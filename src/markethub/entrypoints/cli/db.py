"""``markethub db``: the database's schema."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from markethub.domain.errors import ForeignDatabase
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import begin
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import Container


@click.group()
def db() -> None:
    """Bring the database's schema up to date."""


@db.command()
@click.pass_obj
def upgrade(invocation: Invocation) -> None:
    """Migrate the database to this version's schema. Again changes nothing."""

    async def migrate(container: Container) -> None:
        await _require_ours(container)
        await container.store().upgrade()

    _report(invocation, migrate)


@db.command()
@click.pass_obj
def current(invocation: Invocation) -> None:
    """Say which revision the database has, and whether it is this version's."""

    async def nothing(_: Container) -> None:
        """Only look."""

    _report(invocation, nothing)


def _report(invocation: Invocation, work: Callable[[Container], Awaitable[None]]) -> None:
    container = begin(invocation)

    async def state() -> tuple[str | None, bool]:
        store = container.store()
        try:
            await work(container)
            return await store.current_revision(), await store.schema_is_current()
        finally:
            await store.close()

    revision, is_current = asyncio.run(state())
    if invocation.as_json:
        output.print_json({"revision": revision, "is_current": is_current})
    else:
        output.print_fields(
            {"revision": revision or "none", "current": "yes" if is_current else "no"}
        )


async def _require_ours(container: Container) -> None:
    """Raise ForeignDatabase for one that is stamped for another gateway or mode.

    Its account is compared by the processes that can ask the provider: a migration needs none.
    """
    if await container.store().current_revision() is None:
        return
    settings, stamp = container.settings(), await container.stamps().read()
    if stamp is not None and (stamp.gateway, stamp.mode) != (settings.gateway, settings.mode):
        raise ForeignDatabase(
            f"DATABASE_URL: the database belongs to {stamp.gateway}/{stamp.mode}, "
            f"not to {settings.gateway}/{settings.mode}"
        )
