"""Bring a request about a dispute to its end: send it, and apply whatever comes back.

Used by the request that began it, by a repetition and by recovery: all send the same parameters
under the same key, so the provider executes them once.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.dispute import Dispute
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    KeyReused,
    NotFound,
    RequestInProgress,
)
from markethub.domain.facts import ProviderDispute
from markethub.domain.ids import IdPrefix, SubmissionId
from markethub.domain.operation import OperationStatus
from markethub.domain.ports.dispute_desk import DeskOutcome, DisputeDone
from markethub.domain.ports.gateway import Declined, NotTaken, Unknown
from markethub.domain.ports.system import Pause
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.submission import DisputeCommand, Submission, SubmissionKind
from markethub.domain.usecases.drive import PATIENCE_S
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.settle_dispute import DisputeSettlement, lock_dispute

_STEP_S: Final = 0.1


@attrs.frozen(kw_only=True)
class AskedOfDispute:
    """A durable submission, to be sent, and the dispute as it was when it was asked."""

    submission: Submission
    dispute: Dispute


async def ask_of_dispute(
    tx: Transaction,
    settlement: DisputeSettlement,
    dispute: Dispute,
    command: DisputeCommand,
    *,
    kind: SubmissionKind,
    act: Act | None,
    origin: str | None,
) -> AskedOfDispute:
    """Save the intention to send ``command``, in this transaction."""
    now = settlement.clock.now()
    submission = Submission.ask(
        id=SubmissionId(settlement.ids.new(IdPrefix.SUBMISSION)),
        dispute_id=dispute.id,
        kind=kind,
        request=settlement.desk.render(command),
        count_before=dispute.submission_count,
        actor=None if act is None else act.actor,
        origin=origin,
        now=now,
    )
    await record(
        tx,
        act,
        _ACTIONS[kind],
        at=now,
        subject=dispute.id,
        payment_id=dispute.payment_id,
    )
    return AskedOfDispute(submission=await tx.submissions.save(submission), dispute=dispute)


_ACTIONS: Final = {
    SubmissionKind.SUBMIT: AuditAction.DISPUTE_SUBMIT,
    SubmissionKind.ACCEPT: AuditAction.DISPUTE_ACCEPT,
}


@attrs.frozen(kw_only=True)
class SubmissionDriver:
    """Sends a submission and settles its outcome."""

    settlement: DisputeSettlement
    pause: Pause

    async def __call__(self, asked: AskedOfDispute, *, patience_s: float = PATIENCE_S) -> Dispute:
        """Return the dispute once the submission is resolved.

        Raises RequestInProgress if another request under its key is still in flight after
        ``patience_s``; GatewayUnavailable if the outcome is unknown (it stays unresolved, and
        is finished by a repetition or by recovery); GatewayRejected if the provider refused it
        for good, or never did it and its key is too old: only a new request may ask again.
        """
        submission = asked.submission
        if not submission.may_be_sent(self.settlement.clock.now()):
            return await self._look_up(asked)
        match await self._send(submission, patience_s=patience_s):
            case DisputeDone(dispute=view, replayed=replayed):
                return await self._done(asked, None if replayed else view)
            case Declined(code=code):
                return await self._refuse(asked, code)
            case NotTaken(in_flight=True):
                raise RequestInProgress("the provider is still busy with the same request")
            case NotTaken(reason=reason):
                raise GatewayUnavailable(f"the provider did not take the request: {reason}")
            case Unknown(stored=True):
                return await self._look_up(asked)
            case Unknown():
                raise GatewayUnavailable("the provider's outcome is not known yet")

    async def _send(self, submission: Submission, *, patience_s: float) -> DeskOutcome:
        waited_s = 0.0
        while True:
            outcome = await self.settlement.desk.send(
                submission.request, idempotency_key=submission.idempotency_key
            )
            busy = isinstance(outcome, NotTaken) and outcome.in_flight
            if not busy or waited_s >= patience_s:
                return outcome
            await self.pause(_STEP_S)
            waited_s += _STEP_S

    async def _done(self, asked: AskedOfDispute, view: ProviderDispute | None) -> Dispute:
        """End the submission in the transaction in which the dispute comes to show it.

        Not before: whoever asked in between would find neither, and ask the bank a second time.
        Without a view, or with one that came too late, the dispute is read.
        """

        async def end(tx: Transaction) -> None:
            await self._amend(
                tx, asked.submission, lambda each: each.done(now=self.settlement.clock.now())
            )

        async def work(tx: Transaction, view: ProviderDispute) -> Dispute | None:
            settled = await self.settlement.apply(
                tx, asked.dispute.payment_id, view, seen_version=asked.dispute.version
            )
            if settled is not None:
                await end(tx)
            return settled

        settled = None
        if view is not None:
            settled = await self.settlement.transactions.run(lambda tx: work(tx, view))
        return settled or await self.settlement.refresh(asked.dispute, along=end)

    async def _refuse(self, asked: AskedOfDispute, code: str) -> Dispute:
        """End what the provider refused, unless the dispute shows that it was done before."""
        if await self._is_shown(asked):
            return await self._done(asked, None)
        await self._change(
            asked.submission, lambda each: each.refuse(code, now=self.settlement.clock.now())
        )
        with suppress(NotFound):  # of a dispute that the provider no longer has
            await self.settlement.refresh(asked.dispute)
        raise GatewayRejected(f"the provider refused the request ({code})")

    async def _look_up(self, asked: AskedOfDispute) -> Dispute:
        """Find out without sending: the key is too old, or would only replay a stored 5xx."""
        if await self._is_shown(asked):
            return await self._done(asked, None)
        now = self.settlement.clock.now()
        if asked.submission.may_be_sent(now):
            # A look from before tells nothing of an attempt that began in the meantime.
            attempt = asked.submission.attempt
            await self._change(
                asked.submission,
                lambda each: each.try_again(now=now) if each.attempt == attempt else each,
            )
            raise GatewayUnavailable("the provider failed; the request will be sent again")
        await self._change(asked.submission, lambda each: each.never_happened(now=now))
        with suppress(NotFound):
            await self.settlement.refresh(asked.dispute)
        raise GatewayRejected("the provider never did it, and its key is too old to ask again")

    async def _is_shown(self, asked: AskedOfDispute) -> bool:
        """Tell whether the dispute, as it is now, shows that the request was executed."""
        try:
            view = await self.settlement.desk.read_dispute(asked.dispute.provider_id)
        except NotFound:
            return False
        return asked.submission.is_shown_by(view)

    async def _change(
        self, submission: Submission, change: Callable[[Submission], Submission]
    ) -> None:
        await self.settlement.transactions.run(lambda tx: self._amend(tx, submission, change))

    async def _amend(
        self,
        tx: Transaction,
        submission: Submission,
        change: Callable[[Submission], Submission],
    ) -> None:
        """Change a submission that is still unresolved; leave one that somebody else resolved."""
        await lock_dispute(tx, submission.dispute_id)
        current = await tx.submissions.unresolved(submission.dispute_id)
        if current is not None and current.id == submission.id:
            await tx.submissions.save(change(current))


async def repeated_submission(
    tx: Transaction, dispute: Dispute, kind: SubmissionKind, origin: str | None
) -> Dispute | AskedOfDispute | None:
    """Return what an earlier request of the same origin, or an unfinished equal one, began.

    None if there was none. An unresolved one is to be finished; one that was done has been
    answered by the dispute. Raises KeyReused if the earlier request was another one,
    GatewayRejected if it was refused, and RequestInProgress while another one is unresolved.
    """
    known = await tx.submissions.find_by_origin(origin) if origin is not None else None
    if known is None:
        known = await tx.submissions.unresolved(dispute.id)
        if known is not None and known.kind is not kind:
            raise RequestInProgress("another request on this dispute is unresolved")
    if known is None:
        return None
    if (known.dispute_id, known.kind) != (dispute.id, kind):
        raise KeyReused("the idempotency key was used for another request")
    if known.is_unresolved:
        return AskedOfDispute(submission=known, dispute=dispute)
    if known.status is OperationStatus.DONE:
        return dispute
    raise GatewayRejected(f"the provider did not do it ({known.error_code or known.status})")
