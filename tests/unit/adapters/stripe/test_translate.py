"""Stripe's objects, in whatever shape, as facts."""

import contextlib
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.adapters.stripe import translate
from markethub.domain.errors import ValidationFailed
from markethub.domain.facts import (
    BalanceTransaction,
    CaptureMethod,
    Card,
    ChargeReported,
    Failure,
    IntentHinted,
    IntentReported,
    IntentStatus,
    ProviderCharge,
    ProviderIntent,
    Reference,
    Unrecognised,
)
from markethub.domain.ids import ChargeId, CustomerId, IntentId, OrderId, PaymentId
from markethub.domain.money import CURRENCIES, Money
from markethub.domain.secret import Secret
from tests.support import stripe_objects as objects

FIFTY = Money.of(5000, "usd")
OURS = Reference(
    payment_id=PaymentId("pay_1"), order_id=OrderId("o-1"), customer_id=CustomerId("c-1")
)
CHARGE = ProviderCharge(
    id=ChargeId("ch_1"),
    intent_id=IntentId("pi_1"),
    amount=FIFTY,
    captured=FIFTY,
    card=Card(brand="visa", last4="4242", exp_month=12, exp_year=2030),
    balance=BalanceTransaction(id="txn_1", amount=FIFTY, fee=Money.of(175, "usd")),
)
INTENT = ProviderIntent(
    id=IntentId("pi_1"),
    status=IntentStatus.SUCCEEDED,
    amount=FIFTY,
    received=FIFTY,
    capturable=Money.of(0, "usd"),
    capture_method=CaptureMethod.AUTOMATIC,
    reference=OURS,
    livemode=False,
    created_at=datetime(2026, 11, 2, 9, 0, tzinfo=UTC),
    client_secret=Secret("pi_1_secret_abc"),
    latest_charge_id=ChargeId("ch_1"),
    charge=CHARGE,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class TestAnIntent:
    def test_is_read_with_its_charge_its_card_and_its_fee(self) -> None:
        assert INTENT == translate.intent(objects.with_charge_inline(objects.intent()))

    def test_has_no_charge_where_only_its_id_stands(self) -> None:
        assert attrs.evolve(INTENT, charge=None) == translate.intent(objects.intent())

    def test_has_no_charge_before_the_first_attempt(self) -> None:
        fresh = translate.intent(
            objects.intent(status="requires_payment_method", latest_charge=None, amount_received=0)
        )

        assert (None, None) == (fresh.latest_charge_id, fresh.charge)

    def test_of_an_older_version_has_its_newest_charge_first_in_a_list(self) -> None:
        older = objects.before_latest_charge(objects.intent())

        assert attrs.evolve(INTENT, charge=attrs.evolve(CHARGE, balance=None)) == (
            translate.intent(older)
        )

    @pytest.mark.parametrize("status", list(IntentStatus))
    def test_has_stripes_status(self, status: IntentStatus) -> None:
        assert status is translate.intent(objects.intent(status=status.value)).status

    @pytest.mark.parametrize(
        ("former", "status"),
        [
            ("requires_source", IntentStatus.REQUIRES_PAYMENT_METHOD),
            ("requires_source_action", IntentStatus.REQUIRES_ACTION),
        ],
    )
    def test_has_a_status_also_under_its_former_name(
        self, former: str, status: IntentStatus
    ) -> None:
        assert status is translate.intent(objects.intent(status=former)).status

    @pytest.mark.parametrize("status", ["requires_prayer", "", None, 7, ["succeeded"]])
    def test_of_an_unheard_of_status_is_unknown(self, status: Any) -> None:
        assert IntentStatus.UNKNOWN is translate.intent(objects.intent(status=status)).status

    @pytest.mark.parametrize(
        ("method", "expected"),
        [
            ("manual", CaptureMethod.MANUAL),
            ("automatic", CaptureMethod.AUTOMATIC),
            ("automatic_async", CaptureMethod.AUTOMATIC),
            ("telepathic", CaptureMethod.AUTOMATIC),
            (None, CaptureMethod.AUTOMATIC),
        ],
    )
    def test_is_captured_by_us_only_if_it_says_so(
        self, method: str | None, expected: CaptureMethod
    ) -> None:
        assert expected is translate.intent(objects.intent(capture_method=method)).capture_method

    def test_tells_why_it_failed(self) -> None:
        failed = objects.intent(
            last_payment_error={
                "type": "card_error",
                "code": "card_declined",
                "decline_code": "insufficient_funds",
                "charge": "ch_1",
            }
        )
        expected = Failure(
            code="card_declined", decline_code="insufficient_funds", charge_id=ChargeId("ch_1")
        )

        assert expected == translate.intent(failed).failure

    @pytest.mark.parametrize(
        ("error", "code"),
        [({"type": "api_error"}, "api_error"), ({}, "unknown"), ({"code": 7}, "unknown")],
    )
    def test_that_failed_without_a_code_is_named_by_what_there_is(
        self, error: dict[str, Any], code: str
    ) -> None:
        failed = objects.intent(last_payment_error=error)

        assert Failure(code=code) == translate.intent(failed).failure

    def test_hands_the_next_action_on_as_it_is(self) -> None:
        action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"a": [1]}}

        assert action == translate.intent(objects.intent(next_action=action)).next_action

    @pytest.mark.parametrize("metadata", [None, {}, [], "x", {"markethub_payment_id": ""}])
    def test_without_ids_of_ours_refers_to_nothing(self, metadata: Any) -> None:
        assert Reference() == translate.intent(objects.intent(metadata=metadata)).reference

    @pytest.mark.parametrize("value", ["pay\x00", "p" * 65, "pay 1", 7, None, "pay_1\n"])
    def test_refers_to_no_payment_where_somebody_wrote_nonsense(self, value: Any) -> None:
        metadata = objects.REFERENCE | {"markethub_payment_id": value}

        expected = attrs.evolve(OURS, payment_id=None)
        assert expected == translate.intent(objects.intent(metadata=metadata)).reference

    @pytest.mark.parametrize(
        "changes",
        [
            {"object": "charge"},
            {"id": None},
            {"id": ""},
            {"id": "pi_1/../x"},
            {"amount": None},
            {"amount": 50.5},
            {"amount": "5000"},
            {"amount": True},
            {"amount_received": None},
            {"status": "requires_capture", "amount_capturable": None},
            {"currency": None},
            {"currency": "ugx"},
            {"currency": "USD"},
            {"created": "yesterday"},
            {"created": 10**20},
        ],
        ids=str,
    )
    def test_that_cannot_be_counted_on_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ValidationFailed):
            translate.intent(objects.intent(**changes))

    @given(changes=st.dictionaries(st.sampled_from(sorted(objects.INTENT)), json_values))
    def test_of_any_shape_is_read_or_refused(self, changes: dict[str, Any]) -> None:
        with contextlib.suppress(ValidationFailed):
            translate.intent(objects.intent(**changes))

    @pytest.mark.parametrize("currency", sorted(CURRENCIES))
    def test_of_every_currency_keeps_its_minor_units(self, currency: str) -> None:
        assert (
            Money.of(5000, currency) == translate.intent(objects.intent(currency=currency)).amount
        )


class TestACharge:
    def test_points_to_its_intent_by_id_or_inline(self) -> None:
        inline = translate.charge(objects.charge(payment_intent=objects.intent()))

        assert IntentId("pi_1") == inline.intent_id
        assert inline == translate.charge(objects.charge())

    @pytest.mark.parametrize("details", [None, {}, {"type": "sepa_debit"}, {"card": None}])
    def test_without_a_card_has_none(self, details: Any) -> None:
        assert translate.charge(objects.charge(payment_method_details=details)).card is None

    def test_that_says_it_is_captured_but_not_how_much_is_refused(self) -> None:
        with pytest.raises(ValidationFailed):
            translate.charge(objects.charge(amount_captured=None))

    def test_keeps_the_fee_in_the_settlement_currency(self) -> None:
        booked = objects.BALANCE_TRANSACTION | {"currency": "eur", "amount": 4600, "fee": 161}
        balance = translate.charge(objects.charge(balance_transaction=booked)).balance

        expected = BalanceTransaction(
            id="txn_1", amount=Money.of(4600, "eur"), fee=Money.of(161, "eur")
        )
        assert expected == balance


class TestAnEvent:
    @pytest.mark.parametrize(
        ("type", "claimed"),
        [
            ("created", None),
            ("processing", IntentStatus.PROCESSING),
            ("requires_action", IntentStatus.REQUIRES_ACTION),
            ("amount_capturable_updated", IntentStatus.REQUIRES_CAPTURE),
            ("payment_failed", IntentStatus.REQUIRES_PAYMENT_METHOD),
            ("succeeded", IntentStatus.SUCCEEDED),
            ("canceled", IntentStatus.CANCELED),
        ],
    )
    def test_about_an_intent_claims_its_types_status(
        self, type: str, claimed: IntentStatus | None
    ) -> None:
        expected = IntentReported(intent=attrs.evolve(INTENT, charge=None), claimed_status=claimed)

        assert expected == translate.event_fact(f"payment_intent.{type}", objects.intent())

    @pytest.mark.parametrize(
        "type", ["succeeded", "pending", "failed", "captured", "updated", "expired"]
    )
    def test_about_a_charge_points_to_its_intent(self, type: str) -> None:
        expected = ChargeReported(
            charge_id=ChargeId("ch_1"), intent_id=IntentId("pi_1"), reference=OURS
        )

        assert expected == translate.event_fact(f"charge.{type}", objects.charge())

    @pytest.mark.parametrize("type", ["charge.refunded", "invoice.paid", "", "payment_intent"])
    def test_of_another_type_is_unrecognised_whatever_it_carries(self, type: str) -> None:
        assert Unrecognised(type=type) == translate.event_fact(type, None)

    @pytest.mark.parametrize(
        "shape",
        [
            objects.intent,
            lambda: objects.with_charge_inline(objects.intent()),
            lambda: objects.before_latest_charge(objects.intent()),
            lambda: objects.of_2017(objects.intent()),
        ],
        ids=["today", "expanded", "before-2022-11-15", "2017"],
    )
    def test_says_the_same_in_every_api_version(self, shape: Any) -> None:
        expected = IntentReported(
            intent=attrs.evolve(INTENT, charge=None), claimed_status=IntentStatus.SUCCEEDED
        )

        assert expected == translate.event_fact("payment_intent.succeeded", shape())

    def test_about_a_strangers_intent_in_a_currency_we_refuse_is_none_of_our_business(self) -> None:
        foreign = objects.intent(currency="ugx", metadata={})

        fact = translate.event_fact("payment_intent.succeeded", foreign)

        assert Unrecognised(type="payment_intent.succeeded") == fact

    @pytest.mark.parametrize(
        "lacking",
        [{"currency": "ugx"}, {"amount": None}, {"amount_received": None}, {"created": "today"}],
    )
    def test_about_our_intent_that_lacks_what_we_need_is_a_hint_to_read_it(
        self, lacking: dict[str, Any]
    ) -> None:
        expected = IntentHinted(intent_id=IntentId("pi_1"), charge_id=None, reference=OURS)

        assert expected == translate.event_fact(
            "payment_intent.succeeded", objects.intent(**lacking)
        )

    @pytest.mark.parametrize("handled", sorted(translate.HANDLED_TYPES))
    @given(obj=json_values)
    def test_without_its_object_is_refused(self, handled: str, obj: Any) -> None:
        with pytest.raises(ValidationFailed):
            translate.event_fact(handled, obj)

    @given(changes=st.dictionaries(st.sampled_from(sorted(objects.INTENT)), json_values))
    def test_about_an_intent_of_any_shape_is_read_or_refused(self, changes: dict[str, Any]) -> None:
        with contextlib.suppress(ValidationFailed):
            translate.event_fact("payment_intent.succeeded", objects.intent(**changes))


class TestAPage:
    def test_says_where_the_next_one_starts(self) -> None:
        listed = {
            "object": "list",
            "data": [objects.intent(id="pi_2"), objects.intent()],
            "has_more": True,
        }

        page = translate.page(listed)

        assert ["pi_2", "pi_1"] == [each.id for each in page.intents]
        assert "pi_1" == page.next_after

    def test_leaves_a_strangers_unreadable_intent_out_and_goes_on_behind_it(self) -> None:
        foreign = objects.intent(id="pi_2", currency="ugx", metadata={})
        listed = {"object": "list", "data": [objects.intent(), foreign], "has_more": True}

        page = translate.page(listed)

        assert ["pi_1"] == [each.id for each in page.intents]
        assert "pi_2" == page.next_after

    def test_with_an_unreadable_intent_of_ours_is_refused(self) -> None:
        listed = {"object": "list", "data": [objects.intent(amount=None)], "has_more": False}

        with pytest.raises(ValidationFailed):
            translate.page(listed)

    @pytest.mark.parametrize("data", [None, {}, "x", [None]])
    def test_that_is_no_list_is_refused(self, data: Any) -> None:
        with pytest.raises(ValidationFailed):
            translate.page({"object": "list", "data": data, "has_more": False})
