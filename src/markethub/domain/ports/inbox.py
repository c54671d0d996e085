"""The provider's events: made durable, and handed to whoever processes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from markethub.domain.ids import EventId, LeaseId
from markethub.domain.inbox_event import InboxEvent, InboxStatus


class Inbox(Protocol):
    """Where events go before the provider is answered."""

    async def store(self, event: InboxEvent) -> bool:
        """Return once the event is durable: True if new, False if its id was there already.

        Whether it commits alone or with others is the adapter's business.
        """
        ...


@attrs.frozen(kw_only=True)
class Lease:
    """The right to process the events of some subjects, for a while.

    A worker that was asleep for longer than that has lost it, and finds out before it does
    anything (``InboxEvents.hold``).
    """

    id: LeaseId
    holder: str
    """The worker's name, for people."""
    until: datetime


class InboxEvents(Protocol):
    """Stored events of the provider, for whoever processes them.

    Events of one subject are processed by one lease at a time, in the order they are due.
    """

    async def claim(self, lease: Lease, *, now: datetime, limit: int) -> Sequence[InboxEvent]:
        """Lease up to ``limit`` waiting events whose ``next_attempt_at`` has come, oldest first.

        What others are leasing is passed over, and so is every event of its subject. A lease
        that has expired is anybody's. One that cannot be read (``is_readable``) is no obstacle
        to the others.
        """
        ...

    async def hold(self, event: InboxEvent, *, lease: LeaseId) -> bool:
        """Hold a claimed event's row until the transaction ends.

        False if it is not waiting any more, if its subject is leased to somebody else now, or if
        it was replayed since: what was claimed is not what is stored then.
        """
        ...

    async def renew(self, lease: LeaseId, *, until: datetime) -> None:
        """Let a lease that is still held last until then."""
        ...

    async def release(self, lease: LeaseId) -> None:
        """Let the subjects of a lease go."""
        ...

    async def lock(self, id: EventId) -> InboxEvent | None:
        """Return the event, holding its row."""
        ...

    async def save(self, event: InboxEvent) -> None:
        """Update what is known of a stored event: all but what was received."""
        ...


@attrs.frozen(kw_only=True)
class InboxFilter:
    """Which events to list; what is None does not restrict."""

    status: InboxStatus | None = None
    type: str | None = None
    subject: str | None = None
    """What they are about (``ReceivedEvent.subject``)."""


@attrs.frozen(kw_only=True)
class InboxPage:
    """Events, the last received first. ``next_cursor`` is None on the last page."""

    items: Sequence[InboxEvent]
    next_cursor: str | None


class InboxQueries(Protocol):
    """Consistent reads outside of a use case's transaction, for people to look at.

    In their payloads every token that could be charged with is masked, however it is stored.
    """

    async def event(self, id: EventId) -> InboxEvent | None:
        """Return a stored event, if it exists."""
        ...

    async def events(
        self, filter: InboxFilter, *, cursor: str | None = None, limit: int = 50
    ) -> InboxPage:
        """List events, the last received first. Raises ValidationFailed for a foreign cursor."""
        ...
