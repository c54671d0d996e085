"""Disputes that do what nobody foresaw: their money is booked, and kept from being refunded."""

import pytest

from markethub.domain.ledger import Account as Book
from markethub.domain.money import CURRENCIES
from tests.support.bank import movement
from tests.support.disputed import Disputed
from tests.support.world import World

pytestmark = pytest.mark.anyio

TAKEN = movement("txn_taken", -5000, fee=1500)


@pytest.fixture
async def disputed(world: World) -> Disputed:
    """A paid order of 50.00 USD, on each store, and a bank that may dispute it."""
    disputed = Disputed(world)
    await disputed.pay()
    return disputed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("won", "lost"),
        ("won", "under_review"),
        ("warning_closed", "needs_response"),
        ("under_review", "prevented"),
        ("under_review", "needs_response"),
        ("lost", "under_review"),
    ],
)
async def test_money_that_a_dispute_takes_is_booked_whatever_its_status_does(
    disputed: Disputed, before: str, after: str
) -> None:
    """Funds events drive the ledger, no status does: also by an edge that nobody drew."""
    await disputed.open(status=before)

    disputed.bank.change(status=after, balance_transactions=[TAKEN])
    await disputed.tell("charge.dispute.funds_withdrawn")
    await disputed.process()

    books = await disputed.world.books()
    payment = await disputed.payment()
    health = await disputed.world.container.queries().health()
    assert (books.get((Book.DISPUTE_LOSSES, "usd")), payment.disputed.minor) == (5000, 5000)
    assert ("dispute.status_unexpected", 0) == (
        next(each for each in await disputed.told() if each.endswith("unexpected")),
        health.waiting_events,
    )


async def test_money_that_a_dispute_of_a_new_status_takes_is_booked_and_not_refundable(
    disputed: Disputed,
) -> None:
    await disputed.open(status="pre_arbitration", balance_transactions=[TAKEN])

    books = await disputed.world.books()
    payment = await disputed.payment()
    assert 5000 == books[Book.DISPUTE_LOSSES, "usd"]
    assert (True, 0) == (payment.chargeback_open, payment.amount_refundable.minor)
    assert ["dispute.opened", "dispute.status_unexpected"] == await disputed.told()


@pytest.mark.parametrize("currency", ["ugx", "irr", "ves"])
async def test_a_dispute_of_a_currency_that_we_do_not_charge_in_is_booked(
    disputed: Disputed, currency: str
) -> None:
    """A cardholder's bank disputes in its own currency; what it takes is in ours."""
    opened = await disputed.open(amount=18_500_000, currency=currency, balance_transactions=[TAKEN])

    payment = await disputed.payment()
    books = await disputed.world.books()
    assert currency not in CURRENCIES
    assert (18_500_000, currency) == (opened.amount.minor, opened.amount.currency.code)
    assert (True, 0) == (payment.chargeback_open, payment.amount_refundable.minor)
    assert (18_500_000, -5000 - 1500) == (
        books[Book.DISPUTE_LOSSES, currency],
        books[Book.PROVIDER_BALANCE, "usd"] - 5000 + 175,
    )
