"""The demo storefront's server: it plays what a shop has behind its pages.

It keeps carts, registers orders at its own prices, and gives its signed-in customers the tokens
with which their browsers call our interface. Only for trying: see ``demo_routers``.
"""

import secrets
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import attrs
import jwt
from litestar import Request, Response, Router, get, post
from litestar.datastructures import Cookie
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import FromPath

from markethub.domain.errors import OrderAlreadyPaid, PaymentsError
from markethub.domain.ids import OrderId
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.queries import OrderView, Queries
from markethub.domain.ports.system import Clock
from markethub.domain.usecases.confirm_payment import ConfirmPayment, ConfirmPaymentCommand
from markethub.domain.usecases.register_order import RegisterOrder, RegisterOrderCommand
from markethub.entrypoints.demo import pages
from markethub.entrypoints.demo.session import COOKIE, COOKIE_S, Session, SessionSeal
from markethub.entrypoints.demo.shop import BY_SKU, PRODUCTS, SHIPPING, cart_of
from markethub.entrypoints.demo.test_cards import EXPIRY, OFFERED
from markethub.entrypoints.http.auth import AUDIENCE
from markethub.entrypoints.http.errors import status_of
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.settings import Settings

if TYPE_CHECKING:
    from markethub.entrypoints.container import Container

PREFIX: Final = "/demo"
TOKEN_S: Final = 3600
"""Seconds that a customer's token lives; the page gets another one by itself."""
_ASKED_BY_US: Final = frozenset({None, "same-origin", "none"})
"""What Sec-Fetch-Site says of our own pages, and of browsers that do not know it."""
_SETTLED: Final = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.AUTHORIZED})

_PROVIDED: Final = ("clock", "queries", "register_order", "confirm_payment")
"""What handlers may ask for: the container's providers of these names."""

_Request = Request[Any, Any, Any]


def demo_routers(container: "Container") -> Sequence[Router]:
    """Return the demo's routes, or none where real money could move."""
    settings = container.settings()
    if settings.gateway != "fake" and settings.mode != "test":
        return ()
    visits = Visits(SessionSeal(settings.encryption_keys[0]))
    return (
        Router(
            PREFIX,
            route_handlers=[
                shop,
                cart,
                put_into_cart,
                order,
                checkout,
                cards,
                token,
                ordered,
                pages.static_route(),
            ],
            dependencies={
                "settings": Provide(lambda: settings, sync_to_thread=False),
                "visits": Provide(lambda: visits, sync_to_thread=False),
                **{name: _provide(container, name) for name in _PROVIDED},
            },
            exception_handlers={HTTPException: _not_served, PaymentsError: _refused},
            include_in_schema=False,
        ),
    )


def _provide(container: "Container", name: str) -> Provide:
    provider = getattr(container, name)
    return Provide(
        lambda: provider(),  # noqa: PLW0108 - Litestar takes functions only, a provider is none
        sync_to_thread=False,
    )


@attrs.frozen
class Visits:
    """Knows a browser again by its cookie."""

    seal: SessionSeal
    token: Callable[[], str] = lambda: secrets.token_hex(8)

    def of(self, request: _Request) -> Session:
        """Return the visitor's session, or the one of somebody new."""
        known = self.seal.open(request.cookies.get(COOKIE, ""))
        return known or Session.begin(self.token)

    def keep(self, response: Response[Any], session: Session, request: _Request) -> Response[Any]:
        """Let the browser keep the session. Its scripts cannot read it."""
        response.set_cookie(
            Cookie(
                key=COOKIE,
                value=self.seal.close(session),
                path=PREFIX,
                max_age=COOKIE_S,
                httponly=True,
                samesite="lax",  # A bank's page leads back here, and the visitor is known again.
                secure=request.url.scheme == "https",
            )
        )
        return response


@get("/")
async def shop(request: _Request, visits: Injected[Visits]) -> Response[Any]:
    """Show what there is to buy."""
    session = visits.of(request)
    shown = pages.page("shop.html", products=PRODUCTS, count=_count(session))
    return visits.keep(shown, session, request)


@get("/cart")
async def cart(request: _Request, visits: Injected[Visits]) -> Response[str]:
    """Show the cart."""
    session = visits.of(request)
    rows = [(BY_SKU[sku], quantity) for sku, quantity in session.cart.items()]
    return pages.page(
        "cart.html",
        rows=rows,
        count=_count(session),
        shipping=SHIPPING,
        total=cart_of(session.customer_id, session.cart).total,
    )


@post("/cart", status_code=303)
async def put_into_cart(request: _Request, visits: Injected[Visits]) -> Response[Any]:
    """Put something into the cart, or change how many."""
    _require_ours(request)
    session, form = visits.of(request), await request.form()
    sku, given = str(form.get("sku", "")), str(form.get("quantity", ""))
    quantity = int(given) if given.isdecimal() and len(given) < 3 else session.cart.get(sku, 0) + 1
    return visits.keep(_see("/cart"), session.put(sku, quantity), request)


@post("/order", status_code=303)
async def order(
    request: _Request, visits: Injected[Visits], register_order: Injected[RegisterOrder]
) -> Response[Any]:
    """Register the cart as an order, as a storefront's server does before its checkout."""
    _require_ours(request)
    session = visits.of(request)
    if not session.cart:
        return _see("/cart")
    cart = cart_of(session.customer_id, session.cart)
    try:
        await register_order(RegisterOrderCommand(order_id=session.order_id, cart=cart))
    except OrderAlreadyPaid:
        return _see(f"/orders/{session.order_id}")
    return visits.keep(_see(f"/checkout/{session.order_id}"), session, request)


@get("/checkout/{order_id:str}")
async def checkout(
    request: _Request,
    order_id: FromPath[str],
    visits: Injected[Visits],
    queries: Injected[Queries],
    settings: Injected[Settings],
) -> Response[Any]:
    """Show the page that pays an order; all that it does is in ``checkout.js``."""
    session = visits.of(request)
    view = await _own(queries, order_id, session)
    if not view.order.is_open:
        return _see(f"/orders/{order_id}")
    return _with_card_fields(
        "checkout.html",
        settings,
        session,
        order=view.order,
        lines=pages.lines_of(view.order),
        shipping=SHIPPING,
    )


@get("/cards")
async def cards(
    request: _Request, visits: Injected[Visits], settings: Injected[Settings]
) -> Response[Any]:
    """Show the page that saves a card without paying; all that it does is in ``cards.js``."""
    session = visits.of(request)
    return visits.keep(_with_card_fields("cards.html", settings, session), session, request)


def _with_card_fields(
    template: str,
    settings: Settings,
    session: Session,
    **context: Any,  # noqa: ANN401 - whatever the template shows
) -> Response[str]:
    """Render a page with Stripe's card fields, and the test cards to fill them with."""
    if settings.customer_token_secret is None:
        return pages.page("closed.html", status=503, count=_count(session))
    return pages.page(
        template,
        gateway=settings.gateway,
        script=pages.SCRIPT[settings.gateway],
        stands_in=settings.gateway == "fake",
        customer_id=session.customer_id,
        offered=OFFERED,
        expiry=EXPIRY,
        count=_count(session),
        **context,
    )


@post("/token", status_code=200)
async def token(
    request: _Request,
    visits: Injected[Visits],
    settings: Injected[Settings],
    clock: Injected[Clock],
) -> dict[str, Any]:
    """Give the signed-in customer's browser the token that it calls our interface with."""
    _require_ours(request)
    session = visits.seal.open(request.cookies.get(COOKIE, ""))
    secret = settings.customer_token_secret
    if session is None or secret is None:
        raise NotFoundException
    expires = int(clock.now().timestamp()) + TOKEN_S
    claims = {"sub": session.customer_id, "aud": AUDIENCE, "exp": expires}
    return {"token": jwt.encode(claims, secret.reveal(), algorithm="HS256")}


@get("/orders/{order_id:str}")
async def ordered(
    request: _Request,
    order_id: FromPath[str],
    visits: Injected[Visits],
    queries: Injected[Queries],
    confirm_payment: Injected[ConfirmPayment],
) -> Response[Any]:
    """Show what was really paid: what the books say, after asking the provider."""
    session = visits.of(request)
    view = await _own(queries, order_id, session)
    live = next((each for each in reversed(view.payments) if each.holds_slot), None)
    is_known = True
    if live is not None and live.intent_id is not None and live.status not in _SETTLED:
        try:
            await confirm_payment(ConfirmPaymentCommand(intent_id=live.intent_id))
        except PaymentsError:  # Who cannot be asked now is asked again with the page's next view.
            is_known = False
        view = await _own(queries, order_id, session)
    payment = _paying(view)
    if payment is not None and session.order_id == order_id:
        session = session.after_order(visits.token)
    shown = pages.page(
        "ordered.html",
        order=view.order,
        lines=pages.lines_of(view.order),
        shipping=SHIPPING,
        payment=payment,
        is_known=is_known,
        count=_count(session),
    )
    return visits.keep(shown, session, request)


def _paying(view: OrderView) -> Payment | None:
    """Return the payment whose money is here or held, or under way."""
    paying = _SETTLED | {PaymentStatus.PROCESSING}
    return next((each for each in view.payments if each.status in paying), None)


async def _own(queries: Queries, order_id: str, session: Session) -> OrderView:
    view = await queries.order(OrderId(order_id), customer_id=session.customer_id)
    if view is None:
        raise NotFoundException
    return view


def _require_ours(request: _Request) -> None:
    """Refuse what another site's page asks for in the visitor's name."""
    if request.headers.get("sec-fetch-site") not in _ASKED_BY_US:
        raise HTTPException(status_code=403)


def _count(session: Session) -> int:
    return sum(session.cart.values())


def _see(path: str) -> Response[str]:
    return Response("", status_code=303, headers={"location": f"{PREFIX}{path}"})


def _not_served(_: _Request, error: HTTPException) -> Response[str]:
    return _trouble(
        error.status_code, "This page is not here", "There is none, or it is somebody else's."
    )


def _refused(_: _Request, error: PaymentsError) -> Response[str]:
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # It may be the page that says what was paid: so not a word about success or failure.
        return _trouble(status, "We cannot show this page just now", "Please come back in a while.")
    return _trouble(status, "That did not work", str(error))


def _trouble(status: int, title: str, said: str) -> Response[str]:
    return pages.page("trouble.html", status=status, count=0, title=title, said=said)
