"""Hand what was drafted to the bank."""

import attrs

from markethub.domain.audit import Act
from markethub.domain.dispute import Dispute
from markethub.domain.ids import DisputeId
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.submission import SubmissionKind, SubmitEvidence
from markethub.domain.usecases.drive_submission import (
    AskedOfDispute,
    SubmissionDriver,
    ask_of_dispute,
    repeated_submission,
)
from markethub.domain.usecases.settle_dispute import DisputeSettlement, lock_dispute


@attrs.frozen(kw_only=True)
class SubmitEvidenceCommand:
    """Which dispute, and who acts.

    ``origin`` is the caller, path and Idempotency-Key: a repeat finds the first one's row.
    ``seen`` is the fingerprint of the draft that was looked at; None submits any.
    """

    dispute_id: DisputeId
    act: Act | None = None
    origin: str | None = None
    seen: str | None = None


@attrs.frozen(kw_only=True)
class SubmitDraft:
    """Submits the draft once; the bank takes it only once."""

    transactions: Transactions
    settlement: DisputeSettlement
    drive: SubmissionDriver

    async def __call__(self, command: SubmitEvidenceCommand) -> Dispute:
        """Return the dispute, its evidence submitted.

        Raises NotFound; InvalidTransition or EvidencePastDue where no evidence is taken, or
        another draft was seen;
        ValidationFailed while nothing is drafted; RequestInProgress; GatewayUnavailable for an
        unknown outcome (recovery finishes it); GatewayRejected.
        """
        step = await self.transactions.run(lambda tx: self._decide(tx, command))
        return step if isinstance(step, Dispute) else await self.drive(step)

    async def _decide(
        self, tx: Transaction, command: SubmitEvidenceCommand
    ) -> Dispute | AskedOfDispute:
        dispute = await lock_dispute(tx, command.dispute_id)
        known = await repeated_submission(tx, dispute, SubmissionKind.SUBMIT, command.origin)
        if known is not None:
            return known
        dispute.require_submittable(now=self.settlement.clock.now())
        dispute.draft.require_seen(command.seen)
        return await ask_of_dispute(
            tx,
            self.settlement,
            dispute,
            SubmitEvidence(dispute_id=dispute.provider_id, evidence=dispute.draft.fields),
            kind=SubmissionKind.SUBMIT,
            act=command.act,
            origin=command.origin,
        )
