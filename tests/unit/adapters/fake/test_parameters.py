"""What the account refuses to read, and how it says so."""

from typing import Any

import pytest

from markethub.adapters.fake.account import Response
from tests.unit.adapters.fake.shop import NO_REDIRECTS, Shop, card
from tests.unit.adapters.fake.shop import shop as open_shop

ASKED = {"amount": 1000, "currency": "usd"}


def refused(response: Response) -> tuple[int, str | None, str | None]:
    error = response.body["error"]
    return response.status, error.get("code"), error.get("param")


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "usd"}, "parameter_missing", "amount"),
        ({"amount": 1000}, "parameter_missing", "currency"),
        ({**ASKED, "colour": "red"}, "parameter_unknown", "colour"),
        (
            {**ASKED, "automatic_payment_methods": {"enabled": True, "x": "1"}},
            "parameter_unknown",
            "automatic_payment_methods[x]",
        ),
        (
            {**ASKED, "automatic_payment_methods": {"allow_redirects": "never"}},
            "parameter_missing",
            "automatic_payment_methods[enabled]",
        ),
        ({**ASKED, "amount": "10.00"}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": 10.5}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": "1e3"}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": True}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": "NaN"}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": "\u0661\u0660\u0660\u0660"}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": ""}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": {"a": "1"}}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": 0}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "amount": -100}, "parameter_invalid_integer", "amount"),
        ({**ASKED, "currency": ""}, "parameter_invalid_empty", "currency"),
        ({**ASKED, "currency": "doubloon"}, None, "currency"),
        ({**ASKED, "capture_method": "someday"}, None, "capture_method"),
        ({**ASKED, "confirm": "yes"}, None, "confirm"),
        ({**ASKED, "expand": "latest_charge"}, None, "expand"),
        ({**ASKED, "automatic_payment_methods": "x"}, None, "automatic_payment_methods"),
        (
            {**ASKED, "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        ({**ASKED, "amount": 49}, "amount_too_small", "amount"),
        ({**ASKED, "amount": 100_000_000}, "amount_too_large", "amount"),
        ({**ASKED, "amount": 10**17}, "amount_too_large", "amount"),
        ({**ASKED, "customer": "cus_none"}, "resource_missing", "customer"),
        ({**ASKED, "payment_method": "pm_none"}, "resource_missing", "payment_method"),
        ({**ASKED, "off_session": True}, None, "off_session"),
        (
            {**ASKED, "payment_method": "pm_card_visa", "payment_method_data": card()},
            None,
            "payment_method",
        ),
        ({**ASKED, "metadata": {f"k{number}": "v" for number in range(51)}}, None, "metadata"),
        ({**ASKED, "metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({**ASKED, "metadata": {"k": "v" * 501}}, None, "metadata"),
        ({**ASKED, "metadata": {"k": {"nested": "v"}}}, None, "metadata[k]"),
    ],
)
def test_creating_refuses(params: dict[str, Any], code: str | None, param: str) -> None:
    shop = open_shop()

    response = shop.post("payment_intents", params)

    assert (400, code, param) == refused(response)
    assert "invalid_request_error" == response.body["error"]["type"]
    assert [] == shop.get("payment_intents").body["data"]
    assert [] == shop.events()


def test_an_upper_case_currency_is_taken() -> None:
    assert "usd" == open_shop().create(currency="USD")["currency"]


@pytest.mark.parametrize(
    ("amount", "currency", "is_taken"),
    [
        (50, "usd", True),
        (29, "gbp", False),
        (30, "gbp", True),
        (50, "jpy", True),
        (1, "clp", True),
        (17_499, "huf", False),
        (17_500, "huf", True),
        (1_050, "isk", False),
        (1_100, "isk", True),
        (1_050, "ugx", False),
        (1_100, "ugx", True),
        (1_005, "kwd", False),
        (1_010, "kwd", True),
        (99_999_999, "usd", True),
        (100_000_000, "idr", True),
    ],
)
def test_amounts_follow_the_rules_of_their_currency(
    amount: int, currency: str, is_taken: bool
) -> None:
    response = open_shop().post("payment_intents", {"amount": amount, "currency": currency})

    assert is_taken == (response.status == 200)


def test_a_last_digit_of_a_three_decimal_currency_is_taken_where_that_is_the_rule() -> None:
    shop = open_shop(three_decimals_end_in_zero=False)

    response = shop.post("payment_intents", {"amount": 1_005, "currency": "kwd"})

    assert response.status == 200


def test_the_minimum_holds_after_conversion_too() -> None:
    shop = open_shop(settlement_currency="usd", exchange_rate=(1, 100))

    answers = [
        shop.post("payment_intents", {"amount": amount, "currency": "jpy"})
        for amount in (4_000, 5_000)
    ]

    assert (400, "amount_too_small", "amount") == refused(answers[0])
    assert 200 == answers[1].status


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"number": "4242"}, "incorrect_number", "number"),
        ({"number": "4242x24242424242"}, "incorrect_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_month": 0}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": 2025}, "invalid_expiry_year", "exp_year"),
        ({"exp_year": 1970}, "invalid_expiry_year", "exp_year"),
        ({"exp_year": 2026, "exp_month": 10}, "invalid_expiry_month", "exp_month"),
        ({"cvc": "12"}, "invalid_cvc", "cvc"),
        ({"cvc": "1234"}, "invalid_cvc", "cvc"),
        ({"cvc": "abc"}, "invalid_cvc", "cvc"),
    ],
)
def test_card_data_that_is_none_is_a_card_error(
    changes: dict[str, object], code: str, param: str
) -> None:
    shop = open_shop()
    intent = shop.create()
    number = str(changes.pop("number", "4242424242424242"))

    response = shop.confirm(intent, payment_method_data=card(number, **changes))

    assert (402, code, param) == refused(response)
    assert "card_error" == response.body["error"]["type"]
    assert intent == shop.read(f"payment_intents/{intent['id']}")


@pytest.mark.parametrize("changes", [{"exp_year": 30}, {"exp_year": 2026, "exp_month": 11}])
def test_a_card_is_good_until_the_end_of_its_month(changes: dict[str, Any]) -> None:
    shop = open_shop()

    response = shop.confirm(shop.create(), payment_method_data=card(**changes))

    assert "succeeded" == response.body["status"]


def test_an_expiry_is_judged_by_the_accounts_clock() -> None:
    shop = open_shop()
    shop.account.advance(1_956_528_000)  # 2032-01-01

    response = shop.confirm(shop.create(), payment_method_data=card())

    assert (402, "invalid_expiry_year", "exp_year") == refused(response)


def test_spaces_in_a_number_do_not_matter() -> None:
    shop = open_shop()

    response = shop.confirm(shop.create(), payment_method_data=card("4242 4242 4242 4242"))

    assert "succeeded" == response.body["status"]


class TestMetadata:
    def test_is_merged_by_an_update(self, shop: Shop) -> None:
        intent = shop.create(metadata={"a": "1", "b": "2"})

        updated = shop.post(
            f"payment_intents/{intent['id']}", {"metadata": {"b": "3", "c": "4"}}
        ).body

        assert {"a": "1", "b": "3", "c": "4"} == updated["metadata"]

    def test_loses_a_key_that_is_set_to_nothing(self, shop: Shop) -> None:
        intent = shop.create(metadata={"a": "1", "b": "2"})

        updated = shop.post(f"payment_intents/{intent['id']}", {"metadata": {"a": ""}}).body

        assert {"b": "2"} == updated["metadata"]

    def test_loses_all_keys_if_all_of_it_is_set_to_nothing(self, shop: Shop) -> None:
        intent = shop.create(metadata={"a": "1", "b": "2"})

        updated = shop.post(f"payment_intents/{intent['id']}", {"metadata": ""}).body

        assert {} == updated["metadata"]

    def test_is_copied_to_the_charge(self, shop: Shop) -> None:
        intent = shop.charge(metadata={"order": "o-1"})

        assert {"order": "o-1"} == shop.read(f"charges/{intent['latest_charge']}")["metadata"]


def test_a_described_field_is_unset_by_nothing(shop: Shop) -> None:
    address = {"line1": "1 Main St"}
    intent = shop.create(description="Tea", shipping={"name": "J", "address": address})

    updated = shop.post(f"payment_intents/{intent['id']}", {"description": "", "shipping": ""}).body

    assert (None, None) == (updated["description"], updated["shipping"])
    assert "1 Main St" == intent["shipping"]["address"]["line1"]


class TestServerSideConfirmation:
    def test_needs_a_return_url_where_methods_may_redirect(self, shop: Shop) -> None:
        given = {**ASKED, "confirm": True, "payment_method": "pm_card_visa"}

        response = shop.post("payment_intents", given)

        assert (400, None, "return_url") == refused(response)

    @pytest.mark.parametrize(
        "given",
        [
            {"return_url": "https://shop.example.com/done"},
            {"automatic_payment_methods": NO_REDIRECTS},
            {"automatic_payment_methods": {"enabled": False}},
            {"use_stripe_sdk": True},
        ],
    )
    def test_needs_none_where_they_cannot_or_somebody_handles_it(
        self, shop: Shop, given: dict[str, Any]
    ) -> None:
        response = shop.post(
            "payment_intents",
            {**ASKED, "confirm": True, "payment_method": "pm_card_visa", **given},
        )

        assert "succeeded" == response.body["status"]

    def test_off_session_cannot_set_anything_up(self, shop: Shop) -> None:
        intent = shop.create(payment_method="pm_card_visa", setup_future_usage="off_session")

        response = shop.confirm(intent, off_session=True)

        assert (400, None, "off_session") == refused(response)
