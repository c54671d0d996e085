"""The PaymentIntent's states: every legal edge, and every verb where it is refused.

The edges are those of Stripe's page "How PaymentIntents work".
"""

from collections.abc import Callable
from typing import Any

import pytest

from markethub.adapters.fake.account import Response
from tests.unit.adapters.fake.shop import DAY, START, VISA, Shop, card
from tests.unit.adapters.fake.shop import shop as open_shop

RPM, RC, RA, P = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
)
RCAP, S, C = "requires_capture", "succeeded", "canceled"

ASKS = "4000002760003184"
ASKS_THEN_DECLINES = "4000008400001629"
DECLINED = "4000000000000002"

Prepared = tuple[Shop, dict[str, Any]]
Verb = Callable[[Shop, dict[str, Any]], Response]


def in_state(status: str) -> Prepared:
    """Bring a fresh intent into a state."""
    shop = open_shop(settles_later=status == P)
    intent = shop.create(capture_method="manual" if status == RCAP else "automatic")
    path = f"payment_intents/{intent['id']}"
    match status:
        case "requires_payment_method":
            pass
        case "requires_confirmation":
            shop.post(path, {"payment_method": "pm_card_visa"})
        case "requires_action":
            shop.browser_confirms(intent, ASKS)
        case "canceled":
            shop.post(f"{path}/cancel")
        case _:
            shop.browser_confirms(intent)
    intent = shop.read(path)
    assert intent["status"] == status
    return shop, intent


def confirms(number: str = VISA, **params: Any) -> Verb:
    return lambda shop, intent: shop.confirm(intent, payment_method_data=card(number), **params)


def posts(verb: str = "", **params: Any) -> Verb:
    return lambda shop, intent: shop.post(f"payment_intents/{intent['id']}{verb}", params)


def answers(*, authenticated: bool) -> Verb:
    return lambda shop, intent: shop.answers(intent, authenticated=authenticated)


def waits(seconds: int) -> Verb:
    def wait(shop: Shop, intent: dict[str, Any]) -> Response:
        shop.account.advance(shop.account.now + seconds)
        return shop.get(f"payment_intents/{intent['id']}")

    return wait


EDGES: list[tuple[str, str, Verb, str, list[str]]] = [
    (RPM, "a method is put on it", posts(payment_method="pm_card_visa"), RC, []),
    (
        RPM,
        "a confirmation succeeds",
        confirms(),
        S,
        ["charge.succeeded", "payment_intent.succeeded"],
    ),
    (RPM, "a confirmation asks", confirms(ASKS), RA, ["payment_intent.requires_action"]),
    (
        RPM,
        "a confirmation is declined",
        confirms(DECLINED),
        RPM,
        ["charge.failed", "payment_intent.payment_failed"],
    ),
    (
        RPM,
        "a confirmation authorizes",
        confirms(capture_method="manual"),
        RCAP,
        ["charge.succeeded", "payment_intent.amount_capturable_updated"],
    ),
    (RPM, "it is canceled", posts("/cancel"), C, ["payment_intent.canceled"]),
    (RC, "a method is put on it", posts(payment_method="pm_card_visa"), RC, []),
    (
        RC,
        "it is confirmed",
        posts("/confirm"),
        S,
        ["charge.succeeded", "payment_intent.succeeded"],
    ),
    (
        RC,
        "a confirmation is declined",
        confirms(DECLINED),
        RPM,
        ["charge.failed", "payment_intent.payment_failed"],
    ),
    (RC, "a confirmation asks", confirms(ASKS), RA, ["payment_intent.requires_action"]),
    (
        RC,
        "a confirmation authorizes",
        confirms(capture_method="manual"),
        RCAP,
        ["charge.succeeded", "payment_intent.amount_capturable_updated"],
    ),
    (RC, "it is canceled", posts("/cancel"), C, ["payment_intent.canceled"]),
    (
        RA,
        "the customer authenticates",
        answers(authenticated=True),
        S,
        ["charge.succeeded", "payment_intent.succeeded"],
    ),
    (
        RA,
        "the customer fails to",
        answers(authenticated=False),
        RPM,
        ["payment_intent.payment_failed"],
    ),
    (
        RA,
        "it is confirmed with another card",
        confirms(),
        S,
        ["charge.succeeded", "payment_intent.succeeded"],
    ),
    (RA, "its amount changes", posts(amount=2000), RC, []),
    (RA, "another method is put on it", posts(payment_method="pm_card_visa"), RC, []),
    (RA, "it is canceled", posts("/cancel"), C, ["payment_intent.canceled"]),
    (
        P,
        "it settles",
        waits(2),
        S,
        ["charge.succeeded", "payment_intent.succeeded"],
    ),
    (
        RCAP,
        "it is captured",
        posts("/capture"),
        S,
        ["charge.captured", "payment_intent.succeeded"],
    ),
    (
        RCAP,
        "it is canceled",
        posts("/cancel"),
        C,
        ["charge.refunded", "payment_intent.canceled"],
    ),
    (
        RCAP,
        "nobody captures it for a week",
        waits(7 * DAY),
        C,
        ["charge.expired", "payment_intent.canceled"],
    ),
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

    assert after == shop.read(f"payment_intents/{intent['id']}")["status"]
    assert events == shop.events()[told:]


CONFIRM, CAPTURE, CANCEL, REPRICE, REMETHOD = (
    confirms(),
    posts("/capture"),
    posts("/cancel"),
    posts(amount=2000),
    posts(payment_method="pm_card_visa"),
)
CONFIRMED_ALREADY = (
    "You cannot confirm this PaymentIntent because it has already succeeded after being "
    "previously confirmed."
)
CAPTURED_ALREADY = "This PaymentIntent could not be captured because it has already been captured."
REFUSALS: list[tuple[str, str, Verb, str, str | None]] = [
    (S, "confirm", CONFIRM, CONFIRMED_ALREADY, None),
    *(
        (state, "confirm", CONFIRM, f"because it has a status of {state}", None)
        for state in (P, RCAP, C)
    ),
    (RPM, "confirm without a method", posts("/confirm"), "missing a payment method", None),
    (S, "capture", CAPTURE, CAPTURED_ALREADY, None),
    *(
        (state, "capture", CAPTURE, f"because it has a status of {state}", None)
        for state in (RPM, RC, RA, P, C)
    ),
    *(
        (state, "cancel", CANCEL, f"because it has a status of {state}", None)
        for state in (P, S, C)
    ),
    *(
        (state, "reprice", REPRICE, f"because it has a status of {state}", "amount")
        for state in (P, RCAP, S, C)
    ),
    *(
        (state, "change the method of", REMETHOD, f"has a status of {state}", "payment_method")
        for state in (P, RCAP, S, C)
    ),
    *(
        (state, "answer the challenge of", answers(authenticated=True), f"status of {state}", None)
        for state in (RPM, RC, P, RCAP, S, C)
    ),
]


@pytest.mark.parametrize(
    ("status", "verb", "message", "param"),
    [pytest.param(s, v, m, p, id=f"{name} {s}") for s, name, v, m, p in REFUSALS],
)
def test_a_verb_that_the_state_does_not_allow_is_refused_with_the_intent_as_it_is(
    status: str, verb: Verb, message: str, param: str | None
) -> None:
    shop, intent = in_state(status)
    told = shop.events()

    response = verb(shop, intent)

    error = response.body["error"]
    assert response.status == 400
    assert "payment_intent_unexpected_state" == error["code"]
    assert "invalid_request_error" == error["type"]
    assert message in error["message"]
    assert param == error.get("param")
    assert (intent["id"], status) == (
        error["payment_intent"]["id"],
        error["payment_intent"]["status"],
    )
    assert intent == shop.read(f"payment_intents/{intent['id']}")
    assert told == shop.events()


def test_every_pair_of_state_and_verb_is_decided() -> None:
    verbs = {CONFIRM: "confirm", CAPTURE: "capture", CANCEL: "cancel", REPRICE: "reprice"}
    refused = {(state, verbs[verb]) for state, _, verb, _, _ in REFUSALS if verb in verbs}
    allowed = {
        *((state, "confirm") for state in (RPM, RC, RA)),
        (RCAP, "capture"),
        *((state, "cancel") for state in (RPM, RC, RA, RCAP)),
        *((state, "reprice") for state in (RPM, RC, RA)),
    }

    every = {(s, v) for s in (RPM, RC, RA, P, RCAP, S, C) for v in verbs.values()}
    assert every == refused | allowed
    assert set() == refused & allowed


class TestTheServerConfirms:
    """``confirmation_method=manual``: the browser may not, and a challenge needs a second go."""

    def test_again_after_the_customer_authenticated(self) -> None:
        shop = open_shop()
        intent = shop.create(confirmation_method="manual")
        shop.confirm(intent, payment_method="pm_card_authenticationRequired")

        answered = shop.answers(intent)
        confirmed = shop.confirm(intent)

        assert RC == answered.body["status"]
        assert S == confirmed.body["status"]

    def test_and_a_new_method_has_to_be_authenticated_anew(self) -> None:
        shop = open_shop()
        intent = shop.create(confirmation_method="manual")
        shop.confirm(intent, payment_method="pm_card_authenticationRequired")
        shop.answers(intent)

        confirmed = shop.confirm(intent, payment_method="pm_card_authenticationRequired")

        assert RA == confirmed.body["status"]

    def test_and_a_new_amount_has_to_be_authenticated_anew(self) -> None:
        shop = open_shop()
        intent = shop.create(confirmation_method="manual")
        shop.confirm(intent, payment_method="pm_card_authenticationRequired")
        shop.answers(intent)
        shop.post(f"payment_intents/{intent['id']}", {"amount": 9000})

        confirmed = shop.confirm(intent)

        assert RA == confirmed.body["status"]

    def test_and_the_browser_may_not(self) -> None:
        shop = open_shop()

        response = shop.browser_confirms(shop.create(confirmation_method="manual"))

        assert response.status == 400
        assert "payment_intent_unexpected_state" == response.body["error"]["code"]


def test_an_amount_that_changed_during_a_challenge_is_not_paid_by_the_old_answer() -> None:
    shop, intent = in_state(RA)
    shop.post(f"payment_intents/{intent['id']}", {"amount": 9000})

    response = shop.answers(intent)

    assert response.status == 400
    assert RC == shop.read(f"payment_intents/{intent['id']}")["status"]


def test_a_decline_after_authentication_leads_back_to_the_start() -> None:
    shop = open_shop()
    intent = shop.create()
    shop.browser_confirms(intent, ASKS_THEN_DECLINES)

    answered = shop.answers(intent)

    assert (200, RPM) == (answered.status, answered.body["status"])
    assert "card_declined" == answered.body["last_payment_error"]["code"]


def test_a_payment_that_fails_to_settle_leads_back_to_the_start() -> None:
    shop = open_shop(settles_later=True)
    intent = shop.charge(DECLINED)

    shop.account.advance(START + 2)

    assert P == intent["status"]
    assert RPM == shop.read(f"payment_intents/{intent['id']}")["status"]
    assert ["payment_intent.processing", "charge.failed", "payment_intent.payment_failed"] == (
        shop.events()[1:]
    )


def test_confirming_beyond_the_limit_cancels_the_intent() -> None:
    shop = open_shop(confirmations_max=2)
    intent = shop.create()
    for _ in range(2):
        shop.browser_confirms(intent, DECLINED)

    response = shop.browser_confirms(intent)

    assert (200, C) == (response.status, response.body["status"])
    assert "automatic" == response.body["cancellation_reason"]


def test_an_authorization_that_expired_after_its_capture_changes_nothing() -> None:
    shop, intent = in_state(RCAP)
    shop.post(f"payment_intents/{intent['id']}/capture")

    shop.account.advance(START + 8 * DAY)

    assert S == shop.read(f"payment_intents/{intent['id']}")["status"]


def test_an_intent_may_be_described_after_it_succeeded() -> None:
    shop, intent = in_state(S)

    response = shop.post(f"payment_intents/{intent['id']}", {"metadata": {"parcel": "7"}})

    assert {"parcel": "7"} == response.body["metadata"]
