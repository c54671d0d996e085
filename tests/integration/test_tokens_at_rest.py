"""No token of the provider's lies in clear in a database, and keys can be rotated."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
import pytest
from sqlalchemy import inspect, select, text

from markethub.adapters.crypto import AesGcmCipher
from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.store import SqlStore
from markethub.adapters.sqlalchemy.tables import metadata
from markethub.domain.ids import CustomerId, EventId
from markethub.domain.order import OrderStatus
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.secret import Secret
from markethub.domain.usecases.rotate_keys import KeysRotated, RotateKeys
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.stores import event
from tests.support.world import World

pytestmark = pytest.mark.anyio

OLD, NEW = Secret("the older key, 32 characters long"), Secret("the newer key, 32 characters long")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh database of each kind in turn."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    path = tmp_path / "test.db"
    path.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
    return f"sqlite:///{path}"


def world_of(url: str, *keys: Secret) -> World:
    return World(build_container(Settings(database=Database(url=url), encryption_keys=keys)))


@pytest.fixture
async def used(store_url: str) -> AsyncIterator[World]:
    """A core under the older key whose tables have seen everything that has a token."""
    world = world_of(store_url, OLD)
    saved = await world.save_card()
    await world.register()
    await world.charge(method_id=saved.id, off_session=True)
    await world.register("o-2")
    started = await world.charge("o-2", save_method=True)
    world.pay(started, "5555555555554444")
    await world.confirm(started.payment)
    await world.work()
    yield world
    await world.container.store().close()


async def dump(url: str) -> str:
    """Return everything that the tables hold, as text."""
    engines = engines_for(url)
    async with engines.reader.connect() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        rows = [
            repr(tuple(row))
            for name in names
            for row in await connection.execute(text(f'SELECT * FROM "{name}"'))  # noqa: S608 - names are the schema's own
        ]
    await engines.dispose()
    return "\n".join(rows)


def secrets_of(world: World) -> Sequence[str]:
    """Return every token and fingerprint that the account knows."""
    customers = [each["id"] for each in world.at_stripe("/v1/customers")["data"]]
    methods = [
        method
        for customer in customers
        for method in world.at_stripe("/v1/payment_methods", {"customer": customer})["data"]
    ]
    return [
        *customers,
        *(method["id"] for method in methods),
        *(method["card"]["fingerprint"] for method in methods),
    ]


async def test_no_token_and_no_fingerprint_lies_in_clear(used: World, store_url: str) -> None:
    found, secrets = await dump(store_url), secrets_of(used)

    assert 5 == len(secrets)
    assert "4242" in found
    assert [] == [secret for secret in secrets if secret in found]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
async def test_not_even_the_file_holds_a_token_where_rows_were_before(
    used: World, store_url: str
) -> None:
    folder = anyio.Path(store_url.removeprefix("sqlite:///")).parent
    raw = b"".join([await path.read_bytes() async for path in folder.glob("test.db*")])

    assert b"4242" in raw
    assert [] == [secret for secret in secrets_of(used) if secret.encode() in raw]


async def test_rotation_lets_the_older_key_be_retired(used: World, store_url: str) -> None:
    before = await used.saved()
    await used.container.store().close()
    rotating = SqlStore(store_url, cipher=AesGcmCipher([NEW, OLD]))
    done = await RotateKeys(rotation=rotating.rotation)()
    again = await RotateKeys(rotation=rotating.rotation)()
    await rotating.close()
    fresh = SqlStore(store_url, cipher=AesGcmCipher([NEW]))
    methods = await fresh.transactions.run(lambda tx: tx.methods.of_customer(CustomerId("c-1")))
    ids = await fresh.transactions.run(lambda tx: tx.operations.due(now=used.clock.now(), limit=9))
    await fresh.close()

    assert done.rotated > 0
    assert 0 == again.rotated
    assert done.looked_at == again.looked_at
    assert [method.id for method in before] == [method.id for method in methods]
    assert [] == ids


async def test_what_is_sealed_in_events_and_operations_is_read_under_the_newer_key(
    used: World, store_url: str
) -> None:
    await used.container.store().close()
    rotating = SqlStore(store_url, cipher=AesGcmCipher([NEW, OLD]))
    await RotateKeys(rotation=rotating.rotation)()
    await rotating.close()
    fresh = SqlStore(store_url, cipher=AesGcmCipher([NEW]))
    engines = engines_for(store_url)
    async with engines.reader.connect() as connection:
        events = (await connection.execute(select(metadata.tables["inbox"].c.id))).scalars().all()
        operations = select(metadata.tables["operations"].c.id)
        asked = (await connection.execute(operations)).scalars().all()
    await engines.dispose()

    async def read(tx: Transaction) -> str:
        payloads = [await tx.inbox.lock(event_id) for event_id in events]
        operations = [await tx.operations.find(operation_id) for operation_id in asked]
        return f"{payloads}{[found.request.params for found in operations if found]}"

    everything = await fresh.transactions.run(read)
    await fresh.close()

    assert "sealed:" not in everything
    assert all(secret in everything for secret in secrets_of(used) if secret.startswith("cus_"))


async def test_a_rotation_that_was_interrupted_is_finished_by_another(
    used: World, store_url: str
) -> None:
    await used.container.store().close()
    rotating = SqlStore(store_url, cipher=AesGcmCipher([NEW, OLD]))
    whole = await RotateKeys(rotation=rotating.rotation)()
    back = SqlStore(store_url, cipher=AesGcmCipher([OLD, NEW]))
    first = await back.rotation.batch(None, limit=1)
    second = await back.rotation.batch(first.next_place, limit=1)
    seen: list[KeysRotated] = []
    rest = await RotateKeys(rotation=back.rotation)(progress=seen.append)
    await rotating.close()
    await back.close()

    assert whole.rotated == first.rotated + second.rotated + rest.rotated
    assert rest == seen[-1]


async def test_a_retired_key_whose_rows_were_not_rotated_is_found_out(
    used: World, store_url: str
) -> None:
    await used.container.store().close()
    store = SqlStore(store_url, cipher=AesGcmCipher([NEW]))
    with pytest.raises(ValueError, match="key that is not known"):
        await RotateKeys(rotation=store.rotation)()

    await store.close()


async def test_an_event_under_a_key_that_is_gone_holds_up_no_other(store_url: str) -> None:
    world = world_of(store_url, OLD)
    await world.register()
    started = await world.charge()
    # A process that still had the newer key took it in, before that was taken back.
    other = SqlStore(store_url, cipher=AesGcmCipher([NEW, OLD]))
    sealed = event("evt_sealed", payload='{"method":"pm_1"}', now=world.clock.now())
    await other.inbox.store(sealed)
    world.pay(started)
    await world.work()
    store = world.container.store()
    put_off = await store.inbox_queries.event(EventId("evt_sealed"))
    order = await world.order()
    again = await other.transactions.run(lambda tx: tx.inbox.lock(EventId("evt_sealed")))
    await other.close()
    await store.close()

    assert OrderStatus.PAID is order.status
    assert put_off is not None
    assert (True, "UnreadableEvent", 1) == (put_off.is_waiting, put_off.reason, put_off.failures)
    assert again is not None
    assert (True, sealed.event.payload) == (again.is_readable, again.event.payload)
