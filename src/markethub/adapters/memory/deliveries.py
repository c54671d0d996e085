"""Deliveries in the memory store: inside a transaction, and for screens."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from markethub.adapters.memory.database import UNDELIVERED, UNDELIVERED_OF, Database
from markethub.adapters.memory.tables import Staged
from markethub.domain.delivery import Attempt, Delivery, DeliveryStatus
from markethub.domain.endpoint import Endpoint
from markethub.domain.ports.outbox import (
    Deliveries,
    DeliveryPage,
    DeliveryQueries,
    DeliveryView,
    OutboxHealth,
    position,
)


@attrs.frozen(kw_only=True)
class MemoryDeliveries:
    """Public events on their way."""

    rows: Staged[int, Delivery]
    endpoints: Staged[str, Endpoint]
    attempts: list[Attempt]

    async def claim(
        self, *, now: datetime, limit: int, lease: str, until: datetime
    ) -> Sequence[Delivery]:
        """Take due ones that nobody holds, longest due first, and hold them until then."""
        waiting = self.rows.where(UNDELIVERED, key=True)
        due = sorted((row.next_attempt_at, row.sequence) for row in waiting if row.is_due(now))
        taken: list[Delivery] = []
        for _, sequence in due:
            if len(taken) == limit:
                break
            # Whoever had the row until now may have changed it, or one before it.
            row = await self.rows.claim(sequence)
            if row is not None and row.is_due(now) and self._is_first(row):
                claimed = row.claim(lease, until=until)
                self.rows.stage(sequence, claimed)
                taken.append(claimed)
        return taken

    def _is_first(self, row: Delivery) -> bool:
        waiting = self.rows.where(UNDELIVERED_OF, row.aggregate_id)
        return row.sequence == min(each.sequence for each in waiting)

    async def skip_older(self, moment: datetime, *, now: datetime, limit: int) -> int:
        """Skip pending ones that were due before the moment, and say how many that were."""
        waiting = self.rows.where(UNDELIVERED, key=True)
        old = [row.sequence for row in waiting if row.is_before(moment)][:limit]
        for sequence in old:
            row = await self.rows.claim(sequence)
            if row is not None and row.is_pending and row.is_before(moment):
                self.rows.stage(sequence, row.skip(now=now))
        return len(old)

    async def lock(self, sequence: int) -> Delivery | None:
        """Return a delivery, holding its row."""
        return await self.rows.hold(sequence)

    async def save(self, delivery: Delivery) -> None:
        """Update a delivery whose row is held."""
        await self.rows.claim(delivery.sequence)
        self.rows.stage(delivery.sequence, delivery)

    async def settle(self, delivery: Delivery, *, lease: str) -> bool:
        """Update it if the lease still is the one it was claimed with; say whether it was."""
        row = await self.rows.claim(delivery.sequence)
        if row is None or row.lease != lease:
            return False
        self.rows.stage(delivery.sequence, delivery)
        return True

    async def log(self, attempts: Sequence[Attempt]) -> None:
        """Append to the log of attempts."""
        self.attempts.extend(attempts)

    async def find_endpoint(self, id: str) -> Endpoint | None:
        """Return an endpoint, if it was ever sent to."""
        return self.endpoints.get(id)

    async def open_endpoint(self, id: str, *, now: datetime) -> Endpoint:
        """Return the endpoint, holding its row; make it if it is new."""
        endpoint = await self.endpoints.claim(id)
        if endpoint is None:
            since = min((each.since for each in self.endpoints.all()), default=now)
            endpoint = Endpoint(id=id, since=since)
            self.endpoints.stage(id, endpoint)
        return endpoint

    async def save_endpoint(self, endpoint: Endpoint) -> None:
        """Update an endpoint whose row is held."""
        await self.endpoints.claim(endpoint.id)
        self.endpoints.stage(endpoint.id, endpoint)


@attrs.frozen
class MemoryDeliveryQueries:
    """Consistent reads outside of a use case's transaction."""

    _database: Database

    async def deliveries(
        self, status: DeliveryStatus | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> DeliveryPage:
        """List deliveries, newest first. Raises ValidationFailed for a cursor not ours."""
        before = None if cursor is None else position(cursor)
        found = [
            row
            for row in self._database.deliveries.rows.values()
            if status in (None, row.status) and (before is None or row.sequence < before)
        ]
        found.sort(key=lambda row: row.sequence, reverse=True)
        page = found[:limit]
        return DeliveryPage(
            items=[DeliveryView(delivery=row, log=self._log(row.sequence)) for row in page],
            next_cursor=str(page[-1].sequence) if found[limit:] else None,
        )

    def _log(self, sequence: int) -> Sequence[Attempt]:
        return [each for each in self._database.attempts if each.sequence == sequence]

    async def outbox_health(self, endpoint_id: str) -> OutboxHealth:
        """Say how the relay to an endpoint is."""
        rows = self._database.deliveries.rows.values()
        waiting = [row.event.occurred_at for row in rows if row.is_pending]
        return OutboxHealth(
            waiting=len(waiting),
            oldest_waiting_at=min(waiting, default=None),
            dead=sum(row.status is DeliveryStatus.DEAD for row in rows),
            endpoint=self._database.endpoints.rows.get(endpoint_id),
        )


def _conforms(
    deliveries: MemoryDeliveries, queries: MemoryDeliveryQueries
) -> tuple[Deliveries, DeliveryQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return deliveries, queries
