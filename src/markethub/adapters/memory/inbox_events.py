"""Stored events of the provider, for whoever processes them."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from markethub.adapters.memory.database import LEASED, WAITING, Leased
from markethub.adapters.memory.tables import Staged
from markethub.domain.ids import EventId, LeaseId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.inbox import InboxEvents, Lease


@attrs.frozen(kw_only=True)
class MemoryInboxEvents:
    """Stored events of the provider."""

    rows: Staged[EventId, InboxEvent]
    leases: Staged[str, Leased]

    async def claim(self, lease: Lease, *, now: datetime, limit: int) -> Sequence[InboxEvent]:
        """Lease up to ``limit`` waiting events that are due, oldest first."""
        due = [row for row in self.rows.where(WAITING, key=True) if row.next_attempt_at <= now]
        due.sort(key=lambda row: (row.next_attempt_at, row.received_at, row.event.id))
        claimed: list[InboxEvent] = []
        for row in due:
            if len(claimed) == limit:
                break
            if await self._take(row.event.subject, lease, now=now):
                claimed.append(row)
        return claimed

    async def _take(self, subject: str, lease: Lease, *, now: datetime) -> bool:
        current = self.leases.get(subject)
        if current is not None and current.lease == lease.id:
            return True
        if current is not None and current.is_live(now):
            return False
        current = await self.leases.claim(subject)
        if current is not None and current.is_live(now):
            return False
        taken = Leased(subject=subject, lease=lease.id, holder=lease.holder, until=lease.until)
        self.leases.stage(subject, taken)
        return True

    async def hold(self, event: InboxEvent, *, lease: LeaseId) -> bool:
        """Hold a claimed event's row, if it is as it was and its subject is still leased so."""
        current = await self.leases.hold(event.event.subject)
        if current is None or current.lease != lease:
            return False
        row = await self.rows.hold(event.event.id)
        return row is not None and row.is_waiting and row.updated_at == event.updated_at

    async def renew(self, lease: LeaseId, *, until: datetime) -> None:
        """Let a lease that is still held last until then."""
        for held in self.leases.where(LEASED, lease):
            current = await self.leases.hold(held.subject)
            if current is not None and current.lease == lease:
                self.leases.stage(held.subject, attrs.evolve(current, until=until))

    async def release(self, lease: LeaseId) -> None:
        """Let the subjects of a lease go."""
        for held in self.leases.where(LEASED, lease):
            current = await self.leases.hold(held.subject)
            if current is not None and current.lease == lease:
                self.leases.stage(held.subject, attrs.evolve(current, lease=None, holder=None))

    async def lock(self, id: EventId) -> InboxEvent | None:
        """Return the event, holding its row."""
        return await self.rows.hold(id)

    async def save(self, event: InboxEvent) -> None:
        """Update what is known of a stored event: all but what was received."""
        if await self.rows.hold(event.event.id) is not None:
            self.rows.stage(event.event.id, event)


def _conforms(events: MemoryInboxEvents) -> InboxEvents:
    """Let the type checker prove that the adapter fits its port."""
    return events
