"""The demo's pages: templates, the policy they are shown under, and their static parts."""

from importlib.resources import files
from typing import Any, Final, Literal

import jinja2
from litestar import MediaType, Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from markethub.domain.money import Money
from markethub.domain.order import Line, Order

_STAND_IN: Final = "/fake-stripe/v1/stripe.js"
_STRIPES_OWN: Final = "https://js.stripe.com/endive/stripe.js"
"""Of the train that the pinned API version belongs to."""
SCRIPT: Final = {"fake": _STAND_IN, "stripe": _STRIPES_OWN}
"""Where Stripe.js comes from, by gateway. Stripe's own may come from nowhere else."""

_NOTHING_ELSE: Final = "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_OURS: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; " + _NOTHING_ELSE
)
# Source: https://docs.stripe.com/security/guide, "Content Security Policy".
_STRIPES: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "script-src 'self' https://js.stripe.com https://*.js.stripe.com; "
    "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com; "
    "connect-src 'self' https://api.stripe.com; " + _NOTHING_ELSE
)
_POLICY: Final = {"fake": _OURS, "stripe": _STRIPES}
_STATIC: Final = {
    "demo.css": "text/css",
    "cards.js": "text/javascript",
    "checkout.js": "text/javascript",
    "markethub.js": "text/javascript",
    "test_cards.js": "text/javascript",
}
_SYMBOLS: Final = {"usd": "$", "eur": "€", "gbp": "£"}


def price(amount: Money) -> str:
    """Show an amount as shops do: $18.50."""
    symbol = _SYMBOLS.get(amount.currency.code)
    return f"{symbol}{amount.major}" if symbol else str(amount)


_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("markethub.entrypoints.demo"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["price"] = price


def lines_of(order: Order) -> list[tuple[Line, Money]]:
    """Return an order's lines, each with what it costs."""
    currency = order.cart.currency
    return [(line, Money(minor=line.total, currency=currency)) for line in order.cart.lines]


def page(
    template: str,
    *,
    status: int = 200,
    gateway: Literal["fake", "stripe"] = "fake",
    **context: Any,  # noqa: ANN401 - whatever the template shows
) -> Response[str]:
    """Render a page. ``gateway`` says whose Stripe.js it may load."""
    return Response(
        _TEMPLATES.get_template(template).render(context),
        status_code=status,
        media_type=MediaType.HTML,
        headers={"content-security-policy": _POLICY[gateway], "cache-control": "no-store"},
    )


def static_route() -> HTTPRouteHandler:
    """Return the route of scripts and styles."""
    folder = files("markethub.entrypoints.demo").joinpath("static")
    contents = {name: folder.joinpath(name).read_bytes() for name in _STATIC}

    @get("/static/{name:str}", sync_to_thread=False)
    def serve_static(name: FromPath[str]) -> Response[bytes]:
        if name not in contents:
            raise NotFoundException
        media_type = _STATIC[name]
        return Response(
            contents[name], media_type=media_type, headers={"cache-control": "no-cache"}
        )

    return serve_static
