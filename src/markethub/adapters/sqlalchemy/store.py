"""The store on SQLite or PostgreSQL: its ports, and its schema."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from markethub.adapters.sqlalchemy import schema
from markethub.adapters.sqlalchemy.approvals import SqlApprovalQueries
from markethub.adapters.sqlalchemy.audit import SqlAuditQueries
from markethub.adapters.sqlalchemy.begin import Begin, BeginOnCore, BeginOnDriver
from markethub.adapters.sqlalchemy.deliveries import SqlDeliveryQueries
from markethub.adapters.sqlalchemy.disputes import SqlDisputeQueries
from markethub.adapters.sqlalchemy.engines import (
    POOL_S_MAXIMUM,
    TRANSACTIONS_AT_ONCE,
    Engines,
    engines_for,
)
from markethub.adapters.sqlalchemy.handover import Handover
from markethub.adapters.sqlalchemy.history import SqlHistoryQueries
from markethub.adapters.sqlalchemy.idempotency import SqlIdempotencyKeys
from markethub.adapters.sqlalchemy.inbox import SqlInbox
from markethub.adapters.sqlalchemy.inbox_queries import SqlInboxQueries
from markethub.adapters.sqlalchemy.overview import SqlOverviewQueries
from markethub.adapters.sqlalchemy.queries import SqlQueries
from markethub.adapters.sqlalchemy.refunds import SqlRefundQueries
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.rotation import SqlRotation
from markethub.adapters.sqlalchemy.sealing import Tokens
from markethub.adapters.sqlalchemy.staff_sessions import SqlStaffSessions
from markethub.adapters.sqlalchemy.stamps import SqlStamps
from markethub.adapters.sqlalchemy.unit_of_work import SqlTransactions
from markethub.adapters.sqlalchemy.vault_key import VaultKey
from markethub.domain.errors import ConfigurationError, StoreUnavailable
from markethub.domain.ports.cipher import TokenCipher
from markethub.domain.ports.system import Pause


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


class SqlStore:
    """A database and the ports that it serves. Belongs to one event loop."""

    def __init__(
        self, database: str | Engines, *, cipher: TokenCipher, pause: Pause = _sleep
    ) -> None:
        """Take DATABASE_URL, or engines that were made already; nothing is opened yet.

        ``cipher`` encrypts what must not lie in clear; ``pause`` waits before a transaction
        that lost against others is repeated. Raises ConfigurationError for an address that
        cannot be one.
        """
        self._engines = engines_for(database) if isinstance(database, str) else database
        self._repeat = repeat = Repeater(pause)
        writer, reader = self._engines.writer, self._engines.reader
        self._vault_key = VaultKey(writer, cipher)
        self.transactions = SqlTransactions(_begin(self._engines), repeat, self._vault_key)
        self.inbox = SqlInbox(writer, repeat, Tokens(cipher))
        self.queries = SqlQueries(reader, repeat)
        self.inbox_queries = SqlInboxQueries(reader, repeat)
        self.refund_queries = SqlRefundQueries(reader, repeat)
        self.dispute_queries = SqlDisputeQueries(reader, repeat)
        self.approval_queries = SqlApprovalQueries(reader, repeat)
        self.audit_queries = SqlAuditQueries(reader, repeat)
        self.delivery_queries = SqlDeliveryQueries(reader, repeat)
        self.history_queries = SqlHistoryQueries(reader, repeat)
        self.overview_queries = SqlOverviewQueries(reader, repeat)
        self.idempotency_keys = SqlIdempotencyKeys(engine=writer, repeat=repeat, cipher=cipher)
        self.rotation = SqlRotation(writer, repeat, cipher)
        self.stamps = SqlStamps(self._engines, repeat)
        self.staff_sessions = SqlStaffSessions(self._engines, repeat)

    async def upgrade(self) -> None:
        """Bring the schema up to date; safe when several processes do so at once.

        Raises ConfigurationError for a database that cannot be opened, or is newer than this.
        """
        async with _opened():
            await schema.upgrade(self._engines.writer, self._repeat)

    async def current_revision(self) -> str | None:
        """Name the schema's revision; None for a database without one.

        Raises ConfigurationError for a database that cannot be opened.
        """
        async with _opened(), self._engines.reader.connect() as connection:
            return await schema.revision(connection)

    async def schema_is_current(self) -> bool:
        """Tell whether the schema is this version's. Raises as ``current_revision``."""
        return await self.current_revision() == schema.HEAD

    async def unlock(self) -> None:
        """Make sure that what is encrypted can be read.

        Raises ConfigurationError where none of the keys given to us is that of the database.
        """
        await self._repeat(self._vault_key.sealing)

    async def close(self) -> None:
        """Let events that were taken become durable, and close all connections."""
        await self.inbox.close()
        await self._engines.dispose()


def _begin(engines: Engines) -> Begin:
    if engines.is_sqlite:
        return BeginOnCore(engines.writer)
    return BeginOnDriver(
        Handover(engines.writer, at_most=TRANSACTIONS_AT_ONCE, wait_s_maximum=POOL_S_MAXIMUM)
    )


@asynccontextmanager
async def _opened() -> AsyncIterator[None]:
    """Turn what a driver says of a database that it cannot use into one sentence."""
    try:
        yield
    except (
        SQLAlchemyError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
        StoreUnavailable,
    ) as error:
        reason = getattr(error, "orig", None) or error.__cause__ or error
        raise ConfigurationError(f"DATABASE_URL: the database cannot be used: {reason}") from error
