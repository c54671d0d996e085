"""Apply what the provider says of a dispute: the one way in, whoever brings the news.

An API answer, an event and a recovery read all end here, under the locks of the order, the
payment and the dispute; the second arrival of the same news changes nothing.
"""

from collections.abc import Awaitable, Callable

import attrs

from markethub.domain.dispute import Dispute, in_dispute
from markethub.domain.errors import NotFound, RequestInProgress
from markethub.domain.facts import ProviderDispute
from markethub.domain.ids import DisputeId, IdPrefix, PaymentId
from markethub.domain.ledger import dispute_entries
from markethub.domain.payment import Payment
from markethub.domain.ports.dispute_desk import DisputeDesk
from markethub.domain.ports.system import Clock, Ids
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.settlement import READS_MAXIMUM, lock


@attrs.frozen(kw_only=True)
class DisputeSettlement:
    """Applies disputes to our rows, their payments and the ledger."""

    transactions: Transactions
    desk: DisputeDesk
    clock: Clock
    ids: Ids

    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        view: ProviderDispute,
        *,
        seen_version: int,
    ) -> Dispute | None:
        """Merge a view of a dispute into dispute, payment and ledger.

        ``seen_version`` is the dispute's version from before the view was fetched, 0 if we did
        not know it. If the dispute has changed since, the view may be older than what is known
        (even a lost dispute may be won): then nothing is done and None returned, and the caller
        reads again. Raises NotFound for an unknown payment.
        """
        _, payment = await lock(tx, payment_id)
        known = await tx.disputes.find_by_provider_id(view.id)
        dispute = await tx.disputes.lock(known.id) if known else None
        if (dispute.version if dispute else 0) != seen_version:
            return None
        now = self.clock.now()
        if dispute is None:
            seen = Dispute.open(
                view,
                id=DisputeId(self.ids.new(IdPrefix.DISPUTE)),
                payment_id=payment.id,
                order_id=payment.order_id,
                now=now,
            )
        else:
            seen = dispute.observe(view, now=now)
        await self._post(tx, seen)
        if seen != dispute:
            seen = await tx.disputes.save(seen)
            await self._contest(tx, payment)
        return seen

    async def _post(self, tx: Transaction, dispute: Dispute) -> None:
        for movement in dispute.movements:
            for entry in dispute_entries(
                movement,
                disputed=dispute.presented(movement),
                payment_id=dispute.payment_id,
                now=self.clock.now(),
            ):
                await tx.ledger.post(entry)

    async def _contest(self, tx: Transaction, payment: Payment) -> None:
        disputes = await tx.disputes.of_payment(payment.id)
        contested = payment.contest(
            disputed=in_dispute(disputes, whole=payment.amount),
            chargeback_open=any(dispute.is_open_chargeback for dispute in disputes),
            now=self.clock.now(),
        )
        if contested != payment:
            await tx.payments.save(contested)

    async def refresh(
        self, dispute: Dispute, *, along: Callable[[Transaction], Awaitable[None]] | None = None
    ) -> Dispute:
        """Read a known dispute and apply it, again if it changed in between.

        What ``along`` writes is committed together with what was read, or not at all. Raises
        NotFound or GatewayUnavailable as the desk's read, and RequestInProgress if the dispute
        never stands still.
        """
        for _ in range(READS_MAXIMUM):
            version = await self.transactions.run(lambda tx: _version(tx, dispute.id))
            view = await self.desk.read_dispute(dispute.provider_id)

            async def work(
                tx: Transaction, view: ProviderDispute = view, version: int = version
            ) -> Dispute | None:
                seen = await self.apply(tx, dispute.payment_id, view, seen_version=version)
                if seen is not None and along is not None:
                    await along(tx)
                return seen

            settled = await self.transactions.run(work)
            if settled is not None:
                return settled
        raise RequestInProgress("the dispute is being changed by others")


async def lock_dispute(tx: Transaction, dispute_id: DisputeId) -> Dispute:
    """Lock a dispute's order, its payment, then the dispute: always so. Raises NotFound."""
    found = await tx.disputes.find(dispute_id)
    if found is None:
        raise NotFound("no such dispute")
    await lock(tx, found.payment_id)
    dispute = await tx.disputes.lock(dispute_id)
    if dispute is None:
        raise NotFound("no such dispute")
    return dispute


async def _version(tx: Transaction, dispute_id: DisputeId) -> int:
    found = await tx.disputes.find(dispute_id)
    if found is None:
        raise NotFound("no such dispute")
    return found.version
