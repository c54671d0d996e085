"""Refunds as Stripe answers, books and announces them."""

from typing import Any

import pytest

from tests.unit.adapters.fake.shop import DAY, START, Shop
from tests.unit.adapters.fake.shop import shop as open_shop

PENDING = "4000000000007726"
FAILING = "4000000000005126"


def refund(shop: Shop, intent: dict[str, Any], **params: Any) -> dict[str, Any]:
    response = shop.post("refunds", {"payment_intent": intent["id"], **params})
    assert response.status == 200, response.body
    return response.body


def refused(shop: Shop, intent: dict[str, Any], **params: Any) -> tuple[int, dict[str, Any]]:
    response = shop.post("refunds", {"payment_intent": intent["id"], **params})
    return response.status, response.body["error"]


def charge_of(shop: Shop, intent: dict[str, Any]) -> dict[str, Any]:
    return shop.read(f"charges/{intent['latest_charge']}")


class TestAFullRefund:
    def test_succeeds_and_marks_the_charge(self, shop: Shop) -> None:
        intent = shop.charge()

        made = refund(shop, intent, reason="requested_by_customer", metadata={"refund": "r-1"})

        charge = charge_of(shop, intent)
        assert ("succeeded", 1000, "usd") == (made["status"], made["amount"], made["currency"])
        assert (intent["latest_charge"], intent["id"]) == (made["charge"], made["payment_intent"])
        assert ({"refund": "r-1"}, "requested_by_customer") == (made["metadata"], made["reason"])
        assert (1000, True) == (charge["amount_refunded"], charge["refunded"])
        assert made == shop.read(f"refunds/{made['id']}")

    def test_takes_the_amount_from_the_balance_and_leaves_the_fee_there(self, shop: Shop) -> None:
        made = refund(shop, shop.charge(description="Tea"))

        line = shop.read(f"balance_transactions/{made['balance_transaction']}")
        assert ("refund", "refund", -1000, 0, -1000) == (
            line["type"],
            line["reporting_category"],
            line["amount"],
            line["fee"],
            line["net"],
        )
        assert (made["id"], "REFUND FOR CHARGE (Tea)") == (line["source"], line["description"])

    def test_is_announced_before_the_charge_is(self, shop: Shop) -> None:
        intent = shop.charge()
        before = len(shop.events())

        made = refund(shop, intent)

        created, refunded = shop.event_objects()[before:]
        assert ("refund.created", made) == (created["type"], created["data"]["object"])
        assert ("charge.refunded", 1000) == (
            refunded["type"],
            refunded["data"]["object"]["amount_refunded"],
        )


class TestACardWhoseRefundIsPending:
    def test_counts_nothing_until_it_succeeds(self, shop: Shop) -> None:
        intent = shop.charge(PENDING)

        made = refund(shop, intent)

        assert ("pending", "processing") == (made["status"], made["pending_reason"])
        assert (0, False) == (
            charge_of(shop, intent)["amount_refunded"],
            charge_of(shop, intent)["refunded"],
        )
        assert "refund.created" == shop.events()[-1]

    def test_succeeds_later_and_says_so(self, shop: Shop) -> None:
        intent = shop.charge(PENDING)
        made = refund(shop, intent)

        shop.account.advance(START + 2)

        settled = shop.read(f"refunds/{made['id']}")
        event = next(e for e in shop.event_objects() if e["type"] == "refund.updated")
        assert "succeeded" == settled["status"]
        assert "pending_reason" not in settled
        assert True is charge_of(shop, intent)["refunded"]
        assert settled == event["data"]["object"]
        assert {"pending_reason": "processing", "status": "pending"} == event["data"][
            "previous_attributes"
        ]
        assert "charge.refunded" == shop.events()[-1]


class TestACardWhoseRefundFails:
    def test_succeeds_first_and_then_gives_the_money_back_to_the_account(self, shop: Shop) -> None:
        intent = shop.charge(FAILING)
        made = refund(shop, intent)
        first = charge_of(shop, intent)["refunded"]

        shop.account.advance(START + 2)

        failed = shop.read(f"refunds/{made['id']}", "failure_balance_transaction")
        line = failed["failure_balance_transaction"]
        assert ("succeeded", True) == (made["status"], first)
        assert ("failed", "expired_or_canceled_card") == (
            failed["status"],
            failed["failure_reason"],
        )
        assert ("refund_failure", 1000, 0, made["id"]) == (
            line["type"],
            line["amount"],
            line["fee"],
            line["source"],
        )
        assert (0, False) == (
            charge_of(shop, intent)["amount_refunded"],
            charge_of(shop, intent)["refunded"],
        )
        assert "refund.failed" == shop.events()[-1]

    def test_may_be_refunded_again(self, shop: Shop) -> None:
        intent = shop.charge(FAILING)
        refund(shop, intent)
        shop.account.advance(START + 2)

        assert "succeeded" == refund(shop, intent)["status"]


class TestSeveralPartialRefunds:
    def test_add_up_until_the_charge_is_spent(self, shop: Shop) -> None:
        intent = shop.charge()

        first, second = refund(shop, intent, amount=300), refund(shop, intent, amount=100)
        between = charge_of(shop, intent)
        rest = refund(shop, intent)

        assert (400, False) == (between["amount_refunded"], between["refunded"])
        assert 600 == rest["amount"]
        assert (1000, True) == (
            charge_of(shop, intent)["amount_refunded"],
            charge_of(shop, intent)["refunded"],
        )
        listed = shop.get("refunds", {"charge": intent["latest_charge"]}).body["data"]
        assert [rest, second, first] == listed

    def test_of_a_partly_captured_amount_end_at_what_was_captured(self, shop: Shop) -> None:
        intent = shop.charge(capture_method="manual")
        shop.post(f"payment_intents/{intent['id']}/capture", {"amount_to_capture": 700})

        status, error = refused(shop, intent, amount=701)

        assert (400, "amount") == (status, error["param"])
        assert (
            "Refund amount ($7.01) is greater than unrefunded amount on charge ($7.00)"
            == (error["message"])
        )
        assert 700 == refund(shop, intent)["amount"]


class TestARefusal:
    @pytest.mark.parametrize(
        ("currency", "message"),
        [
            ("usd", "Refund amount ($40.00) is greater than unrefunded amount on charge ($30.00)"),
            ("eur", "Refund amount (€40.00) is greater than unrefunded amount on charge (€30.00)"),
        ],
    )
    def test_of_more_than_is_left_names_both_amounts_and_has_no_code(
        self, shop: Shop, currency: str, message: str
    ) -> None:
        intent = shop.charge(amount=5000, currency=currency)
        refund(shop, intent, amount=2000)

        status, error = refused(shop, intent, amount=4000)

        assert (400, {"message": message, "param": "amount", "type": "invalid_request_error"}) == (
            status,
            error,
        )

    @pytest.mark.parametrize("card", ["4242424242424242", PENDING])
    def test_of_a_spent_charge_says_so(self, shop: Shop, card: str) -> None:
        intent = shop.charge(card)
        refund(shop, intent)

        status, error = refused(shop, intent, amount=1)

        assert (400, "charge_already_refunded") == (status, error["code"])
        assert f"Charge {intent['latest_charge']} has already been refunded." == error["message"]

    @pytest.mark.parametrize("amount", [0, -1])
    def test_of_nothing_or_less_is_of_the_parameter(self, shop: Shop, amount: int) -> None:
        status, error = refused(shop, shop.charge(), amount=amount)

        assert (400, "parameter_invalid_integer", "amount") == (
            status,
            error["code"],
            error["param"],
        )

    def test_of_an_uncaptured_charge_says_to_cancel(self, shop: Shop) -> None:
        intent = shop.charge(capture_method="manual")

        status, error = refused(shop, intent)

        assert 400 == status
        assert "You must cancel the PaymentIntent to reverse" in error["message"]

    @pytest.mark.parametrize("how", ["no attempt", "declined", "canceled"])
    def test_of_an_intent_that_was_never_paid_names_it(self, shop: Shop, how: str) -> None:
        if how == "no attempt":
            intent = shop.create()
        elif how == "declined":
            intent = shop.charge("4000000000000002")
        else:
            intent = shop.charge(capture_method="manual")
            shop.post(f"payment_intents/{intent['id']}/cancel")

        status, error = refused(shop, intent)

        assert 400 == status
        assert (
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            == error["message"]
        )

    @pytest.mark.parametrize(
        ("params", "status", "message"),
        [
            (
                {},
                400,
                (
                    "One of the following params should be provided for this request: "
                    "payment_intent or charge."
                ),
            ),
            ({"charge": "ch_0"}, 404, "No such charge: 'ch_0'"),
            ({"payment_intent": "pi_0"}, 404, "No such payment_intent: 'pi_0'"),
        ],
    )
    def test_without_anything_to_refund_says_what_is_missing(
        self, shop: Shop, params: dict[str, str], status: int, message: str
    ) -> None:
        response = shop.post("refunds", params)

        assert (status, message) == (response.status, response.body["error"]["message"])

    def test_of_a_reason_that_is_stripes_own_lists_the_callers(self, shop: Shop) -> None:
        _, error = refused(shop, shop.charge(), reason="expired_uncaptured_charge")

        assert (
            "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer"
            == error["message"]
        )

    def test_of_a_charge_of_another_intent_says_so(self, shop: Shop) -> None:
        status, error = refused(shop, shop.charge(), charge=shop.charge()["latest_charge"])

        assert (400, "charge") == (status, error["param"])


def test_the_reason_fraudulent_reports_the_customer() -> None:
    shop = open_shop()
    intent = shop.charge()

    refund(shop, intent, reason="fraudulent")

    assert {"user_report": "fraudulent"} == charge_of(shop, intent)["fraud_details"]


def test_the_same_key_refunds_once(shop: Shop) -> None:
    intent = shop.charge()
    params = {"payment_intent": intent["id"], "amount": 100}

    first = shop.post("refunds", params, key="refund-1")
    again = shop.post("refunds", params, key="refund-1")

    assert first.body == again.body
    assert 100 == charge_of(shop, intent)["amount_refunded"]


def test_metadata_is_changed_and_announced(shop: Shop) -> None:
    made = refund(shop, shop.charge(), metadata={"a": "1", "b": "2"})

    changed = shop.post(f"refunds/{made['id']}", {"metadata": {"b": "", "c": "3"}}).body

    assert (
        {"a": "1", "c": "3"}
        == changed["metadata"]
        == shop.read(f"refunds/{made['id']}")["metadata"]
    )
    assert ["refund.updated", "charge.refund.updated"] == shop.events()[-2:]


def test_the_older_name_of_the_event_can_be_left_out() -> None:
    shop = open_shop(charge_refund_updated=False)
    made = refund(shop, shop.charge())

    shop.post(f"refunds/{made['id']}", {"metadata": {"a": "1"}})

    assert "refund.updated" == shop.events()[-1]


def test_a_refund_that_is_not_there_is_missing(shop: Shop) -> None:
    response = shop.get("refunds/re_0")

    assert (404, "resource_missing") == (response.status, response.body["error"]["code"])
    assert "No such refund: 're_0'" == response.body["error"]["message"]


def test_a_succeeded_refund_cannot_be_canceled(shop: Shop) -> None:
    made = refund(shop, shop.charge())

    response = shop.post(f"refunds/{made['id']}/cancel")

    assert (400, "Canceling this refund is unsupported.") == (
        response.status,
        response.body["error"]["message"],
    )


def test_lists_are_of_a_charge_an_intent_or_a_time(shop: Shop) -> None:
    one, other = shop.charge(), shop.charge()
    first = refund(shop, one)
    shop.account.advance(START + 10)
    second = refund(shop, other)

    def ids(**params: Any) -> list[str]:
        return [each["id"] for each in shop.get("refunds", params).body["data"]]

    assert [second["id"], first["id"]] == ids()
    assert [first["id"]] == ids(payment_intent=one["id"])
    assert [second["id"]] == ids(charge=other["latest_charge"])
    assert [second["id"]] == ids(created={"gte": START + 10})


@pytest.mark.parametrize(("booked", "expected"), [(True, str), (False, type(None))])
def test_whether_a_pending_refund_is_booked_is_the_accounts_habit(
    booked: bool, expected: type
) -> None:
    shop = open_shop(pending_refunds_are_booked=booked)
    made = refund(shop, shop.charge(PENDING))

    shop.account.advance(START + 2)

    assert expected is type(made["balance_transaction"])
    assert isinstance(shop.read(f"refunds/{made['id']}")["balance_transaction"], str)


class TestARefundThatTheBalanceDoesNotCover:
    def test_waits_until_it_does_where_the_account_is_so(self) -> None:
        shop = open_shop(refunds_need_funds=True)
        intent = shop.charge()
        shop.charge()  # the fee of the first is not given back: alone it never covers its refund

        made = refund(shop, intent)
        shop.account.advance(START + 2 * DAY - 1)
        waiting = shop.read(f"refunds/{made['id']}")
        shop.account.advance(START + 3 * DAY)

        settled = shop.read(f"refunds/{made['id']}")
        assert ("pending", "insufficient_funds", None) == (
            made["status"],
            made["pending_reason"],
            made["balance_transaction"],
        )
        assert made == waiting
        assert "succeeded" == settled["status"]
        assert isinstance(settled["balance_transaction"], str)

    def test_waits_as_long_as_it_takes(self) -> None:
        shop = open_shop(refunds_need_funds=True)
        made = refund(shop, shop.charge())

        shop.account.advance(START + 40 * DAY)

        assert made == shop.read(f"refunds/{made['id']}")

    def test_is_made_at_once_where_the_money_is_there(self) -> None:
        shop = open_shop(refunds_need_funds=True)
        shop.charge("4000000000000077")

        assert "succeeded" == refund(shop, shop.charge("4000000000000077"))["status"]


def test_a_refund_is_converted_and_its_failure_takes_back_just_that() -> None:
    shop = open_shop(settlement_currency="usd", exchange_rate=(1085, 1000))
    intent = shop.charge(FAILING, amount=1001, currency="eur")
    refund(shop, intent)

    shop.account.advance(START + 2)

    lines = shop.get("balance_transactions").body["data"]
    assert [("refund_failure", 1086), ("refund", -1086), ("charge", 1086)] == [
        (line["type"], line["amount"]) for line in lines
    ]
    assert {"usd"} == {line["currency"] for line in lines}
