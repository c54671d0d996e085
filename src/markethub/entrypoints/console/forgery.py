"""Requests that another site makes a browser send: refused, twice over.

A request that changes something must come from a page of ours by what the browser says of its
origin, and must carry a token that only such a page knows. The token is made from the cookie's
secret, so there is nothing to store, and it ends with the session.
"""

from hmac import compare_digest, digest
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import Request

from markethub.entrypoints.http.errors import HttpProblem

FIELD: Final = "csrf"
"""The form's field that carries the token."""


def token_for(secret: str) -> str:
    """Return the token that goes with a cookie's secret."""
    return digest(secret.encode(), b"console form", "sha256").hex()


def refused() -> HttpProblem:
    """Return the one answer to a request that did not come from a page of ours."""
    return HttpProblem(
        403,
        "forged_request",
        "This form is not of your session, or is out of date. Open the page anew and try again.",
    )


def check_origin(request: Request[Any, Any, Any]) -> None:
    """Raise unless the browser says that a page of this very host sent the request.

    Every browser of today names the origin of a POST; who names none is no browser. Hosts are
    compared, not schemes: what ends TLS may stand before us.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site not in (None, "same-origin") or (site is None and origin is None):
        raise refused()
    if origin is not None:
        try:
            host = urlsplit(origin).netloc
        except ValueError:  # an address with half of an IPv6 host, say
            raise refused() from None
        if not host or host != request.headers.get("Host"):
            raise refused()


def check_token(given: object, secret: str | None) -> None:
    """Raise unless the form carries the token of the cookie."""
    if not secret or not isinstance(given, str):
        raise refused()
    if not compare_digest(given.encode(), token_for(secret).encode()):
        raise refused()
