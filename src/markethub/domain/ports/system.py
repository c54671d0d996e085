"""Time, ids and waiting: what would otherwise make the core irreproducible."""

from datetime import datetime
from typing import Protocol

from markethub.domain.ids import IdPrefix


class Clock(Protocol):
    """The time of day."""

    def now(self) -> datetime:
        """Return the present moment, in UTC and aware of it."""
        ...


class Ids(Protocol):
    """A source of new ids."""

    def new(self, prefix: IdPrefix) -> str:
        """Return ``prefix_...``: sortable by time, with at least 72 random bits after it."""
        ...


class Pause(Protocol):
    """A way to wait."""

    async def __call__(self, seconds: float) -> None:
        """Return after ``seconds``."""
        ...
