"""The payment provider, and the translation of its events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from markethub.domain.facts import ProviderFact, ProviderIntent, ReceivedEvent
from markethub.domain.ids import IntentId
from markethub.domain.operation import GatewayCommand, ProviderRequest


@attrs.frozen(kw_only=True)
class Done:
    """The provider did it. ``intent`` is the answer's object.

    ``replayed`` says that the answer is the stored one of an earlier request under the same
    key: the object may have moved on since, so read it.
    """

    intent: ProviderIntent
    replayed: bool


@attrs.frozen(kw_only=True)
class Declined:
    """The provider understood and refused for good: no effect. ``code`` is the provider's.

    ``intent`` is the object as the error showed it, where it did.
    """

    code: str
    intent: ProviderIntent | None = None


@attrs.frozen(kw_only=True)
class NotTaken:
    """The provider did not execute it: same key busy (409), rate limit, lock, bad credentials.

    The same request under the same key may be sent again. ``in_flight``: another request under
    this very key is being executed.
    """

    reason: str
    in_flight: bool = False


@attrs.frozen(kw_only=True)
class Unknown:
    """Nobody knows whether it happened: a timeout, a reset connection, a 5xx, an odd answer.

    ``stored`` says that the answer is a 5xx kept under the key: sending again replays it, so
    only a lookup can tell.
    """

    reason: str
    stored: bool = False


GatewayOutcome = Done | Declined | NotTaken | Unknown


class Gateway(Protocol):
    """The provider's API. Every method that sends may take seconds: hold no transaction."""

    def render(self, command: GatewayCommand) -> ProviderRequest:
        """Say what would be sent for ``command``. Pure: sends nothing."""
        ...

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        """Send a rendered request under our key. Never raises for what the provider says."""
        ...

    async def read_intent(self, intent_id: IntentId) -> ProviderIntent:
        """Read an intent with its latest charge and that charge's balance transaction.

        Raises NotFound, or GatewayUnavailable for whatever leaves its state unknown.
        """
        ...

    async def list_intents(self, *, created_from: datetime) -> Sequence[ProviderIntent]:
        """List every intent created at or after a time, all pages. Raises as ``read_intent``.

        Never the provider's search, which lags behind writes.
        """
        ...

    async def account_id(self) -> str:
        """Name the provider account that the credentials belong to.

        Raises GatewayUnavailable, or GatewayRejected for credentials that may not ask.
        """
        ...

    async def close(self) -> None:
        """Release connections. Nothing may be sent afterwards."""
        ...


class EventTranslator(Protocol):
    """Verifies and reads what the provider pushes. Sync and without I/O."""

    def verify(self, body: bytes, *, signature: str | None, now: datetime) -> ReceivedEvent:
        """Check the signature over the raw bytes and read the envelope.

        Raises InvalidSignature for a missing, malformed, forged, too old or future one
        (more than 300 s either way), and ValidationFailed for signed nonsense.
        """
        ...

    def translate(self, event: ReceivedEvent) -> ProviderFact:
        """Read what a stored event says. Raises ValidationFailed for an unreadable object."""
        ...
