"""Events made durable: as durable as this store is."""

import attrs

from markethub.adapters.memory.database import Database
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.inbox import Inbox


@attrs.frozen
class MemoryInbox:
    """Where events go before the provider is answered."""

    _database: Database

    async def store(self, event: InboxEvent) -> bool:
        """Keep the event: True if new, False if its id was there already."""
        inbox = self._database.inbox
        if event.event.id in inbox.rows:
            return False
        inbox.put(event.event.id, event)
        return True


def _conforms(inbox: MemoryInbox) -> Inbox:
    """Let the type checker prove that the adapter fits its port."""
    return inbox
