"""Methods that customers keep: attaching, detaching, changing and listing them."""

import pytest

from markethub.adapters.fake import network
from markethub.adapters.fake.errors import ApiError
from tests.unit.adapters.fake.shop import START, Shop, attached, customer_of, method_of, pay

UNLISTED = "4111111111111111"


class TestAttaching:
    def test_gives_the_method_to_the_customer_and_tells_it(self, shop: Shop) -> None:
        customer, method = attached(shop)

        assert customer == shop.read(f"payment_methods/{method}")["customer"]
        assert "payment_method.attached" == shop.events()[-1]

    def test_a_name_makes_a_method_of_its_own(self, shop: Shop) -> None:
        customer = customer_of(shop)

        made = shop.post("payment_methods/pm_card_visa/attach", {"customer": customer}).body

        assert made["id"].startswith("pm_")
        assert made["id"] != "pm_card_visa"
        assert customer == made["customer"]

    def test_again_to_the_same_customer_changes_and_tells_nothing(self, shop: Shop) -> None:
        customer, method = attached(shop)
        told = shop.events()

        response = shop.post(f"payment_methods/{method}/attach", {"customer": customer})

        assert (200, customer) == (response.status, response.body["customer"])
        assert told == shop.events()

    def test_to_another_customer_is_refused(self, shop: Shop) -> None:
        customer, method = attached(shop)

        response = shop.post(f"payment_methods/{method}/attach", {"customer": customer_of(shop)})

        assert 400 == response.status
        assert "already been attached to a customer" in response.body["error"]["message"]
        assert customer == shop.read(f"payment_methods/{method}")["customer"]

    def test_of_a_method_that_paid_without_a_customer_is_refused(self, shop: Shop) -> None:
        method = method_of(shop)
        shop.confirm(shop.create(), payment_method=method)

        response = shop.post(f"payment_methods/{method}/attach", {"customer": customer_of(shop)})

        assert 400 == response.status
        assert (
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again."
        ) == response.body["error"]["message"]

    def test_of_a_method_that_was_set_up_without_a_customer_is_still_possible(
        self, shop: Shop
    ) -> None:
        setup = shop.set_up()
        shop.browser_sets_up(setup, "4000002500003155")
        method = shop.answers(setup).body["payment_method"]
        refused = pay(shop, None, method)
        customer = customer_of(shop)

        response = shop.post(f"payment_methods/{method}/attach", {"customer": customer})
        paid = pay(shop, customer, method, off_session=True)

        assert "may not be used again" in refused["message"]
        assert 200 == response.status
        assert "succeeded" == paid["status"]

    @pytest.mark.parametrize(
        ("params", "status", "code"),
        [
            ({}, 400, "parameter_missing"),
            ({"customer": "cus_none"}, 400, "resource_missing"),
        ],
    )
    def test_needs_a_customer_that_is_there(
        self, shop: Shop, params: dict[str, str], status: int, code: str
    ) -> None:
        response = shop.post(f"payment_methods/{method_of(shop)}/attach", params)

        assert (status, code) == (response.status, response.body["error"]["code"])

    def test_needs_a_method_that_is_there(self, shop: Shop) -> None:
        response = shop.post("payment_methods/pm_none/attach", {"customer": customer_of(shop)})

        error = response.body["error"]
        assert (404, "resource_missing", "No such PaymentMethod: 'pm_none'") == (
            response.status,
            error["code"],
            error["message"],
        )

    def test_of_a_card_that_only_its_charges_fail_succeeds(self, shop: Shop) -> None:
        customer = customer_of(shop)

        saved = shop.post(
            "payment_methods/pm_card_chargeCustomerFail/attach", {"customer": customer}
        )
        charged = pay(shop, customer, saved.body["id"], off_session=True)

        assert 200 == saved.status
        assert ("card_declined", "generic_decline") == (charged["code"], charged["decline_code"])

    def test_of_a_live_card_is_declined(self, shop: Shop) -> None:
        response = shop.post(
            f"payment_methods/{method_of(shop, UNLISTED)}/attach", {"customer": customer_of(shop)}
        )

        assert (402, "test_mode_live_card") == (
            response.status,
            response.body["error"]["decline_code"],
        )


class TestDetaching:
    def test_is_told_with_the_former_customer(self, shop: Shop) -> None:
        customer, method = attached(shop)

        response = shop.post(f"payment_methods/{method}/detach")

        told = shop.event_objects()[-1]
        assert (200, None) == (response.status, response.body["customer"])
        assert "payment_method.detached" == told["type"]
        assert {"customer": customer} == told["data"]["previous_attributes"]

    def test_is_for_good(self, shop: Shop) -> None:
        customer, method = attached(shop)
        shop.post(f"payment_methods/{method}/detach")

        reattached = shop.post(f"payment_methods/{method}/attach", {"customer": customer})
        charged = pay(shop, customer, method)
        again = shop.post(f"payment_methods/{method}/detach")

        assert "may not be used again" in reattached.body["error"]["message"]
        assert "was detached from a Customer. It may not be used again" in charged["message"]
        assert "detachment is impossible" in again.body["error"]["message"]

    def test_leaves_an_intent_that_named_the_method_without_one_that_can_pay(
        self, shop: Shop
    ) -> None:
        customer, method = attached(shop)
        intent = shop.create(customer=customer, payment_method=method)
        shop.post(f"payment_methods/{method}/detach")

        response = shop.confirm(intent)

        error = response.body["error"]
        assert (400, intent["id"]) == (response.status, error["payment_intent"]["id"])
        assert "was detached from a Customer" in error["message"]

    def test_of_the_default_leaves_the_customer_without_one(self, shop: Shop) -> None:
        customer, method = attached(shop)
        settings = {"invoice_settings": {"default_payment_method": method}}
        shop.post(f"customers/{customer}", settings)

        shop.post(f"payment_methods/{method}/detach")

        told = shop.event_objects()[-1]
        read = shop.read(f"customers/{customer}")
        assert read["invoice_settings"]["default_payment_method"] is None
        assert "customer.updated" == told["type"]
        assert settings == told["data"]["previous_attributes"]

    def test_in_the_dashboard_is_told_likewise_but_by_no_request(self, shop: Shop) -> None:
        _, method = attached(shop)

        network.detach_method(shop.account, method)

        told = shop.event_objects()[-1]
        assert "payment_method.detached" == told["type"]
        assert told["request"] == {"id": None, "idempotency_key": None}


class TestChanging:
    def test_a_saved_method_is_told_with_what_it_was(self, shop: Shop) -> None:
        _, method = attached(shop)

        changed = shop.post(
            f"payment_methods/{method}",
            {
                "card": {"exp_month": 6, "exp_year": 31},
                "billing_details": {"name": "Ada", "address": {"city": "London"}},
                "metadata": {"label": "work"},
                "allow_redisplay": "always",
            },
        ).body

        told = shop.event_objects()[-1]
        assert (6, 2031) == (changed["card"]["exp_month"], changed["card"]["exp_year"])
        assert "London" == changed["billing_details"]["address"]["city"]
        assert "payment_method.updated" == told["type"]
        assert {
            "allow_redisplay": "unspecified",
            "billing_details": {"address": {"city": None}, "name": None},
            "card": {"exp_month": 12, "exp_year": 2030},
            "metadata": {"label": None},
        } == told["data"]["previous_attributes"]

    def test_to_what_it_is_already_is_not_told(self, shop: Shop) -> None:
        _, method = attached(shop)
        told = shop.events()

        shop.post(f"payment_methods/{method}", {"card": {"exp_month": 12}})

        assert told == shop.events()

    def test_a_method_of_nobody_is_refused(self, shop: Shop) -> None:
        response = shop.post(f"payment_methods/{method_of(shop)}", {"metadata": {"a": "b"}})

        assert (
            400,
            "You must save this PaymentMethod to a customer before you can update it.",
        ) == (response.status, response.body["error"]["message"])

    def test_to_an_expiry_that_is_past_is_refused(self, shop: Shop) -> None:
        _, method = attached(shop)

        response = shop.post(f"payment_methods/{method}", {"card": {"exp_year": 2020}})

        assert (402, "invalid_expiry_year") == (response.status, response.body["error"]["code"])


class TestTheNetwork:
    def test_sends_a_new_expiry(self, shop: Shop) -> None:
        _, method = attached(shop)
        before = shop.read(f"payment_methods/{method}")["card"]

        network.update_card(shop.account, method, exp_month=3, exp_year=2034)

        now, told = shop.read(f"payment_methods/{method}")["card"], shop.event_objects()[-1]
        assert {**before, "exp_month": 3, "exp_year": 2034} == now
        assert "payment_method.automatically_updated" == told["type"]
        assert {"card": {"exp_month": 12, "exp_year": 2030}} == told["data"]["previous_attributes"]

    def test_sends_a_new_number_by_which_the_card_is_another_and_pays_on(self, shop: Shop) -> None:
        customer, method = attached(shop)
        before = shop.read(f"payment_methods/{method}")["card"]["fingerprint"]

        network.update_card(shop.account, method, last4="8431")

        charge = shop.read(f"charges/{pay(shop, customer, method)['latest_charge']}")
        shown = charge["payment_method_details"]["card"]
        assert "8431" == shown["last4"]
        assert before != shown["fingerprint"]

    def test_tells_nothing_where_nothing_is_new(self, shop: Shop) -> None:
        _, method = attached(shop)
        told = shop.events()

        network.update_card(shop.account, method, exp_year=2030, last4="4242")

        assert told == shop.events()

    def test_knows_only_cards_that_are_there(self, shop: Shop) -> None:
        with pytest.raises(ApiError, match="No such PaymentMethod"):
            network.update_card(shop.account, "pm_none", last4="1111")

    def test_lets_a_card_expire_which_then_pays_nothing(self, shop: Shop) -> None:
        customer, method = attached(shop)

        network.expire_card(shop.account, method)

        shown = shop.read(f"payment_methods/{method}")["card"]
        assert (10, 2026) == (shown["exp_month"], shown["exp_year"])
        assert "payment_method.automatically_updated" == shop.events()[-1]
        assert "expired_card" == pay(shop, customer, method, off_session=True)["code"]

    @pytest.mark.parametrize(("days", "code"), [(30 + 31 - 1, None), (30 + 31, "expired_card")])
    def test_a_card_pays_until_the_end_of_its_last_month(
        self, shop: Shop, days: int, code: str | None
    ) -> None:
        customer, method = attached(shop)
        network.update_card(shop.account, method, exp_month=12, exp_year=2026)

        shop.account.advance(START + days * 86_400)

        assert code == pay(shop, customer, method).get("code")

    def test_an_expired_card_cannot_be_saved(self, shop: Shop) -> None:
        method = method_of(shop)
        network.expire_card(shop.account, method)

        response = shop.post(f"payment_methods/{method}/attach", {"customer": customer_of(shop)})

        assert (402, "expired_card") == (response.status, response.body["error"]["code"])


class TestListing:
    def test_holds_a_customers_methods_the_newest_first(self, shop: Shop) -> None:
        customer, first = attached(shop)
        second = shop.post("payment_methods/pm_card_visa/attach", {"customer": customer}).body["id"]
        attached(shop)
        method_of(shop)

        by_path = shop.read(f"customers/{customer}/payment_methods")
        by_filter = shop.get("payment_methods", {"customer": customer, "type": "card"}).body

        assert [second, first] == [method["id"] for method in by_path["data"]]
        assert by_path["data"] == by_filter["data"]
        assert f"/v1/customers/{customer}/payment_methods" == by_path["url"]

    def test_of_nobody_holds_nothing(self, shop: Shop) -> None:
        attached(shop)
        method_of(shop)

        assert [] == shop.read("payment_methods")["data"]

    def test_is_filtered_by_what_may_be_shown_again(self, shop: Shop) -> None:
        customer, method = attached(shop)
        shop.post("payment_methods/pm_card_visa/attach", {"customer": customer})
        shop.post(f"payment_methods/{method}", {"allow_redisplay": "always"})

        listed = shop.get(
            f"customers/{customer}/payment_methods", {"allow_redisplay": "always"}
        ).body

        assert [method] == [found["id"] for found in listed["data"]]

    def test_forgets_what_was_detached(self, shop: Shop) -> None:
        customer, method = attached(shop)
        shop.post(f"payment_methods/{method}/detach")

        assert [] == shop.read(f"customers/{customer}/payment_methods")["data"]

    @pytest.mark.parametrize("suffix", ["", "/pm_none"])
    def test_of_a_customer_that_is_not_there_is_refused(self, shop: Shop, suffix: str) -> None:
        response = shop.get(f"customers/cus_none/payment_methods{suffix}")

        assert (404, "resource_missing") == (response.status, response.body["error"]["code"])

    def test_finds_one_of_a_customers_methods_and_no_one_elses(self, shop: Shop) -> None:
        customer, method = attached(shop)
        _, others = attached(shop)

        found = shop.get(f"customers/{customer}/payment_methods/{method}")
        missing = shop.get(f"customers/{customer}/payment_methods/{others}")

        assert method == found.body["id"]
        assert (404, "resource_missing") == (missing.status, missing.body["error"]["code"])


def test_the_same_number_has_the_same_fingerprint_whoever_saves_it(shop: Shop) -> None:
    mine, again = shop.saved()[1], shop.saved()[1]
    named = shop.post("payment_methods/pm_card_visa/attach", {"customer": customer_of(shop)}).body
    other = method_of(shop, "5555555555554444")

    def fingerprint(method: str) -> str:
        return str(shop.read(f"payment_methods/{method}")["card"]["fingerprint"])

    assert fingerprint(mine) == fingerprint(again) == named["card"]["fingerprint"]
    assert fingerprint(mine) != fingerprint(other)
