"""The storefront's whole story over HTTP, on every gateway and every database of the README.

The Stripe gateway talks through Stripe's SDK, over a socket, to the simulated account's door:
what works here works with another address and another key.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import attrs
import pytest
from dependency_injector import providers

from markethub.adapters.stripe.gateway import ApiGateway
from markethub.entrypoints.setting_values import Database
from tests.support.app import SETTINGS, Api, order_body, serving
from tests.support.carriers import to_address
from tests.support.door import open_door
from tests.support.world import CHALLENGE, DECLINED, SUCCESS

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'story.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(params=["fake", "stripe"])
async def api(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Api]:
    settings = attrs.evolve(SETTINGS, database=Database(url=database_url))
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(serving(settings))
        container = api.world.container
        await container.store().upgrade()
        stack.push_async_callback(container.store().close)
        if request.param == "stripe":
            door = await stack.enter_async_context(open_door(api.world.account))
            gateway = ApiGateway(to_address(door))
            stack.push_async_callback(gateway.close)
            container.gateway.override(providers.Object(gateway))
        yield api


async def pay(api: Api, card: str) -> str:
    """Create the order's intent, confirm it with a card, and return the intent's id."""
    started = (await api.call("POST", "/api/stripe/create-payment-intent/o-1/")).json()
    response = api.world.account.request(
        method="POST",
        path=f"/v1/payment_intents/{started['payment_intent_id']}/confirm",
        params={
            "client_secret": started["client_secret"],
            "payment_method_data": {
                "type": "card",
                "card": {"number": card, "exp_month": 12, "exp_year": 2030, "cvc": "123"},
            },
        },
        auth=started["publishable_key"],
    )
    assert response.status in (200, 402)
    return str(started["payment_intent_id"])


async def confirm(api: Api, intent_id: str) -> dict[str, object]:
    answer = await api.call(
        "POST", "/api/stripe/confirm-payment/", {"payment_intent_id": intent_id}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_an_order_is_registered_charged_and_paid(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    intent_id = await pay(api, SUCCESS)

    confirmed = await confirm(api, intent_id)
    await api.world.work()
    order = (await api.get("/api/orders/o-1/")).json()

    assert confirmed["status"] == "succeeded"
    assert confirmed["order_status"] == "paid"
    assert (order["status"], order["amount_paid"]) == ("paid", 5000)
    assert order["payments"][0]["method"]["last4"] == "4242"


async def test_the_webhook_alone_makes_the_order_paid(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    await pay(api, SUCCESS)

    await api.world.work()

    assert (await api.get("/api/orders/o-1/")).json()["status"] == "paid"


async def test_a_declined_card_can_be_followed_by_a_good_one(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    declined = await confirm(api, await pay(api, DECLINED))

    paid = await confirm(api, await pay(api, SUCCESS))

    assert declined["status"] == "requires_payment_method"
    assert isinstance(declined["error"], dict)
    assert declined["error"]["code"] == "card_declined"
    assert paid["order_status"] == "paid"


async def test_a_challenge_is_shown_and_passed(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    intent_id = await pay(api, CHALLENGE)
    asked = await confirm(api, intent_id)
    secret = api.world.at_stripe(f"/v1/payment_intents/{intent_id}")["client_secret"]
    api.world.account.answer_challenge(intent_id, secret, authenticated=True)

    passed = await confirm(api, intent_id)

    assert asked["status"] == "requires_action"
    assert asked["next_action"]
    assert passed["status"] == "succeeded"


async def test_a_held_amount_is_captured_in_part(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    await api.call("POST", "/api/stripe/create-payment-intent/o-1/", {"capture": "manual"})
    confirmed = await confirm(api, await pay(api, SUCCESS))

    captured = await api.call(
        "POST", f"/api/payments/{confirmed['payment_id']}/capture/", {"amount": 2000}
    )

    assert confirmed["status"] == "authorized"
    assert captured.json()["amount_captured"] == 2000
    assert (await api.get("/api/orders/o-1/")).json()["status"] == "paid"


async def test_a_payment_is_canceled_and_its_order_stays_open(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    started = (await api.call("POST", "/api/stripe/create-payment-intent/o-1/")).json()

    canceled = await api.call("POST", f"/api/payments/{started['payment_id']}/cancel/")

    assert canceled.json()["status"] == "canceled"
    assert (await api.get("/api/orders/o-1/")).json()["status"] == "open"


async def test_fifty_callers_at_once_get_one_payment_and_one_intent(api: Api) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())

    answers = await asyncio.gather(
        *(api.call("POST", "/api/stripe/create-payment-intent/o-1/") for _ in range(50))
    )

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["payment_id"] for answer in answers}) == 1
    assert len({answer.json()["payment_intent_id"] for answer in answers}) == 1
    assert len(api.world.intents()) == 1
