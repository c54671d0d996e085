"""Give stored events their effect, each once, at our own pace."""

from collections import Counter
from collections.abc import Mapping

import attrs

from markethub.domain.errors import TryAgain
from markethub.domain.facts import ProviderFact
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ports.gateway import EventTranslator
from markethub.domain.ports.system import Clock
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


@attrs.frozen(kw_only=True)
class InboxBatch:
    """What became of a batch of events."""

    processed: int = 0
    ignored: int = 0
    parked: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """How many events were looked at."""
        return self.processed + self.ignored + self.parked + self.failed


@attrs.frozen(kw_only=True)
class ProcessInbox:
    """Processes due events one by one; a poisoned one waits without blocking the others.

    The mark "processed" and the effect are one transaction; the provider is read outside of it.
    ``handlers`` says who takes which kind of fact; a kind that nobody takes is ignored.
    """

    transactions: Transactions
    handlers: Mapping[type[ProviderFact], FactHandler]
    translator: EventTranslator
    clock: Clock

    async def __call__(self, limit: int = 100) -> InboxBatch:
        """Look at up to ``limit`` due events and say what became of them."""
        now = self.clock.now()
        due = await self.transactions.run(lambda tx: tx.inbox.due(now=now, limit=limit))
        counts = Counter([await self._process(event_id) for event_id in due])
        return InboxBatch(
            processed=counts[InboxStatus.PROCESSED],
            ignored=counts[InboxStatus.IGNORED],
            parked=counts[InboxStatus.PARKED],
            failed=counts[InboxStatus.PENDING] + counts[InboxStatus.DEAD],
        )

    async def _process(self, event_id: EventId) -> InboxStatus | None:
        try:
            return await self._steps(event_id)
        except TryAgain as error:
            reason = error.code
        except Exception as error:  # noqa: BLE001 - poison of any kind must not stop the others
            reason = f"{type(error).__name__}: {error}"[:500]
        return await self._retry(event_id, reason)

    async def _steps(self, event_id: EventId) -> InboxStatus | None:
        work: Work | None = None
        for _ in range(READS_MAXIMUM):
            step = await self._advance(event_id, work)
            if not isinstance(step, Look):
                return step
            work = await step.fetch()
        return await self._retry(event_id, "the object is being changed by others")

    async def _advance(self, event_id: EventId, work: Work | None) -> InboxStatus | Look | None:
        """Apply the event, or say what must be read first; None if another worker did it."""

        async def advance(tx: Transaction) -> InboxStatus | Look | None:
            row = await tx.inbox.lock(event_id)
            if row is None or not row.is_waiting:
                return None
            now = self.clock.now()
            match await (work(tx) if work is not None else self._handle(tx, row)):
                case Look() as look:
                    return look
                case Applied():
                    return await _mark(tx, row.process(now=now))
                case Ignored(reason=reason):
                    return await _mark(tx, row.ignore(reason, now=now))
                case Parked(ours=ours, reason=reason):
                    return await _mark(tx, row.park(reason, ours=ours, now=now))

        return await self.transactions.run(advance)

    async def _handle(self, tx: Transaction, row: InboxEvent) -> Step:
        fact = self.translator.translate(row.event)
        handler = self.handlers.get(type(fact))
        return Ignored(reason="unhandled_type") if handler is None else await handler(tx, fact)

    async def _retry(self, event_id: EventId, reason: str) -> InboxStatus | None:
        async def work(tx: Transaction) -> InboxStatus | None:
            row = await tx.inbox.lock(event_id)
            if row is None or not row.is_waiting:
                return None
            return await _mark(tx, row.retry(reason, now=self.clock.now()))

        return await self.transactions.run(work)


async def _mark(tx: Transaction, row: InboxEvent) -> InboxStatus:
    await tx.inbox.save(row)
    return row.status
