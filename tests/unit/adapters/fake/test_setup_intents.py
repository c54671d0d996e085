"""SetupIntents: every legal edge of their states, and every verb where it is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from markethub.adapters.fake.account import Response
from tests.unit.adapters.fake.shop import PUBLISHABLE, VISA, Shop, card
from tests.unit.adapters.fake.shop import shop as open_shop

RPM, RC, RA = "requires_payment_method", "requires_confirmation", "requires_action"
P, S, C = "processing", "succeeded", "canceled"

ASKS = "4000002760003184"
ASKS_THEN_DECLINES = "4000008400001629"
DECLINED = "4000000000000002"

Prepared = tuple[Shop, dict[str, Any]]
Verb = Callable[[Shop, dict[str, Any]], Response]


def in_state(status: str) -> Prepared:
    """Bring a fresh setup of a customer into a state."""
    shop = open_shop(settles_later=status == P)
    intent = shop.set_up(customer=shop.post("customers").body["id"])
    path = f"setup_intents/{intent['id']}"
    match status:
        case "requires_payment_method":
            pass
        case "requires_confirmation":
            shop.post(path, {"payment_method": "pm_card_visa"})
        case "requires_action":
            shop.browser_sets_up(intent, ASKS)
        case "canceled":
            shop.post(path, {"payment_method": "pm_card_visa"})
            shop.post(f"{path}/cancel")
        case _:
            shop.browser_sets_up(intent)
    intent = shop.read(path)
    assert status == intent["status"]
    return shop, intent


def confirms(number: str = VISA) -> Verb:
    return lambda shop, intent: shop.browser_sets_up(intent, number)


def posts(verb: str = "", **params: Any) -> Verb:
    return lambda shop, intent: shop.post(f"setup_intents/{intent['id']}{verb}", params)


def answers(*, authenticated: bool) -> Verb:
    return lambda shop, intent: shop.answers(intent, authenticated=authenticated)


def settles(shop: Shop, intent: dict[str, Any]) -> Response:
    shop.account.advance(shop.account.now + 2)
    return shop.get(f"setup_intents/{intent['id']}")


SAVED = ["payment_method.attached", "setup_intent.succeeded"]
FAILED = ["setup_intent.setup_failed"]
CHALLENGED = ["setup_intent.requires_action"]
CANCELED = ["setup_intent.canceled"]

EDGES: list[tuple[str, str, Verb, str, list[str]]] = [
    (RPM, "a method is put on it", posts(payment_method="pm_card_visa"), RC, []),
    (RPM, "a confirmation succeeds", confirms(), S, SAVED),
    (RPM, "a confirmation asks", confirms(ASKS), RA, CHALLENGED),
    (RPM, "a confirmation is declined", confirms(DECLINED), RPM, FAILED),
    (RPM, "it is canceled", posts("/cancel"), C, CANCELED),
    (RC, "another method is put on it", posts(payment_method="pm_card_visa"), RC, []),
    (RC, "it is confirmed", posts("/confirm"), S, SAVED),
    (RC, "a confirmation asks", confirms(ASKS), RA, CHALLENGED),
    (RC, "a confirmation is declined", confirms(DECLINED), RPM, FAILED),
    (RC, "it is canceled", posts("/cancel"), C, CANCELED),
    (RA, "the customer authenticates", answers(authenticated=True), S, SAVED),
    (RA, "the customer fails to", answers(authenticated=False), RPM, FAILED),
    (RA, "it is confirmed with another card", confirms(), S, SAVED),
    (RA, "another confirmation is declined", confirms(DECLINED), RPM, FAILED),
    (RA, "it is confirmed again and asks again", posts("/confirm"), RA, CHALLENGED),
    (RA, "another method is put on it", posts(payment_method="pm_card_visa"), RC, []),
    (RA, "it is canceled", posts("/cancel"), C, CANCELED),
    (P, "it settles", settles, S, SAVED),
]


@pytest.mark.parametrize(
    ("before", "verb", "after", "events"),
    [pytest.param(b, v, a, e, id=f"{b}: {name}") for b, name, v, a, e in EDGES],
)
def test_an_edge_leads_on_and_is_told_by_events(
    before: str, verb: Verb, after: str, events: list[str]
) -> None:
    shop, intent = in_state(before)
    told = len(shop.events())

    verb(shop, intent)

    assert after == shop.read(f"setup_intents/{intent['id']}")["status"]
    assert events == shop.events()[told:]


def test_a_setup_that_fails_to_settle_leads_back_to_the_start() -> None:
    shop = open_shop(settles_later=True)
    intent = shop.set_up()
    shop.browser_sets_up(intent, DECLINED)

    settled = settles(shop, intent).body

    assert (RPM, "card_declined") == (settled["status"], settled["last_setup_error"]["code"])
    assert ["setup_intent.created", *FAILED] == shop.events()


def test_a_challenge_that_was_passed_may_have_to_settle_first() -> None:
    shop = open_shop(settles_later=True)
    intent = shop.set_up(customer=shop.post("customers").body["id"])
    shop.browser_sets_up(intent, ASKS)

    answered = shop.answers(intent).body
    settled = settles(shop, intent).body

    assert (P, None) == (answered["status"], answered["next_action"])
    assert S == settled["status"]
    assert SAVED == shop.events()[-2:]


CONFIRM, CANCEL, REMETHOD = (
    confirms(),
    posts("/cancel"),
    posts(payment_method="pm_card_visa"),
)
REFUSALS: list[tuple[str, str, Verb, str]] = [
    (RPM, "confirm without a method", posts("/confirm"), "it's missing a payment method"),
    (P, "confirm", CONFIRM, "it has a status of processing"),
    (S, "confirm", CONFIRM, "it has already succeeded"),
    (C, "confirm", CONFIRM, "it has been canceled"),
    (P, "cancel", CANCEL, "it has a status of processing"),
    (S, "cancel", CANCEL, "it has a status of succeeded"),
    (C, "cancel", CANCEL, "it is already canceled"),
    (P, "change the method of", REMETHOD, "it has a status of processing"),
    (S, "change the method of", REMETHOD, "it has already succeeded"),
    (C, "change the method of", REMETHOD, "it has been canceled"),
    *(
        (state, "answer the challenge of", answers(authenticated=True), f"a status of {state}")
        for state in (RPM, RC, P, S, C)
    ),
]


@pytest.mark.parametrize(
    ("status", "verb", "message"),
    [pytest.param(s, v, m, id=f"{name} {s}") for s, name, v, m in REFUSALS],
)
def test_a_verb_that_the_state_does_not_allow_is_refused_with_the_intent_as_it_is(
    status: str, verb: Verb, message: str
) -> None:
    shop, intent = in_state(status)
    told = shop.events()

    response = verb(shop, intent)

    error = response.body["error"]
    assert response.status == 400
    assert "setup_intent_unexpected_state" == error["code"]
    assert "invalid_request_error" == error["type"]
    assert message in error["message"]
    assert (intent["id"], status) == (error["setup_intent"]["id"], error["setup_intent"]["status"])
    assert intent == shop.read(f"setup_intents/{intent['id']}")
    assert told == shop.events()


def test_every_pair_of_state_and_verb_is_decided() -> None:
    verbs = {CONFIRM: "confirm", CANCEL: "cancel", REMETHOD: "remethod"}
    refused = {(state, verbs[verb]) for state, _, verb, _ in REFUSALS if verb in verbs}
    allowed = {(state, name) for state in (RPM, RC, RA) for name in verbs.values()}

    every = {(state, name) for state in (RPM, RC, RA, P, S, C) for name in verbs.values()}
    assert every == refused | allowed
    assert set() == refused & allowed


def test_the_browser_saves_a_card_for_the_customer() -> None:
    shop = open_shop()
    customer = shop.post("customers").body["id"]
    intent = shop.set_up(customer=customer)

    confirmed = shop.browser_sets_up(intent)

    assert (200, S) == (confirmed.status, confirmed.body["status"])
    method = shop.read(f"payment_methods/{confirmed.body['payment_method']}")
    assert customer == method["customer"]


def test_the_browser_sees_a_part_of_it_only() -> None:
    shop = open_shop()
    intent = shop.set_up(customer=shop.post("customers").body["id"], metadata={"user": "u-1"})

    seen = shop.account.request(
        method="GET",
        path=f"/v1/setup_intents/{intent['id']}",
        params={"client_secret": intent["client_secret"]},
        auth=PUBLISHABLE,
    )

    assert {"id", "client_secret", "status", "usage"} <= seen.body.keys()
    assert set() == {"customer", "metadata", "latest_attempt"} & seen.body.keys()


def test_a_wrong_secret_opens_nothing_to_the_browser() -> None:
    shop = open_shop()
    intent = shop.set_up()

    response = shop.browser_sets_up({**intent, "client_secret": "seti_1_secret_2"})

    assert (400, "client_secret") == (response.status, response.body["error"]["param"])
    assert "SetupIntent" in response.body["error"]["message"]


def test_a_decline_is_shown_to_the_browser_without_what_is_not_its_own() -> None:
    shop = open_shop()
    intent = shop.set_up(customer=shop.post("customers").body["id"])

    response = shop.browser_sets_up(intent, DECLINED)

    error = response.body["error"]
    assert (402, "card_declined", "generic_decline") == (
        response.status,
        error["code"],
        error["decline_code"],
    )
    assert "customer" not in error["setup_intent"]


def test_the_server_creates_and_confirms_at_once() -> None:
    shop = open_shop()
    customer = shop.post("customers").body["id"]

    intent = shop.set_up(customer=customer, payment_method="pm_card_visa", confirm=True)

    assert S == intent["status"]
    assert ["customer.created", "setup_intent.created", *SAVED] == shop.events()


def test_a_decline_after_authentication_leads_back_to_the_start() -> None:
    shop = open_shop()
    intent = shop.set_up()
    shop.browser_sets_up(intent, ASKS_THEN_DECLINES)

    answered = shop.answers(intent)

    assert (200, RPM) == (answered.status, answered.body["status"])
    assert "card_declined" == answered.body["last_setup_error"]["code"]


def test_a_failed_authentication_is_told_by_the_last_error() -> None:
    shop, intent = in_state(RA)

    answered = shop.answers(intent, authenticated=False)

    assert "setup_intent_authentication_failure" == answered.body["last_setup_error"]["code"]
    assert answered.body["payment_method"] is None


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"return_url": "https://shop.example.com/back"}, "redirect_to_url"),
        ({"return_url": "https://shop.example.com/back", "use_stripe_sdk": True}, "use_stripe_sdk"),
        ({}, "use_stripe_sdk"),
    ],
)
def test_a_challenge_redirects_where_a_return_url_was_given(
    given: dict[str, Any], kind: str
) -> None:
    shop = open_shop()
    intent = shop.set_up()

    action = shop.browser_sets_up(intent, ASKS, **given).body["next_action"]

    assert kind == action["type"]


def test_a_setup_that_may_redirect_needs_a_return_url() -> None:
    shop = open_shop()
    intent = shop.post("setup_intents").body

    response = shop.post(
        f"setup_intents/{intent['id']}/confirm", {"payment_method": "pm_card_visa"}
    )

    assert (400, "return_url") == (response.status, response.body["error"]["param"])


def test_every_confirmation_is_an_attempt_of_its_own() -> None:
    shop = open_shop()
    intent = shop.set_up()
    shop.browser_sets_up(intent, DECLINED)
    shop.browser_sets_up(intent, ASKS)
    shop.answers(intent)

    listed = shop.get("setup_attempts", {"setup_intent": intent["id"]}).body["data"]
    latest = shop.read(f"setup_intents/{intent['id']}", "latest_attempt")["latest_attempt"]

    assert [S, "failed"] == [attempt["status"] for attempt in listed]
    assert listed[0] == latest
    shown = latest["payment_method_details"]["card"]["three_d_secure"]
    assert "authenticated" == shown["result"]


@pytest.mark.parametrize(
    "verb", [confirms(), posts(payment_method="pm_card_visa"), posts("/cancel"), posts("/confirm")]
)
def test_a_challenge_that_nobody_answers_any_more_is_an_abandoned_attempt(verb: Verb) -> None:
    shop, intent = in_state(RA)

    verb(shop, intent)

    listed = shop.get("setup_attempts", {"setup_intent": intent["id"]}).body["data"]
    assert "abandoned" == listed[-1]["status"]
    assert intent["latest_attempt"] == listed[-1]["id"]


def test_they_are_listed_by_customer_method_and_time() -> None:
    shop = open_shop()
    customer, method = shop.saved()
    other = shop.set_up()
    shop.account.advance(shop.account.now + 60)
    late = shop.set_up()

    def listed(**wanted: Any) -> list[str]:
        return [intent["id"] for intent in shop.get("setup_intents", wanted).body["data"]]

    mine = listed(customer=customer)
    assert 1 == len(mine)
    assert mine == listed(payment_method=method)
    assert [late["id"]] == listed(created={"gt": other["created"]})


def test_what_describes_it_may_change_after_it_succeeded() -> None:
    shop, intent = in_state(S)

    response = shop.post(f"setup_intents/{intent['id']}", {"metadata": {"device": "7"}})

    assert {"device": "7"} == response.body["metadata"]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"usage": "sometimes"}, "usage"),
        ({"customer": "cus_none"}, "customer"),
        ({"payment_method": "pm_none"}, "payment_method"),
        ({"payment_method_types": ["card"]}, "payment_method_types"),
        ({"return_url": "https://shop.example.com"}, "return_url"),
        ({"payment_method": "pm_card_visa", "payment_method_data": card()}, "payment_method"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(params: dict[str, Any], param: str) -> None:
    response = open_shop().post("setup_intents", params)

    assert (400, param) == (response.status, response.body["error"]["param"])


def test_one_that_is_not_there_is_missing() -> None:
    response = open_shop().get("setup_intents/seti_none")

    assert (404, "resource_missing") == (response.status, response.body["error"]["code"])
