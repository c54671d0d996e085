"""Take an event of the provider in: verified, durable, answered; processed afterwards."""

import attrs

from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.gateway import EventTranslator
from markethub.domain.ports.inbox import Inbox
from markethub.domain.ports.system import Clock


@attrs.frozen(kw_only=True)
class ReceiveEventCommand:
    """The raw body, as it came over the wire, and its ``Stripe-Signature``."""

    body: bytes = attrs.field(repr=False)
    signature: str | None = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class ReceiveEvent:
    """Stores an event once. An event of the other mode is stored as ignored."""

    translator: EventTranslator
    inbox: Inbox
    clock: Clock
    livemode: bool

    async def __call__(self, command: ReceiveEventCommand) -> bool:
        """Return once the event is durable: True if it is new.

        Raises InvalidSignature, and ValidationFailed for signed nonsense.
        """
        now = self.clock.now()
        event = self.translator.verify(command.body, signature=command.signature, now=now)
        return await self.inbox.store(InboxEvent.receive(event, livemode=self.livemode, now=now))
