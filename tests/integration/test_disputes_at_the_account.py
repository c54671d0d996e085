"""Disputes from end to end: magic cards, the account's own events, our books and its balance."""

from itertools import permutations

import pytest

from markethub.adapters.fake.account import AccountOptions
from markethub.adapters.fake.bank import Bank
from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.ledger import Account as Book
from markethub.domain.payment import Payment
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.usecases.accept_dispute import AcceptDisputeCommand
from markethub.domain.usecases.attach_file import AttachFileCommand
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.submit_evidence import SubmitEvidenceCommand
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.world import SUCCESS, World

pytestmark = pytest.mark.anyio

DISPUTED = "4000000000000259"
INQUIRED = "4000000000001976"
WARNED = "4000000000005423"
SEVERAL = "4000000404000079"
PDF = b"%PDF-1.7 a receipt"


async def paid(world: World, card: str) -> Payment:
    """Charge a card for order o-1, and let happen what its issuer does."""
    await world.register()
    world.pay(await world.charge(), card)
    await settle(world)
    [payment] = await world.payments()
    return payment


async def settle(world: World) -> None:
    for _ in range(2):
        world.clock.advance(seconds=10)
        await world.work()


async def disputes(world: World) -> list[Dispute]:
    page = await world.container.dispute_queries().disputes(DisputeFilter())
    return list(page.items)


async def answer(world: World, dispute: Dispute, text: str) -> Dispute:
    container = world.container
    await container.draft_evidence()(
        DraftEvidenceCommand(dispute_id=dispute.id, texts={"uncategorized_text": text})
    )
    await container.attach_file()(
        AttachFileCommand(dispute_id=dispute.id, field="receipt", content=PDF)
    )
    return await container.submit_evidence()(SubmitEvidenceCommand(dispute_id=dispute.id))


async def assert_books_agree(world: World) -> None:
    """Our cash is the account's balance, and everything adds up to nothing."""
    lines = world.at_stripe("/v1/balance_transactions", {"limit": 100})["data"]
    books = await world.books()
    assert sum(line["net"] for line in lines) == books[Book.PROVIDER_BALANCE, "usd"]
    assert 0 == sum(books.values())


async def test_a_dispute_that_is_won_ends_with_the_money_back(world: World) -> None:
    contested = await paid(world, DISPUTED)
    [dispute] = await disputes(world)
    await assert_books_agree(world)

    submitted = await answer(world, dispute, "winning_evidence")
    await settle(world)

    [won], [payment] = await disputes(world), await world.payments()
    assert (5000, True) == (contested.disputed.minor, contested.chargeback_open)
    assert DisputeStatus.UNDER_REVIEW is submitted.status
    assert DisputeStatus.WON is won.status
    assert (0, False) == (payment.disputed.minor, payment.chargeback_open)
    await assert_books_agree(world)


async def test_a_dispute_that_is_accepted_is_lost_for_good(world: World) -> None:
    await paid(world, DISPUTED)
    [dispute] = await disputes(world)

    command = AcceptDisputeCommand(dispute_id=dispute.id)
    accepted = await world.container.accept_dispute()(command)
    await settle(world)

    [payment] = await world.payments()
    assert DisputeStatus.LOST is accepted.status
    assert (5000, False) == (payment.disputed.minor, payment.chargeback_open)
    await assert_books_agree(world)


async def test_an_inquiry_escalates_and_only_then_takes_the_money(world: World) -> None:
    asked = await paid(world, INQUIRED)
    [inquiry] = await disputes(world)

    await answer(world, inquiry, "escalate_inquiry_evidence")
    await settle(world)

    [dispute], [payment] = await disputes(world), await world.payments()
    assert (0, False) == (asked.disputed.minor, asked.chargeback_open)
    assert DisputeStatus.NEEDS_RESPONSE is dispute.status
    assert (5000, True) == (payment.disputed.minor, payment.chargeback_open)
    await assert_books_agree(world)


async def test_several_disputes_of_one_charge_add_up(world: World) -> None:
    payment = await paid(world, SEVERAL)

    assert 2 == len(await disputes(world))
    assert 5000 == payment.disputed.minor
    await assert_books_agree(world)


async def test_a_dispute_that_was_born_lost_is_won_late(world: World) -> None:
    payment = await paid(world, SUCCESS)
    assert payment.charge_id is not None
    dispute = Bank(world.account).open_dispute(payment.charge_id, status="lost")
    await world.work()
    born = (await world.payments())[0]

    Bank(world.account).win_dispute(dispute["id"])
    await world.work()

    [won], [payment] = await disputes(world), await world.payments()
    assert (5000, False) == (born.disputed.minor, born.chargeback_open)
    assert (DisputeStatus.WON, 0) == (won.status, payment.disputed.minor)
    await assert_books_agree(world)


async def test_a_prevented_dispute_of_more_than_the_charge_changes_nothing(world: World) -> None:
    before = await paid(world, SUCCESS)
    assert before.charge_id is not None

    Bank(world.account).open_dispute(before.charge_id, status="prevented", amount=9000)
    await world.work()

    [dispute], [payment] = await disputes(world), await world.payments()
    assert (DisputeStatus.PREVENTED, 9000) == (dispute.status, dispute.amount.minor)
    assert before == payment
    await assert_books_agree(world)


async def test_the_accounts_own_five_events_end_the_same_in_all_120_orders() -> None:
    ends: list[tuple[object, ...]] = []
    for order in permutations(range(5)):
        world = World(build_container(Settings(database=Database(url="memory://"))))
        await paid(world, DISPUTED)
        [dispute] = await disputes(world)
        await answer(world, dispute, "winning_evidence")
        world.clock.advance(seconds=10)
        world.account.advance(int(world.clock.now().timestamp()))
        listed = world.at_stripe("/v1/events", {"limit": 100})["data"]
        told = [event for event in listed if event["type"].startswith("charge.dispute.")]
        assert 5 == len(told)
        for place in (*order, *order):
            await world.deliver({**told[place], "id": f"{told[place]['id']}_{len(ends)}"})
        await world.work()
        [won], [payment] = await disputes(world), await world.payments()
        ends.append((won.status, won.movements, payment.disputed, await world.books()))

    assert DisputeStatus.WON is ends[0][0]
    assert [ends[0]] * 120 == ends


async def test_an_early_fraud_warning_is_on_the_payment(world: World) -> None:
    payment = await paid(world, WARNED)

    [warning] = payment.fraud_warnings
    await world.refund(payment)  # nothing is left that a dispute could take
    await world.work()

    [resolved] = (await world.payments())[0].fraud_warnings
    assert (True, False) == (warning.is_actionable, resolved.is_actionable)
    assert [] == await disputes(world)


async def test_a_part_that_is_given_back_in_another_settlement_currency_is_not_all_of_it() -> None:
    """50.00 were paid, 20.00 given back, and 20.00 stayed with the cardholder once more."""
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
    assert (2000, 1000) == (books[Book.DISPUTE_LOSSES, "usd"], payment.amount_refundable.minor)
