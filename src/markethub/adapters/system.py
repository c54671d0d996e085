"""Time, ids and waiting as the machine has them."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
from typeid.codecs import base32

from markethub.domain.ids import IdPrefix
from markethub.domain.ports.system import Clock, Ids, Pause

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_VERSION: Final = 0x7 << 76
_VARIANT: Final = 0b10 << 62


@attrs.frozen
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, in UTC and aware of it."""
        return datetime.now(UTC)


@attrs.frozen(kw_only=True)
class TypeIds:
    """TypeIDs: a prefix and a UUID version 7 (RFC 9562) in 26 characters, ``pay_01h...``."""

    clock: Clock = SystemClock()

    def new(self, prefix: IdPrefix) -> str:
        """Return a new id: sortable by the millisecond, 74 fresh random bits after it.

        The library's own generator counts up from one random number within a millisecond: who
        sees an id would know 42 bits of the next. So the bits are drawn here.
        """
        milliseconds = (self.clock.now() - _EPOCH) // _MILLISECOND
        high, low = secrets.randbits(12) << 64, secrets.randbits(62)
        uuid = (milliseconds << 80) | _VERSION | high | _VARIANT | low
        return f"{prefix}_{base32.encode(uuid.to_bytes(16, 'big'))}"


@attrs.frozen
class AsyncioPause:
    """Waiting on the running event loop."""

    async def __call__(self, seconds: float) -> None:
        """Return after ``seconds``."""
        await asyncio.sleep(seconds)


def _conforms() -> tuple[Clock, Ids, Pause]:
    """Let the type checker prove that the adapters fit their ports."""
    return SystemClock(), TypeIds(), AsyncioPause()
