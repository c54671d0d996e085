"""Paying with what a customer keeps, and keeping what a customer pays with."""

import pytest

from tests.unit.adapters.fake.shop import Shop, customer_of, method_of, pay
from tests.unit.adapters.fake.shop import shop as open_shop

FAILS_WHEN_CHARGED = "4000000000000341"
ASKS = "4000002760003184"


class TestPaying:
    def test_with_a_saved_method_off_session_succeeds_and_leaves_it_saved(self, shop: Shop) -> None:
        customer, method = shop.saved()

        paid = [pay(shop, customer, method, off_session=True)["status"] for _ in range(2)]

        assert ["succeeded", "succeeded"] == paid
        assert customer == shop.read(f"payment_methods/{method}")["customer"]

    def test_the_browser_confirms_with_a_saved_method(self, shop: Shop) -> None:
        customer, method = shop.saved()
        intent = shop.create(customer=customer)

        confirmed = shop.account.request(
            method="POST",
            path=f"/v1/payment_intents/{intent['id']}/confirm",
            params={"client_secret": intent["client_secret"], "payment_method": method},
            auth="pk_test_dev",
        )

        assert (200, "succeeded") == (confirmed.status, confirmed.body["status"])

    def test_a_saved_method_that_asks_is_refused_off_session_and_named_by_the_error(
        self, shop: Shop
    ) -> None:
        customer, method = shop.saved(ASKS)

        error = pay(shop, customer, method, off_session=True)

        intent = error["payment_intent"]
        last = intent["last_payment_error"]
        assert ("authentication_required", "authentication_not_handled") == (
            error["code"],
            error["decline_code"],
        )
        assert ("requires_payment_method", None) == (intent["status"], intent["payment_method"])
        assert ("authentication_required", method) == (last["code"], last["payment_method"]["id"])

    def test_the_customer_brought_back_pays_the_same_intent_with_the_same_method(
        self, shop: Shop
    ) -> None:
        customer, method = shop.saved(ASKS)
        intent = pay(shop, customer, method, off_session=True)["payment_intent"]

        shop.confirm(intent, payment_method=method)
        answered = shop.answers(intent)

        assert "succeeded" == answered.body["status"]

    @pytest.mark.parametrize("usage", ["off_session", "on_session"])
    def test_an_intent_that_says_so_saves_its_method_on_success(
        self, shop: Shop, usage: str
    ) -> None:
        customer = customer_of(shop)

        intent = shop.charge(customer=customer, setup_future_usage=usage)

        assert customer == shop.read(f"payment_methods/{intent['payment_method']}")["customer"]
        assert "payment_method.attached" in shop.events()

    def test_an_intent_that_learns_it_before_it_is_confirmed_saves_its_method(
        self, shop: Shop
    ) -> None:
        customer = customer_of(shop)
        intent = shop.create()
        shop.post(
            f"payment_intents/{intent['id']}",
            {"customer": customer, "setup_future_usage": "off_session"},
        )

        method = shop.browser_confirms(intent).body["payment_method"]

        assert customer == shop.read(f"payment_methods/{method}")["customer"]

    def test_an_intent_of_a_customer_that_does_not_say_so_saves_nothing(self, shop: Shop) -> None:
        customer = customer_of(shop)
        method = shop.charge(customer=customer)["payment_method"]

        again = pay(shop, customer, method)

        assert "may not be used again" in again["message"]
        assert [] == shop.read(f"customers/{customer}/payment_methods")["data"]

    def test_a_decline_saves_nothing(self, shop: Shop) -> None:
        customer = customer_of(shop)

        shop.charge(FAILS_WHEN_CHARGED, customer=customer, setup_future_usage="off_session")

        assert [] == shop.read(f"customers/{customer}/payment_methods")["data"]
        assert "payment_method.attached" not in shop.events()

    def test_a_method_that_another_intent_used_up_meanwhile_is_not_saved(self, shop: Shop) -> None:
        customer, method = customer_of(shop), method_of(shop, ASKS)
        waiting = shop.create(
            customer=customer, setup_future_usage="off_session", payment_method=method
        )
        shop.confirm(waiting)
        quick = shop.create(payment_method=method)
        shop.confirm(quick)
        shop.answers(quick)

        answered = shop.answers(waiting)

        assert "succeeded" == answered.body["status"]
        assert shop.read(f"payment_methods/{method}")["customer"] is None

    def test_a_method_set_up_for_on_session_use_only_is_refused_off_session(
        self, shop: Shop
    ) -> None:
        customer = customer_of(shop)
        setup = shop.set_up(customer=customer, usage="on_session")
        shop.browser_sets_up(setup, "4000002500003155")
        method = shop.answers(setup).body["payment_method"]

        assert "authentication_required" == pay(shop, customer, method, off_session=True)["code"]

    @pytest.mark.parametrize("between", ["a payment", "a detachment"])
    def test_a_setup_does_not_bring_back_what_was_spent_while_it_waited(
        self, shop: Shop, between: str
    ) -> None:
        customer = customer_of(shop)
        method = method_of(shop, ASKS)
        if between == "a detachment":
            shop.post(f"payment_methods/{method}/attach", {"customer": customer})
        setup = shop.set_up(customer=customer, payment_method=method, confirm=True)
        if between == "a detachment":
            shop.post(f"payment_methods/{method}/detach")
        else:
            paying = shop.create(payment_method=method)
            shop.confirm(paying)
            shop.answers(paying)

        answered = shop.answers(setup)

        reattached = shop.post(f"payment_methods/{method}/attach", {"customer": customer})
        assert "succeeded" == answered.body["status"]
        assert "may not be used again" in reattached.body["error"]["message"]


def test_the_decline_code_of_a_card_that_asks_off_session_is_unsettled() -> None:
    shop = open_shop(authentication_decline_code="authentication_required")
    customer, method = shop.saved(ASKS)

    error = pay(shop, customer, method, off_session=True)

    assert ("authentication_required", "authentication_required") == (
        error["code"],
        error["decline_code"],
    )
