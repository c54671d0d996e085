"""The provider's own record of what it has told us, or tried to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import attrs

from markethub.domain.facts import ReceivedEvent

LISTED_FOR: Final = timedelta(days=30)
"""How far back the provider lists events. Source: Stripe's API reference, "List all events"."""


@attrs.frozen(kw_only=True)
class ListedEvents:
    """Events as the provider lists them, the oldest first."""

    events: Sequence[ReceivedEvent]
    unreadable: int = 0
    """How many there were besides that nobody could read."""


class EventSource(Protocol):
    """Lists past events: those that our handlers need, and no others."""

    async def events(self, *, created_from: datetime, created_until: datetime) -> ListedEvents:
        """List every event created at or after a time and before another, all pages.

        Times count in whole seconds. Raises GatewayUnavailable, and GatewayRejected where the
        provider refuses to list them.
        """
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
