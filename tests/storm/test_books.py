"""The comparison with the provider's books sees every cent."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from markethub.entrypoints.simulation.model import Truth
from tests.storm.books import differences, truth_of
from tests.support.door import open_door
from tests.support.world import World

pytestmark = pytest.mark.anyio

WRONG = {
    "refund": "UPDATE refunds SET amount_minor = amount_minor + 1",
    "intent": "UPDATE payments SET captured_minor = captured_minor - 1",
    "('fee',": "DELETE FROM ledger_entries WHERE kind = 'fee'",
    "('charge',": "UPDATE ledger_entries SET amount_minor = amount_minor + 1",
    "cash": "UPDATE ledger_entries SET currency = 'eur'",
}


@pytest.fixture
async def truth(postgres_url: str) -> AsyncIterator[Truth]:
    """The books of a provider at which something was sold and given back in part."""
    settings = Settings(database=Database(url=postgres_url), embedded_worker=False)
    world = World(build_container(settings))
    await world.register("o-1")
    started = await world.charge("o-1")
    world.pay(started)
    confirmed = await world.confirm(started.payment)
    await world.refund(confirmed.payment, 100)
    await world.container.store().close()
    async with open_door(world.account) as url:
        yield await truth_of(url)


async def test_books_that_fit_differ_in_nothing(truth: Truth, postgres_url: str) -> None:
    assert 1 == len(truth.refunds)
    assert [] == await differences(postgres_url, truth)


@pytest.mark.parametrize("what", WRONG)
async def test_a_row_that_is_wrong_is_named(what: str, truth: Truth, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(WRONG[what])
    await connection.close()

    found = await differences(postgres_url, truth)

    assert any(each.startswith(what) for each in found), found
