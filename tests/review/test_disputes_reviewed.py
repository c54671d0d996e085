"""What goes wrong with disputes."""

from contextlib import suppress
from datetime import timedelta

import attrs
import pytest

from markethub.adapters.fake.account import AccountOptions
from markethub.adapters.fake.bank import Bank as AccountBank
from markethub.domain.dispute import Dispute, in_dispute
from markethub.domain.errors import PaymentsError
from markethub.domain.facts import BalanceTransaction, ProviderDispute, ProviderDisputeStatus
from markethub.domain.ids import DisputeId, OrderId, PaymentId, ProviderDisputeId
from markethub.domain.ledger import Account as Book
from markethub.domain.money import Money
from markethub.domain.operation import KEY_LIFE
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.bank import dispute_object, movement
from tests.support.disputed import Disputed
from tests.support.faults import Fault
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


async def test_evidence_whose_key_grew_too_old_is_not_answered_as_submitted(
    disputed: Disputed,
) -> None:
    """Nobody tells staff that nothing was handed to the bank."""
    disputed.bank.put(dispute_object())
    opened = await disputed.open(
        evidence_details={
            "due_by": int((START + timedelta(days=20)).timestamp()),
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        }
    )
    await disputed.draft(opened.id, uncategorized_text="we shipped it")
    disputed.bank.faults.append(Fault.LOST_REQUEST)
    with pytest.raises(PaymentsError):
        await disputed.submit(opened.id)
    disputed.world.clock.advance(seconds=KEY_LIFE.total_seconds() + 60)

    try:
        answered = await disputed.submit(opened.id)
    except PaymentsError:
        return  # any honest refusal will do

    assert answered.submission_count == 1, "a success was answered, and nothing was submitted"


async def test_a_dispute_whose_key_grew_too_old_is_not_answered_as_accepted(
    disputed: Disputed,
) -> None:
    opened = await disputed.open(balance_transactions=[TAKEN])
    disputed.bank.faults.append(Fault.LOST_REQUEST)
    with pytest.raises(PaymentsError):
        await disputed.accept(opened.id)
    disputed.world.clock.advance(seconds=KEY_LIFE.total_seconds() + 60)

    try:
        answered = await disputed.accept(opened.id)
    except PaymentsError:
        return

    assert answered.status == "lost"


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
    assert (books.get((Book.DISPUTE_LOSSES, "usd")), payment.disputed.minor) == (5000, 5000)


async def test_money_that_a_dispute_of_a_new_status_takes_is_booked_and_not_refundable(
    disputed: Disputed,
) -> None:
    with suppress(ValueError):  # there is no dispute of it to be found
        await disputed.open(status="pre_arbitration", balance_transactions=[TAKEN])

    books = await disputed.world.books()
    payment = await disputed.payment()
    assert (books.get((Book.DISPUTE_LOSSES, "usd")), payment.amount_refundable.minor) == (5000, 0)


def _view(*movements: BalanceTransaction, status: str = "needs_response") -> ProviderDispute:
    return ProviderDispute(
        id=ProviderDisputeId("dp_1"),
        status=ProviderDisputeStatus(status),
        reason="general",
        amount=Money.of(5000, "usd"),
        charge_id=None,
        intent_id=None,
        movements=movements,
        evidence_due_by=None,
        has_evidence=False,
        submission_count=0,
        is_past_due=False,
        livemode=False,
        created_at=START,
    )


def _line(id: str, minor: int) -> BalanceTransaction:
    return BalanceTransaction(id=id, amount=Money.of(minor, "eur"), fee=Money.of(0, "eur"))


async def test_a_part_that_is_given_back_in_the_settlement_currency_is_not_all_of_it() -> None:
    """50.00 USD are taken as 46.00 EUR; 18.40 EUR come back, which are 20.00 USD."""
    view = _view(_line("txn_1", -4600), _line("txn_2", 1840), status="lost")
    dispute = Dispute.open(
        view,
        id=DisputeId("dsp_1"),
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        now=START,
    )

    left = in_dispute([dispute], whole=Money.of(5000, "usd"))

    assert left.minor >= 2900, left


async def test_what_was_taken_twice_in_the_settlement_currency_is_not_twice_the_dispute() -> None:
    """Stripe books one withdrawal in two lines; only 50.00 USD are in dispute."""
    view = _view(_line("txn_1", -2300), _line("txn_2", -2300))
    dispute = Dispute.open(
        view,
        id=DisputeId("dsp_1"),
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        now=START,
    )

    assert dispute.withdrawn == Money.of(5000, "usd")
    assert attrs.evolve(dispute).reinstated.minor == 0


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


async def test_evidence_that_somebody_else_submitted_is_not_taken_for_ours(
    disputed: Disputed,
) -> None:
    """Our request never arrived; a colleague's submission in the dashboard did."""
    opened = await disputed.open()
    await disputed.draft(opened.id, uncategorized_text="the proof")
    disputed.bank.faults.append(Fault.LOST_REQUEST)
    with pytest.raises(PaymentsError):
        await disputed.submit(opened.id)
    disputed.bank.change(
        status="under_review",
        evidence_details={
            "due_by": None,
            "has_evidence": True,
            "past_due": False,
            "submission_count": 1,
        },
    )
    disputed.bank.declines_with = "dispute_already_submitted"
    disputed.world.clock.advance(seconds=30)

    with pytest.raises(PaymentsError):
        await disputed.submit(opened.id)
