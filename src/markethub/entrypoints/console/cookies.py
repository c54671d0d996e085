"""The console's two cookies. Neither leaves this host, this browser, or an encrypted line.

The prefix ``__Host-`` makes the browser itself insist on Secure, on ``Path=/`` and on no
``Domain``: no other host, a sibling's included, can plant one. (RFC 6265bis section 4.1.3.2)
"""

from typing import Final

from litestar.datastructures import Cookie

SESSION: Final = "__Host-markethub_ops"
"""Who is signed in."""
VISITOR: Final = "__Host-markethub_ops_visitor"
"""Whose form to sign in this is: a session cannot protect the form that begins one."""


def cookie(name: str, value: str) -> Cookie:
    """Return the cookie; it ends with the browser, and the session in the store before."""
    return Cookie(key=name, value=value, path="/", secure=True, httponly=True, samesite="strict")


def no_cookie(name: str) -> Cookie:
    """Return what makes the browser forget it."""
    return Cookie(
        key=name, value="", path="/", secure=True, httponly=True, samesite="strict", max_age=0
    )
