"""What goes wrong with refunds."""

import asyncio

import attrs
import pytest

from markethub.adapters.fake.account import AccountOptions
from markethub.adapters.fake.bank import Bank
from markethub.domain.errors import PaymentsError
from markethub.domain.facts import (
    BalanceTransaction,
    ProviderRefund,
    ProviderRefundStatus,
)
from markethub.domain.ids import PaymentId, ProviderRefundId
from markethub.domain.ledger import Account as Book
from markethub.domain.ledger import balances, refund_entries
from markethub.domain.money import Money
from markethub.domain.operation import KEY_LIFE
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.faults import Fault
from tests.support.world import START, World

pytestmark = pytest.mark.anyio


async def told(world: World) -> list[str]:
    return [each.type for each in await world.container.queries().outbox()]


async def test_a_refund_that_turned_up_is_answered_when_its_request_is_repeated(
    world: World,
) -> None:
    """Given up as never created, then found: the money is gone, and its caller must see it."""
    payment = await world.paid()
    world.gateway.faults.append(Fault.LOST_REQUEST)
    asked = await world.refund(payment, origin="storefront|POST /refunds|k-1")
    world.clock.advance(seconds=KEY_LIFE.total_seconds() + 60)
    for _ in range(3):
        await world.container.reconcile()()
        world.clock.advance(hours=1, seconds=30)
    [given_up] = await world.refunds(payment)
    assert given_up.status == "failed"
    Bank(world.account).refund_in_dashboard(
        str(payment.charge_id), metadata={"markethub_refund_id": asked.id}
    )
    await world.work()
    [turned_up] = await world.refunds(payment)
    assert turned_up.status == "succeeded"

    again = await world.refund(payment, origin="storefront|POST /refunds|k-1")

    assert turned_up == again


async def test_a_refund_that_settles_to_nothing_leaves_no_cash_behind(world: World) -> None:
    """As a charge that is worth nothing in the settlement currency does."""
    seen = ProviderRefund(
        id=ProviderRefundId("re_1"),
        status=ProviderRefundStatus.SUCCEEDED,
        amount=Money.of(1, "jpy"),
        charge_id=None,
        intent_id=None,
        refund_id=None,
        balance=BalanceTransaction(id="txn_1", amount=Money.of(0, "eur"), fee=Money.of(0, "eur")),
        returned=None,
        failure_reason=None,
        created_at=START,
    )

    books = balances(refund_entries(seen, payment_id=PaymentId("pay_1"), now=START))

    assert not books.get((Book.PROVIDER_BALANCE, "jpy"))


async def test_a_partial_reinstatement_in_another_settlement_currency_is_not_refundable_twice() -> (
    None
):
    """What we would still give back is what the provider would: no more."""
    container = build_container(Settings(database=Database(url="memory://")))
    options = AccountOptions(seed="test", settlement_currency="eur", exchange_rate=(9, 10))
    world = World(container, options)
    payment = await world.paid()
    await world.refund(payment, 2000)
    await world.work()
    bank = Bank(world.account)
    dispute = bank.open_dispute(str(payment.charge_id))
    await world.work()
    bank.submit_in_dashboard(dispute["id"])
    bank.win_dispute(dispute["id"])
    await world.work()
    [payment] = await world.payments()
    books = await world.books()

    # 50.00 were paid, 20.00 given back, and 20.00 stayed with the cardholder once more.
    assert (books.get((Book.DISPUTE_LOSSES, "usd")), payment.amount_refundable.minor) == (
        2000,
        1000,
    )


async def test_the_same_key_for_another_amount_is_refused_also_when_nothing_was_said_of_it(
    world: World,
) -> None:
    payment = await world.paid()
    await world.refund(payment, 1000, origin="storefront|POST /refunds|k-1")

    with pytest.raises(PaymentsError):
        await world.refund(payment, None, origin="storefront|POST /refunds|k-1")


async def test_two_refunds_at_once_never_exceed(world: World) -> None:
    payment = await world.paid()

    async def one(amount: int, key: str) -> object:
        return await world.refund(payment, amount, origin=key, again=True)

    await asyncio.gather(*(one(3000, f"k-{n}") for n in range(4)), return_exceptions=True)
    await world.work()

    [payment] = await world.payments()
    assert payment.refunded.minor == 3000
    assert attrs.evolve(payment).amount_refundable.minor == 2000


async def test_a_refund_that_came_back_and_is_under_way_again_has_not_arrived(
    world: World,
) -> None:
    """Between two looks: succeeded, requires_action, pending."""
    payment = await world.paid()
    await world.refund(payment, 2000)
    await world.work()
    bank = Bank(world.account)
    [there] = world.refunds_at_stripe()
    bank.ask_for_details(there["id"])
    bank.give_details(there["id"])
    await world.work()

    [refund] = await world.refunds(payment)
    [payment] = await world.payments()
    [there] = world.refunds_at_stripe()
    assert there["status"] == refund.status.value
    assert (payment.refunded.minor, payment.refund_reserved.minor) == (0, 2000)


async def test_a_refund_that_came_back_twice_is_told_and_booked(world: World) -> None:
    payment = await world.paid()
    await world.refund(payment, 2000)
    await world.work()
    bank = Bank(world.account)
    [there] = world.refunds_at_stripe()
    bank.ask_for_details(there["id"])
    bank.give_details(there["id"])
    await world.work()
    bank.settle_refund(there["id"])
    await world.work()
    bank.fail_refund(there["id"], "declined")
    await world.work()

    [refund] = await world.refunds(payment)
    lines = world.at_stripe("/v1/balance_transactions", {"limit": 100})["data"]
    books = await world.books()
    assert refund.status == "failed"
    assert sum(line["net"] for line in lines) == books[Book.PROVIDER_BALANCE, "usd"]
