"""The composition root and the lifecycle: what settings choose, and what a process refuses."""

from pathlib import Path

import pytest
from dependency_injector import providers

from markethub.adapters.memory.store import MemoryStore
from markethub.adapters.sqlalchemy.store import SqlStore
from markethub.domain.errors import (
    ConfigurationError,
    ForeignDatabase,
    GatewayRejected,
    GatewayUnavailable,
)
from markethub.domain.ports.stamp import Stamp
from markethub.domain.secret import Secret
from markethub.entrypoints.container import Container, build_container
from markethub.entrypoints.lifecycle import prepare, running
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.world import World, in_memory_account

pytestmark = pytest.mark.anyio


def composed(url: str) -> Container:
    container = build_container(Settings(database=Database(url=url)))
    container.account.override(providers.Object(in_memory_account()))
    return container


def test_nothing_is_left_to_be_given() -> None:
    container = build_container(Settings())

    container.check_dependencies()

    assert container.settings() == Settings()


def test_memory_is_chosen_by_its_address() -> None:
    assert isinstance(composed("memory://").store(), MemoryStore)


def test_sqlite_is_chosen_by_its_address(tmp_path: Path) -> None:
    assert isinstance(composed(f"sqlite:///{tmp_path / 'a.db'}").store(), SqlStore)


def test_stripe_is_chosen_by_the_gateway_and_has_no_account_of_ours() -> None:
    settings = Settings(gateway="stripe", stripe_secret_key=Secret("sk_test_x"))

    container = build_container(settings)

    assert container.account() is None
    assert container.account() is None
    assert container.pump() is None
    assert container.fake_router() is None


async def test_a_fresh_database_is_stamped_and_stays_ours(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with running(composed(url)):
        pass

    again = composed(url)
    async with running(again):
        stamp = await again.stamps().read()

    assert stamp is not None
    assert (stamp.gateway, stamp.mode) == ("fake", "test")


@pytest.mark.parametrize(
    "stamp",
    [
        Stamp(gateway="stripe", mode="test", account_id="acct_1"),
        Stamp(gateway="fake", mode="live", account_id="acct_1"),
        Stamp(gateway="fake", mode="test", account_id="acct_of_others"),
    ],
)
async def test_a_database_of_another_stamp_is_refused(stamp: Stamp) -> None:
    container = composed("memory://")
    await container.stamps().put(stamp)

    with pytest.raises(ForeignDatabase):
        await prepare(container)


async def test_a_stamped_database_starts_while_the_provider_is_down(world: World) -> None:
    await prepare(world.container)
    world.gateway.account_error = GatewayUnavailable("down")

    await prepare(world.container)

    assert await world.container.stamps().read() is not None


async def test_a_fresh_database_waits_for_the_provider(world: World) -> None:
    world.gateway.account_error = GatewayUnavailable("down")

    with pytest.raises(GatewayUnavailable):
        await prepare(world.container)

    assert await world.container.stamps().read() is None


async def test_a_key_that_the_provider_refuses_is_named(world: World) -> None:
    world.gateway.account_error = GatewayRejected("the provider refused our credentials")

    with pytest.raises(ConfigurationError, match="STRIPE_SECRET_KEY_TEST"):
        await prepare(world.container)


async def test_a_postgresql_without_our_schema_is_refused(empty_postgres_url: str) -> None:
    container = composed(empty_postgres_url)

    with pytest.raises(ConfigurationError, match="markethub db upgrade"):
        async with running(container):
            raise AssertionError("it must not start")
