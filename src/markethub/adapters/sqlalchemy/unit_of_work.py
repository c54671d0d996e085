"""Transactions: begun, committed, rolled back and repeated here and nowhere else."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs

from markethub.adapters.sqlalchemy.audit import SqlAuditLog
from markethub.adapters.sqlalchemy.begin import Begin, Begun
from markethub.adapters.sqlalchemy.deliveries import SqlDeliveries
from markethub.adapters.sqlalchemy.disputes import SqlDisputes, SqlSubmissions
from markethub.adapters.sqlalchemy.inbox_events import SqlInboxEvents
from markethub.adapters.sqlalchemy.refunds import SqlRefunds
from markethub.adapters.sqlalchemy.repositories import (
    SqlLedger,
    SqlOperations,
    SqlOrders,
    SqlPayments,
)
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.saved_methods import SqlCustomers, SqlMethods
from markethub.adapters.sqlalchemy.sealing import Sealing
from markethub.adapters.sqlalchemy.session import Session
from markethub.adapters.sqlalchemy.trouble import is_contention
from markethub.adapters.sqlalchemy.vault_key import VaultKey
from markethub.domain.errors import CommitUnknown, StaleWrite
from markethub.domain.ports.unit_of_work import Transaction, Transactions

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class SqlTransaction:
    """Everything that one transaction may touch."""

    orders: SqlOrders
    payments: SqlPayments
    operations: SqlOperations
    ledger: SqlLedger
    refunds: SqlRefunds
    disputes: SqlDisputes
    submissions: SqlSubmissions
    inbox: SqlInboxEvents
    customers: SqlCustomers
    methods: SqlMethods
    deliveries: SqlDeliveries
    audit: SqlAuditLog

    @classmethod
    def on(cls, session: Session, sealing: Sealing) -> "SqlTransaction":
        """Return the repositories over a session."""
        return cls(
            orders=SqlOrders(session),
            payments=SqlPayments(session),
            operations=SqlOperations(session, sealing.tokens),
            ledger=SqlLedger(session),
            refunds=SqlRefunds(session),
            disputes=SqlDisputes(session),
            submissions=SqlSubmissions(session),
            inbox=SqlInboxEvents(session, sealing.tokens),
            customers=SqlCustomers(session, sealing),
            methods=SqlMethods(session, sealing),
            deliveries=SqlDeliveries(session),
            audit=SqlAuditLog(session),
        )


@attrs.frozen
class SqlTransactions:
    """Runs work in a transaction of the database."""

    _begin: Begin
    _repeat: Repeater
    _vault_key: VaultKey

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Begin, await ``work``, commit, and return its result; roll back on any exception.

        ``work`` is repeated where the database says that nothing of it was kept: it lost
        against others, or the connection broke before COMMIT. Raises StaleWrite when it has
        lost too often, and CommitUnknown when COMMIT itself was not answered.
        """
        return await self._repeat(lambda: self._once(work))

    async def _once(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        sealing = await self._vault_key.sealing()
        async with self._begin() as begun:
            result = await work(SqlTransaction.on(begun.session, sealing))
            await begun.session.flush()
            await _commit(begun)
        return result


async def _commit(begun: Begun) -> None:
    try:
        await begun.commit()
    except StaleWrite:
        raise
    except Exception as error:
        if is_contention(error):
            raise  # the database's own refusal: nothing was kept
        raise CommitUnknown("the database did not answer the COMMIT") from error


def _conforms(
    transactions: SqlTransactions, transaction: SqlTransaction
) -> tuple[Transactions, Transaction]:
    """Let the type checker prove that the adapters fit their ports."""
    return transactions, transaction
