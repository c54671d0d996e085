"""How long to wait before trying again: longer each time, and never all at once."""

from datetime import timedelta
from hashlib import sha256


def delay(seed: str, attempt: int, *, first: timedelta, maximum: timedelta) -> timedelta:
    """Return the wait after the ``attempt``-th try (1, 2, ...) of whatever ``seed`` names.

    It doubles from ``first`` up to ``maximum``, less up to a half of it by jitter: what failed
    together does not come again together. The jitter is drawn from the seed, so that the same
    try waits the same time in every run.
    """
    # A float holds sixty doublings exactly, and no maximum is that far from its first.
    span = first * min(2.0 ** min(attempt - 1, 60), maximum / first)
    return _jittered(span, f"{seed}:{attempt}")


def as_long_again(seed: str, age: timedelta, *, first: timedelta, maximum: timedelta) -> timedelta:
    """Return the wait before asking again for what has been unknown for ``age``.

    As long as that again, so that the intervals double without anybody counting; at least
    ``first``, at most ``maximum``, less up to a half by jitter as in ``delay``.
    """
    return _jittered(min(max(age, first), maximum), f"{seed}:{age}")


def _jittered(span: timedelta, seed: str) -> timedelta:
    drawn = int.from_bytes(sha256(seed.encode()).digest()[:4], "big") / 2**32
    return span * (1 - drawn / 2)
