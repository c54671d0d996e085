"""Methods that customers keep: attaching, detaching, changing, listing, and paying with them."""

from typing import Any

import pytest

from markethub.adapters.fake import network
from markethub.adapters.fake.errors import ApiError
from tests.unit.adapters.fake.shop import NO_REDIRECTS, START, Shop, card
from tests.unit.adapters.fake.shop import shop as open_shop

FAILS_WHEN_CHARGED = "4000000000000341"
UNLISTED = "4111111111111111"


def customer_of(shop: Shop, **params: Any) -> str:
    return str(shop.post("customers", params).body["id"])


def method_of(shop: Shop, number: str = "4242424242424242") -> str:
    return str(shop.post("payment_methods", card(number)).body["id"])


def attached(shop: Shop) -> tuple[str, str]:
    customer, method = customer_of(shop), method_of(shop)
    response = shop.post(f"payment_methods/{method}/attach", {"customer": customer})
    assert response.status == 200, response.body
    return customer, method


def pay(shop: Shop, customer: str | None, method: str, **params: Any) -> dict[str, Any]:
    """Pay with a saved method at once; return the intent, or the error."""
    given = {
        "amount": 1000,
        "currency": "usd",
        "payment_method": method,
        "automatic_payment_methods": NO_REDIRECTS,
        "confirm": True,
        **params,
    }
    if customer is not None:
        given["customer"] = customer
    body = shop.post("payment_intents", given).body
    error: dict[str, Any] | None = body.get("error")
    return body if error is None else error


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
        method = shop.browser_sets_up(setup).body["payment_method"]
        refused = pay(shop, None, method)

        response = shop.post(f"payment_methods/{method}/attach", {"customer": customer_of(shop)})

        assert "may not be used again" in refused["message"]
        assert 200 == response.status

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
        customer, method = shop.saved("4000002760003184")

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
        customer, method = shop.saved("4000002760003184")
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
        customer, method = customer_of(shop), method_of(shop, "4000002760003184")
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


def test_the_decline_code_of_a_card_that_asks_off_session_is_unsettled() -> None:
    shop = open_shop(authentication_decline_code="authentication_required")
    customer, method = shop.saved("4000002760003184")

    error = pay(shop, customer, method, off_session=True)

    assert ("authentication_required", "authentication_required") == (
        error["code"],
        error["decline_code"],
    )


def test_customers_are_listed_by_the_time_of_their_creation(shop: Shop) -> None:
    early = customer_of(shop)
    shop.account.advance(START + 60)
    late = customer_of(shop, metadata={"user": "u-1"})

    listed = shop.get("customers", {"created": {"gte": START + 60}}).body["data"]

    assert [late] == [customer["id"] for customer in listed]
    assert {"user": "u-1"} == listed[0]["metadata"]
    assert early != late
