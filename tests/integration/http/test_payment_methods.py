"""Saved methods over HTTP: every row of the interface, and who may use it."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from markethub.domain.ids import CustomerId
from tests.support.app import Api, order_body
from tests.support.world import CHALLENGE, SUCCESS

pytestmark = pytest.mark.anyio

METHODS = "/api/customers/c-1/payment-methods/"
CHARGE = "/api/stripe/create-payment-intent/o-1/"
MASTERCARD = "5555555555554444"


async def save(api: Api, card: str = SUCCESS) -> str:
    """Save a card as storefront and browser do, and return its id."""
    setup = (await api.call("POST", f"{METHODS}setup-intent/")).json()
    confirmed = api.world.account.request(
        method="POST",
        path=f"/v1/setup_intents/{setup['setup_intent_id']}/confirm",
        params={
            "client_secret": setup["client_secret"],
            "payment_method_data": {
                "type": "card",
                "card": {"number": card, "exp_month": 12, "exp_year": 2030, "cvc": "123"},
            },
        },
        auth=setup["publishable_key"],
    )
    assert confirmed.status == 200
    if confirmed.body["status"] == "requires_action":
        api.world.account.answer_challenge(
            setup["setup_intent_id"], setup["client_secret"], authenticated=True
        )
    await api.world.work()
    return str((await api.get(METHODS)).json()["items"][-1]["id"])


async def charge(api: Api, **body: Any) -> dict[str, Any]:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    answer = await api.call("POST", CHARGE, body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_setup_intent_is_what_a_browser_needs(api: Api) -> None:
    answer = await api.call("POST", f"{METHODS}setup-intent/", {})

    assert 200 == answer.status_code
    assert {"setup_intent_id", "client_secret", "publishable_key"} == set(answer.json())
    assert answer.json()["setup_intent_id"].startswith("seti_")
    assert "pk_test_dev" == answer.json()["publishable_key"]


async def test_a_saved_method_is_listed_without_its_token(api: Api) -> None:
    method_id = await save(api)
    answer = await api.get(METHODS)

    assert {
        "items": [
            {
                "id": method_id,
                "brand": "visa",
                "last4": "4242",
                "exp_month": 12,
                "exp_year": 2030,
                "is_default": True,
                "is_active": True,
            }
        ],
        "next_cursor": None,
    } == answer.json()
    assert method_id.startswith("mth_")


async def test_a_customer_without_methods_has_an_empty_list(api: Api) -> None:
    assert [] == (await api.get(METHODS)).json()["items"]


async def test_the_default_is_chosen(api: Api) -> None:
    first, second = await save(api), await save(api, MASTERCARD)
    answer = await api.call("POST", f"{METHODS}{second}/default/")
    listed = (await api.get(METHODS)).json()["items"]

    assert (200, second, True) == (
        answer.status_code,
        answer.json()["id"],
        answer.json()["is_default"],
    )
    assert {first: False, second: True} == {each["id"]: each["is_default"] for each in listed}


async def test_a_removed_method_is_gone(api: Api) -> None:
    method_id = await save(api)
    answer = await api.call("DELETE", f"{METHODS}{method_id}/")
    again = await api.call("DELETE", f"{METHODS}{method_id}/")

    assert (204, b"") == (answer.status_code, answer.content)
    assert (404, "not_found") == (again.status_code, again.json()["code"])
    assert [] == (await api.get(METHODS)).json()["items"]


async def test_the_log_names_who_chose_and_who_removed_a_method(api: Api) -> None:
    method_id, me = await save(api), api.customer("c-1")

    with capture_logs() as lines:
        await api.call("POST", f"{METHODS}{method_id}/default/", caller=me)
        await api.call("DELETE", f"{METHODS}{method_id}/", caller=me)

    asked = [line for line in lines if line.get("method_id") == method_id]
    assert [("method.default_asked", "c-1"), ("method.remove_asked", "c-1")] == [
        (line["event"], line["actor"]) for line in asked
    ]


async def test_a_customer_does_all_this_with_their_own(api: Api) -> None:
    method_id, me = await save(api), api.customer("c-1")
    statuses = [
        (await api.call("POST", f"{METHODS}setup-intent/", caller=me)).status_code,
        (await api.call("GET", METHODS, caller=me)).status_code,
        (await api.call("POST", f"{METHODS}{method_id}/default/", caller=me)).status_code,
        (await api.call("DELETE", f"{METHODS}{method_id}/", caller=me)).status_code,
    ]

    assert [200, 200, 200, 204] == statuses


@pytest.mark.parametrize("base", [METHODS, "/api/customers/c-2/payment-methods/"])
async def test_to_a_customer_nobody_elses_methods_exist(api: Api, base: str) -> None:
    method_id, other = await save(api), api.customer("c-2")
    await api.call("POST", "/api/customers/c-2/payment-methods/setup-intent/")
    calls = [("POST", f"{base}{method_id}/default/"), ("DELETE", f"{base}{method_id}/")]
    if base == METHODS:
        calls += [("GET", base), ("POST", f"{base}setup-intent/")]
    statuses = {(await api.call(*call, caller=other)).status_code for call in calls}

    assert {404} == statuses
    assert 1 == len((await api.get(METHODS)).json()["items"])


async def test_operations_have_no_business_with_saved_methods(api: Api) -> None:
    from markethub.entrypoints.setting_values import Role  # noqa: PLC0415 - this test's alone
    from tests.support.app import ops  # noqa: PLC0415 - likewise

    assert 403 == (await api.call("GET", METHODS, caller=ops(Role.ADMIN))).status_code


@pytest.mark.parametrize("method_id", ["mth_unknown", "-", "pm_1%2Fdetach"])
async def test_an_unknown_method_is_not_found(api: Api, method_id: str) -> None:
    statuses = [
        (await api.call("POST", f"{METHODS}{method_id}/default/")).status_code,
        (await api.call("DELETE", f"{METHODS}{method_id}/")).status_code,
    ]

    assert [404, 404] == statuses


async def test_the_same_key_gives_the_same_setup_intent(api: Api) -> None:
    first = await api.call("POST", f"{METHODS}setup-intent/", key="k-1")
    again = await api.call("POST", f"{METHODS}setup-intent/", key="k-1")

    assert first.content == again.content
    assert "true" == again.headers["Idempotent-Replayed"]


async def test_a_setup_takes_no_unknown_field(api: Api) -> None:
    answer = await api.call("POST", f"{METHODS}setup-intent/", {"usage": "on_session"})

    assert (400, "validation_failed") == (answer.status_code, answer.json()["code"])


# --- charging -------------------------------------------------------------------------------------


async def test_a_charge_saves_its_card(api: Api) -> None:
    started = await charge(api, save_method=True)
    api.world.account.request(
        method="POST",
        path=f"/v1/payment_intents/{started['payment_intent_id']}/confirm",
        params={"client_secret": started["client_secret"], "payment_method": "pm_card_visa"},
        auth="pk_test_dev",
    )
    confirm = {"payment_intent_id": started["payment_intent_id"]}
    await api.call("POST", "/api/stripe/confirm-payment/", confirm)

    assert ["4242"] == [each["last4"] for each in (await api.get(METHODS)).json()["items"]]


async def test_a_saved_method_is_charged_at_once(api: Api) -> None:
    method_id = await save(api)
    charged = await charge(api, method_id=method_id, off_session=True)
    order = (await api.get("/api/orders/o-1/")).json()

    assert "succeeded" == charged["status"]
    assert ("paid", 5000) == (order["status"], order["amount_paid"])


async def test_a_bank_that_wants_its_customer_is_an_answer(api: Api) -> None:
    method_id = await save(api, CHALLENGE)
    charged = await charge(api, method_id=method_id, off_session=True)

    assert ("requires_payment_method", "authentication_required") == (
        charged["status"],
        charged["error"]["code"],
    )
    assert charged["client_secret"]


async def test_with_the_customer_there_the_challenge_is_handed_on(api: Api) -> None:
    method_id = await save(api, CHALLENGE)
    charged = await charge(api, method_id=method_id, off_session=False)

    assert ("requires_action", "use_stripe_sdk") == (
        charged["status"],
        charged["next_action"]["type"],
    )


async def test_a_repeated_request_with_its_key_is_answered_as_the_first(api: Api) -> None:
    method_id = await save(api)
    await api.call("PUT", "/api/orders/o-1/", order_body())
    body = {"method_id": method_id, "off_session": True}
    first = await api.call("POST", CHARGE, body, key="k-1")
    again = await api.call("POST", CHARGE, body, key="k-1")

    assert (200, first.json()) == (again.status_code, again.json())
    assert 1 == len(api.world.charges_paid())


async def test_off_session_is_the_storefronts_alone_to_say(api: Api) -> None:
    method_id = await save(api)
    await api.call("PUT", "/api/orders/o-1/", order_body())
    body = {"method_id": method_id, "off_session": True}
    answer = await api.call("POST", CHARGE, body, caller=api.customer("c-1"))

    assert (403, "forbidden") == (answer.status_code, answer.json()["code"])
    assert [] == api.world.intents()


async def test_a_customer_pays_with_a_saved_method_in_the_browser(api: Api) -> None:
    method_id = await save(api)
    await api.call("PUT", "/api/orders/o-1/", order_body())
    answer = await api.call("POST", CHARGE, {"method_id": method_id}, caller=api.customer("c-1"))

    assert 200 == answer.status_code
    assert api.world.intents()[0]["payment_method"] is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"off_session": True}, "off_session"),
        ({"off_session": "yes"}, "off_session"),
        ({"save_method": 1}, "save_method"),
        ({"method_id": ""}, "method_id"),
        ({"method_id": "a/b"}, "method_id"),
    ],
)
async def test_a_wrong_wish_names_its_field(api: Api, body: dict[str, Any], field: str) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    answer = await api.call("POST", CHARGE, body)

    assert (400, field) == (answer.status_code, answer.json()["errors"][0]["field"])


@pytest.mark.parametrize("method_id", ["mth_unknown", "pm_card_visa"])
async def test_an_unknown_method_is_not_charged(api: Api, method_id: str) -> None:
    await api.call("PUT", "/api/orders/o-1/", order_body())
    answer = await api.call("POST", CHARGE, {"method_id": method_id, "off_session": True})

    assert (404, "not_found") == (answer.status_code, answer.json()["code"])
    assert [] == api.world.intents()


async def test_another_customers_method_is_not_charged(api: Api) -> None:
    method_id = await save(api)
    await api.call("PUT", "/api/orders/o-1/", order_body(customer_id="c-2"))
    answer = await api.call("POST", CHARGE, {"method_id": method_id, "off_session": True})
    queries = api.world.container.queries()

    assert 404 == answer.status_code
    assert 1 == len(await queries.methods(CustomerId("c-1")))
    assert [] == api.world.charges_paid()
