"""Early fraud warnings: what a card's issuer suspects before anybody disputes."""

from typing import Any

import pytest

from markethub.adapters.fake.bank import Bank
from tests.unit.adapters.fake.shop import Shop


class TestAnEarlyFraudWarning:
    CARD = "4000000000005423"

    def warned(self, shop: Shop) -> tuple[dict[str, Any], dict[str, Any]]:
        intent = shop.charge(self.CARD)
        shop.account.advance(shop.account.now + 2)
        path = "radar/early_fraud_warnings"
        [warning] = shop.get(path, {"payment_intent": intent["id"]}).body["data"]
        assert [warning] == shop.get(path, {"charge": intent["latest_charge"]}).body["data"]
        return intent, warning

    def test_follows_the_charge_and_disputes_nothing(self, shop: Shop) -> None:
        intent, warning = self.warned(shop)

        assert (intent["latest_charge"], intent["id"], True) == (
            warning["charge"],
            warning["payment_intent"],
            warning["actionable"],
        )
        assert "radar.early_fraud_warning.created" == shop.events()[-1]
        assert [] == shop.get("disputes").body["data"]
        assert warning == shop.read(f"radar/early_fraud_warnings/{warning['id']}")

    @pytest.mark.parametrize("how", ["a refund in full", "a dispute"])
    def test_is_not_actionable_any_more_after(self, shop: Shop, how: str) -> None:
        intent, warning = self.warned(shop)

        if how == "a dispute":
            Bank(shop.account).open_dispute(intent["latest_charge"])
        else:
            shop.post("refunds", {"payment_intent": intent["id"]})

        after = shop.read(f"radar/early_fraud_warnings/{warning['id']}")
        assert False is after["actionable"]
        assert "radar.early_fraud_warning.updated" == shop.events()[-1]

    def test_stays_actionable_after_a_part_of_it(self, shop: Shop) -> None:
        intent, warning = self.warned(shop)

        shop.post("refunds", {"payment_intent": intent["id"], "amount": 1})

        assert warning == shop.read(f"radar/early_fraud_warnings/{warning['id']}")

    def test_may_come_for_any_charge(self, shop: Shop) -> None:
        warning = Bank(shop.account).warn_of_fraud(
            shop.charge()["latest_charge"], "made_with_stolen_card"
        )

        assert "made_with_stolen_card" == warning["fraud_type"]
