"""Doing it again, where the database itself says that nothing has happened."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from markethub.adapters.sqlalchemy.trouble import is_contention, is_disconnect, is_unreachable
from markethub.domain.errors import StaleWrite, StoreUnavailable
from markethub.domain.ports.system import Pause

T = TypeVar("T")

ATTEMPTS_MAXIMUM: Final = 10
"""Who loses this often has a conflict that repeating does not solve."""
PATIENCE_S: Final = 15.0
"""No attempt begins after this: each may have waited for a lock, and somebody waits for us."""
_FIRST_PAUSE_S: Final = 0.002
_PAUSE_S_MAXIMUM: Final = 0.1
_GOLDEN: Final = 0.618_034
"""Multiples of it, modulo 1, stay far from each other: jitter without drawing lots."""


class Repeater:
    """Repeats what lost against others, a bounded number of times, with a pause that grows."""

    def __init__(self, pause: Pause) -> None:
        """Wait by ``pause``."""
        self._pause = pause
        self._pauses = 0

    async def __call__(self, once: Callable[[], Awaitable[T]]) -> T:
        """Return what ``once`` returns, at last.

        It is repeated on contention, StaleWrite and a lost connection, and must have had no
        effect then. Raises StaleWrite, with the last failure as its cause, when the bound is
        reached, StoreUnavailable where the database is out of reach, and whatever else ``once``
        raises.
        """
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + PATIENCE_S
        for attempt in range(1, ATTEMPTS_MAXIMUM + 1):
            try:
                return await once()
            except Exception as error:
                last = attempt == ATTEMPTS_MAXIMUM or clock() >= give_up_at
                if last and is_contention(error):
                    raise StaleWrite("the database is too busy") from error
                if last or not _is_repeatable(error):
                    if is_unreachable(error):
                        raise StoreUnavailable("the database is out of reach") from error
                    raise
            await self._pause(self._next_pause_s(attempt))
        raise AssertionError("the last attempt returns or raises")

    def _next_pause_s(self, attempt: int) -> float:
        """Return a pause between half and all of a span that doubles with each attempt."""
        self._pauses += 1
        span_s: float = min(_FIRST_PAUSE_S * 2**attempt, _PAUSE_S_MAXIMUM)
        return span_s * (1 + self._pauses * _GOLDEN % 1) / 2


def _is_repeatable(error: Exception) -> bool:
    return isinstance(error, StaleWrite) or is_contention(error) or is_disconnect(error)
