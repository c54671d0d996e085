"""Send again what was delivered, given up or skipped, and let a disabled endpoint be tried."""

from collections.abc import Sequence

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.delivery import sequence_of
from markethub.domain.errors import NotFound
from markethub.domain.ports.publisher import Publisher
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.record_audit import record


@attrs.frozen(kw_only=True)
class ReplayDeliveries:
    """Makes deliveries due at once, and enables the endpoint."""

    transactions: Transactions
    publisher: Publisher | None
    clock: Clock

    async def __call__(self, message_ids: Sequence[str], *, act: Act | None = None) -> None:
        """Replay all of them or none; with none named, only enable the endpoint.

        ``act`` is who asks for it.

        Raises NotFound for an unknown id and InvalidTransition for one that is being sent.
        """

        async def replay(tx: Transaction) -> None:
            now = self.clock.now()
            if self.publisher is not None:
                endpoint = await tx.deliveries.open_endpoint(self.publisher.endpoint_id, now=now)
                await tx.deliveries.save_endpoint(endpoint.enable())
            # In one order, so that two who replay the same do not wait for each other.
            for message_id in sorted(set(message_ids)):
                sequence = sequence_of(message_id)
                delivery = None if sequence is None else await tx.deliveries.lock(sequence)
                if delivery is None or delivery.message_id != message_id:
                    raise NotFound(f"no such delivery: {message_id}")
                await tx.deliveries.save(delivery.replay(now=now))
                await record(tx, act, AuditAction.DELIVERY_REPLAY, at=now, subject=message_id)
            if not message_ids:
                await record(tx, act, AuditAction.DELIVERY_REPLAY, at=now)

        await self.transactions.run(replay)
