"""What a charge writes onto the account's balance."""

from typing import Any

import pytest

from tests.unit.adapters.fake.shop import DAY, START, Shop
from tests.unit.adapters.fake.shop import shop as open_shop


def line_of(shop: Shop, intent: dict[str, Any]) -> Any:
    return shop.read(f"charges/{intent['latest_charge']}", "balance_transaction")[
        "balance_transaction"
    ]


@pytest.mark.parametrize(
    ("amount", "fee"),
    [
        (1000, 59),  # 29.00
        (50, 31),  # 1.45
        (5000, 175),  # 145.00
        (1050, 60),  # 30.45
        (1051, 60),  # 30.479
        (1500, 74),  # 43.50 is rounded up
        (99_999_999, 2_900_030),
    ],
)
def test_the_fee_is_a_share_rounded_half_up_and_a_fixed_part(amount: int, fee: int) -> None:
    shop = open_shop()

    line = line_of(shop, shop.charge(amount=amount))

    assert (amount, fee, amount - fee) == (line["amount"], line["fee"], line["net"])


def test_a_line_adds_up_and_names_its_charge() -> None:
    shop = open_shop()
    intent = shop.charge()

    line = line_of(shop, intent)

    assert intent["latest_charge"] == line["source"]
    assert ("charge", "charge", "usd") == (
        line["type"],
        line["reporting_category"],
        line["currency"],
    )


def test_money_is_pending_for_two_days() -> None:
    shop = open_shop()
    intent = shop.charge()
    before = line_of(shop, intent)["status"]

    shop.account.advance(START + 2 * DAY)

    assert ("pending", "available") == (before, line_of(shop, intent)["status"])


def test_a_charge_in_another_currency_is_converted_before_its_fee() -> None:
    shop = open_shop(settlement_currency="usd", exchange_rate=(1085, 1000))

    line = line_of(shop, shop.charge(amount=1001, currency="eur"))

    # 1001 * 1.085 = 1086.085; 2.9 % of 1086 is 31.494
    assert (1086, 61, "usd", 1.085) == (
        line["amount"],
        line["fee"],
        line["currency"],
        line["exchange_rate"],
    )


def test_a_charge_in_the_settlement_currency_is_not_converted() -> None:
    shop = open_shop(settlement_currency="usd", exchange_rate=(1085, 1000))

    line = line_of(shop, shop.charge(amount=1000))

    assert (1000, "usd", None) == (line["amount"], line["currency"], line["exchange_rate"])


class TestAManualCapture:
    def test_holds_the_amount_and_books_nothing(self, shop: Shop) -> None:
        intent = shop.charge(capture_method="manual")

        charge = shop.read(f"charges/{intent['latest_charge']}")

        assert (1000, 0) == (intent["amount_capturable"], intent["amount_received"])
        assert (False, True, 0, None) == (
            charge["captured"],
            charge["paid"],
            charge["amount_captured"],
            charge["balance_transaction"],
        )
        assert START + 7 * DAY == charge["payment_method_details"]["card"]["capture_before"]

    def test_of_all_takes_it(self, shop: Shop) -> None:
        intent = shop.charge(capture_method="manual")

        captured = shop.post(f"payment_intents/{intent['id']}/capture").body

        assert (0, 1000) == (captured["amount_capturable"], captured["amount_received"])
        assert 59 == line_of(shop, captured)["fee"]

    def test_of_a_part_takes_the_rest_back_without_a_refund(self, shop: Shop) -> None:
        intent = shop.charge(capture_method="manual")

        captured = shop.post(
            f"payment_intents/{intent['id']}/capture", {"amount_to_capture": 600}
        ).body

        charge = shop.read(f"charges/{captured['latest_charge']}")
        lines = shop.get("balance_transactions", {"source": charge["id"]}).body["data"]
        assert (0, 600) == (captured["amount_capturable"], captured["amount_received"])
        assert (600, 400, False) == (
            charge["amount_captured"],
            charge["amount_refunded"],
            charge["refunded"],
        )
        assert [("refund", -400, 0), ("charge", 1000, 47)] == [
            (line["type"], line["amount"], line["fee"]) for line in lines
        ]
        assert 600 - 47 == sum(line["net"] for line in lines)
        assert charge["balance_transaction"] == lines[1]["id"]

    @pytest.mark.parametrize(
        ("amount", "code"), [(1001, "amount_too_large"), (0, "parameter_invalid_integer")]
    )
    def test_of_more_than_is_held_or_of_nothing_is_refused(
        self, shop: Shop, amount: int, code: str
    ) -> None:
        intent = shop.charge(capture_method="manual")

        response = shop.post(
            f"payment_intents/{intent['id']}/capture", {"amount_to_capture": amount}
        )

        assert (400, code) == (response.status, response.body["error"]["code"])
        assert "requires_capture" == shop.read(f"payment_intents/{intent['id']}")["status"]

    def test_that_is_canceled_gives_all_of_it_back_and_books_nothing(self, shop: Shop) -> None:
        intent = shop.charge(capture_method="manual")

        canceled = shop.post(
            f"payment_intents/{intent['id']}/cancel", {"cancellation_reason": "abandoned"}
        ).body

        charge = shop.read(f"charges/{canceled['latest_charge']}")
        assert (0, 0, "abandoned") == (
            canceled["amount_capturable"],
            canceled["amount_received"],
            canceled["cancellation_reason"],
        )
        assert (True, 1000, False) == (
            charge["refunded"],
            charge["amount_refunded"],
            charge["captured"],
        )
        assert [] == shop.get("balance_transactions").body["data"]

    def test_that_nobody_makes_expires_with_a_reason_of_stripes(self, shop: Shop) -> None:
        intent = shop.charge(capture_method="manual")
        shop.account.advance(START + 7 * DAY - 1)
        before = shop.read(f"payment_intents/{intent['id']}")["status"]

        shop.account.advance(START + 30 * DAY)

        expired = shop.read(f"payment_intents/{intent['id']}")
        assert "requires_capture" == before
        assert ("canceled", "automatic") == (expired["status"], expired["cancellation_reason"])
        assert START + 7 * DAY == expired["canceled_at"]

    @pytest.mark.parametrize(
        ("method", "held_s"),
        [("pm_card_visa", 4 * DAY + 18 * 3600), ("pm_card_mastercard", 7 * DAY)],
    )
    def test_without_the_customer_holds_a_visa_card_for_less(
        self, shop: Shop, method: str, held_s: int
    ) -> None:
        intent = shop.create(capture_method="manual", payment_method=method)
        confirmed = shop.confirm(intent, off_session=True).body

        charge = shop.read(f"charges/{confirmed['latest_charge']}")

        assert START + held_s == charge["payment_method_details"]["card"]["capture_before"]


class TestAFeeThatComesLater:
    def test_is_announced_by_the_charge(self) -> None:
        shop = open_shop(fee_later=True)
        intent = shop.charge()
        before = line_of(shop, intent)

        shop.account.advance(START + 2)

        event = shop.event_objects()[-1]
        assert before is None
        assert 59 == line_of(shop, intent)["fee"]
        assert "charge.updated" == event["type"]
        assert {"balance_transaction": None} == event["data"]["previous_attributes"]
        assert isinstance(event["data"]["object"]["balance_transaction"], str)

    def test_comes_with_asynchronous_capture_too(self, shop: Shop) -> None:
        intent = shop.charge(capture_method="automatic_async")
        before = line_of(shop, intent)

        shop.account.advance(START + 2)

        assert before is None
        assert 59 == line_of(shop, intent)["fee"]


def test_the_balance_is_the_same_whatever_the_accounts_habits() -> None:
    def net(shop: Shop) -> int:
        whole = shop.charge(capture_method="manual")
        part = shop.charge(capture_method="manual")
        shop.charge()
        shop.post(f"payment_intents/{whole['id']}/capture")
        shop.post(f"payment_intents/{part['id']}/capture", {"amount_to_capture": 700})
        shop.account.advance(START + 60)
        return sum(line["net"] for line in shop.get("balance_transactions").body["data"])

    assert 2700 - 59 - 59 - 50 == net(open_shop()) == net(open_shop(fee_later=True))
