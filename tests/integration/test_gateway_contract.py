"""What every gateway must do, proved on both: the fake, and Stripe's SDK over HTTP to its door.

Whatever goes out over HTTP is judged by Stripe's own types, in every one of these tests: see
``rig_of``.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import attrs
import pytest

from markethub.adapters.fake.account import Fault
from markethub.adapters.fake.bank import Bank
from markethub.domain.errors import GatewayRejected, GatewayUnavailable, NotFound
from markethub.domain.facts import (
    BalanceTransaction,
    CaptureMethod,
    Card,
    Failure,
    IntentStatus,
    ProviderRefundStatus,
    Reference,
)
from markethub.domain.ids import CustomerId, IntentId, OrderId, PaymentId, RefundId
from markethub.domain.money import Money
from markethub.domain.operation import CancelIntent, CaptureIntent, RefundIntent, UpdateIntent
from markethub.domain.ports.gateway import Declined, Done, NotTaken, Refunded, Unknown
from tests.support.gateway_rig import (
    CHALLENGE,
    DECLINED,
    FIFTY,
    MISSING,
    NOW,
    Rig,
    create,
    new_account,
    rig_of,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["fake", "stripe"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def rig(kind: str, anyio_backend: str) -> AsyncIterator[Rig]:
    async with rig_of(kind, new_account()) as rig:
        yield rig


class TestCreating:
    async def test_makes_an_intent_that_bears_our_ids(self, rig: Rig) -> None:
        intent = await rig.created()

        assert IntentStatus.REQUIRES_PAYMENT_METHOD is intent.status
        assert (FIFTY, Money.of(0, "usd")) == (intent.amount, intent.received)
        assert CaptureMethod.AUTOMATIC is intent.capture_method
        assert NOW == intent.created_at
        assert not intent.livemode
        assert intent.client_secret
        assert intent.charge is None
        assert Reference(
            payment_id=PaymentId("pay_1"), order_id=OrderId("o-1"), customer_id=CustomerId("c-1")
        ) == (intent.reference)

    async def test_can_leave_the_capture_to_us(self, rig: Rig) -> None:
        intent = await rig.created(manual=True)

        assert CaptureMethod.MANUAL is intent.capture_method

    @pytest.mark.parametrize("currency", ["jpy", "bhd", "isk"])
    async def test_counts_in_the_currencys_minor_units(self, rig: Rig, currency: str) -> None:
        amount = Money.of(7000, currency)

        outcome = await rig.send(create(amount=amount))

        assert isinstance(outcome, Done)
        assert amount == outcome.intent.amount

    async def test_under_the_same_key_replays_the_first_answer(self, rig: Rig) -> None:
        first = await rig.send(create())
        second = await rig.send(create())

        assert isinstance(first, Done)
        assert Done(intent=first.intent, replayed=True) == second
        assert rig.intents() == 1

    async def test_under_another_key_makes_another(self, rig: Rig) -> None:
        first = await rig.created(key="create:1")
        second = await rig.created(key="create:2")

        assert first.id != second.id

    async def test_something_else_under_the_same_key_is_unknown(self, rig: Rig) -> None:
        await rig.send(create())

        outcome = await rig.send(create(amount=Money.of(6000, "usd")))

        assert Unknown(reason="idempotency_error", stored=True) == outcome
        assert rig.intents() == 1

    @pytest.mark.parametrize(
        ("minor", "code"), [(49, "amount_too_small"), (100_000_000, "amount_too_large")]
    )
    async def test_is_declined_outside_of_stripes_limits(
        self, rig: Rig, minor: int, code: str
    ) -> None:
        outcome = await rig.send(create(amount=Money.of(minor, "usd")))

        assert Declined(code=code) == outcome
        assert rig.intents() == 0


class TestUpdating:
    async def test_changes_the_amount(self, rig: Rig) -> None:
        intent = await rig.created()

        outcome = await rig.send(UpdateIntent(intent_id=intent.id, amount=Money.of(6000, "usd")))

        assert isinstance(outcome, Done)
        assert attrs.evolve(intent, amount=Money.of(6000, "usd")) == outcome.intent

    async def test_a_paid_intent_is_declined_and_shows_it(self, rig: Rig) -> None:
        intent = await rig.created()
        rig.pay(intent)

        outcome = await rig.send(UpdateIntent(intent_id=intent.id, amount=Money.of(6000, "usd")))

        assert isinstance(outcome, Declined)
        assert outcome.code == "payment_intent_unexpected_state"
        assert outcome.intent is not None
        assert (IntentStatus.SUCCEEDED, FIFTY) == (outcome.intent.status, outcome.intent.amount)

    async def test_what_is_not_there_is_declined(self, rig: Rig) -> None:
        outcome = await rig.send(UpdateIntent(intent_id=MISSING, amount=FIFTY))

        assert Declined(code="resource_missing") == outcome


class TestCapturing:
    @pytest.mark.parametrize("minor", [5000, 4999, 1])
    async def test_takes_what_was_held_or_a_part(self, rig: Rig, minor: int) -> None:
        intent = await rig.authorized()
        part = Money.of(minor, "usd")

        outcome = await rig.send(CaptureIntent(intent_id=intent.id, amount=part))

        assert isinstance(outcome, Done)
        assert IntentStatus.SUCCEEDED is outcome.intent.status
        assert part == outcome.intent.received
        assert outcome.intent.charge is not None
        assert part == outcome.intent.charge.captured

    async def test_more_than_was_held_is_declined(self, rig: Rig) -> None:
        intent = await rig.authorized()

        outcome = await rig.send(CaptureIntent(intent_id=intent.id, amount=Money.of(5001, "usd")))

        assert isinstance(outcome, Declined)
        assert IntentStatus.REQUIRES_CAPTURE is (await rig.gateway.read_intent(intent.id)).status

    async def test_twice_under_two_keys_takes_it_once(self, rig: Rig) -> None:
        intent = await rig.authorized()
        await rig.send(CaptureIntent(intent_id=intent.id, amount=FIFTY), key="capture:1")

        outcome = await rig.send(CaptureIntent(intent_id=intent.id, amount=FIFTY), key="capture:2")

        assert isinstance(outcome, Declined)
        assert outcome.code == "payment_intent_unexpected_state"
        assert outcome.intent is not None
        assert FIFTY == outcome.intent.received

    async def test_what_was_never_authorized_is_declined(self, rig: Rig) -> None:
        intent = await rig.created(manual=True)

        outcome = await rig.send(CaptureIntent(intent_id=intent.id, amount=FIFTY))

        assert isinstance(outcome, Declined)
        assert outcome.code == "payment_intent_unexpected_state"


class TestCanceling:
    @pytest.mark.parametrize("reason", [None, "abandoned", "requested_by_customer"])
    async def test_ends_an_intent_with_its_reason(self, rig: Rig, reason: str | None) -> None:
        intent = await rig.created()

        outcome = await rig.send(CancelIntent(intent_id=intent.id, reason=reason))

        assert isinstance(outcome, Done)
        assert IntentStatus.CANCELED is outcome.intent.status
        assert reason == outcome.intent.cancellation_reason

    async def test_releases_what_was_held(self, rig: Rig) -> None:
        intent = await rig.authorized()

        outcome = await rig.send(CancelIntent(intent_id=intent.id))

        assert isinstance(outcome, Done)
        nothing = Money.of(0, "usd")
        assert (nothing, nothing) == (outcome.intent.received, outcome.intent.capturable)

    async def test_a_paid_intent_is_declined_and_shows_it(self, rig: Rig) -> None:
        intent = await rig.created()
        rig.pay(intent)

        outcome = await rig.send(CancelIntent(intent_id=intent.id))

        assert isinstance(outcome, Declined)
        assert outcome.code == "payment_intent_unexpected_state"
        assert outcome.intent is not None
        assert IntentStatus.SUCCEEDED is outcome.intent.status


class TestRefunding:
    async def test_gives_a_part_back_and_bears_our_id(self, rig: Rig) -> None:
        intent = await rig.created()
        rig.pay(intent)

        outcome = await rig.send(refund(intent.id, 2000))
        [listed] = await rig.gateway.list_refunds(intent.id)

        assert isinstance(outcome, Refunded)
        assert not outcome.replayed
        assert (RefundId("ref_1"), Money.of(2000, "usd"), ProviderRefundStatus.SUCCEEDED) == (
            listed.refund_id,
            listed.amount,
            listed.status,
        )
        assert outcome.refund == listed
        assert listed.balance is not None
        assert Money.of(-2000, "usd") == listed.balance.amount

    async def test_under_the_same_key_replays_the_first_answer(self, rig: Rig) -> None:
        intent = await rig.created()
        rig.pay(intent)
        await rig.send(refund(intent.id, 2000), key="refund:1")

        again = await rig.send(refund(intent.id, 2000), key="refund:1")

        assert isinstance(again, Refunded)
        assert again.replayed
        assert 1 == len(await rig.gateway.list_refunds(intent.id))

    async def test_of_more_than_is_left_or_of_nothing_captured_is_declined(self, rig: Rig) -> None:
        paid, held = await rig.created(key="create:2"), await rig.authorized()
        rig.pay(paid)

        assert isinstance(await rig.send(refund(paid.id, 5001), key="1"), Declined)
        assert isinstance(await rig.send(refund(held.id, 5000), key="2"), Declined)
        await rig.send(refund(paid.id, 5000), key="3")
        again = await rig.send(refund(paid.id, 1), key="4")
        assert Declined(code="charge_already_refunded") == again

    async def test_one_that_came_back_shows_what_came_back_and_why(self, rig: Rig) -> None:
        intent = await rig.created()
        rig.pay(intent)
        made = await rig.send(refund(intent.id, 2000))
        assert isinstance(made, Refunded)
        Bank(rig.account).fail_refund(made.refund.id, "lost_or_stolen_card")

        [listed] = await rig.gateway.list_refunds(intent.id)

        assert (ProviderRefundStatus.FAILED, "lost_or_stolen_card") == (
            listed.status,
            listed.failure_reason,
        )
        assert listed.returned is not None
        assert Money.of(2000, "usd") == listed.returned.amount

    async def test_all_of_an_intents_refunds_are_listed_and_none_of_others(self, rig: Rig) -> None:
        intent, other = await rig.created(), await rig.created(key="create:2")
        for each in (intent, other):
            rig.pay(each)
        for number in range(101):
            await rig.send(refund(intent.id, 1), key=f"refund:{number}")
        await rig.send(refund(other.id, 1), key="other")

        assert 101 == len(await rig.gateway.list_refunds(intent.id))

    async def test_of_what_is_not_there_lists_none(self, rig: Rig) -> None:
        assert [] == list(await rig.gateway.list_refunds(MISSING))


def refund(intent_id: IntentId, minor: int) -> RefundIntent:
    return RefundIntent(
        intent_id=intent_id,
        refund_id=RefundId("ref_1"),
        payment_id=PaymentId("pay_1"),
        amount=Money.of(minor, "usd"),
        reason="duplicate",
    )


class TestReading:
    async def test_a_paid_intent_shows_its_charge_its_card_and_its_fee(self, rig: Rig) -> None:
        intent = await rig.created()
        rig.pay(intent)

        read = await rig.gateway.read_intent(intent.id)

        assert IntentStatus.SUCCEEDED is read.status
        assert FIFTY == read.received
        assert read.charge is not None
        assert read.latest_charge_id == read.charge.id
        assert (intent.id, FIFTY, FIFTY) == (
            read.charge.intent_id,
            read.charge.amount,
            read.charge.captured,
        )
        assert Card(brand="visa", last4="4242", exp_month=12, exp_year=2030) == read.charge.card
        assert read.charge.balance is not None
        assert (
            BalanceTransaction(id=read.charge.balance.id, amount=FIFTY, fee=Money.of(175, "usd"))
            == read.charge.balance
        )

    async def test_a_fee_that_is_not_booked_yet_is_absent(self, kind: str) -> None:
        async with rig_of(kind, new_account(fee_later=True)) as rig:
            intent = await rig.created()
            rig.pay(intent)

            read = await rig.gateway.read_intent(intent.id)

        assert read.charge is not None
        assert read.charge.balance is None

    async def test_a_part_that_was_exchanged_shows_what_was_booked_back(self, kind: str) -> None:
        account = new_account(settlement_currency="eur", exchange_rate=(9, 10))
        async with rig_of(kind, account) as rig:
            held = await rig.authorized()
            await rig.send(CaptureIntent(intent_id=held.id, amount=Money.of(2000, "usd")))

            read = await rig.gateway.read_intent(held.id)

        assert read.charge is not None
        assert read.charge.balance is not None
        assert read.charge.released is not None
        assert (Money.of(4500, "eur"), Money.of(-2700, "eur")) == (
            read.charge.balance.amount,
            read.charge.released.amount,
        )

    async def test_an_authorized_intent_shows_what_is_held(self, rig: Rig) -> None:
        read = await rig.authorized()

        assert IntentStatus.REQUIRES_CAPTURE is read.status
        assert (FIFTY, Money.of(0, "usd")) == (read.capturable, read.received)

    async def test_a_declined_intent_shows_why(self, rig: Rig) -> None:
        intent = await rig.created()
        rig.pay(intent, DECLINED)

        read = await rig.gateway.read_intent(intent.id)

        assert IntentStatus.REQUIRES_PAYMENT_METHOD is read.status
        assert (
            Failure(
                code="card_declined",
                decline_code="insufficient_funds",
                charge_id=read.latest_charge_id,
            )
            == read.failure
        )
        assert read.latest_charge_id is not None

    async def test_a_challenged_intent_shows_what_the_customer_must_do(self, rig: Rig) -> None:
        intent = await rig.created()
        rig.pay(intent, CHALLENGE)

        read = await rig.gateway.read_intent(intent.id)

        assert IntentStatus.REQUIRES_ACTION is read.status
        assert read.next_action is not None
        assert "type" in read.next_action

    @pytest.mark.parametrize("id", [MISSING, IntentId(""), IntentId("pi_1/cancel")])
    async def test_what_is_not_there_is_not_found(self, rig: Rig, id: IntentId) -> None:
        with pytest.raises(NotFound):
            await rig.gateway.read_intent(id)

    async def test_the_account_gives_its_id(self, rig: Rig) -> None:
        assert (await rig.gateway.account_id()).startswith("acct_")


class TestListing:
    async def test_begins_at_the_time_asked_for(self, rig: Rig) -> None:
        await rig.created(key="create:1")
        rig.account.advance(int(NOW.timestamp()) + 60)
        later = await rig.created(key="create:2")

        listed = await rig.gateway.list_intents(created_from=NOW + timedelta(seconds=60))

        assert [later] == list(listed)

    async def test_goes_through_all_pages(self, rig: Rig) -> None:
        made = {
            rig.account.request(
                method="POST",
                path="/v1/payment_intents",
                params={"amount": 5000, "currency": "usd"},
                auth="sk_test_dev",
            ).body["id"]
            for _ in range(201)
        }

        listed = await rig.gateway.list_intents(created_from=NOW)

        assert len(listed) == 201
        assert made == {intent.id for intent in listed}

    async def test_of_nothing_is_empty(self, rig: Rig) -> None:
        assert [] == list(await rig.gateway.list_intents(created_from=NOW))


class TestTrouble:
    """Nothing of this may ever look like a refusal, for the effect may be there."""

    async def test_a_stored_failure_is_unknown_and_its_effect_is_found_by_a_listing(
        self, rig: Rig
    ) -> None:
        rig.account.provoke(Fault.STORED_500)

        first, again = await rig.send(create()), await rig.send(create())

        assert Unknown(reason="status 500") == first
        assert Unknown(reason="status 500", stored=True) == again
        [found] = await rig.gateway.list_intents(created_from=NOW)
        assert PaymentId("pay_1") == found.reference.payment_id

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            (Fault.RATE_LIMITED, NotTaken(reason="rate_limit")),
            (Fault.RATE_LIMITED_UNEXPLAINED, NotTaken(reason="rate_limit")),
            (Fault.LOCK_TIMEOUT, NotTaken(reason="lock_timeout")),
            (Fault.KEY_IN_USE, NotTaken(reason="conflict", in_flight=True)),
        ],
    )
    async def test_what_was_not_taken_may_be_sent_again_under_the_same_key(
        self, rig: Rig, fault: Fault, expected: NotTaken
    ) -> None:
        rig.account.provoke(fault)

        outcome = await rig.send(create())
        intents_before = rig.intents()
        again = await rig.send(create())

        assert expected == outcome
        assert intents_before == 0
        assert isinstance(again, Done)
        assert not again.replayed

    @pytest.mark.parametrize("type", ["invalid_request_error", "idempotency_error"])
    async def test_a_key_in_flight_is_known_by_its_code_whatever_its_type(
        self, kind: str, type: str
    ) -> None:
        async with rig_of(kind, new_account(key_in_use_type=type)) as rig:
            rig.account.provoke(Fault.KEY_IN_USE)

            outcome = await rig.send(create())

        assert NotTaken(reason="conflict", in_flight=True) == outcome

    async def test_refused_credentials_decide_nothing_and_name_no_account(self, kind: str) -> None:
        async with rig_of(kind, new_account(secret_keys=("sk_test_rolled",))) as rig:
            outcome = await rig.send(create())

            assert NotTaken(reason="credentials refused") == outcome
            with pytest.raises(GatewayUnavailable):
                await rig.gateway.read_intent(MISSING)
            with pytest.raises(GatewayUnavailable):
                await rig.gateway.list_intents(created_from=NOW)
            with pytest.raises(GatewayRejected):
                await rig.gateway.account_id()
