"""What the account tells of what happened, and how long it tries to."""

from typing import Any

import pytest

from tests.unit.adapters.fake.shop import DAY, START, Shop
from tests.unit.adapters.fake.shop import shop as open_shop


def by_type(shop: Shop, type_: str) -> dict[str, Any]:
    [event] = [event for event in shop.event_objects() if event["type"] == type_]
    return event


class TestAnEvent:
    def test_holds_the_object_as_it_was_then(self, shop: Shop) -> None:
        created = shop.create()
        shop.browser_confirms(created)

        assert created == by_type(shop, "payment_intent.created")["data"]["object"]

    def test_holds_ids_where_a_read_may_expand(self, shop: Shop) -> None:
        intent = shop.create(payment_method="pm_card_visa", confirm=True, expand=["latest_charge"])

        told = by_type(shop, "payment_intent.succeeded")["data"]["object"]

        assert intent["latest_charge"]["id"] == told["latest_charge"]

    def test_names_the_request_that_caused_it(self, shop: Shop) -> None:
        response = shop.post("customers", key="key")

        told = by_type(shop, "customer.created")

        expected = {"id": response.headers["Request-Id"], "idempotency_key": "key"}
        assert expected == told["request"]

    def test_names_no_request_where_the_account_acted_by_itself(self, shop: Shop) -> None:
        shop.charge(capture_method="manual")

        shop.account.advance(START + 7 * DAY)

        told = by_type(shop, "charge.expired")
        assert {"id": None, "idempotency_key": None} == told["request"]
        assert START + 7 * DAY == told["created"]

    def test_tells_old_values_of_an_update_only(self, shop: Shop) -> None:
        customer = shop.post("customers", {"email": "a@example.com", "name": "A"}).body
        shop.post(f"customers/{customer['id']}", {"email": "b@example.com", "name": "A"})

        created, updated = (by_type(shop, f"customer.{verb}") for verb in ("created", "updated"))

        assert "previous_attributes" not in created["data"]
        assert {"email": "a@example.com"} == updated["data"]["previous_attributes"]

    def test_is_told_in_the_order_of_things(self, shop: Shop) -> None:
        intent = shop.create()
        shop.browser_confirms(intent, "4000000000000002")
        shop.browser_confirms(intent)

        assert [
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed",
            "charge.succeeded",
            "payment_intent.succeeded",
        ] == shop.events()

    def test_is_not_told_of_what_was_refused(self, shop: Shop) -> None:
        intent = shop.create()

        shop.post(f"payment_intents/{intent['id']}/capture")

        assert ["payment_intent.created"] == shop.events()


class TestListing:
    def test_filters_by_type(self, shop: Shop) -> None:
        shop.charge()

        def types(**params: Any) -> list[str]:
            return [event["type"] for event in shop.get("events", params).body["data"]]

        wanted = ["charge.succeeded", "payment_intent.created"]
        assert ["charge.succeeded"] == types(type="charge.succeeded")
        assert wanted == types(types=wanted)

    def test_filters_by_delivery(self, shop: Shop) -> None:
        shop.charge()
        [first, *_] = shop.account.undelivered(1)
        shop.account.mark_delivered(first["id"])

        listed = shop.get("events", {"delivery_success": True}).body["data"]

        assert [(first["id"], 0)] == [(event["id"], event["pending_webhooks"]) for event in listed]

    def test_goes_back_thirty_days(self, shop: Shop) -> None:
        shop.create()
        [event] = shop.event_objects()
        shop.account.advance(START + 30 * DAY)
        before = shop.get(f"events/{event['id']}").status

        shop.account.advance(START + 30 * DAY + 1)

        assert 200 == before
        assert [] == shop.event_objects()
        assert 404 == shop.get(f"events/{event['id']}").status


class TestDelivery:
    def test_is_due_at_once_and_in_order(self, shop: Shop) -> None:
        shop.charge()

        assert shop.events() == [event["type"] for event in shop.account.undelivered(10)]

    def test_is_due_until_it_is_marked(self, shop: Shop) -> None:
        shop.create()
        [event] = shop.account.undelivered(10)
        shop.account.mark_delivered(event["id"])
        shop.account.mark_delivered(event["id"])

        assert 1 == event["pending_webhooks"]
        assert [] == shop.account.undelivered(10)

    def test_takes_no_more_than_asked(self, shop: Shop) -> None:
        shop.charge()

        assert 2 == len(shop.account.undelivered(2))

    def test_that_failed_is_due_again_after_a_wait_that_doubles(self, shop: Shop) -> None:
        shop.create()
        [event] = shop.account.undelivered(1)

        first = shop.account.reschedule(event["id"])
        at_once = shop.account.undelivered(1)
        shop.account.advance(START + 1)
        then = shop.account.undelivered(1)
        second = shop.account.reschedule(event["id"])

        assert (START + 1, START + 3) == (first, second)
        assert ([], [event]) == (at_once, then)

    def test_is_given_up_after_three_days(self, shop: Shop) -> None:
        shop.create()
        [event] = shop.account.undelivered(1)
        while (due := shop.account.reschedule(event["id"])) is not None:
            shop.account.advance(due)

        shop.account.advance(START + 30 * DAY)

        assert [] == shop.account.undelivered(1)

    def test_that_is_claimed_is_nobody_elses_until_the_lease_ends(self, shop: Shop) -> None:
        shop.charge()
        claimed = shop.account.claim_undelivered(2, lease_s=60)
        others = shop.account.claim_undelivered(2, lease_s=60)

        shop.account.advance(START + 60)

        assert shop.events() == [event["type"] for event in (*claimed, *others)]
        assert shop.events() == [event["type"] for event in shop.account.undelivered(10)]


class TestTheClock:
    def test_never_goes_back(self, shop: Shop) -> None:
        shop.account.advance(START + 10)
        shop.account.advance(START)

        assert START + 10 == shop.account.now

    def test_stamps_what_is_made(self, shop: Shop) -> None:
        shop.account.advance(START + 10)

        assert START + 10 == shop.create()["created"]

    def test_does_what_is_due_in_order_and_each_thing_at_its_time(self) -> None:
        shop = open_shop(settles_later=True, fee_later=True, delay_s=3.0)
        shop.charge()

        shop.account.advance(START + 100)

        told = [(event["type"], event["created"] - START) for event in shop.event_objects()]
        assert [
            ("payment_intent.created", 0),
            ("payment_intent.processing", 0),
            ("charge.succeeded", 3),
            ("payment_intent.succeeded", 3),
            ("charge.updated", 6),
        ] == told
        assert START + 100 == shop.account.now

    @pytest.mark.parametrize("delay_s", [0.0, 0.4, 1.0])
    def test_runs_a_short_delay_with_the_next_move(self, delay_s: float) -> None:
        shop = open_shop(settles_later=True, delay_s=delay_s)
        intent = shop.charge()

        shop.account.advance(START + (1 if delay_s else 0))

        assert "succeeded" == shop.read(f"payment_intents/{intent['id']}")["status"]
