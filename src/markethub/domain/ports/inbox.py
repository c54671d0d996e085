"""The provider's events, made durable."""

from typing import Protocol

from markethub.domain.inbox_event import InboxEvent


class Inbox(Protocol):
    """Where events go before the provider is answered."""

    async def store(self, event: InboxEvent) -> bool:
        """Return once the event is durable: True if new, False if its id was there already.

        Whether it commits alone or with others is the adapter's business.
        """
        ...
