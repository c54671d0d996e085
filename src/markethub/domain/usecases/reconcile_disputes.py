"""Finish requests about disputes that were left unknown, and remind of evidence that is due."""

from datetime import timedelta

import attrs

from markethub.domain.errors import Refused, TryAgain
from markethub.domain.ids import DisputeId, SubmissionId
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.drive_submission import AskedOfDispute, SubmissionDriver
from markethub.domain.usecases.reconcile import TURN_MAXIMUM, ReconcileBatch, each_in_turn
from markethub.domain.usecases.settle_dispute import lock_dispute


@attrs.frozen(kw_only=True)
class ReconcileDisputes:
    """Re-drives unresolved submissions: by the same key, after 23 hours by reading the dispute."""

    transactions: Transactions
    drive: SubmissionDriver
    clock: Clock

    async def __call__(self, limit: int = 100, *, eagerly: bool = False) -> ReconcileBatch:
        """Take up to ``limit`` submissions that are due, oldest first, as ``Reconcile`` does."""
        until = self.clock.now() + (TURN_MAXIMUM if eagerly else timedelta())
        due = await self.transactions.run(lambda tx: tx.submissions.due(now=until, limit=limit))
        return await each_in_turn(due, self._finish)

    async def _finish(self, submission_id: SubmissionId) -> bool | None:
        asked = await self.transactions.run(lambda tx: self._postpone(tx, submission_id))
        if asked is None:
            return None
        try:
            await self.drive(asked, patience_s=0)
        except TryAgain:
            return False
        except Refused:
            return True  # the refusal is recorded; nobody waits for this answer
        return True

    async def _postpone(
        self, tx: Transaction, submission_id: SubmissionId
    ) -> AskedOfDispute | None:
        """Set the next try first, so that a crash in this one does not make it the next again."""
        found = await tx.submissions.find(submission_id)
        if found is None:
            return None
        dispute = await lock_dispute(tx, found.dispute_id)
        submission = await tx.submissions.unresolved(dispute.id)
        if submission is None or submission.id != submission_id:
            return None
        if not submission.is_left_behind(self.clock.now()):
            return None
        postponed = await tx.submissions.save(submission.postpone(now=self.clock.now()))
        return AskedOfDispute(submission=postponed, dispute=dispute)


@attrs.frozen(kw_only=True)
class RemindOfDisputes:
    """Tells the storefront once per dispute that the time for evidence runs out soon."""

    transactions: Transactions
    clock: Clock

    async def __call__(self, limit: int = 100) -> int:
        """Look at up to ``limit`` disputes and return how many were told of."""
        now = self.clock.now()
        due = await self.transactions.run(lambda tx: tx.disputes.due(now=now, limit=limit))
        return sum([await self._remind(dispute_id) for dispute_id in due])

    async def _remind(self, dispute_id: DisputeId) -> bool:
        async def work(tx: Transaction) -> bool:
            dispute = await lock_dispute(tx, dispute_id)
            reminded = dispute.remind(now=self.clock.now())
            if reminded == dispute:
                return False
            await tx.disputes.save(reminded)
            return True

        return await self.transactions.run(work)
