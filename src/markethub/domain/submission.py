"""What we asked the provider to do about a dispute: the durable intention that outlives a crash.

Saved before the provider is called; never changed afterwards but for its outcome. The
idempotency key is derived from the row, so whoever finishes it asks for the same thing under
the same key.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Self

import attrs

from markethub.domain.facts import ProviderDispute, ProviderDisputeStatus
from markethub.domain.ids import DisputeId, ProviderDisputeId, SubmissionId
from markethub.domain.operation import (
    KEY_LIFE,
    RETRY_AFTER,
    OperationStatus,
    ProviderRequest,
    ask_again_after,
)


class SubmissionKind(StrEnum):
    """What the provider was asked."""

    SUBMIT = "submit"
    """To hand the evidence to the bank: the one time that it is taken."""
    ACCEPT = "accept"
    """To concede: the dispute is lost."""


@attrs.frozen(kw_only=True)
class SubmitEvidence:
    """Hand the evidence to the bank, by Stripe's field names."""

    dispute_id: ProviderDisputeId
    evidence: Mapping[str, str]


@attrs.frozen(kw_only=True)
class CloseDispute:
    """Concede the dispute."""

    dispute_id: ProviderDisputeId


DisputeCommand = SubmitEvidence | CloseDispute


@attrs.frozen(kw_only=True)
class Submission:
    """One request about a dispute and what became of it."""

    id: SubmissionId
    dispute_id: DisputeId
    kind: SubmissionKind
    request: ProviderRequest
    count_before: int
    """How often evidence had been submitted before: no more than that disproves this one."""
    actor: str | None = None
    origin: str | None = None
    """Caller, path and Idempotency-Key: a repeat finds this row."""
    attempt: int = 1
    """Raised only after the attempt before is known to have had no effect."""
    status: OperationStatus = OperationStatus.UNRESOLVED
    error_code: str | None = None
    next_attempt_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""

    @classmethod
    def ask(
        cls,
        *,
        id: SubmissionId,
        dispute_id: DisputeId,
        kind: SubmissionKind,
        request: ProviderRequest,
        count_before: int,
        actor: str | None,
        origin: str | None,
        now: datetime,
    ) -> Self:
        """Intend to send ``request``."""
        return cls(
            id=id,
            dispute_id=dispute_id,
            kind=kind,
            request=request,
            count_before=count_before,
            actor=actor,
            origin=origin,
            next_attempt_at=now + RETRY_AFTER,
            created_at=now,
            updated_at=now,
        )

    @property
    def is_unresolved(self) -> bool:
        """Tell whether nobody knows yet what became of it."""
        return self.status is OperationStatus.UNRESOLVED

    def is_left_behind(self, now: datetime) -> bool:
        """Tell whether its outcome is unknown, and not because somebody is just asking."""
        return self.is_unresolved and now - self.created_at >= RETRY_AFTER

    @property
    def idempotency_key(self) -> str:
        """The key under which the provider executes this attempt once."""
        return f"{self.kind}:{self.id}:{self.attempt}"

    def may_be_sent(self, now: datetime) -> bool:
        """Tell whether its key still protects from doing it twice."""
        return now - self.created_at < KEY_LIFE

    def is_shown_by(self, view: ProviderDispute) -> bool:
        """Tell whether the dispute, read later than this was asked, shows that it was done.

        Somebody else may have submitted meanwhile: only what we asked to be said counts.
        """
        if self.kind is SubmissionKind.ACCEPT:
            return view.status is ProviderDisputeStatus.LOST
        if view.submission_count <= self.count_before:
            return False
        asked = self.request.params["evidence"]
        assert isinstance(asked, Mapping), "a submission says what to submit"
        held = view.evidence
        return all(_words(text) == _words(held.get(name, "")) for name, text in asked.items())

    def try_again(self, *, now: datetime) -> Self:
        """Begin another attempt, under a new key: a read has shown that this had no effect."""
        return attrs.evolve(
            self, attempt=self.attempt + 1, next_attempt_at=now + RETRY_AFTER, updated_at=now
        )

    def postpone(self, *, now: datetime) -> Self:
        """Leave it for later, at widening intervals."""
        wait = ask_again_after(self.id, now - self.created_at)
        return attrs.evolve(self, next_attempt_at=now + wait, updated_at=now)

    def done(self, *, now: datetime) -> Self:
        """Note that the provider did it."""
        return self._end(OperationStatus.DONE, now=now)

    def refuse(self, code: str, *, now: datetime) -> Self:
        """Note that the provider refused it for good."""
        return attrs.evolve(self._end(OperationStatus.REFUSED, now=now), error_code=code)

    def never_happened(self, *, now: datetime) -> Self:
        """Note that its key is too old to be sent again, and that it had no effect."""
        return self._end(OperationStatus.NEVER_HAPPENED, now=now)

    def _end(self, status: OperationStatus, *, now: datetime) -> Self:
        return attrs.evolve(self, status=status, updated_at=now)


def _words(text: str) -> list[str]:
    """Leave out the white space, which the provider may have trimmed or folded."""
    return text.split()
