"""Tell the storefront what happened."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from markethub.domain.delivery import SENT_BACK, Answer, Attempt, Delivery, DeliveryStatus, Message
from markethub.domain.endpoint import Endpoint
from markethub.domain.ids import IdPrefix
from markethub.domain.ports.publisher import Publisher
from markethub.domain.ports.system import Clock, Ids
from markethub.domain.ports.unit_of_work import Transaction, Transactions

BATCH: Final = 20
"""Messages sent side by side; each is of another aggregate."""
SKIPPED_AT_ONCE: Final = 1000
LEASE: Final = timedelta(seconds=30)
"""Several times what a publisher takes; after it a claim of a process that died is free."""


@attrs.frozen(kw_only=True)
class Relayed:
    """What became of a batch. ``disabled`` says why the endpoint was disabled by it."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    skipped: int = 0
    disabled: str | None = None

    @property
    def total(self) -> int:
        """How many were taken up."""
        return self.delivered + self.failed + self.dead + self.skipped


@attrs.frozen(kw_only=True)
class RelayOutbox:
    """Sends due public events: at least once, and of an aggregate one after the other.

    A batch is claimed in one short transaction, sent with none open, and settled in another.
    What a process that died had claimed is sent again. Without a publisher nothing happens.
    """

    transactions: Transactions
    publisher: Publisher | None
    clock: Clock
    ids: Ids

    async def __call__(self, limit: int = BATCH) -> Relayed:
        """Send up to ``limit`` messages and say what became of them."""
        if self.publisher is None:
            return Relayed()
        lease = self.ids.new(IdPrefix.LEASE)
        claimed, skipped = await self._claim(self.publisher.endpoint_id, lease, limit)
        if not claimed:
            return Relayed(skipped=skipped)
        sent_at = self.clock.now()
        if not all(delivery.is_held(sent_at) for delivery in claimed):
            # Slept since: others may have sent these, and what follows them.
            return Relayed(skipped=skipped)
        messages = [delivery.message(at=sent_at) for delivery in claimed]
        answers = await self._publish(self.publisher, messages)
        attempts = [
            Attempt(sequence=delivery.sequence, at=sent_at, answer=answer)
            for delivery, answer in zip(claimed, answers, strict=True)
        ]
        relayed = await self._settle(self.publisher.endpoint_id, lease, claimed, attempts)
        return attrs.evolve(relayed, skipped=skipped)

    async def _publish(self, publisher: Publisher, messages: Sequence[Message]) -> Sequence[Answer]:
        return await publisher.publish(messages)

    async def _claim(
        self, endpoint_id: str, lease: str, limit: int
    ) -> tuple[Sequence[Delivery], int]:
        """Take what may be sent now; say also how many were too old to be sent at all."""

        async def claim(tx: Transaction) -> tuple[Sequence[Delivery], int]:
            now = self.clock.now()
            endpoint = await tx.deliveries.find_endpoint(endpoint_id)
            if endpoint is None:
                endpoint = await tx.deliveries.open_endpoint(endpoint_id, now=now)
            room = endpoint.takes(limit, now=now)
            if not room:
                return [], 0
            taken = await tx.deliveries.claim(now=now, limit=room, lease=lease, until=now + LEASE)
            horizon = endpoint.since - SENT_BACK
            fresh = [each for each in taken if not each.is_before(horizon)]
            if len(fresh) == len(taken):
                return fresh, 0
            # Years of them, perhaps: then not in the small portions that are sent.
            return fresh, await tx.deliveries.skip_older(horizon, now=now, limit=SKIPPED_AT_ONCE)

        return await self.transactions.run(claim)

    async def _settle(
        self,
        endpoint_id: str,
        lease: str,
        claimed: Sequence[Delivery],
        attempts: Sequence[Attempt],
    ) -> Relayed:
        async def settle(tx: Transaction) -> Relayed:
            now = self.clock.now()
            # The endpoint first, as everybody does: nobody waits for another in a circle.
            endpoint = await tx.deliveries.open_endpoint(endpoint_id, now=now)
            after = _judged(endpoint, [each.answer for each in attempts], now=now)
            settled = []
            for delivery, attempt in zip(claimed, attempts, strict=True):
                outcome = delivery.settle(attempt.answer, now=now)
                # A claim that was lost meanwhile is another's to settle: it is sent twice.
                await tx.deliveries.settle(outcome, lease=lease)
                settled.append(outcome)
            await tx.deliveries.log(attempts)
            if after != endpoint:
                await tx.deliveries.save_endpoint(after)
            newly = after.disabled_reason if endpoint.disabled_at is None else None
            return _counted(settled, [each.answer for each in attempts], disabled=newly)

        return await self.transactions.run(settle)


def _judged(endpoint: Endpoint, answers: Sequence[Answer], *, now: datetime) -> Endpoint:
    """Say what a round shows of the endpoint: one message that was taken, and it is alive."""
    gone = any(answer.is_gone for answer in answers)
    if not gone and any(answer.is_success for answer in answers):
        return endpoint.succeed()
    return endpoint.fail(gone=gone, now=now)


def _counted(
    settled: Sequence[Delivery], answers: Sequence[Answer], *, disabled: str | None
) -> Relayed:
    delivered = sum(answer.is_success for answer in answers)
    dead = sum(each.status is DeliveryStatus.DEAD for each in settled)
    return Relayed(
        delivered=delivered,
        failed=len(settled) - delivered - dead,
        dead=dead,
        disabled=disabled,
    )
