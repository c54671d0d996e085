"""Let a stored event begin anew: the worker takes it up like one that has just arrived."""

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import NotFound
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.record_audit import record


@attrs.frozen(kw_only=True)
class ReplayEvent:
    """Makes an event pending again, whatever became of it. Effects are made once all the same."""

    transactions: Transactions
    clock: Clock

    async def __call__(self, event_id: EventId, *, act: Act | None = None) -> InboxEvent:
        """Return the event as it is to be processed again. ``act`` is who asks for it.

        Raises NotFound, and InvalidTransition for one of the other mode.
        """

        async def work(tx: Transaction) -> InboxEvent:
            stored = await tx.inbox.lock(event_id)
            if stored is None:
                raise NotFound("no such event")
            now = self.clock.now()
            replayed = stored.replay(now=now)
            await record(tx, act, AuditAction.EVENT_REPLAY, at=now, subject=event_id)
            await tx.inbox.save(replayed)
            return replayed

        return await self.transactions.run(work)
