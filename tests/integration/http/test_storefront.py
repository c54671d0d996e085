"""The storefront's story over HTTP: an order, its payment, the truth, and the money."""

import json

import pytest

from markethub.entrypoints.setting_values import Role
from tests.support.app import STOREFRONT, Api, Headers, ops, order_body
from tests.support.world import CHALLENGE, DECLINED, signed

pytestmark = pytest.mark.anyio

LOST = "4000000000009987"


async def test_an_order_is_answered_with_its_computed_total(api: Api) -> None:
    line = {
        "sku": "tea",
        "title": "Tea",
        "unit_price": 1000,
        "quantity": 3,
        "discount": 500,
        "tax": 200,
    }

    answer = await api.call("PUT", "/api/orders/o-1/", order_body(lines=[line], shipping=300))

    assert 200 == answer.status_code
    assert {
        "id": "o-1",
        "customer_id": "c-1",
        "currency": "usd",
        "lines": [line],
        "shipping": 300,
        "total": 3000,
        "status": "open",
        "amount_paid": 0,
        "amount_refunded": 0,
        "amount_disputed": 0,
        "payments": [],
    } == answer.json()


async def test_paths_work_with_and_without_the_trailing_slash(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1", order_body())

    with_slash, without = await api.get("/api/orders/o-1/"), await api.get("/api/orders/o-1")

    assert 200 == with_slash.status_code == without.status_code
    assert with_slash.content == without.content


async def test_an_expected_total_that_differs_is_refused_and_nothing_is_stored(api: Api) -> None:
    answer = await api.call("PUT", "/api/orders/o-1/", order_body(expected_total=4999))

    assert (422, "amount_mismatch") == (answer.status_code, answer.json()["code"])
    assert 404 == (await api.get("/api/orders/o-1/")).status_code


@pytest.mark.parametrize(
    ("unit_price", "code"), [(10, "amount_too_small"), (90_000_000, "amount_too_large")]
)
async def test_a_total_outside_of_stripes_limits_is_unprocessable(
    api: Api, unit_price: int, code: str
) -> None:
    line = {"sku": "tea", "title": "Tea", "unit_price": unit_price, "quantity": 2}

    answer = await api.call("PUT", "/api/orders/o-1/", order_body(lines=[line]))

    assert (422, code) == (answer.status_code, answer.json()["code"])


async def test_the_intent_comes_with_all_that_the_browser_needs(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())

    answer = await api.call("POST", "/api/stripe/create-payment-intent/o-1/")

    assert 200 == answer.status_code
    body = answer.json()
    [intent] = api.world.intents()
    [payment] = await api.world.payments()
    assert {
        "payment_id": payment.id,
        "payment_intent_id": intent["id"],
        "client_secret": intent["client_secret"],
        "publishable_key": "pk_test_dev",
        "amount": 5000,
        "currency": "usd",
        "status": "requires_payment_method",
    } == body


async def test_asking_again_returns_the_same_payment(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())

    first = await api.call("POST", "/api/stripe/create-payment-intent/o-1/", {})
    second = await api.call("POST", "/api/stripe/create-payment-intent/o-1/")

    assert first.json() == second.json()


async def test_another_capture_method_on_a_live_payment_is_refused(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    await api.call("POST", "/api/stripe/create-payment-intent/o-1/", {"capture": "manual"})

    answer = await api.call(
        "POST", "/api/stripe/create-payment-intent/o-1/", {"capture": "automatic"}
    )

    assert (409, "invalid_transition") == (answer.status_code, answer.json()["code"])


async def test_a_confirmed_payment_is_told_and_its_order_is_paid(api: Api) -> None:
    await api.world.register()
    started = await api.world.charge()
    api.world.pay(started)

    answer = await api.call(
        "POST",
        "/api/stripe/confirm-payment/",
        {"payment_intent_id": started.payment.intent_id},
    )

    assert {
        "payment_id": started.payment.id,
        "payment_intent_id": started.payment.intent_id,
        "order_id": "o-1",
        "status": "succeeded",
        "order_status": "paid",
    } == answer.json()
    order = (await api.get("/api/orders/o-1/")).json()
    assert ("paid", 5000) == (order["status"], order["amount_paid"])


async def test_a_challenge_is_told_as_the_next_action(api: Api) -> None:
    await api.world.register()
    started = await api.world.charge()
    api.world.pay(started, CHALLENGE)

    answer = await api.call(
        "POST",
        "/api/stripe/confirm-payment/",
        {"payment_intent_id": started.payment.intent_id},
    )

    body = answer.json()
    assert ("requires_action", "open") == (body["status"], body["order_status"])
    assert "use_stripe_sdk" == body["next_action"]["type"]


async def test_the_storefront_sees_why_a_card_was_declined(api: Api) -> None:
    started = await _declined(api, LOST)

    answer = await _confirm(api, started)

    assert {
        "code": "card_declined",
        "decline_code": "lost_card",
        "message": "The card was declined. Please try another card or contact your bank.",
    } == answer["error"]


@pytest.mark.parametrize("card", [DECLINED, LOST])
async def test_a_customer_is_told_the_same_of_a_lost_card_as_of_any_other(
    api: Api, card: str
) -> None:
    started = await _declined(api, card)

    answer = await _confirm(api, started, caller=api.customer())

    assert {
        "code": "card_declined",
        "message": "The card was declined. Please try another card or contact your bank.",
    } == answer["error"]


async def test_a_customer_sees_no_decline_code_in_the_payment_either(api: Api) -> None:
    started = await _declined(api, LOST)
    await _confirm(api, started)

    answer = await api.get(f"/api/payments/{started}/", caller=api.customer())

    assert "lost_card" not in answer.text
    assert "card_declined" == answer.json()["error"]["code"]


async def test_a_payment_shows_everything_that_the_interface_names(api: Api) -> None:
    await api.world.register()
    started = await api.world.charge()
    api.world.pay(started)
    await api.world.confirm(started.payment)

    answer = await api.get(f"/api/payments/{started.payment.id}/", caller=ops(Role.VIEWER))

    assert {
        "id": started.payment.id,
        "order_id": "o-1",
        "customer_id": "c-1",
        "payment_intent_id": started.payment.intent_id,
        "status": "succeeded",
        "amount": 5000,
        "amount_captured": 5000,
        "amount_refunded": 0,
        "amount_refundable": 5000,
        "amount_disputed": 0,
        "currency": "usd",
        "method": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030},
        "disputed": False,
        "created_at": "2026-11-02T09:00:00Z",
        "updated_at": "2026-11-02T09:00:00Z",
        "refunds": [],
        "available_actions": ["refund"],
        "fraud_warnings": [],
    } == answer.json()


async def test_payments_are_listed_newest_first_in_pages(api: Api) -> None:
    expected: list[str] = []
    for number in range(3):
        api.world.clock.advance(seconds=1)
        await api.world.register(f"o-{number}")
        expected.insert(0, (await api.world.charge(f"o-{number}")).payment.id)

    first = (await api.get("/api/payments/?limit=2")).json()
    second = (await api.get(f"/api/payments/?limit=2&cursor={first['next_cursor']}")).json()

    assert expected == [item["id"] for item in first["items"] + second["items"]]
    assert second["next_cursor"] is None


async def test_payments_are_listed_by_order_and_status(api: Api) -> None:
    held = await api.authorized("o-1")
    await api.world.register("o-2")
    await api.world.charge("o-2")

    by_order = (await api.get("/api/payments/?order_id=o-1")).json()["items"]
    by_status = (await api.get("/api/payments/?status=authorized")).json()["items"]

    assert [held.payment.id] == [item["id"] for item in by_order]
    assert [held.payment.id] == [item["id"] for item in by_status]


async def test_a_customers_list_holds_only_their_own(api: Api) -> None:
    await api.world.register("o-1", customer_id="c-1")
    mine = await api.world.charge("o-1")
    await api.world.register("o-2", customer_id="c-2")
    await api.world.charge("o-2")

    items = (await api.get("/api/payments/", caller=api.customer("c-1"))).json()["items"]

    assert [mine.payment.id] == [item["id"] for item in items]


async def test_a_part_of_what_is_held_is_captured(api: Api) -> None:
    started = await api.authorized()

    answer = await api.call(
        "POST",
        f"/api/payments/{started.payment.id}/capture/",
        {"amount": 2000},
        caller=ops(Role.SUPPORT),
    )

    body = answer.json()
    assert ("succeeded", 2000) == (body["status"], body["amount_captured"])
    order = (await api.get("/api/orders/o-1/")).json()
    assert ("paid", 2000) == (order["status"], order["amount_paid"])


async def test_a_canceled_payment_leaves_its_order_open(api: Api) -> None:
    started = await api.authorized()

    answer = await api.call(
        "POST", f"/api/payments/{started.payment.id}/cancel/", {"reason": "duplicate"}
    )

    assert "canceled" == answer.json()["status"]
    assert "open" == (await api.get("/api/orders/o-1/")).json()["status"]


async def test_deleting_an_order_cancels_it_and_its_intent(api: Api) -> None:
    await api.world.register()
    await api.world.charge()

    answer = await api.call("DELETE", "/api/orders/o-1/")

    assert (200, "canceled") == (answer.status_code, answer.json()["status"])
    assert ["canceled"] == [intent["status"] for intent in api.world.intents()]


async def test_a_paid_order_can_neither_change_nor_be_deleted(api: Api) -> None:
    await api.world.register()
    started = await api.world.charge()
    api.world.pay(started)
    await api.world.confirm(started.payment)

    changed = await api.call("PUT", "/api/orders/o-1/", order_body())
    deleted = await api.call("DELETE", "/api/orders/o-1/")

    assert (409, "order_already_paid") == (changed.status_code, changed.json()["code"])
    assert (409, "order_already_paid") == (deleted.status_code, deleted.json()["code"])


async def test_a_signed_event_is_received_and_pays_the_order(api: Api) -> None:
    await api.world.register()
    api.world.pay(await api.world.charge())

    for event in api.world.pending_events():
        body = json.dumps(event).encode()
        answer = await api.call(
            "POST",
            "/api/stripe/webhook/",
            raw=body,
            caller={},
            headers={"Stripe-Signature": signed(body, at=api.world.clock.now())},
        )

        assert (200, {"received": True}) == (answer.status_code, answer.json())
    await api.world.work()
    assert "paid" == (await api.get("/api/orders/o-1/")).json()["status"]


async def test_money_for_an_old_total_is_shown_but_pays_nothing(api: Api) -> None:
    await api.world.register(total=5000)
    started = await api.world.charge()
    api.world.pay(started)
    api.world.gateway.is_down = True  # the intent cannot follow
    await api.call("PUT", "/api/orders/o-1/", order_body(shipping=2000))
    api.world.gateway.is_down = False
    await _confirm(api, started.payment.id)

    order = (await api.get("/api/orders/o-1/")).json()
    again = await api.call("POST", "/api/stripe/create-payment-intent/o-1/")

    assert ("open", 7000, 0) == (order["status"], order["total"], order["amount_paid"])
    [payment] = order["payments"]
    assert (5000, "amount_mismatch") == (payment["amount_captured"], payment["error"]["code"])
    assert (409, "payment_quarantined") == (again.status_code, again.json()["code"])


@pytest.mark.parametrize("signature", [None, "", "t=1,v1=00", "nonsense", "t=1,v1=é"])
async def test_an_event_that_stripe_did_not_sign_is_refused(
    api: Api, signature: str | None
) -> None:
    headers = {} if signature is None else {"Stripe-Signature": signature}
    answer = await api.client.post(
        "/api/stripe/webhook/",
        content=b'{"id": "evt_1"}',
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
    )

    assert (400, "invalid_signature") == (answer.status_code, answer.json()["code"])


async def test_an_unknown_outcome_is_503_with_retry_after_and_the_payment_stays_pending(
    api: Api,
) -> None:
    await api.world.register()
    api.world.gateway.is_down = True

    answer = await api.call("POST", "/api/stripe/create-payment-intent/o-1/")

    assert (503, "gateway_unavailable") == (answer.status_code, answer.json()["code"])
    assert 0 < int(answer.headers["Retry-After"])
    [payment] = (await api.get("/api/orders/o-1/", caller=STOREFRONT)).json()["payments"]
    assert "pending" == payment["status"]


async def _declined(api: Api, card: str) -> str:
    await api.world.register()
    started = await api.world.charge()
    api.world.pay(started, card)
    return started.payment.id


async def _confirm(api: Api, payment_id: str, *, caller: Headers = STOREFRONT) -> dict[str, object]:
    [payment] = await api.world.payments()
    answer = await api.call(
        "POST",
        "/api/stripe/confirm-payment/",
        {"payment_intent_id": payment.intent_id},
        caller=caller,
    )
    body: dict[str, object] = answer.json()
    assert payment_id == body["payment_id"]
    return body
