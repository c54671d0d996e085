"""The HTTP application of one test, with everybody who may call it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import jwt
from httpx import ASGITransport, AsyncClient, Response

from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId
from markethub.domain.ports.queries import PaymentFilter
from markethub.domain.secret import Secret
from markethub.domain.usecases.charge_order import ChargeStarted
from markethub.entrypoints.container import build_container
from markethub.entrypoints.http.app import create_app
from markethub.entrypoints.http.limits import Limits
from markethub.entrypoints.setting_values import Database, OpsKey, Role, StorefrontKey
from markethub.entrypoints.settings import Settings
from tests.support.world import World

TOKEN_SECRET = "the-secret-of-customers-in-tests-"
STOREFRONT = {"Authorization": "Bearer storefront-key"}

SETTINGS = Settings(
    database=Database(url="memory://"),
    storefront_keys=(
        StorefrontKey(name="shop", secret=Secret("storefront-key")),
        StorefrontKey(name="rotated", secret=Secret("storefront-new-key")),
    ),
    ops_keys=tuple(OpsKey(name=role, role=role, secret=Secret(f"{role}-key")) for role in Role),
    customer_token_secret=Secret(TOKEN_SECRET),
    embedded_worker=False,
)

Headers = Mapping[str, str]


def ops(role: Role) -> Headers:
    return {"Authorization": f"Bearer {role}-key"}


@attrs.frozen
class Api:
    """A client of the application, and the world behind it."""

    world: World
    client: AsyncClient

    def customer(self, name: str = "c-1", **claims: Any) -> Headers:
        """Return a customer's token; ``claims`` replace its own, None leaves one out."""
        now = int(self.world.clock.now().timestamp())
        payload = {"sub": name, "aud": "markethub", "exp": now + 3600, **claims}
        present = {key: value for key, value in payload.items() if value is not None}
        return bearer(jwt.encode(present, TOKEN_SECRET, algorithm="HS256"))

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        caller: Headers = STOREFRONT,
        key: str | None = None,
        headers: Headers | None = None,
    ) -> Response:
        content = raw if body is None else json.dumps(body).encode()
        sent = {
            **caller,
            **({"Idempotency-Key": key} if key is not None else {}),
            **(headers or {}),
        }
        return await self.client.request(method, path, content=content, headers=sent)

    async def get(self, path: str, *, caller: Headers = STOREFRONT) -> Response:
        return await self.call("GET", path, caller=caller)

    async def authorized(self, order_id: str = "o-1", *, total: int = 5000) -> ChargeStarted:
        """Return a payment whose money is held and waits to be captured."""
        await self.world.register(order_id, total=total)
        started = await self.world.charge(order_id, capture=CaptureMethod.MANUAL)
        self.world.pay(started)
        await self.world.confirm(started.payment)
        return started

    async def state(self) -> object:
        """Return everything that a request could have changed, on both sides."""
        queries = self.world.container.queries()
        payments = (await queries.payments(PaymentFilter(), limit=100)).items
        orders = [await queries.order(payment.order_id) for payment in payments]
        return (
            orders,
            payments,
            await queries.ledger(),
            await queries.outbox(),
            await queries.methods(CustomerId("c-1")),
            await queries.health(),
            self.world.intents(),
        )


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


def order_body(**changes: Any) -> dict[str, Any]:
    """Return the body of an order of 50.00 USD."""
    line = {"sku": "tea", "title": "Tea", "unit_price": 2500, "quantity": 2}
    return {"customer_id": "c-1", "currency": "usd", "lines": [line], **changes}


@asynccontextmanager
async def serving(
    settings: Settings = SETTINGS, *, limits: Limits | None = None
) -> AsyncIterator[Api]:
    """Serve an application on a world of its own; nothing runs beside it."""
    world = World(build_container(settings))
    app = create_app(world.container, lifespan=[], limits=limits)
    # Not Litestar's own client: that runs the application in a thread and loop of its own.
    transport = ASGITransport(app=app)  # type: ignore[arg-type]  # narrower types, same protocol
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(world=world, client=client)
