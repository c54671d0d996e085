"""Idempotency keys of our callers. Nothing here is at rest, so nothing is encrypted."""

from datetime import datetime, timedelta
from typing import Final, TypeAlias

import attrs

from markethub.domain.ports.idempotency import (
    Begun,
    IdempotencyKeys,
    InFlight,
    KeyState,
    OtherRequest,
    Replay,
    StoredAnswer,
)

KEPT_FOR: Final = timedelta(hours=24)
HELD_FOR: Final = timedelta(minutes=1)
"""A holder in flight for longer has crashed."""

_Id: TypeAlias = tuple[str, str]
"""Scope and key."""


@attrs.frozen(kw_only=True)
class _Key:
    fingerprint: str
    begun_at: datetime
    is_complete: bool = False
    answer: StoredAnswer | None = None


class MemoryIdempotencyKeys:
    """Keys by scope (caller, method and path)."""

    def __init__(self) -> None:
        """Begin without any."""
        self._keys: dict[_Id, _Key] = {}

    async def begin(self, scope: str, key: str, fingerprint: str, *, now: datetime) -> KeyState:
        """Take the key, or say why not."""
        self._forget_old(now)
        held = self._keys.get((scope, key))
        if held is not None and held.fingerprint != fingerprint:
            return OtherRequest()
        if held is not None and held.is_complete:
            return Replay(answer=held.answer)
        if held is not None and now - held.begun_at <= HELD_FOR:
            return InFlight()
        # Taken out first, so that the keys stay in the order of their age.
        self._keys.pop((scope, key), None)
        self._keys[scope, key] = _Key(fingerprint=fingerprint, begun_at=now)
        return Begun()

    async def complete(
        self,
        scope: str,
        key: str,
        answer: StoredAnswer | None,
        *,
        now: datetime,  # noqa: ARG002 - a key's life is counted from when it was taken
    ) -> None:
        """Keep the answer for whoever repeats the request."""
        held = self._keys.get((scope, key))
        # Where a slow holder was taken for crashed and replaced, the first answer stands.
        if held is not None and not held.is_complete:
            self._keys[scope, key] = attrs.evolve(held, is_complete=True, answer=answer)

    async def release(self, scope: str, key: str) -> None:
        """Forget the key: the answer is not one to keep."""
        held = self._keys.get((scope, key))
        if held is not None and not held.is_complete:
            del self._keys[scope, key]

    def _forget_old(self, now: datetime) -> None:
        while self._keys:
            oldest = next(iter(self._keys))
            if now - self._keys[oldest].begun_at <= KEPT_FOR:
                return
            del self._keys[oldest]


def _conforms() -> IdempotencyKeys:
    """Let the type checker prove that the adapter fits its port."""
    return MemoryIdempotencyKeys()
