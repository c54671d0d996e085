"""Transactions: what they wrote becomes visible at once, when they end well, or never."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from markethub.adapters.memory.approvals import MemoryApprovals
from markethub.adapters.memory.audit import MemoryAuditLog
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
from markethub.adapters.memory.tables import Id, Row, Staged, Table
from markethub.domain.errors import StaleWrite
from markethub.domain.ports.unit_of_work import Transaction, Transactions

if TYPE_CHECKING:
    from markethub.domain.audit import AuditEntry
    from markethub.domain.delivery import Attempt
    from markethub.domain.events import DomainEvent
    from markethub.domain.ids import OperationId
    from markethub.domain.operation import Operation

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
        self._acts: list[AuditEntry] = []
        self._staged: list[Staged[Any, Any]] = []

    def _rows(self, table: Table[Id, Row]) -> Staged[Id, Row]:
        """Return a table as this transaction sees it. Made when asked for: most never are."""
        staged = Staged(table, self._locks, self._holder)
        self._staged.append(staged)
        return staged

    @cached_property
    def orders(self) -> MemoryOrders:
        """Orders."""
        return MemoryOrders(rows=self._rows(self._database.orders), outbox=self._outbox)

    @cached_property
    def payments(self) -> MemoryPayments:
        """Payments."""
        return MemoryPayments(
            rows=self._rows(self._database.payments),
            operations=self._operations,
            orders=self.orders,
            outbox=self._outbox,
        )

    @cached_property
    def _operations(self) -> "Staged[OperationId, Operation]":
        return self._rows(self._database.operations)

    @cached_property
    def operations(self) -> MemoryOperations:
        """What we asked the provider."""
        return MemoryOperations(rows=self._operations)

    @cached_property
    def customers(self) -> MemoryCustomers:
        """Customers at the provider."""
        return MemoryCustomers(rows=self._rows(self._database.customers))

    @cached_property
    def methods(self) -> MemoryMethods:
        """Saved methods."""
        return MemoryMethods(rows=self._rows(self._database.methods), outbox=self._outbox)

    @cached_property
    def ledger(self) -> MemoryLedger:
        """The books."""
        return MemoryLedger(rows=self._rows(self._database.ledger))

    @cached_property
    def refunds(self) -> MemoryRefunds:
        """Refunds."""
        return MemoryRefunds(rows=self._rows(self._database.refunds), outbox=self._outbox)

    @cached_property
    def approvals(self) -> MemoryApprovals:
        """Refunds that wait for a second person."""
        return MemoryApprovals(rows=self._rows(self._database.approvals))

    @cached_property
    def disputes(self) -> MemoryDisputes:
        """Disputes."""
        return MemoryDisputes(rows=self._rows(self._database.disputes), outbox=self._outbox)

    @cached_property
    def submissions(self) -> MemorySubmissions:
        """What we asked about disputes."""
        return MemorySubmissions(rows=self._rows(self._database.submissions))

    @cached_property
    def inbox(self) -> MemoryInboxEvents:
        """Stored events of the provider."""
        return MemoryInboxEvents(
            rows=self._rows(self._database.inbox), leases=self._rows(self._database.leases)
        )

    @cached_property
    def deliveries(self) -> MemoryDeliveries:
        """Public events on their way to the storefront."""
        return MemoryDeliveries(
            rows=self._rows(self._database.deliveries),
            endpoints=self._rows(self._database.endpoints),
            attempts=self._attempts,
        )

    @cached_property
    def audit(self) -> MemoryAuditLog:
        """What people did."""
        return MemoryAuditLog(self._database, self._acts)

    def commit(self) -> None:
        """Make everything visible at once. Raises StaleWrite, and then nothing is."""
        written = [staged for staged in self._staged if staged.has_written]
        for staged in written:
            staged.verify()
        for staged in written:
            staged.apply()
        self._database.record(self._acts)
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
