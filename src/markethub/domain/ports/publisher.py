"""Telling the outside: by webhook today, by a broker tomorrow."""

from collections.abc import Sequence
from typing import Protocol

from markethub.domain.delivery import Answer, Message


class Publisher(Protocol):
    """Where public events go."""

    @property
    def endpoint_id(self) -> str:
        """Name the place that is told, without showing it."""
        ...

    async def publish(self, messages: Sequence[Message]) -> Sequence[Answer]:
        """Send all of them, side by side, and say of each what came of it, in their order.

        Returns within a few seconds and never raises: a failure is an answer, too.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
