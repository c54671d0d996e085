"""The stand-in for Stripe.js: its script, the frames that it opens, and what browsers ask of us.

The frames are sandboxed, so that to the door they are of no origin at all: what they call must say
that everybody may read its answers. That is said of what a client secret opens, and of no more.
"""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

_FRAMES: Final = ("card.html", "challenge.html")
_PARTS: Final = (*_FRAMES, "line.js", "card.js", "challenge.js", "frame.css")
_TYPES: Final = {"html": "text/html", "js": "text/javascript", "css": "text/css"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    # Whoever develops a shop does so at an address of their own.
    "base-uri 'none'; form-action 'none'; frame-ancestors http: https:"
)
_CALLED_BY_BROWSERS: Final = re.compile(
    r"/v1/(?:payment|setup)_intents/[A-Za-z0-9_]+(?:/confirm)?"
    r"|/challenge/[A-Za-z0-9_]+/(?:complete|fail)"
)
_SHARED: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-max-age": "300",  # five minutes, in seconds, as Stripe answers
}


def browsers_headers(path: str) -> Mapping[str, str]:
    """Return the CORS headers of the door's ``path``: none where no browser has to call."""
    return _SHARED if _CALLED_BY_BROWSERS.fullmatch(path) else {}


def stripe_js_routes() -> Sequence[HTTPRouteHandler]:
    """Return the routes of the script and of what its frames load."""
    script = _serve("stripe.js", "/v1/stripe.js")
    return [script, *(_serve(name, f"/stripe-js/{name}") for name in _PARTS)]


def _serve(name: str, path: str) -> HTTPRouteHandler:
    content = files(__name__).joinpath(name).read_bytes()
    media_type = f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8"
    headers = {"cache-control": "no-cache"}
    if name in _FRAMES:
        headers["content-security-policy"] = _POLICY

    @get(path, sync_to_thread=False)
    def serve_part() -> Response[bytes]:
        return Response(content, media_type=media_type, headers=headers)

    return serve_part
