"""Give stored events their effect, each once, at our own pace."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from traceback import format_exception
from typing import Final

import attrs

from markethub.domain.errors import TryAgain
from markethub.domain.facts import ProviderFact
from markethub.domain.ids import EventId, IdPrefix, LeaseId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ports.gateway import EventTranslator
from markethub.domain.ports.inbox import Lease
from markethub.domain.ports.system import Clock, Ids
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.inbox_handler import (
    Applied,
    FactHandler,
    Ignored,
    Look,
    Parked,
    Step,
    Work,
)
from markethub.domain.usecases.settlement import READS_MAXIMUM

BATCH: Final = 32
"""Few enough that a batch is over soon, many enough that claiming it costs next to nothing."""
LEASE: Final = timedelta(seconds=15)
"""For how long a worker that says nothing keeps what it has claimed. Renew it thrice as often."""
_CHANGED_BY_OTHERS: Final = "changed_by_others"


@attrs.frozen(kw_only=True)
class InboxBatch:
    """What became of a batch of events."""

    is_full: bool = False
    """As many were claimed as were asked for: there may be more."""
    processed: int = 0
    ignored: int = 0
    parked: int = 0
    failed: int = 0
    """Put off: somebody was in the way, or we stumbled over it."""
    dead: Sequence[EventId] = ()
    """Given up: somebody must look at them."""

    @property
    def total(self) -> int:
        """How many events were brought further, or put off."""
        return self.processed + self.ignored + self.parked + self.failed + len(self.dead)


class UnreadableEvent(Exception):
    """None of our keys opens the payload; with the right one again, it can be replayed."""


class LeasesInHand:
    """The leases that one process is working under right now, and no others.

    A claim whose commit was never confirmed may have left a lease that nobody works under: it has
    to run out, or its events would wait for as long as this process lives.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._ids: dict[LeaseId, None] = {}

    @contextmanager
    def working_under(self, lease: LeaseId) -> Iterator[None]:
        """Have a lease in hand for as long as the body runs."""
        self._ids[lease] = None
        try:
            yield
        finally:
            del self._ids[lease]

    def __iter__(self) -> Iterator[LeaseId]:
        """Name them, as they are by now."""
        return iter(tuple(self._ids))


@attrs.frozen(kw_only=True)
class ProcessInbox:
    """Claims due events and processes them one by one; a poisoned one does not block the others.

    The mark "processed" and the effect are one transaction; the provider is read outside of it.
    ``handlers`` says who takes which kind of fact; a kind that nobody takes is ignored. Any
    number of these may run side by side: events of one subject are in one hand at a time.
    """

    transactions: Transactions
    handlers: Mapping[type[ProviderFact], FactHandler]
    translator: EventTranslator
    clock: Clock
    ids: Ids
    worker: str
    """Whose leases these are, for people."""
    in_hand: LeasesInHand
    """What ``RenewLeases`` keeps."""

    async def __call__(self, limit: int = BATCH) -> InboxBatch:
        """Take up to ``limit`` due events and say what became of them."""
        now = self.clock.now()
        lease = Lease(
            id=LeaseId(self.ids.new(IdPrefix.LEASE)), holder=self.worker, until=now + LEASE
        )
        claimed = await self.transactions.run(
            lambda tx: tx.inbox.claim(lease, now=now, limit=limit)
        )
        if not claimed:
            return InboxBatch()
        try:
            with self.in_hand.working_under(lease.id):
                ended = [(event, await self._process(event, lease.id)) for event in claimed]
        finally:
            await self.transactions.run(lambda tx: tx.inbox.release(lease.id))
        counts = Counter(status for _, status in ended)
        return InboxBatch(
            is_full=len(claimed) == limit,
            processed=counts[InboxStatus.PROCESSED],
            ignored=counts[InboxStatus.IGNORED],
            parked=counts[InboxStatus.PARKED],
            failed=counts[InboxStatus.PENDING],
            dead=[event.event.id for event, status in ended if status is InboxStatus.DEAD],
        )

    async def _process(self, event: InboxEvent, lease: LeaseId) -> InboxStatus | None:
        """Return what the event is now; None if it is in other hands."""
        now = self.clock.now()
        try:
            return await self._steps(event, lease)
        except Exception as error:  # noqa: BLE001 - poison of any kind must not stop the others
            marked = self._put_off(event, error, now=now)
        return await self.transactions.run(lambda tx: self._mark(tx, event, marked, lease))

    def _put_off(self, event: InboxEvent, error: Exception, *, now: datetime) -> InboxEvent:
        if isinstance(error, TryAgain):
            return event.postpone(error.code, now=now)
        return event.fail(type(error).__name__, error="".join(format_exception(error)), now=now)

    async def _steps(self, event: InboxEvent, lease: LeaseId) -> InboxStatus | None:
        work: Work | None = None
        for _ in range(READS_MAXIMUM):
            step = await self._advance(event, lease, work)
            if not isinstance(step, Look):
                return step
            work = await step.fetch()
        marked = event.postpone(_CHANGED_BY_OTHERS, now=self.clock.now())
        return await self.transactions.run(lambda tx: self._mark(tx, event, marked, lease))

    async def _advance(
        self, event: InboxEvent, lease: LeaseId, work: Work | None
    ) -> InboxStatus | Look | None:
        """Apply the event, or say what must be read first; None if it is in other hands."""

        async def advance(tx: Transaction) -> InboxStatus | Look | None:
            if not await tx.inbox.hold(event, lease=lease):
                return None
            step = await (work(tx) if work is not None else self._handle(tx, event))
            if isinstance(step, Look):
                return step
            marked = _ended(event, step, now=self.clock.now())
            await tx.inbox.save(marked)
            return marked.status

        return await self.transactions.run(advance)

    async def _handle(self, tx: Transaction, event: InboxEvent) -> Step:
        if not event.is_readable:
            raise UnreadableEvent("the payload is sealed under a key that is not configured")
        fact = self.translator.translate(event.event)
        handler = self.handlers.get(type(fact))
        return Ignored(reason="unhandled_type") if handler is None else await handler(tx, fact)

    async def _mark(
        self, tx: Transaction, event: InboxEvent, marked: InboxEvent, lease: LeaseId
    ) -> InboxStatus | None:
        if not await tx.inbox.hold(event, lease=lease):
            return None
        await tx.inbox.save(marked)
        return marked.status


def _ended(event: InboxEvent, step: Applied | Ignored | Parked, *, now: datetime) -> InboxEvent:
    match step:
        case Applied():
            return event.process(now=now)
        case Ignored(reason=reason):
            return event.ignore(reason, now=now)
        case Parked(ours=ours, reason=reason):
            return event.park(reason, ours=ours, now=now)


@attrs.frozen(kw_only=True)
class RenewLeases:
    """Says that a process is alive: what it has in hand stays its own."""

    transactions: Transactions
    clock: Clock
    in_hand: LeasesInHand

    async def __call__(self) -> None:
        """Let every lease in hand begin anew."""
        leases = tuple(self.in_hand)
        if not leases:
            return
        until = self.clock.now() + LEASE

        async def renew(tx: Transaction) -> None:
            for lease in leases:
                await tx.inbox.renew(lease, until=until)

        await self.transactions.run(renew)
