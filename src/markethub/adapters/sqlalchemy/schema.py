"""Which schema a database has, and how it gets the one that this version needs."""

from typing import Final

from sqlalchemy import Connection, column, inspect, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.domain.errors import ConfigurationError

HEAD: Final = "0014"
"""The newest revision, known here so that nobody loads Alembic to learn that nothing is due."""
MIGRATION_S_MAXIMUM: Final = 300
"""How long a migration waits for another process's, and may itself take, per statement."""

_ADVISORY_LOCK: Final = 0x6D61726B_65746875  # "markethu": ours among all users of the server
_REVISIONS: Final = table("alembic_version", column("version_num"))


async def revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the database's schema; None if it has none yet."""
    return await connection.run_sync(_revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_REVISIONS.name):
        return None
    found: str | None = connection.execute(select(_REVISIONS.c.version_num)).scalar_one_or_none()
    return found


async def upgrade(engine: AsyncEngine, repeat: Repeater) -> None:
    """Migrate to HEAD in one transaction, one process at a time.

    Raises ConfigurationError for a database that a newer version has migrated.
    """

    async def once() -> None:
        async with engine.begin() as connection:
            # SQLite's transaction began IMMEDIATE: it already is the only one that may write.
            if connection.dialect.name == "postgresql":
                await _wait_for_others(connection)
            known = await revision(connection)
            if known != HEAD:
                await connection.run_sync(_migrate)

    await repeat(once)


async def _wait_for_others(connection: AsyncConnection) -> None:
    for limit in ("lock_timeout", "statement_timeout"):
        await connection.execute(text(f"SET LOCAL {limit} = '{MIGRATION_S_MAXIMUM}s'"))
    await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))


def _migrate(connection: Connection) -> None:
    # Half a second to import, and not needed by a database that is up to date.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.util import CommandError  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", "markethub.adapters.sqlalchemy:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise ConfigurationError(
            f"DATABASE_URL: the database cannot be brought to this version's schema: {error}"
        ) from error
