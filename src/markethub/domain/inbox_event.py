"""An event of the provider on its way through the inbox."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.backoff import delay
from markethub.domain.errors import InvalidTransition
from markethub.domain.facts import ReceivedEvent

PATIENCE: Final = timedelta(hours=72)
"""How long an event waits for what it is about, or for a provider that is out of reach.

Stripe itself redelivers for three days.
"""
FAILURES_MAXIMUM: Final = 12
"""An event that we ourselves stumble over is dead after so many tries, some hours later."""
FIRST_RETRY: Final = timedelta(seconds=5)
RETRY_MAXIMUM: Final = timedelta(minutes=10)
"""The longest wait for others: a provider, a database, an object that we have yet to hear of."""
FAILURE_RETRY_MAXIMUM: Final = timedelta(hours=1)
ERROR_CHARACTERS_MAXIMUM: Final = 8192
WRONG_MODE: Final = "wrong_mode"


class InboxStatus(StrEnum):
    """What became of an event. ``dead`` and ``ignored`` carry their reason."""

    PENDING = "pending"
    PARKED = "parked"
    PROCESSED = "processed"
    IGNORED = "ignored"
    DEAD = "dead"


WAITING: Final = (InboxStatus.PENDING, InboxStatus.PARKED)


@attrs.frozen(kw_only=True)
class InboxEvent:
    """A stored event: durable before the provider was answered, processed once afterwards."""

    event: ReceivedEvent
    is_readable: bool = True
    """False where nobody has the key any more, or not yet, that its payload is sealed under."""
    status: InboxStatus = InboxStatus.PENDING
    reason: str | None = None
    error: str | None = attrs.field(default=None, repr=False)
    """The traceback of the last failure, its end if it is long."""
    attempts: int = 0
    """How often it was tried without an end."""
    failures: int = 0
    """How many of these were our own fault: they count towards its death."""
    next_attempt_at: datetime
    received_at: datetime
    replayed_at: datetime | None = None
    """When somebody had it begin anew: its patience counts from then."""
    updated_at: datetime

    @classmethod
    def receive(cls, event: ReceivedEvent, *, livemode: bool, now: datetime) -> Self:
        """Take an event in. One of the other mode is kept, ignored, and never applied."""
        taken = cls(event=event, next_attempt_at=now, received_at=now, updated_at=now)
        return taken if event.livemode is livemode else taken.ignore(WRONG_MODE, now=now)

    @property
    def is_waiting(self) -> bool:
        """Tell whether its effect is still to come."""
        return self.status in WAITING

    @property
    def is_of_wrong_mode(self) -> bool:
        """Tell whether it is kept for the record only, for it is of the other mode."""
        return self.status is InboxStatus.IGNORED and self.reason == WRONG_MODE

    def process(self, *, now: datetime) -> Self:
        """Mark it done: in the same transaction as its effect."""
        return attrs.evolve(
            self, status=InboxStatus.PROCESSED, reason=None, error=None, updated_at=now
        )

    def ignore(self, reason: str, *, now: datetime) -> Self:
        """Mark it as of no interest to us."""
        return attrs.evolve(
            self, status=InboxStatus.IGNORED, reason=reason, error=None, updated_at=now
        )

    def park(self, reason: str, *, ours: bool, now: datetime) -> Self:
        """Let it wait for what it is about.

        After three days it is ignored as foreign, or dead if it bears an id of ours.
        """
        if self._has_patience(now):
            return attrs.evolve(self._later(reason, now=now), status=InboxStatus.PARKED)
        return self.bury(reason, now=now) if ours else self.ignore("foreign", now=now)

    def postpone(self, reason: str, *, now: datetime) -> Self:
        """Leave it for later: somebody else is in the way, not the event.

        An outage sends nothing to the dead letter before three days have passed.
        """
        return (
            self._later(reason, now=now) if self._has_patience(now) else self.bury(reason, now=now)
        )

    def fail(self, reason: str, *, error: str, now: datetime) -> Self:
        """Leave it for later: we stumbled over it. Too often, and it is dead.

        ``error`` is the traceback, which the dead letter shows.
        """
        tail = _storable(error)[-ERROR_CHARACTERS_MAXIMUM:]
        failed = attrs.evolve(self, failures=self.failures + 1, error=tail)
        if failed.failures >= FAILURES_MAXIMUM:
            return failed.bury(reason, now=now)
        return failed._later(reason, now=now, maximum=FAILURE_RETRY_MAXIMUM)

    def bury(self, reason: str, *, now: datetime) -> Self:
        """Give it up: somebody must look at it, and may have it replayed."""
        return attrs.evolve(
            self,
            status=InboxStatus.DEAD,
            reason=reason,
            attempts=self.attempts + 1,
            updated_at=now,
        )

    def replay(self, *, now: datetime) -> Self:
        """Begin anew, whatever became of it: every effect is made once, however often asked for.

        Raises InvalidTransition for one of the other mode, which is never applied.
        """
        if self.is_of_wrong_mode:
            raise InvalidTransition("an event of the other mode is never applied")
        return attrs.evolve(
            self,
            status=InboxStatus.PENDING,
            reason=None,
            error=None,
            attempts=0,
            failures=0,
            next_attempt_at=now,
            replayed_at=now,
            updated_at=now,
        )

    def _has_patience(self, now: datetime) -> bool:
        return now - (self.replayed_at or self.received_at) < PATIENCE

    def _later(self, reason: str, *, now: datetime, maximum: timedelta = RETRY_MAXIMUM) -> Self:
        attempts = self.attempts + 1
        wait = delay(self.event.id, attempts, first=FIRST_RETRY, maximum=maximum)
        return attrs.evolve(
            self,
            reason=reason,
            attempts=attempts,
            next_attempt_at=now + wait,
            updated_at=now,
        )


def _storable(text: str) -> str:
    """Escape what no database takes for text: NUL, and halves of characters.

    A message may quote anything, and the mark of a failure must not fail for it.
    """
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
