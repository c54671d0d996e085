"""The memory store: what the SQL stores are, without a database."""

from markethub.adapters.memory.approvals import MemoryApprovalQueries
from markethub.adapters.memory.audit import MemoryAuditQueries
from markethub.adapters.memory.database import Database
from markethub.adapters.memory.deliveries import MemoryDeliveryQueries
from markethub.adapters.memory.disputes import MemoryDisputeQueries
from markethub.adapters.memory.history import MemoryHistoryQueries
from markethub.adapters.memory.idempotency import MemoryIdempotencyKeys
from markethub.adapters.memory.inbox import MemoryInbox
from markethub.adapters.memory.inbox_queries import MemoryInboxQueries
from markethub.adapters.memory.overview import MemoryOverviewQueries
from markethub.adapters.memory.queries import MemoryQueries
from markethub.adapters.memory.refunds import MemoryRefundQueries
from markethub.adapters.memory.rotation import MemoryRotation
from markethub.adapters.memory.sessions import MemoryStaffSessions
from markethub.adapters.memory.stamps import MemoryStamps
from markethub.adapters.memory.unit_of_work import MemoryTransactions


class MemoryStore:
    """A store whose data lives as long as this object."""

    def __init__(self, database: Database | None = None) -> None:
        """Begin with what is in ``database``, or empty."""
        database = database or Database()
        self.transactions = MemoryTransactions(database)
        self.inbox = MemoryInbox(database)
        self.queries = MemoryQueries(database)
        self.inbox_queries = MemoryInboxQueries(database)
        self.refund_queries = MemoryRefundQueries(database)
        self.dispute_queries = MemoryDisputeQueries(database)
        self.approval_queries = MemoryApprovalQueries(database)
        self.audit_queries = MemoryAuditQueries(database)
        self.delivery_queries = MemoryDeliveryQueries(database)
        self.history_queries = MemoryHistoryQueries(database)
        self.overview_queries = MemoryOverviewQueries(database)
        self.idempotency_keys = MemoryIdempotencyKeys()
        self.stamps = MemoryStamps()
        self.rotation = MemoryRotation()
        self.staff_sessions = MemoryStaffSessions()

    async def upgrade(self) -> None:
        """Bring the schema up to date: it always is."""

    async def current_revision(self) -> str | None:
        """Name the schema's revision."""
        return "memory"

    async def schema_is_current(self) -> bool:
        """Tell whether the schema is this version's."""
        return True

    async def unlock(self) -> None:
        """Make sure that what is encrypted can be read: nothing is."""

    async def close(self) -> None:
        """Release what the store holds open: nothing."""
