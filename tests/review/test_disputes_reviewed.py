"""What goes wrong with disputes."""


import attrs
import pytest

from markethub.adapters.fake.account import AccountOptions
from markethub.adapters.fake.bank import Bank as AccountBank
from markethub.domain.dispute import Dispute, in_dispute
from markethub.domain.facts import BalanceTransaction, ProviderDispute, ProviderDisputeStatus
from markethub.domain.ids import DisputeId, OrderId, PaymentId, ProviderDisputeId
from markethub.domain.ledger import Account as Book
from markethub.domain.money import Money
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.bank import dispute_object, movement
from tests.support.disputed import Disputed
from tests.support.world import START, World

pytestmark = pytest.mark.anyio

TAKEN = movement("txn_taken", -5000, fee=1500)
BACK = movement("txn_back", 5000, fee=0)
TAKEN_AGAIN = movement("txn_taken_again", -5000, fee=0)


@pytest.fixture
async def disputed(world: World) -> Disputed:
    """A paid order of 50.00 USD, and a bank that may dispute it."""
    disputed = Disputed(world)
    await disputed.pay()
    return disputed


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


async def test_a_dispute_of_a_currency_that_we_do_not_charge_in_is_booked(
    disputed: Disputed,
) -> None:
    """A cardholder's bank disputes in its own currency; what it takes is in ours."""
    payment = await disputed.payment()
    obj = dispute_object(
        currency="ugx",
        amount=18_500_000,
        charge=payment.charge_id,
        payment_intent=payment.intent_id,
        balance_transactions=[TAKEN],
    )
    disputed.bank.put(obj)
    await disputed.tell("charge.dispute.created", obj["id"])

    payment = await disputed.payment()
    assert (payment.chargeback_open, payment.amount_refundable.minor) == (True, 0)
