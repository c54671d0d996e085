"""What goes wrong with disputes."""

import pytest

from markethub.adapters.fake.account import AccountOptions
from markethub.adapters.fake.bank import Bank as AccountBank
from markethub.domain.ledger import Account as Book
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def test_the_fee_for_answering_a_dispute_is_booked() -> None:
    """Where the provider takes it by a balance line of its own."""
    container = build_container(Settings(database=Database(url="memory://")))
    world = World(container, AccountOptions(seed="test", dispute_countered_fee=1500))
    payment = await world.paid()
    bank = AccountBank(world.account)
    dispute = bank.open_dispute(str(payment.charge_id))
    await world.work()
    bank.submit_in_dashboard(dispute["id"])
    await world.work()

    lines = world.at_stripe("/v1/balance_transactions", {"limit": 100})["data"]
    books = await world.books()
    assert sum(line["net"] for line in lines) == books[Book.PROVIDER_BALANCE, "usd"]
