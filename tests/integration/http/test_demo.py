"""The demo storefront's server: whose order it is, what it costs, and where there is none."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

import attrs
import pytest
from httpx import ASGITransport, AsyncClient, Response

from markethub.domain.errors import StoreUnavailable
from markethub.domain.ids import OrderId
from markethub.domain.secret import Secret
from markethub.entrypoints.container import build_container
from markethub.entrypoints.http.app import create_app
from markethub.entrypoints.settings import Settings
from tests.support.app import SETTINGS
from tests.support.world import World

pytestmark = pytest.mark.anyio

STRIPE = attrs.evolve(
    SETTINGS,
    gateway="stripe",
    stripe_secret_key=Secret("sk_test_x"),
    stripe_publishable_key="pk_test_x",
)


@attrs.frozen
class Visitor:
    world: World
    client: AsyncClient

    async def get(self, path: str) -> Response:
        return await self.client.get(f"/demo{path}")

    async def post(self, path: str, site: str = "same-origin", **form: str) -> Response:
        headers = {"Sec-Fetch-Site": site}
        return await self.client.post(f"/demo{path}", data=form, headers=headers)

    async def order(self, sku: str = "teapot") -> str:
        """Order something, and return the order's number."""
        await self.post("/cart", sku=sku)
        ordered = await self.post("/order")
        return ordered.headers["location"].rpartition("/")[2]


@asynccontextmanager
async def visiting(settings: Settings = SETTINGS) -> AsyncIterator[Visitor]:
    world = World(build_container(settings))
    app = create_app(world.container, lifespan=[])
    transport = ASGITransport(app=app)  # type: ignore[arg-type]  # narrower types, same protocol
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield Visitor(world, client)


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    async with visiting() as found:
        yield found


async def test_the_shop_names_its_prices_and_only_they_count(visitor: Visitor) -> None:
    await visitor.post("/cart", sku="teapot", quantity="2", price="1", unit_price="1")
    ordered = await visitor.post("/order", total="1")

    order_id = OrderId(ordered.headers["location"].rpartition("/")[2])
    view = await visitor.world.container.queries().order(order_id)
    assert view is not None
    assert "132.90 USD" == str(view.order.total)


async def test_ordering_twice_is_one_order(visitor: Visitor) -> None:
    first = await visitor.order()
    again = await visitor.post("/order")

    assert again.headers["location"] == f"/demo/checkout/{first}"


async def test_an_empty_cart_is_no_order(visitor: Visitor) -> None:
    await visitor.post("/cart", sku="teapot", quantity="1")
    await visitor.post("/cart", sku="teapot", quantity="0")
    ordered = await visitor.post("/order")

    assert "/demo/cart" == ordered.headers["location"]


@pytest.mark.parametrize(
    ("sku", "quantity", "held"),
    [
        ("gold", "1", []),
        ("teapot", "99", [9]),
        ("teapot", "-1", [1]),
        ("teapot", "9" * 40, [1]),
        ("teapot", "two", [1]),
    ],
)
async def test_a_cart_holds_only_what_there_is_and_no_more_than_nine(
    visitor: Visitor, sku: str, quantity: str, held: list[int]
) -> None:
    await visitor.post("/cart", sku=sku, quantity=quantity)
    shown = (await visitor.get("/cart")).text

    assert held == [int(found) for found in re.findall(r"Quantity: </span>(\d+)", shown)]


async def test_somebody_elses_order_is_not_there(visitor: Visitor) -> None:
    order_id = await visitor.order()
    visitor.client.cookies.clear()

    assert 404 == (await visitor.get(f"/checkout/{order_id}")).status_code
    assert 404 == (await visitor.get(f"/orders/{order_id}")).status_code


async def test_a_cookie_that_was_changed_is_nobodys(visitor: Visitor) -> None:
    order_id = await visitor.order()
    cookie = visitor.client.cookies["markethub_demo"]
    visitor.client.cookies.clear()
    visitor.client.cookies.set("markethub_demo", f"{cookie[:-1]}{'0' if cookie[-1] != '0' else 1}")

    assert 404 == (await visitor.get(f"/checkout/{order_id}")).status_code


@pytest.mark.parametrize("path", ["/cart", "/order", "/token"])
async def test_another_sites_page_may_not_ask_in_the_visitors_name(
    visitor: Visitor, path: str
) -> None:
    await visitor.post("/cart", sku="teapot")

    assert 403 == (await visitor.post(path, site="cross-site", sku="cups")).status_code


async def test_a_visitors_token_opens_their_own_order_only(visitor: Visitor) -> None:
    order_id = await visitor.order()
    token = (await visitor.post("/token")).json()["token"]
    await visitor.world.register("o-1", customer_id="c-1")
    headers = {"Authorization": f"Bearer {token}"}
    own = await visitor.client.get(f"/api/orders/{order_id}/", headers=headers)
    other = await visitor.client.get("/api/orders/o-1/", headers=headers)

    assert (200, 404) == (own.status_code, other.status_code)


async def test_who_has_no_session_gets_no_token(visitor: Visitor) -> None:
    assert 404 == (await visitor.post("/token")).status_code


async def test_an_order_that_is_not_paid_is_not_called_paid(visitor: Visitor) -> None:
    order_id = await visitor.order()
    await visitor.world.charge(order_id)
    shown = (await visitor.get(f"/orders/{order_id}")).text

    assert "Not paid yet" in shown
    assert "Thank you" not in shown


async def test_the_page_after_paying_asks_the_provider_for_the_truth(visitor: Visitor) -> None:
    order_id = await visitor.order()
    started = await visitor.world.charge(order_id)
    visitor.world.pay(started)
    shown = (await visitor.get(f"/orders/{order_id}")).text

    assert "You have paid <strong>$68.90</strong>" in shown
    assert await visitor.order() != order_id


async def test_while_the_provider_cannot_be_asked_nobody_is_told_that_nothing_was_paid(
    visitor: Visitor,
) -> None:
    order_id = await visitor.order()
    visitor.world.pay(await visitor.world.charge(order_id))
    visitor.world.gateway.is_down = True
    unknown = (await visitor.get(f"/orders/{order_id}")).text
    visitor.world.gateway.is_down = False
    known = (await visitor.get(f"/orders/{order_id}")).text

    assert "We do not know yet" in unknown
    assert "othing has been paid" not in unknown
    assert "You have paid" in known


async def test_money_for_an_order_that_changed_is_shown_as_what_it_was(visitor: Visitor) -> None:
    order_id = await visitor.order()
    started = await visitor.world.charge(order_id)
    visitor.world.gateway.is_down = True
    await visitor.post("/cart", sku="cups")
    await visitor.post("/order")
    visitor.world.gateway.is_down = False
    visitor.world.pay(started)
    shown = (await visitor.get(f"/orders/{order_id}")).text

    assert "You have paid <strong>$68.90</strong>" in shown
    assert "does not quite fit your order" in shown
    assert "Thank you" not in shown


async def test_a_page_that_cannot_be_shown_says_neither_paid_nor_failed(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await visitor.order()
    queries = visitor.world.container.queries()

    async def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("connection refused")

    monkeypatch.setattr(type(queries), "order", fail)
    shown = await visitor.get(f"/orders/{order_id}")

    assert 503 == shown.status_code
    assert "We cannot show this page just now" in shown.text
    assert "connection refused" not in shown.text


async def test_with_the_fake_gateway_nothing_comes_from_elsewhere(visitor: Visitor) -> None:
    shown = await visitor.get(f"/checkout/{await visitor.order()}")

    assert 'src="/fake-stripe/v1/stripe.js"' in shown.text
    assert "https:" not in shown.headers["content-security-policy"]
    assert "'unsafe" not in shown.headers["content-security-policy"]


async def test_with_stripe_in_test_mode_only_stripes_own_script_is_loaded() -> None:
    async with visiting(STRIPE) as visitor:
        pages = [
            await visitor.get(f"/checkout/{await visitor.order()}"),
            await visitor.get("/cards"),
        ]

    for shown in pages:
        policy = shown.headers["content-security-policy"]
        assert 'src="https://js.stripe.com/endive/stripe.js"' in shown.text
        assert "script-src 'self' https://js.stripe.com https://*.js.stripe.com;" in policy
        assert "frame-src https://js.stripe.com https://*.js.stripe.com https://hooks" in policy
        assert "connect-src 'self' https://api.stripe.com;" in policy
        assert "'unsafe" not in policy


async def test_without_customer_tokens_the_checkout_says_what_is_missing() -> None:
    async with visiting(attrs.evolve(STRIPE, customer_token_secret=None)) as visitor:
        shown = await visitor.get(f"/checkout/{await visitor.order()}")

    assert 503 == shown.status_code
    assert "MARKETHUB_CUSTOMER_TOKEN_SECRET" in shown.text


@pytest.mark.parametrize("path", ["/", "/cart", "/static/checkout.js", "/orders/o-1"])
async def test_where_real_money_moves_there_is_no_demo(path: str) -> None:
    live = attrs.evolve(STRIPE, mode="live", stripe_secret_key=Secret("sk_live_x"))
    async with visiting(live) as visitor:
        assert 404 == (await visitor.get(path)).status_code


def test_the_example_stays_short() -> None:
    static = files("markethub.entrypoints.demo").joinpath("static")
    scripts = [static.joinpath(name).read_text() for name in ("checkout.js", "markethub.js")]

    assert sum(script.count("\n") for script in scripts) < 300
