"""An event of the provider on its way through the inbox."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.facts import ReceivedEvent

PARKED_FOR: Final = timedelta(hours=72)
"""How long an event waits for what it is about. Stripe itself redelivers for three days."""
RETRY_AFTER: Final = timedelta(seconds=5)


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
    status: InboxStatus = InboxStatus.PENDING
    reason: str | None = None
    attempts: int = 0
    next_attempt_at: datetime
    received_at: datetime
    updated_at: datetime

    @classmethod
    def receive(cls, event: ReceivedEvent, *, livemode: bool, now: datetime) -> Self:
        """Take an event in. One of the other mode is kept, ignored, and never applied."""
        taken = cls(event=event, next_attempt_at=now, received_at=now, updated_at=now)
        return taken if event.livemode is livemode else taken.ignore("wrong_mode", now=now)

    @property
    def is_waiting(self) -> bool:
        """Tell whether its effect is still to come."""
        return self.status in WAITING

    def process(self, *, now: datetime) -> Self:
        """Mark it done: in the same transaction as its effect."""
        return attrs.evolve(self, status=InboxStatus.PROCESSED, reason=None, updated_at=now)

    def ignore(self, reason: str, *, now: datetime) -> Self:
        """Mark it as of no interest to us."""
        return attrs.evolve(self, status=InboxStatus.IGNORED, reason=reason, updated_at=now)

    def park(self, reason: str, *, ours: bool, now: datetime) -> Self:
        """Let it wait for what it is about.

        After three days it is ignored as foreign, or dead if it bears an id of ours.
        """
        if now - self.received_at < PARKED_FOR:
            return attrs.evolve(self, status=InboxStatus.PARKED).retry(reason, now=now)
        if ours:
            return attrs.evolve(self, status=InboxStatus.DEAD, reason=reason, updated_at=now)
        return self.ignore("foreign", now=now)

    def retry(self, reason: str, *, now: datetime) -> Self:
        """Leave it for later, saying why."""
        return attrs.evolve(
            self,
            reason=reason,
            attempts=self.attempts + 1,
            next_attempt_at=now + RETRY_AFTER,
            updated_at=now,
        )
