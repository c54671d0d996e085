"""A browser sets up a card and pays with a saved one at the simulated account's door."""

from collections.abc import AsyncIterator

import attrs
import pytest

from tests.integration.test_fake_stripe_door_browser import (
    BROWSER,
    CHALLENGE,
    DECLINED,
    RETURN,
    SECRET,
    SUCCESS,
    Browser,
    opened,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with opened() as found:
        yield found


async def setting_up(browser: Browser) -> Browser:
    customer = await browser.http.post("/fake-stripe/v1/customers", headers=SECRET)
    created = await browser.http.post(
        "/fake-stripe/v1/setup_intents",
        headers=SECRET,
        data={"customer": customer.json()["id"], "usage": "off_session"},
    )
    return attrs.evolve(browser, intent=created.json())


async def test_a_browser_sets_up_a_card_it_has_typed(browser: Browser) -> None:
    setup = await setting_up(browser)
    response = await setup.confirm(SUCCESS)
    listed = await setup.http.get(
        f"/fake-stripe/v1/customers/{setup.intent['customer']}/payment_methods", headers=SECRET
    )

    assert (200, "succeeded") == (response.status_code, response.json()["status"])
    assert [response.json()["payment_method"]] == [found["id"] for found in listed.json()["data"]]


async def test_a_browser_is_told_that_a_card_cannot_be_set_up(browser: Browser) -> None:
    setup = await setting_up(browser)
    response = await setup.confirm(DECLINED)

    error = response.json()["error"]
    assert (402, "card_declined") == (response.status_code, error["code"])
    assert "requires_payment_method" == error["setup_intent"]["status"]


@pytest.mark.parametrize("client_secret", [None, "wrong"])
async def test_a_browser_without_the_client_secret_sets_up_nothing(
    browser: Browser, client_secret: str | None
) -> None:
    given = {} if client_secret is None else {"client_secret": client_secret}
    setup = await setting_up(browser)
    confirmed = await setup.http.post(
        f"{setup.path}/confirm",
        headers=BROWSER,
        data={"payment_method": "pm_card_visa", **given},
    )

    assert confirmed.status_code in {400, 401}
    assert "requires_payment_method" == (await setup.read())["status"]


@pytest.mark.parametrize(("verb", "suffix"), [("POST", ""), ("POST", "/cancel")])
async def test_a_browser_may_not_do_with_a_setup_what_is_the_servers(
    browser: Browser, verb: str, suffix: str
) -> None:
    setup = await setting_up(browser)
    response = await setup.http.request(
        verb, f"{setup.path}{suffix}", headers=BROWSER, data={"client_secret": setup.secret}
    )

    assert 401 == response.status_code


@pytest.mark.parametrize(
    ("verb", "outcome", "status"),
    [
        ("complete", "succeeded", "succeeded"),
        ("fail", "failed", "requires_payment_method"),
    ],
)
async def test_a_challenge_of_a_setup_asks_about_the_card_and_returns_to_the_shop(
    browser: Browser, verb: str, outcome: str, status: str
) -> None:
    setup = await setting_up(browser)
    page = await setup.http.get(await setup.challenge_url())
    answered = await setup.press(page, verb)
    intent = await setup.read()

    assert "Is it you who saves this card?" in page.text
    assert "USD" not in page.text
    assert 303 == answered.status_code
    assert (
        f"{RETURN}&setup_intent={intent['id']}&redirect_status={outcome}"
        == answered.headers["location"]
    )
    assert status == intent["status"]
    assert setup.secret not in page.text + answered.headers["location"]


async def test_a_challenge_of_a_setup_for_the_sdk_is_passed_with_the_client_secret(
    browser: Browser,
) -> None:
    setup = await setting_up(browser)
    confirmed = (await setup.confirm(CHALLENGE)).json()
    answered = await setup.http.post(
        f"/fake-stripe/challenge/{setup.intent['id']}/complete",
        headers=BROWSER,
        data={"client_secret": setup.secret},
    )

    assert "use_stripe_sdk" == confirmed["next_action"]["type"]
    assert (200, "succeeded") == (answered.status_code, answered.json()["status"])
    assert "customer" not in answered.json()


async def test_a_browser_pays_with_a_card_that_was_saved(browser: Browser) -> None:
    setup = await setting_up(browser)
    method = (await setup.confirm(SUCCESS)).json()["payment_method"]
    created = await setup.http.post(
        "/fake-stripe/v1/payment_intents",
        headers=SECRET,
        data={"amount": "5000", "currency": "usd", "customer": setup.intent["customer"]},
    )
    intent = created.json()
    confirmed = await setup.http.post(
        f"/fake-stripe/v1/payment_intents/{intent['id']}/confirm",
        headers=BROWSER,
        data={"client_secret": intent["client_secret"], "payment_method": method},
    )

    assert (200, "succeeded", method) == (
        confirmed.status_code,
        confirmed.json()["status"],
        confirmed.json()["payment_method"],
    )


@pytest.mark.parametrize(
    "path", ["setup_intents", "payment_methods", "setup_attempts?setup_intent=seti_1"]
)
async def test_a_browser_may_not_list_what_customers_keep(browser: Browser, path: str) -> None:
    response = await browser.http.get(f"/fake-stripe/v1/{path}", headers=BROWSER)

    assert 401 == response.status_code
