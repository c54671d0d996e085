"""Transactions: what they wrote becomes visible at once, when they end well, or never."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from markethub.adapters.memory.database import Database
from markethub.adapters.memory.deliveries import MemoryDeliveries
from markethub.adapters.memory.disputes import MemoryDisputes, MemorySubmissions
from markethub.adapters.memory.inbox_events import MemoryInboxEvents
from markethub.adapters.memory.locks import Holder, RowLocks
from markethub.adapters.memory.methods import MemoryCustomers, MemoryMethods
from markethub.adapters.memory.refunds import MemoryRefunds
from markethub.adapters.memory.repositories import (
    MemoryLedger,
    MemoryOperations,
    MemoryOrders,
    MemoryPayments,
)
from markethub.adapters.memory.tables import Staged
from markethub.domain.errors import StaleWrite
from markethub.domain.ports.unit_of_work import Transaction, Transactions

if TYPE_CHECKING:
    from markethub.domain.delivery import Attempt
    from markethub.domain.events import DomainEvent

T = TypeVar("T")

ATTEMPTS_MAXIMUM: Final = 10
"""A transaction that lost this often has a conflict that waiting its turn does not solve."""


class MemoryTransaction:
    """One transaction. Reads what is committed by now, under its own writes."""

    def __init__(self, database: Database, locks: RowLocks) -> None:
        """Begin."""
        self._database = database
        self._locks = locks
        self._holder = Holder()
        self._outbox: list[DomainEvent] = []
        self._attempts: list[Attempt] = []
        orders = Staged(database.orders, locks, self._holder)
        payments = Staged(database.payments, locks, self._holder)
        operations = Staged(database.operations, locks, self._holder)
        ledger = Staged(database.ledger, locks, self._holder)
        refunds = Staged(database.refunds, locks, self._holder)
        disputes = Staged(database.disputes, locks, self._holder)
        submissions = Staged(database.submissions, locks, self._holder)
        inbox = Staged(database.inbox, locks, self._holder)
        leases = Staged(database.leases, locks, self._holder)
        customers = Staged(database.customers, locks, self._holder)
        methods = Staged(database.methods, locks, self._holder)
        deliveries = Staged(database.deliveries, locks, self._holder)
        endpoints = Staged(database.endpoints, locks, self._holder)
        self._staged = (
            orders,
            payments,
            operations,
            ledger,
            refunds,
            disputes,
            submissions,
            inbox,
            leases,
            customers,
            methods,
            deliveries,
            endpoints,
        )
        self.orders = MemoryOrders(rows=orders, outbox=self._outbox)
        self.payments = MemoryPayments(
            rows=payments, operations=operations, orders=self.orders, outbox=self._outbox
        )
        self.operations = MemoryOperations(rows=operations)
        self.customers = MemoryCustomers(rows=customers)
        self.methods = MemoryMethods(rows=methods, outbox=self._outbox)
        self.ledger = MemoryLedger(rows=ledger)
        self.refunds = MemoryRefunds(rows=refunds, outbox=self._outbox)
        self.disputes = MemoryDisputes(rows=disputes, outbox=self._outbox)
        self.submissions = MemorySubmissions(rows=submissions)
        self.inbox = MemoryInboxEvents(rows=inbox, leases=leases)
        self.deliveries = MemoryDeliveries(
            rows=deliveries, endpoints=endpoints, attempts=self._attempts
        )

    def commit(self) -> None:
        """Make everything visible at once. Raises StaleWrite, and then nothing is."""
        written = [staged for staged in self._staged if staged.has_written]
        for staged in written:
            staged.verify()
        for staged in written:
            staged.apply()
        self._database.tell(self._outbox)
        self._database.attempts.extend(self._attempts)

    def end(self) -> None:
        """Let go of every row; what was not committed is gone."""
        self._locks.release(self._holder)


class MemoryTransactions:
    """Runs work in a transaction of the memory store."""

    def __init__(self, database: Database) -> None:
        """Work on ``database``."""
        self._database = database
        self._locks = RowLocks()

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Begin, await ``work``, commit, and return its result; roll back on any exception.

        Repeats ``work`` on StaleWrite, and raises it when it has done so often enough.
        """
        for _ in range(ATTEMPTS_MAXIMUM - 1):
            try:
                return await self._once(work)
            except StaleWrite:
                continue
        return await self._once(work)

    async def _once(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        transaction = MemoryTransaction(self._database, self._locks)
        try:
            result = await work(transaction)
            transaction.commit()
        finally:
            # Also when the task is canceled: a row must not stay held for ever.
            transaction.end()
        return result


def _conforms(transactions: MemoryTransactions) -> Transactions:
    """Let the type checker prove that the adapter fits its port."""
    return transactions
