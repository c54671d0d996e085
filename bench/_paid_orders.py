"""Orders whose customers have just paid, and the events that say so.

One order is registered and charged by the use cases; the others are copies of its rows. What
the events are about is told apart by a number between two fixed letters: ``bench7x``.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Sequence

from _gateway import StubGateway
from dependency_injector import providers
from sqlalchemy import Table, Text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.sql import text

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.store import SqlStore
from markethub.domain.ids import CustomerId, IdPrefix, OrderId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line
from markethub.domain.usecases.charge_order import ChargeOrderCommand
from markethub.domain.usecases.receive_event import ReceiveEventCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.entrypoints.container import Container, build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support import stripe_objects

PAYLOAD_BYTES = 2600
AT_ONCE = 64
USD = Currency.of("usd")


class BenchIds:
    """Names everything of one order by the same number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def new(self, prefix: IdPrefix) -> str:
        return f"{prefix}_{token(self._number)}"


def token(number: int) -> str:
    """Return what every id of an order contains."""
    return f"bench{number}x"


def container_for(url: str, *, delay_s: float = 0) -> Container:
    """Return the container of a process that works on this database."""
    container = build_container(Settings(database=Database(url=url)))
    container.gateway.override(providers.Object(StubGateway(delay_s)))
    return container


async def opened(container: Container) -> SqlStore:
    """Return the container's store, migrated and unlocked."""
    store = container.store()
    assert isinstance(store, SqlStore)
    await store.upgrade()
    await store.unlock()
    return store


async def prepare_orders(url: str, count: int) -> None:
    """Register and charge orders 0 to ``count``, whose intents nobody has paid yet."""
    container = container_for(url)
    container.ids.override(providers.Object(BenchIds(0)))
    store = await opened(container)
    order_id = OrderId(f"o-{token(0)}")
    line = Line(sku="tea", title="Tea", unit_price=5000, quantity=1)
    cart = Cart(customer_id=CustomerId("c-1"), currency=USD, lines=(line,))
    await container.register_order()(RegisterOrderCommand(order_id=order_id, cart=cart))
    await container.charge_order()(ChargeOrderCommand(order_id=order_id))
    await store.close()
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.begin() as connection:
        for table in (tables.orders, tables.payments, tables.operations):
            await copy_rows(connection, table, count)
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
    await engine.dispose()


async def copy_rows(connection: AsyncConnection, table: Table, count: int) -> None:
    """Copy the rows of number 0 to the numbers 1 to ``count``."""
    names = [column.name for column in table.c if column.identity is None]
    values = ", ".join(
        f"replace({name}, '{token(0)}', 'bench' || number || 'x')"
        if isinstance(table.c[name].type, Text)
        else name
        for name in names
    )
    await connection.execute(
        text(
            f"INSERT INTO {table.name} ({', '.join(names)}) "  # noqa: S608 - our own names
            f"SELECT {values} FROM {table.name}, generate_series(1, {count}) AS number "
            f"WHERE id LIKE '%{token(0)}'"
        )
    )


def paid_event(number: int) -> bytes:
    """Return ``payment_intent.succeeded`` of an order, 2.6 KB as Stripe's usually are."""
    intent = stripe_objects.intent(
        id=f"pi_pay_{token(number)}",
        latest_charge=f"ch_{token(number)}",
        payment_method=f"pm_{token(number)}",
        metadata={
            "markethub_payment_id": f"pay_{token(number)}",
            "markethub_order_id": f"o-{token(number)}",
            "markethub_customer_id": "c-1",
        },
        description="",
    )
    event = stripe_objects.event(intent, id=f"evt_{token(number)}")
    missing = PAYLOAD_BYTES - len(json.dumps(event))
    # As hard to compress as ids are.
    intent["description"] = hashlib.shake_256(token(number).encode()).hexdigest(missing // 2)
    return json.dumps(event).encode()


def signed(body: bytes) -> ReceiveEventCommand:
    """Return the delivery of an event, signed now."""
    at = int(time.time())  # noqa: TID251 - the use case compares it with its own clock
    digest = hmac.new(b"whsec_dev", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return ReceiveEventCommand(body=body, signature=f"t={at},v1={digest}")


async def receive(container: Container, numbers: Sequence[int]) -> None:
    """Take the events of these orders in, many at once."""
    receive_event = container.receive_event()
    waiting = iter([signed(paid_event(number)) for number in numbers])

    async def client() -> None:
        for command in waiting:
            assert await receive_event(command)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
