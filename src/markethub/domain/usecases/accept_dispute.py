"""Concede a dispute: the money stays with the cardholder."""

import attrs

from markethub.domain.audit import Act
from markethub.domain.dispute import Dispute
from markethub.domain.ids import DisputeId
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.submission import CloseDispute, SubmissionKind
from markethub.domain.usecases.drive_submission import (
    AskedOfDispute,
    SubmissionDriver,
    ask_of_dispute,
    repeated_submission,
)
from markethub.domain.usecases.settle_dispute import DisputeSettlement, lock_dispute


@attrs.frozen(kw_only=True)
class AcceptDisputeCommand:
    """Which dispute, and who acts.

    ``origin`` is the caller, path and Idempotency-Key: a repeat finds the first one's row.
    """

    dispute_id: DisputeId
    act: Act | None = None
    origin: str | None = None


@attrs.frozen(kw_only=True)
class AcceptDispute:
    """Closes the dispute at the provider, for good."""

    transactions: Transactions
    settlement: DisputeSettlement
    drive: SubmissionDriver

    async def __call__(self, command: AcceptDisputeCommand) -> Dispute:
        """Return the dispute, lost.

        Raises NotFound; InvalidTransition unless it is a chargeback that needs a response;
        RequestInProgress; GatewayUnavailable for an unknown outcome (recovery finishes it);
        GatewayRejected.
        """
        step = await self.transactions.run(lambda tx: self._decide(tx, command))
        return step if isinstance(step, Dispute) else await self.drive(step)

    async def _decide(
        self, tx: Transaction, command: AcceptDisputeCommand
    ) -> Dispute | AskedOfDispute:
        dispute = await lock_dispute(tx, command.dispute_id)
        known = await repeated_submission(tx, dispute, SubmissionKind.ACCEPT, command.origin)
        if known is not None:
            return known
        dispute.require_acceptable()
        return await ask_of_dispute(
            tx,
            self.settlement,
            dispute,
            CloseDispute(dispute_id=dispute.provider_id),
            kind=SubmissionKind.ACCEPT,
            act=command.act,
            origin=command.origin,
        )
