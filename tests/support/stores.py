"""The stores that one contract suite judges, and rows to put into them."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, TypeVar

import anyio
import attrs

from markethub.adapters.crypto import AesGcmCipher
from markethub.adapters.memory.store import MemoryStore
from markethub.domain.customer import Customer
from markethub.domain.facts import CaptureMethod, Card, ProviderMethod, ReceivedEvent
from markethub.domain.ids import (
    CustomerId,
    CustomerRecordId,
    EventId,
    IntentId,
    LeaseId,
    MethodId,
    OperationId,
    OrderId,
    PaymentId,
    ProviderCustomerId,
)
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ledger import Account, Entry, EntryKind
from markethub.domain.money import Currency, Money
from markethub.domain.operation import CancelIntent, Operation, ProviderRequest
from markethub.domain.order import Cart, Line, Order
from markethub.domain.payment import Payment
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.ports.approvals import ApprovalQueries
from markethub.domain.ports.audit import AuditQueries
from markethub.domain.ports.disputes import DisputeQueries
from markethub.domain.ports.history import HistoryQueries
from markethub.domain.ports.idempotency import IdempotencyKeys
from markethub.domain.ports.inbox import Inbox, InboxQueries, Lease
from markethub.domain.ports.outbox import DeliveryQueries
from markethub.domain.ports.overview import OverviewQueries
from markethub.domain.ports.queries import Queries
from markethub.domain.ports.refunds import RefundQueries
from markethub.domain.ports.rotation import Rotation
from markethub.domain.ports.sessions import StaffSessions
from markethub.domain.ports.stamp import Stamps
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.secret import Secret

T = TypeVar("T")

START: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
MEMORY_URL: Final = "memory://"


class Store(Protocol):
    """What every store offers."""

    @property
    def transactions(self) -> Transactions: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def queries(self) -> Queries: ...
    @property
    def inbox_queries(self) -> InboxQueries: ...
    @property
    def refund_queries(self) -> RefundQueries: ...
    @property
    def dispute_queries(self) -> DisputeQueries: ...
    @property
    def delivery_queries(self) -> DeliveryQueries: ...
    @property
    def history_queries(self) -> HistoryQueries: ...
    @property
    def overview_queries(self) -> OverviewQueries: ...
    @property
    def audit_queries(self) -> AuditQueries: ...
    @property
    def approval_queries(self) -> ApprovalQueries: ...
    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...
    @property
    def stamps(self) -> Stamps: ...
    @property
    def rotation(self) -> Rotation: ...
    @property
    def staff_sessions(self) -> StaffSessions: ...
    async def upgrade(self) -> None: ...
    async def current_revision(self) -> str | None: ...
    async def schema_is_current(self) -> bool: ...
    async def unlock(self) -> None: ...
    async def close(self) -> None: ...


def open_store(url: str) -> Store:
    """Open the store at an address of DATABASE_URL's form."""
    if url == MEMORY_URL:
        return MemoryStore()
    from markethub.adapters.sqlalchemy.store import SqlStore  # noqa: PLC0415 - 0.3 s to import

    return SqlStore(url, cipher=AesGcmCipher([Secret("a key for tests, 32 characters long")]))


def sqlite_url(path: Path) -> str:
    """Return the address of a SQLite file."""
    return f"sqlite:///{path}"


def later(**amount: float) -> datetime:
    """Return a moment so much after the start."""
    return START + timedelta(**amount)


# --- rows ------------------------------------------------------------------------------------


def cart(*, shipping: int = 0, customer_id: str = "c-1") -> Cart:
    return Cart(
        customer_id=CustomerId(customer_id),
        currency=Currency.of("usd"),
        lines=(Line(sku="tea", title="Tea", unit_price=5000, quantity=1),),
        shipping=shipping,
    )


def order(id: str = "o-1", *, customer_id: str = "c-1", now: datetime = START) -> Order:
    return Order.register(id=OrderId(id), cart=cart(customer_id=customer_id), now=now)


def payment(
    id: str = "pay_1",
    *,
    of: Order | None = None,
    intent_id: str | None = None,
    now: datetime = START,
) -> Payment:
    started = Payment.start(
        id=PaymentId(id), order=of or order(), capture_method=CaptureMethod.AUTOMATIC, now=now
    )
    return attrs.evolve(started, intent_id=IntentId(intent_id) if intent_id else None)


def operation(
    id: str = "op_1",
    *,
    payment_id: str = "pay_1",
    origin: str | None = None,
    now: datetime = START,
) -> Operation:
    return Operation.ask(
        id=OperationId(id),
        payment_id=PaymentId(payment_id),
        command=CancelIntent(intent_id=IntentId("pi_1")),
        request=ProviderRequest(method="POST", path="/v1/payment_intents/pi_1/cancel", params={}),
        origin=origin,
        now=now,
    )


def customer(id: str = "c-1", *, now: datetime = START) -> Customer:
    """Return a customer whose record at the provider is made."""
    number = id.rpartition("-")[2]
    begun = Customer.begin(id=CustomerId(id), record_id=CustomerRecordId(f"cst_{number}"), now=now)
    return begun.activate(ProviderCustomerId(f"cus_{number}"), now=now)


def saved_method(
    id: str = "mth_1", *, customer_id: str = "c-1", card: str | None = None, now: datetime = START
) -> PaymentMethod:
    """Return a method of its own card, unless ``card`` names another."""
    seen = ProviderMethod(
        token=Secret(f"pm_{id}"),
        customer_id=ProviderCustomerId("cus_1"),
        card=Card(brand="visa", last4="4242", exp_month=12, exp_year=2030),
        fingerprint=Secret(card or f"print of {id}"),
        created_at=now,
    )
    return PaymentMethod.save(seen, id=MethodId(id), customer_id=CustomerId(customer_id), now=now)


def entry(
    reference: str = "ch_1",
    *,
    kind: EntryKind = EntryKind.CHARGE,
    payment_id: str = "pay_1",
    minor: int = 5000,
) -> Entry:
    return Entry(
        kind=kind,
        reference=reference,
        payment_id=PaymentId(payment_id),
        debit=Account.PROVIDER_BALANCE,
        credit=Account.SALES,
        amount=Money.of(minor, "usd"),
        posted_at=START,
    )


def event(id: str = "evt_1", *, payload: str = "{}", now: datetime = START) -> InboxEvent:
    received = ReceivedEvent(
        id=EventId(id),
        type="payment_intent.succeeded",
        livemode=False,
        created_at=START,
        api_version="2026-10-28.endive",
        payload=payload,
    )
    return InboxEvent.receive(received, livemode=False, now=now)


# --- doing -----------------------------------------------------------------------------------


async def put(store: Store, *rows: Order | Payment | Operation | Customer | PaymentMethod) -> None:
    """Save rows in one transaction, in this order."""

    async def work(tx: Transaction) -> None:
        for row in rows:
            match row:
                case Order():
                    await tx.orders.save(row)
                case Payment():
                    await tx.payments.save(row)
                case Operation():
                    await tx.operations.save(row)
                case Customer():
                    await tx.customers.save(row)
                case PaymentMethod():
                    await tx.methods.save(row)

    await store.transactions.run(work)


async def post(store: Store, *entries: Entry) -> list[bool]:
    """Post entries in one transaction; say of each whether it was new."""

    async def work(tx: Transaction) -> list[bool]:
        return [await tx.ledger.post(entry) for entry in entries]

    return await store.transactions.run(work)


async def receive(store: Store, events: Iterable[InboxEvent]) -> None:
    """Store events in the inbox, one after the other."""
    for received in events:
        await store.inbox.store(received)


async def let_others_run(tx: Transaction) -> None:
    """Give every other task far more turns than it needs to go as far as it can.

    Whoever is really blocked stays so however long this takes: no test that rightly passes
    depends on it.
    """
    for _ in range(50):
        await tx.orders.find(OrderId("nobody's"))
        await anyio.lowlevel.checkpoint()


async def together(
    store: Store, work: Callable[[Transaction], Awaitable[T]], *, times: int
) -> list[T]:
    """Run the same work in so many concurrent transactions; return their results."""
    results: list[T] = []

    async def run() -> None:
        results.append(await store.transactions.run(work))

    async with anyio.create_task_group() as tasks:
        for _ in range(times):
            tasks.start_soon(run)
    return results


async def upgrade(url: str) -> None:
    """Bring a database's schema up to date."""
    store = open_store(url)
    try:
        await store.upgrade()
    finally:
        await store.close()


async def claim(
    store: Store,
    *,
    now: datetime = START,
    limit: int = 100,
    lease: str = "lse_1",
    holder: str = "wrk_1",
    for_s: float = 15,
) -> list[InboxEvent]:
    """Claim events that are due, for so many seconds."""
    taken = Lease(id=LeaseId(lease), holder=holder, until=now + timedelta(seconds=for_s))
    return list(
        await store.transactions.run(lambda tx: tx.inbox.claim(taken, now=now, limit=limit))
    )
