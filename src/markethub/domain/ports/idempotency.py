"""Our own idempotency keys, for callers of our API."""

from datetime import datetime
from typing import Protocol

import attrs


@attrs.frozen(kw_only=True)
class StoredAnswer:
    """An answer as it was given: replayed to the byte."""

    status: int
    content_type: str
    body: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Begun:
    """The key is ours now: do the work, then ``complete`` or ``release`` it."""


@attrs.frozen(kw_only=True)
class InFlight:
    """Another request holds the key."""


@attrs.frozen(kw_only=True)
class Replay:
    """The work was done before: this was the answer (None where only the fingerprint is kept)."""

    answer: StoredAnswer | None


@attrs.frozen(kw_only=True)
class OtherRequest:
    """The key was used with another body."""


KeyState = Begun | InFlight | Replay | OtherRequest


class IdempotencyKeys(Protocol):
    """Keys by scope (caller, method and path). Each call commits by itself."""

    async def begin(self, scope: str, key: str, fingerprint: str, *, now: datetime) -> KeyState:
        """Take the key, or say why not.

        A key in flight for longer than a minute belongs to a crashed holder and is taken over;
        one older than 24 hours is forgotten.
        """
        ...

    async def complete(
        self, scope: str, key: str, answer: StoredAnswer | None, *, now: datetime
    ) -> None:
        """Keep the answer, encrypted, for whoever repeats the request."""
        ...

    async def release(self, scope: str, key: str) -> None:
        """Forget the key: the answer is not one to keep (401, 403, 429, in progress, 5xx)."""
        ...
