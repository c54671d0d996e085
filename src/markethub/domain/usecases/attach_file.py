"""Upload a file and attach it to a dispute's draft."""

from hashlib import sha256
from typing import Final

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.dispute import Dispute
from markethub.domain.evidence import EvidenceFile, require_file_field
from markethub.domain.ids import DisputeId
from markethub.domain.ports.dispute_desk import DisputeDesk
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.draft_evidence import require_settled
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.settle_dispute import lock_dispute

_KEY_LIFE_S: Final = 3600


@attrs.frozen(kw_only=True)
class AttachFileCommand:
    """A file, and the field of Stripe's evidence that shall hold it."""

    dispute_id: DisputeId
    field: str
    content: bytes = attrs.field(repr=False)
    act: Act | None = None


@attrs.frozen(kw_only=True)
class AttachFile:
    """Uploads under a key derived from dispute, content and hour: once, soon after one another.

    An upload whose outcome is unknown moved nothing and attached nothing; whoever asks again
    brings the same content, and with it the same key. A 5xx that the provider keeps under it is
    all that it will ever say, so the key changes by the hour: a second copy does no harm.
    """

    transactions: Transactions
    desk: DisputeDesk
    clock: Clock

    async def __call__(self, command: AttachFileCommand) -> Dispute:
        """Return the dispute with the file in its draft.

        Raises NotFound; ValidationFailed for another field, size or type than Stripe takes;
        InvalidTransition or EvidencePastDue where no evidence is taken; RequestInProgress while
        the outcome of a submission is unknown; GatewayUnavailable; GatewayRejected.
        """
        require_file_field(command.field)
        file = EvidenceFile.of(command.content)
        await self.transactions.run(lambda tx: self._answerable(tx, command.dispute_id))
        digest = sha256(file.content).hexdigest()
        hour = int(self.clock.now().timestamp()) // _KEY_LIFE_S
        file_id = await self.desk.upload(
            file, idempotency_key=f"{command.dispute_id}:{digest}:{hour}"
        )

        async def attach(tx: Transaction) -> Dispute:
            dispute = await self._answerable(tx, command.dispute_id)
            draft = dispute.draft.with_file(command.field, file_id)
            now = self.clock.now()
            await record(
                tx,
                command.act,
                AuditAction.DISPUTE_ATTACH,
                at=now,
                subject=dispute.id,
                payment_id=dispute.payment_id,
                detail={"field": command.field, "bytes": str(len(file.content))},
            )
            actor = None if command.act is None else command.act.actor
            return await tx.disputes.save(dispute.redraft(draft, actor=actor, now=now))

        return await self.transactions.run(attach)

    async def _answerable(self, tx: Transaction, dispute_id: DisputeId) -> Dispute:
        dispute = await lock_dispute(tx, dispute_id)
        dispute.require_answerable(now=self.clock.now())
        await require_settled(tx, dispute)
        return dispute
