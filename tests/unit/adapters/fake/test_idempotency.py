"""Idempotency keys, as on Stripe's page "Idempotent requests"."""

from typing import Any

import pytest

from markethub.adapters.fake.account import Fault, Response
from tests.unit.adapters.fake.shop import DAY, NO_REDIRECTS, PUBLISHABLE, START, Shop, card

ASKED: dict[str, Any] = {
    "amount": 1000,
    "currency": "usd",
    "automatic_payment_methods": NO_REDIRECTS,
}


def create(shop: Shop, *, key: str | None = "key", **changes: Any) -> Response:
    return shop.post("payment_intents", {**ASKED, **changes}, key=key)


def count(shop: Shop) -> int:
    return len(shop.get("payment_intents").body["data"])


def is_replayed(response: Response) -> bool:
    return response.headers.get("Idempotent-Replayed") == "true"


class TestTheSameKey:
    def test_gives_the_same_answer_and_no_second_effect(self, shop: Shop) -> None:
        first, second = create(shop), create(shop)

        assert (first.status, first.body) == (second.status, second.body)
        assert (False, True) == (is_replayed(first), is_replayed(second))
        assert 1 == count(shop)

    def test_gives_the_answer_as_it_was_whatever_happened_since(self, shop: Shop) -> None:
        first = create(shop)
        shop.browser_confirms(first.body)

        assert first.body == create(shop).body

    def test_names_the_request_that_was_executed(self, shop: Shop) -> None:
        first, second = create(shop), create(shop)

        assert first.headers["Request-Id"] == second.headers["Original-Request"]
        assert first.headers["Request-Id"] != second.headers["Request-Id"]

    def test_is_echoed(self, shop: Shop) -> None:
        assert "key" == create(shop).headers["Idempotency-Key"]

    @pytest.mark.parametrize(
        "changes", [{"amount": 1001}, {"metadata": {"a": "b"}}, {"currency": "eur"}]
    )
    def test_with_other_parameters_is_an_error(self, shop: Shop, changes: dict[str, Any]) -> None:
        create(shop)

        response = create(shop, **changes)

        assert (400, "idempotency_error") == (response.status, response.body["error"]["type"])
        assert response.body["error"]["message"].startswith(
            "Keys for idempotent requests can only be used with the same parameters they were "
            "first used with"
        )
        assert 1 == count(shop)

    def test_at_another_endpoint_is_an_error(self, shop: Shop) -> None:
        create(shop)

        response = shop.post("customers", key="key")

        assert (400, "idempotency_error") == (response.status, response.body["error"]["type"])

    def test_knows_the_same_parameters_in_another_order_or_type(self, shop: Shop) -> None:
        first = create(shop)

        second = shop.post(
            "payment_intents",
            {
                "automatic_payment_methods": {"allow_redirects": "never", "enabled": "true"},
                "currency": "usd",
                "amount": "1000",
            },
            key="key",
        )

        assert first.body == second.body

    def test_does_not_take_two_forms_for_one(self, shop: Shop) -> None:
        create(shop, metadata={"a": "b", "c": "d"})

        response = create(shop, metadata={"a": "bcd"})

        assert 400 == response.status

    def test_is_forgotten_after_a_day_and_executes_again(self, shop: Shop) -> None:
        create(shop)
        shop.account.advance(START + DAY - 1)
        create(shop)
        before = count(shop)
        shop.account.advance(START + DAY)

        response = create(shop)

        assert 1 == before
        assert not is_replayed(response)
        assert 2 == count(shop)

    def test_that_was_forgotten_may_be_used_for_something_else(self, shop: Shop) -> None:
        create(shop)
        shop.account.advance(START + DAY)

        assert 200 == create(shop, amount=2000).status

    def test_in_a_browser_is_not_the_servers(self, shop: Shop) -> None:
        intent = create(shop).body
        path = f"payment_intents/{intent['id']}/confirm"
        params = {"client_secret": intent["client_secret"], "payment_method_data": card()}
        shop.post(path, params, key="confirm")

        response = shop.account.request(
            method="POST", path=f"/v1/{path}", params=params, key="confirm", auth=PUBLISHABLE
        )

        assert "idempotency_error" == response.body["error"]["type"]


class TestSaved:
    def test_is_a_decline(self, shop: Shop) -> None:
        intent = create(shop, key=None).body
        path = f"payment_intents/{intent['id']}/confirm"
        params = {"payment_method": "pm_card_visa_chargeDeclined"}

        first, second = (shop.post(path, params, key="confirm") for _ in range(2))

        assert (402, first.body) == (second.status, second.body)
        assert is_replayed(second)
        assert 1 == shop.events().count("charge.failed")

    def test_is_an_error_of_a_method_that_was_executed(self, shop: Shop) -> None:
        intent = shop.charge()
        path = f"payment_intents/{intent['id']}/cancel"

        first, second = (shop.post(path, key="cancel") for _ in range(2))

        assert 400 == first.status
        assert is_replayed(second)

    def test_is_a_500_whose_effect_took_place(self, shop: Shop) -> None:
        shop.account.provoke(Fault.STORED_500)

        first, second = create(shop), create(shop)

        assert [500, 500] == [first.status, second.status]
        assert "api_error" == first.body["error"]["type"]
        assert is_replayed(second)
        assert 1 == count(shop)


class TestNotSaved:
    @pytest.mark.parametrize(
        "wrong", [{"amount": "ten"}, {"amount": -1}, {"sum": 1}, {"currency": "xxx"}]
    )
    def test_is_a_failed_validation(self, shop: Shop, wrong: dict[str, Any]) -> None:
        refused = create(shop, **wrong)

        response = create(shop)

        assert 400 == refused.status
        assert (200, False) == (response.status, is_replayed(response))

    def test_is_a_missing_key(self, shop: Shop) -> None:
        refused = shop.account.request(
            method="POST", path="/v1/payment_intents", params=ASKED, key="key"
        )

        response = create(shop)

        assert 401 == refused.status
        assert (200, False) == (response.status, is_replayed(response))

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            (Fault.RATE_LIMITED, 429, "rate_limit"),
            (Fault.RATE_LIMITED_UNEXPLAINED, 429, "rate_limit"),
            (Fault.LOCK_TIMEOUT, 429, "lock_timeout"),
            (Fault.KEY_IN_USE, 409, "idempotency_key_in_use"),
        ],
    )
    def test_is_a_refusal_before_the_execution(
        self, shop: Shop, fault: Fault, status: int, code: str
    ) -> None:
        shop.account.provoke(fault)
        refused = create(shop)
        before = count(shop)

        response = create(shop)

        assert (status, code) == (refused.status, refused.body["error"]["code"])
        assert 0 == before
        assert (200, False) == (response.status, is_replayed(response))

    def test_is_anything_of_a_read(self, shop: Shop) -> None:
        create(shop, key=None)

        def read() -> Response:
            return shop.account.request(
                method="GET", path="/v1/payment_intents", key="key", auth="sk_test_dev"
            )

        read()
        create(shop, key=None)

        assert 2 == len(read().body["data"])


class TestRateLimits:
    def test_say_which_limit_and_not_to_retry(self, shop: Shop) -> None:
        shop.account.provoke(Fault.RATE_LIMITED, reason="endpoint-rate")

        headers = create(shop).headers

        assert "endpoint-rate" == headers["Stripe-Rate-Limited-Reason"]
        assert "false" == headers["Stripe-Should-Retry"]

    def test_may_say_nothing(self, shop: Shop) -> None:
        shop.account.provoke(Fault.RATE_LIMITED_UNEXPLAINED)

        assert "Stripe-Rate-Limited-Reason" not in create(shop).headers

    def test_are_not_the_lock_of_an_object_which_may_be_retried(self, shop: Shop) -> None:
        shop.account.provoke(Fault.LOCK_TIMEOUT)

        headers = create(shop).headers

        assert "Stripe-Rate-Limited-Reason" not in headers
        assert "true" == headers["Stripe-Should-Retry"]

    def test_come_as_often_as_they_were_provoked(self, shop: Shop) -> None:
        shop.account.provoke("lock_timeout", times=2)

        assert [429, 429, 200] == [create(shop).status for _ in range(3)]

    def test_that_have_not_come_yet_do_not_once_the_account_is_calm(self, shop: Shop) -> None:
        shop.account.provoke("lock_timeout", times=2)
        create(shop)
        shop.account.calm()

        assert 200 == create(shop).status


def test_a_key_of_more_than_255_characters_is_refused(shop: Shop) -> None:
    assert [200, 400] == [create(shop, key="k" * length).status for length in (255, 256)]


def test_a_card_number_does_not_stay_with_the_key(shop: Shop) -> None:
    intent = create(shop).body
    shop.post(
        f"payment_intents/{intent['id']}/confirm",
        {"payment_method_data": card("4111111111111111")},
        key="confirm",
    )

    kinds = ("idempotency_key", "instrument", "payment_method", "charge", "payment_intent", "event")
    kept = repr([list(shop.account._store.list(kind)) for kind in kinds])
    assert "4111111111111111" not in kept
    assert "test_mode_live_card" in kept
