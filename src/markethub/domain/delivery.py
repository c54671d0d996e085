"""One domain event on its way to the storefront: at least once, each aggregate's in order."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.errors import InvalidTransition
from markethub.domain.events import DomainEvent
from markethub.domain.public_events import public_data

FIRST_RETRY: Final = timedelta(seconds=5)
RETRY_FACTOR: Final = 4.0
RETRY_MAXIMUM: Final = timedelta(hours=6)
JITTER: Final = 0.1
"""The share of a wait that is added at most, so that failures do not come back together."""
ATTEMPTS_MAXIMUM: Final = 20
"""After about 80 hours. An endpoint that fails everything is disabled before (``endpoint.py``):
what is given up was refused by somebody who takes other messages."""
SENT_BACK: Final = timedelta(days=3)
"""How far back from its first day an endpoint is told of what happened before."""
TOO_OLD: Final = "too_old"
"""Why a delivery is skipped."""


class DeliveryStatus(StrEnum):
    """What became of it. ``dead`` and ``skipped`` carry their reason."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    SKIPPED = "skipped"


@attrs.frozen(kw_only=True)
class Answer:
    """What came of one attempt: an HTTP status, or a word for why there was none."""

    status: int | None = None
    error: str | None = None
    duration_ms: int

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver took it: 2xx, and nothing else."""
        return self.status is not None and 200 <= self.status <= 299

    @property
    def is_gone(self) -> bool:
        """Tell whether the receiver wants no more of them (410)."""
        return self.status == 410

    @property
    def reason(self) -> str:
        """Name it in one word."""
        return self.error or f"http_{self.status}"


@attrs.frozen(kw_only=True)
class Attempt:
    """A line of the log of attempts."""

    sequence: int
    at: datetime
    answer: Answer


@attrs.frozen(kw_only=True)
class Message:
    """What is sent: ``id`` and ``body`` are the same at each attempt, ``at`` is not."""

    id: str
    type: str
    body: str
    at: datetime


@attrs.frozen(kw_only=True)
class Delivery:
    """A staged event with what became of telling it. ``sequence`` orders all of them."""

    sequence: int
    aggregate_id: str
    event: DomainEvent
    status: DeliveryStatus = DeliveryStatus.PENDING
    reason: str | None = None
    attempts: int = 0
    next_attempt_at: datetime
    lease: str | None = None
    leased_until: datetime | None = None
    updated_at: datetime

    @classmethod
    def of(cls, event: DomainEvent, *, sequence: int, aggregate_id: str) -> Self:
        """Begin with what has just been staged."""
        return cls(
            sequence=sequence,
            aggregate_id=aggregate_id,
            event=event,
            next_attempt_at=event.occurred_at,
            updated_at=event.occurred_at,
        )

    @property
    def is_pending(self) -> bool:
        """Tell whether it still is to be delivered."""
        return self.status is DeliveryStatus.PENDING

    @property
    def message_id(self) -> str:
        """The id that a receiver knows repeats by: the same at each attempt, ever.

        The digest keeps two databases that report to one storefront apart.
        """
        told = f"{self.sequence} {self.aggregate_id} {self.event.type} "
        told += self.event.occurred_at.astimezone(UTC).isoformat(timespec="microseconds")
        return f"msg_{self.sequence}_{hashlib.sha256(told.encode()).hexdigest()[:16]}"

    def message(self, *, at: datetime) -> Message:
        """Return what an attempt at this moment sends."""
        occurred_at = self.event.occurred_at.astimezone(UTC)
        body = {
            "id": self.message_id,
            "type": self.event.type,
            "created_at": occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "sequence": self.sequence,
            "data": public_data(self.event),
        }
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return Message(id=self.message_id, type=self.event.type, body=text, at=at)

    def is_due(self, now: datetime) -> bool:
        """Tell whether it waits, its time has come, and nobody holds it."""
        return self.is_pending and self.next_attempt_at <= now and not self.is_held(now)

    def is_held(self, now: datetime) -> bool:
        """Tell whether a claim of it still lasts."""
        return self.leased_until is not None and self.leased_until > now

    def is_before(self, moment: datetime) -> bool:
        """Tell whether it was due before the moment: what is replayed is due later."""
        return self.next_attempt_at < moment

    def claim(self, lease: str, *, until: datetime) -> Self:
        """Let one worker have it until then."""
        return attrs.evolve(self, lease=lease, leased_until=until)

    def settle(self, answer: Answer, *, now: datetime) -> Self:
        """Take what came of an attempt."""
        tried = attrs.evolve(self._released(now), attempts=self.attempts + 1)
        if answer.is_success:
            return attrs.evolve(tried, status=DeliveryStatus.DELIVERED, reason=None)
        if tried.attempts >= ATTEMPTS_MAXIMUM and not answer.is_gone:
            return attrs.evolve(tried, status=DeliveryStatus.DEAD, reason=answer.reason)
        return attrs.evolve(tried, reason=answer.reason, next_attempt_at=now + tried._wait())

    def skip(self, *, now: datetime) -> Self:
        """Leave it unsent for good, unless it is replayed: it is older than the endpoint."""
        return attrs.evolve(self._released(now), status=DeliveryStatus.SKIPPED, reason=TOO_OLD)

    def replay(self, *, now: datetime) -> Self:
        """Send it, or send it again, from the start.

        Raises InvalidTransition for one that is being sent just now.
        """
        if self.is_held(now):
            raise InvalidTransition(f"{self.message_id} is being sent")
        return attrs.evolve(
            self._released(now),
            status=DeliveryStatus.PENDING,
            reason=None,
            attempts=0,
            next_attempt_at=now,
        )

    def _released(self, now: datetime) -> Self:
        return attrs.evolve(self, lease=None, leased_until=None, updated_at=now)

    def _wait(self) -> timedelta:
        exponent = min(self.attempts - 1, 10)  # far beyond the maximum, and no overflow
        wait = min(FIRST_RETRY * RETRY_FACTOR**exponent, RETRY_MAXIMUM)
        lot = hashlib.sha256(f"{self.message_id} {self.attempts}".encode()).digest()
        return wait * (1 + JITTER * int.from_bytes(lot[:2]) / 0xFFFF)


def sequence_of(message_id: str) -> int | None:
    """Return the sequence that a message id bears; None for what is no such id."""
    prefix, _, rest = message_id.partition("_")
    number, _, digest = rest.partition("_")
    if prefix != "msg" or not digest or not number.isascii() or not number.isdigit():
        return None
    return int(number) if len(number) < 19 else None
