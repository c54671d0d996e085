"""Deliveries of staged events: inside a transaction, and for screens."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from markethub.domain.delivery import Attempt, Delivery, DeliveryStatus
from markethub.domain.endpoint import Endpoint
from markethub.domain.errors import ValidationFailed


class Deliveries(Protocol):
    """Public events on their way. Saving an entity that tells one makes its row."""

    async def claim(
        self, *, now: datetime, limit: int, lease: str, until: datetime
    ) -> Sequence[Delivery]:
        """Take due ones that nobody holds, longest due first, and hold them until then.

        Of an aggregate only the first that is pending is ever taken.
        """
        ...

    async def skip_older(self, moment: datetime, *, now: datetime, limit: int) -> int:
        """Skip pending ones that were due before the moment, and say how many that were."""
        ...

    async def lock(self, sequence: int) -> Delivery | None:
        """Return a delivery, holding its row."""
        ...

    async def save(self, delivery: Delivery) -> None:
        """Update a delivery whose row is held."""
        ...

    async def settle(self, delivery: Delivery, *, lease: str) -> bool:
        """Update it if the lease still is the one it was claimed with; say whether it was."""
        ...

    async def log(self, attempts: Sequence[Attempt]) -> None:
        """Append to the log of attempts."""
        ...

    async def find_endpoint(self, id: str) -> Endpoint | None:
        """Return an endpoint, if it was ever sent to."""
        ...

    async def open_endpoint(self, id: str, *, now: datetime) -> Endpoint:
        """Return the endpoint, holding its row; make it if it is new.

        A new one takes its ``since`` from the oldest there is: a change of address loses nothing.
        """
        ...

    async def save_endpoint(self, endpoint: Endpoint) -> None:
        """Update an endpoint whose row is held."""
        ...


@attrs.frozen(kw_only=True)
class DeliveryView:
    """A delivery with its log, oldest attempt first."""

    delivery: Delivery
    log: Sequence[Attempt]


@attrs.frozen(kw_only=True)
class DeliveryPage:
    """Deliveries, newest first. ``next_cursor`` is None on the last page, else a sequence."""

    items: Sequence[DeliveryView]
    next_cursor: str | None


def position(cursor: str) -> int:
    """Return the sequence that a page ended with. Raises ValidationFailed for none of ours."""
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise ValidationFailed("cursor", "is not one of ours")
    return int(cursor)


@attrs.frozen(kw_only=True)
class OutboxHealth:
    """How the relay is, from the rows that wait or are dead alone."""

    waiting: int
    oldest_waiting_at: datetime | None
    """When the oldest public event that is not delivered happened; None if none waits."""
    dead: int
    endpoint: Endpoint | None
    """How the address answers; None before anything was sent to it."""


class DeliveryQueries(Protocol):
    """Consistent reads outside of a use case's transaction."""

    async def deliveries(
        self, status: DeliveryStatus | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> DeliveryPage:
        """List deliveries, newest first. Raises ValidationFailed for a cursor not ours."""
        ...

    async def outbox_health(self, endpoint_id: str) -> OutboxHealth:
        """Say how the relay to an endpoint is."""
        ...
