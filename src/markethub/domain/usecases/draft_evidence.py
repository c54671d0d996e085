"""Write down what we will say against a dispute. Nothing is sent to the provider."""

from collections.abc import Mapping

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.dispute import Dispute
from markethub.domain.errors import RequestInProgress
from markethub.domain.ids import DisputeId
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.settle_dispute import lock_dispute


@attrs.frozen(kw_only=True)
class DraftEvidenceCommand:
    """All texts of the draft, by Stripe's field names. Attached files stay.

    ``seen`` is the fingerprint of the draft that they replace; None replaces any.
    """

    dispute_id: DisputeId
    texts: Mapping[str, str]
    act: Act | None = None
    seen: str | None = None


@attrs.frozen(kw_only=True)
class DraftEvidence:
    """Replaces the texts of a dispute's draft."""

    transactions: Transactions
    clock: Clock

    async def __call__(self, command: DraftEvidenceCommand) -> Dispute:
        """Return the dispute with its new draft.

        Raises NotFound; InvalidTransition or EvidencePastDue where no evidence is taken, or
        another draft was seen; ValidationFailed for an unknown field or too long a text;
        RequestInProgress while the outcome of a submission is unknown.
        """
        return await self.transactions.run(lambda tx: self._draft(tx, command))

    async def _draft(self, tx: Transaction, command: DraftEvidenceCommand) -> Dispute:
        dispute = await lock_dispute(tx, command.dispute_id)
        await require_settled(tx, dispute)
        dispute.draft.require_seen(command.seen)
        draft = dispute.draft.with_texts(command.texts)
        now = self.clock.now()
        await record(
            tx,
            command.act,
            AuditAction.DISPUTE_DRAFT,
            at=now,
            subject=dispute.id,
            payment_id=dispute.payment_id,
            detail={"fields": ", ".join(sorted(command.texts))},
        )
        actor = None if command.act is None else command.act.actor
        return await tx.disputes.save(dispute.redraft(draft, actor=actor, now=now))


async def require_settled(tx: Transaction, dispute: Dispute) -> None:
    """Raise RequestInProgress while it is unknown what became of a submission."""
    if await tx.submissions.unresolved(dispute.id) is not None:
        raise RequestInProgress("another request on this dispute is unresolved")
