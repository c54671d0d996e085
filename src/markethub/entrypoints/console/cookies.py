"""The console's cookies. None leaves this host, this browser, or an encrypted line.

The prefix ``__Host-`` makes the browser itself insist on Secure, on ``Path=/`` and on no
``Domain``: no other host, a sibling's included, can plant one. (RFC 6265bis section 4.1.3.2)
"""

from datetime import timedelta
from typing import Final

from litestar.datastructures import Cookie

SESSION: Final = "__Host-markethub_ops"
"""Who is signed in."""
VISITOR: Final = "__Host-markethub_ops_visitor"
"""Whose form to sign in this is: a session cannot protect the form that begins one."""
BROWSER: Final = "__Host-markethub_ops_browser"
"""That somebody has signed in with this browser before: it opens nothing."""
BROWSER_LIFE: Final = timedelta(days=90)


def cookie(name: str, value: str, *, life: timedelta | None = None) -> Cookie:
    """Return the cookie; without a life it ends with the browser, and the session before."""
    return Cookie(
        key=name,
        value=value,
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
        max_age=None if life is None else int(life.total_seconds()),
    )


def no_cookie(name: str) -> Cookie:
    """Return what makes the browser forget it."""
    return Cookie(
        key=name, value="", path="/", secure=True, httponly=True, samesite="strict", max_age=0
    )
