"""Headers that every answer carries, errors and unknown paths included."""

from collections.abc import Iterable, Set
from typing import Final

NOTHING_ALLOWED: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
"""The policy of an answer that is data: a browser that is made to render it loads nothing."""

_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"strict-transport-security", b"max-age=31536000"),  # one year, in seconds
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", NOTHING_ALLOWED.encode()),
)
_NAMES: Final = frozenset(name for name, _ in _HEADERS)


def with_security_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers, and each of ours that the handler has not set itself."""
    own = list(headers)
    present = {name.lower() for name, _ in own}
    return [*own, *_HEADERS] if present.isdisjoint(_NAMES) else [*own, *_missing(present)]


def _missing(present: Set[bytes]) -> Iterable[tuple[bytes, bytes]]:
    return (item for item in _HEADERS if item[0] not in present)
