"""Start and stop what a process runs besides answering: schema, stamp, loops, connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from markethub.domain.errors import (
    ConfigurationError,
    ForeignDatabase,
    GatewayRejected,
    GatewayUnavailable,
)
from markethub.domain.ports.stamp import Stamp
from markethub.entrypoints.worker import Loop, Loops

if TYPE_CHECKING:
    from markethub.entrypoints.container import Container

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def running(
    container: "Container", *, worker: bool = False, pump: bool = False
) -> AsyncIterator[None]:
    """Keep a process's surroundings alive for as long as the body runs.

    ``worker`` runs the background worker; ``pump`` delivers the simulated account's events
    (there is none with the real gateway). Raises ConfigurationError for a database whose schema
    is not current, and ForeignDatabase for one that belongs to another gateway, mode or account.
    """
    loops = Loops(pause=container.pause())
    try:
        await prepare(container)
        deliver = container.pump()
        if pump and deliver is not None:
            loops.start([Loop(name="pump", step=deliver)])
        if worker:
            loops.start(container.worker().loops())
        yield
    finally:
        await loops.stop()
        await container.gateway().close()
        await container.dispute_desk().close()
        await container.vault().close()
        await container.event_source().close()
        await container.store().close()


async def prepare(container: "Container") -> None:
    """Bring an embedded database up to date, and make sure that the database is ours."""
    store, settings = container.store(), container.settings()
    if settings.database.is_embedded:
        await store.upgrade()
    elif not await store.schema_is_current():
        raise ConfigurationError(
            "DATABASE_URL: the database's schema is not current; run `markethub db upgrade`"
        )
    await _claim(container)
    await store.unlock()


async def _claim(container: "Container") -> None:
    settings, stamps = container.settings(), container.stamps()
    known = await stamps.read()
    try:
        account_id = await container.gateway().account_id()
    except GatewayUnavailable:
        if known is None:
            raise
        # A stamped database must not stay down because the provider is: mode and gateway are
        # still compared, and the account was when the database was stamped.
        account_id = known.account_id
        _log.warning("stamp.account_unchecked", account_id=account_id)
    except GatewayRejected as error:
        raise ConfigurationError(
            f"STRIPE_SECRET_KEY_{settings.mode.upper()}: {error} "
            "(a restricted key must be allowed to read the account)"
        ) from error
    ours = Stamp(gateway=settings.gateway, mode=settings.mode, account_id=account_id)
    theirs = known or await stamps.put(ours)
    if theirs != ours:
        raise ForeignDatabase(
            f"DATABASE_URL: the database belongs to {theirs.gateway}/{theirs.mode}/"
            f"{theirs.account_id}, not to {ours.gateway}/{ours.mode}/{ours.account_id}"
        )
