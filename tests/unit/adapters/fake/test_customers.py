"""Customers: their default method, and what becomes of them and theirs when they are deleted."""

from typing import Any

import pytest

from markethub.adapters.fake import network
from markethub.adapters.fake.errors import ApiError
from tests.unit.adapters.fake.shop import START, Shop, attached, customer_of, method_of
from tests.unit.adapters.fake.shop import shop as open_shop


class TestADeletedCustomer:
    def test_takes_its_methods_along(self, shop: Shop) -> None:
        customer, method = attached(shop)

        shop.account.request(method="DELETE", path=f"/v1/customers/{customer}", auth="sk_test_dev")

        listed = shop.get("payment_methods", {"customer": customer})
        reattached = shop.post(f"payment_methods/{method}/attach", {"customer": customer_of(shop)})
        assert shop.read(f"payment_methods/{method}")["customer"] is None
        assert "resource_missing" == listed.body["error"]["code"]
        assert "may not be used again" in reattached.body["error"]["message"]

    @pytest.mark.parametrize(
        ("path", "params"),
        [
            ("payment_intents", {"amount": 1000, "currency": "usd"}),
            ("setup_intents", {}),
        ],
    )
    def test_is_no_customer_of_a_new_intent(
        self, shop: Shop, path: str, params: dict[str, Any]
    ) -> None:
        customer = customer_of(shop)
        network.delete_customer(shop.account, customer)

        response = shop.post(path, {**params, "customer": customer})

        assert (400, "resource_missing", "customer") == (
            response.status,
            response.body["error"]["code"],
            response.body["error"]["param"],
        )

    def test_has_intents_that_cannot_be_confirmed_any_more(self, shop: Shop) -> None:
        customer = customer_of(shop)
        intent, setup = shop.create(customer=customer), shop.set_up(customer=customer)
        network.delete_customer(shop.account, customer)

        responses = [shop.browser_confirms(intent), shop.browser_sets_up(setup)]

        assert [(400, "resource_missing")] * 2 == [
            (response.status, response.body["error"]["code"]) for response in responses
        ]
        assert "requires_payment_method" == shop.read(f"payment_intents/{intent['id']}")["status"]

    def test_keeps_nothing_that_a_challenge_answered_afterwards_pays_for(self, shop: Shop) -> None:
        customer = customer_of(shop)
        intent = shop.create(customer=customer, setup_future_usage="off_session")
        shop.browser_confirms(intent, "4000002760003184")
        network.delete_customer(shop.account, customer)

        answered = shop.answers(intent)

        assert "succeeded" == answered.body["status"]
        assert "payment_method.attached" not in shop.events()

    def test_is_told_by_an_event_in_the_dashboard_too(self, shop: Shop) -> None:
        customer, _ = attached(shop)

        network.delete_customer(shop.account, customer)

        told = shop.event_objects()[-1]
        assert ("customer.deleted", customer) == (told["type"], told["data"]["object"]["id"])
        assert told["request"]["id"] is None
        assert {"id": customer, "object": "customer", "deleted": True} == shop.read(
            f"customers/{customer}"
        )

    def test_is_not_there_to_be_deleted_again(self, shop: Shop) -> None:
        customer = customer_of(shop)
        network.delete_customer(shop.account, customer)

        with pytest.raises(ApiError, match="No such customer"):
            network.delete_customer(shop.account, customer)


def test_a_deletion_tells_of_each_method_where_it_is_to() -> None:
    shop = open_shop(deletion_tells_of_methods=True)
    customer, _ = attached(shop)

    network.delete_customer(shop.account, customer)

    assert ["payment_method.detached", "customer.deleted"] == shop.events()[-2:]


class TestADefaultMethod:
    def test_is_chosen_and_unset_and_told(self, shop: Shop) -> None:
        customer, method = attached(shop)

        def choose(chosen: str) -> Any:
            settings = {"invoice_settings": {"default_payment_method": chosen}}
            body = shop.post(f"customers/{customer}", settings).body
            return body["invoice_settings"]["default_payment_method"]

        assert (method, None) == (choose(method), choose(""))
        assert ["customer.updated", "customer.updated"] == shop.events()[-2:]
        assert {"invoice_settings": {"default_payment_method": method}} == (
            shop.event_objects()[-1]["data"]["previous_attributes"]
        )

    @pytest.mark.parametrize("whose", ["nobody's", "another's", "missing"])
    def test_has_to_be_the_customers_own(self, shop: Shop, whose: str) -> None:
        customer, _ = attached(shop)
        methods = {"nobody's": method_of, "another's": lambda shop: attached(shop)[1]}
        method = methods[whose](shop) if whose in methods else "pm_none"

        response = shop.post(
            f"customers/{customer}", {"invoice_settings": {"default_payment_method": method}}
        )

        assert (400, "resource_missing") == (response.status, response.body["error"]["code"])
        assert (
            f"The customer does not have a payment method with the ID {method}. The payment method "
            "must be attached to the customer."
        ) == response.body["error"]["message"]

    def test_may_come_with_a_new_customer(self, shop: Shop) -> None:
        method = method_of(shop)

        customer = shop.post(
            "customers",
            {
                "payment_method": method,
                "invoice_settings": {"default_payment_method": method},
            },
        ).body

        assert method == customer["invoice_settings"]["default_payment_method"]
        assert customer["id"] == shop.read(f"payment_methods/{method}")["customer"]

    def test_of_a_new_customer_that_is_declined_makes_no_customer(self, shop: Shop) -> None:
        response = shop.post("customers", {"payment_method": "pm_card_visa_chargeDeclined"})

        assert (402, "card_declined") == (response.status, response.body["error"]["code"])
        assert [] == shop.read("customers")["data"]
        assert [] == shop.events()


def test_customers_are_listed_by_the_time_of_their_creation(shop: Shop) -> None:
    early = customer_of(shop)
    shop.account.advance(START + 60)
    late = customer_of(shop, metadata={"user": "u-1"})

    listed = shop.get("customers", {"created": {"gte": START + 60}}).body["data"]

    assert [late] == [customer["id"] for customer in listed]
    assert {"user": "u-1"} == listed[0]["metadata"]
    assert early != late


def test_an_update_tells_the_old_metadata_key_by_key(shop: Shop) -> None:
    customer = customer_of(shop, metadata={"gone": "1", "kept": "2", "changed": "3"})

    shop.post(f"customers/{customer}", {"metadata": {"gone": "", "changed": "4", "new": "5"}})

    assert {"metadata": {"gone": "1", "changed": "3", "new": None}} == (
        shop.event_objects()[-1]["data"]["previous_attributes"]
    )
