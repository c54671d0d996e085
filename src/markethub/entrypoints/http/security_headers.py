"""Headers that every answer carries, errors and unknown paths included."""

from typing import Final

from litestar.types import Message, Scope

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


async def add_security_headers(message: Message, _: Scope) -> None:
    """Add each header that the handler has not set itself."""
    if message["type"] != "http.response.start":
        return
    headers = list(message["headers"])
    present = {name.lower() for name, _value in headers}
    message["headers"] = [*headers, *(item for item in _HEADERS if item[0] not in present)]
