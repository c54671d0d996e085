"""A browser confirms an intent and passes its bank's challenge at the simulated account's door."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx
import pytest
from litestar import Litestar

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.store import DictStore
from markethub.entrypoints.fake_stripe import fake_stripe_router

pytestmark = pytest.mark.anyio

BASE = "http://door"
SECRET = {"Authorization": "Bearer sk_test_dev"}
BROWSER = {"Authorization": "Bearer pk_test_dev"}
SUCCESS = "4242424242424242"
DECLINED = "4000000000000002"
CHALLENGE = "4000002760003184"
RETURN = "https://shop.example/return?cart=7"


@attrs.frozen(kw_only=True)
class Browser:
    """A server's intent, and the page of a shop that holds its client secret."""

    http: httpx.AsyncClient
    intent: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/fake-stripe/v1/{self.intent['object']}s/{self.intent['id']}"

    @property
    def secret(self) -> str:
        return str(self.intent["client_secret"])

    async def confirm(self, card: str, **more: str) -> httpx.Response:
        return await self.http.post(
            f"{self.path}/confirm",
            headers=BROWSER,
            data={
                "client_secret": self.secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": card,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2030",
                "payment_method_data[card][cvc]": "123",
                **more,
            },
        )

    async def read(self) -> dict[str, Any]:
        response = await self.http.get(self.path, headers=SECRET)
        return dict(response.json())

    async def challenge_url(self, return_url: str = RETURN) -> str:
        confirmed = (await self.confirm(CHALLENGE, return_url=return_url)).json()
        assert "requires_action" == confirmed["status"], confirmed
        return str(confirmed["next_action"]["redirect_to_url"]["url"])

    async def press(self, page: httpx.Response, verb: str) -> httpx.Response:
        """Submit the page's form that leads to ``verb``."""
        form = re.search(
            rf'<form method="post" action="([^"]*/{verb})">\s*'
            r'<input type="hidden" name="source" value="([^"]+)">',
            page.text,
        )
        assert form is not None, page.text
        return await self.http.post(
            str(page.url.join(form[1])), data={"source": form[2]}, follow_redirects=False
        )


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with opened() as found:
        yield found


@asynccontextmanager
async def opened(**more: str) -> AsyncIterator[Browser]:
    account = Account(store=DictStore(), options=AccountOptions(seed="browser", base_url=BASE))
    app = Litestar([fake_stripe_router(account)], openapi_config=None)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type] # its ASGI types are looser
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        created = await http.post(
            "/fake-stripe/v1/payment_intents",
            headers=SECRET,
            data={
                "amount": "5000",
                "currency": "usd",
                "automatic_payment_methods[enabled]": "true",
                **more,
            },
        )
        yield Browser(http=http, intent=created.json())


# --- the publishable key ----------------------------------------------------------------------


async def test_a_browser_confirms_with_a_card_it_has_typed(browser: Browser) -> None:
    response = await browser.confirm(SUCCESS, return_url=RETURN)

    assert (200, "succeeded") == (response.status_code, response.json()["status"])


async def test_a_browser_is_told_of_a_decline(browser: Browser) -> None:
    response = await browser.confirm(DECLINED, return_url=RETURN)

    error = response.json()["error"]
    assert (402, "card_error", "card_declined", "generic_decline") == (
        response.status_code,
        error["type"],
        error["code"],
        error["decline_code"],
    )


async def test_a_browser_reads_its_intent_by_the_client_secret(browser: Browser) -> None:
    response = await browser.http.get(
        browser.path, headers=BROWSER, params={"client_secret": browser.secret}
    )

    assert (200, browser.intent["id"]) == (response.status_code, response.json()["id"])


@pytest.mark.parametrize("client_secret", [None, "", "wrong", "pi_other_secret_x"])
async def test_a_browser_without_the_client_secret_neither_reads_nor_confirms(
    browser: Browser, client_secret: str | None
) -> None:
    given = {} if client_secret is None else {"client_secret": client_secret}

    read = await browser.http.get(browser.path, headers=BROWSER, params=given)
    confirmed = await browser.http.post(
        f"{browser.path}/confirm", headers=BROWSER, data={"payment_method": "pm_card_visa", **given}
    )

    assert read.status_code in {400, 401, 404}
    assert confirmed.status_code in {400, 401, 404}
    assert browser.secret not in read.text + confirmed.text
    assert "requires_payment_method" == (await browser.read())["status"]


@pytest.mark.parametrize(
    ("method", "suffix"), [("POST", ""), ("POST", "/capture"), ("POST", "/cancel")]
)
async def test_a_browser_may_not_do_what_is_the_servers(
    browser: Browser, method: str, suffix: str
) -> None:
    response = await browser.http.request(
        method,
        f"{browser.path}{suffix}",
        headers=BROWSER,
        data={"client_secret": browser.secret},
    )

    assert 401 == response.status_code
    assert "requires_payment_method" == (await browser.read())["status"]


@pytest.mark.parametrize("path", ["payment_intents", "charges", "events", "customers", "account"])
async def test_a_browser_may_not_list_the_account(browser: Browser, path: str) -> None:
    response = await browser.http.get(f"/fake-stripe/v1/{path}", headers=BROWSER)

    assert 401 == response.status_code


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
async def test_pages_of_any_address_may_call_what_a_client_secret_opens(
    browser: Browser, method: str
) -> None:
    confirm = await browser.http.request(method, f"{browser.path}/confirm", headers=BROWSER)
    answer = f"/fake-stripe/challenge/{browser.intent['id']}/complete"
    challenge = await browser.http.options(answer)

    assert "*" == confirm.headers["access-control-allow-origin"]
    assert "*" == challenge.headers["access-control-allow-origin"]


@pytest.mark.parametrize("path", ["charges", "customers", "payment_intents", "account"])
async def test_no_page_of_another_address_reads_anything_else(browser: Browser, path: str) -> None:
    for method in ("OPTIONS", "GET"):
        response = await browser.http.request(method, f"/fake-stripe/v1/{path}", headers=SECRET)

        assert "access-control-allow-origin" not in response.headers


# --- the challenge's page ---------------------------------------------------------------------


async def test_a_passed_challenge_takes_the_money_and_returns_to_the_shop(
    browser: Browser,
) -> None:
    page = await browser.http.get(await browser.challenge_url())
    answered = await browser.press(page, "complete")

    assert 200 == page.status_code
    assert "50.00 USD" in page.text
    assert 303 == answered.status_code
    assert (
        f"{RETURN}&payment_intent={browser.intent['id']}&redirect_status=succeeded"
        == answered.headers["location"]
    )
    assert "succeeded" == (await browser.read())["status"]


async def test_a_failed_challenge_takes_no_money_and_returns_to_the_shop(browser: Browser) -> None:
    page = await browser.http.get(await browser.challenge_url())
    answered = await browser.press(page, "fail")

    assert 303 == answered.status_code
    assert answered.headers["location"].endswith("&redirect_status=failed")
    intent = await browser.read()
    assert "requires_payment_method" == intent["status"]
    assert "payment_intent_authentication_failure" == intent["last_payment_error"]["code"]


async def test_a_passed_challenge_of_a_manual_capture_authorizes() -> None:
    async with opened(capture_method="manual") as browser:
        page = await browser.http.get(await browser.challenge_url())
        answered = await browser.press(page, "complete")

        assert answered.headers["location"].endswith("&redirect_status=succeeded")
        assert "requires_capture" == (await browser.read())["status"]


async def test_the_client_secret_is_in_no_address_and_on_no_page(browser: Browser) -> None:
    url = await browser.challenge_url()
    page = await browser.http.get(url)
    answered = await browser.press(page, "complete")

    assert browser.secret not in url + page.text + answered.headers["location"]
    assert "secret" not in url + page.text + answered.headers["location"]


async def test_the_page_loads_nothing_and_leads_only_to_itself_and_the_shop(
    browser: Browser,
) -> None:
    page = await browser.http.get(await browser.challenge_url())

    policy = page.headers["content-security-policy"]
    assert (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self' https://shop.example" == policy
    )
    assert "no-store" == page.headers["cache-control"]
    assert "no-referrer" == page.headers["referrer-policy"]
    assert not re.search(r"<(script|style|link|img|iframe)|\son\w+=|style=|https?:", page.text)


@pytest.mark.parametrize("source", ["", "wrong", "%C3%A9", "%ED%A0%80", None])
async def test_the_page_does_not_open_without_its_source(
    browser: Browser, source: str | None
) -> None:
    address = urlsplit(await browser.challenge_url()).path
    query = "" if source is None else f"?source={source}"

    page = await browser.http.get(f"{address}{query}")
    answered = await browser.http.post(f"{address}/complete", data={"source": source or ""})

    assert (404, 404) == (page.status_code, answered.status_code)
    assert "requires_action" == (await browser.read())["status"]


async def test_one_challenges_source_does_not_answer_another(browser: Browser) -> None:
    await browser.challenge_url()
    created = await browser.http.post(
        "/fake-stripe/v1/payment_intents",
        headers=SECRET,
        data={"amount": "1000", "currency": "usd"},
    )
    other = Browser(http=browser.http, intent=created.json())
    stranger = urlsplit(await other.challenge_url()).query

    answered = await browser.http.post(
        f"/fake-stripe/challenge/{browser.intent['id']}/complete",
        content=stranger.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert 404 == answered.status_code
    assert "requires_action" == (await browser.read())["status"]


async def test_an_answered_challenge_is_over(browser: Browser) -> None:
    url = await browser.challenge_url()
    page = await browser.http.get(url)
    await browser.press(page, "fail")

    again = await browser.press(page, "complete")
    reopened = await browser.http.get(url)

    assert (404, 404) == (again.status_code, reopened.status_code)
    assert "requires_payment_method" == (await browser.read())["status"]


async def test_where_the_browser_returns_is_not_the_callers_to_say(browser: Browser) -> None:
    url = await browser.challenge_url()
    source = urlsplit(url).query.partition("source=")[2]

    answered = await browser.http.post(
        urlsplit(url).path + "/complete?return_url=https%3A%2F%2Fevil.example",
        data={"source": source, "return_url": "https://evil.example/"},
    )

    assert answered.headers["location"].startswith("https://shop.example/return")


@pytest.mark.parametrize(
    "return_url",
    [
        "javascript:alert(1)",
        "data:text/html,hello",
        "//evil.example/",
        "not an address",
        "https://[::1",
        "https://shop.example@evil.example/",
        "https://shop.example;script-src *",
    ],
)
async def test_a_browser_is_not_sent_where_no_shop_can_be(
    browser: Browser, return_url: str
) -> None:
    page = await browser.http.get(await browser.challenge_url(return_url))
    answered = await browser.press(page, "complete")

    assert page.headers["content-security-policy"].endswith("; form-action 'self'")
    assert 200 == answered.status_code
    assert "location" not in answered.headers
    assert "You may close this page" in answered.text
    assert "succeeded" == (await browser.read())["status"]


async def test_a_return_url_cannot_add_headers(browser: Browser) -> None:
    hostile = "https://shop.example/a?b=1\r\nSet-Cookie: c=d"
    page = await browser.http.get(await browser.challenge_url(hostile))
    answered = await browser.press(page, "complete")

    assert answered.headers["location"].startswith("https://shop.example/a?b=1")
    assert "set-cookie" not in answered.headers


@pytest.mark.parametrize("challenge", ["none", "pi_none", "..", "pi%20none"])
async def test_there_is_no_challenge_of_an_intent_that_is_not_there(
    browser: Browser, challenge: str
) -> None:
    page = await browser.http.get(f"/fake-stripe/challenge/{challenge}?source=x")

    assert 404 == page.status_code


# --- the challenge without a page -------------------------------------------------------------


async def test_a_challenge_for_the_sdk_is_passed_with_the_client_secret(browser: Browser) -> None:
    confirmed = (await browser.confirm(CHALLENGE)).json()
    answered = await browser.http.post(
        f"/fake-stripe/challenge/{browser.intent['id']}/complete",
        headers=BROWSER,
        data={"client_secret": browser.secret},
    )

    assert "use_stripe_sdk" == confirmed["next_action"]["type"]
    assert (200, "succeeded") == (answered.status_code, answered.json()["status"])


async def test_a_challenge_for_the_sdk_is_failed_with_the_client_secret(browser: Browser) -> None:
    await browser.confirm(CHALLENGE)
    await browser.http.post(
        f"/fake-stripe/challenge/{browser.intent['id']}/fail",
        headers=BROWSER,
        data={"client_secret": browser.secret},
    )

    assert "requires_payment_method" == (await browser.read())["status"]


async def test_a_challenge_for_the_sdk_has_a_page_too_from_which_nothing_leads_on(
    browser: Browser,
) -> None:
    confirmed = (await browser.confirm(CHALLENGE)).json()
    page = await browser.http.get(confirmed["next_action"]["use_stripe_sdk"]["stripe_js"])
    answered = await browser.press(page, "complete")

    assert 200 == answered.status_code
    assert "You may close this page" in answered.text
    assert "succeeded" == (await browser.read())["status"]


@pytest.mark.parametrize(
    ("headers", "client_secret"),
    [(BROWSER, None), (BROWSER, "wrong"), ({}, "own"), ({"Authorization": "Bearer pk_x"}, "own")],
)
async def test_a_challenge_for_the_sdk_needs_both_the_key_and_the_client_secret(
    browser: Browser, headers: dict[str, str], client_secret: str | None
) -> None:
    await browser.confirm(CHALLENGE)
    secrets = {None: {}, "wrong": {"client_secret": "wrong"}}
    answered = await browser.http.post(
        f"/fake-stripe/challenge/{browser.intent['id']}/complete",
        headers=headers,
        data=secrets.get(client_secret, {"client_secret": browser.secret}),
    )

    assert answered.status_code in {400, 401, 404}
    assert "requires_action" == (await browser.read())["status"]


async def test_a_challenge_has_two_answers_and_no_third(browser: Browser) -> None:
    await browser.confirm(CHALLENGE)
    answered = await browser.http.post(
        f"/fake-stripe/challenge/{browser.intent['id']}/explode",
        headers=BROWSER,
        data={"client_secret": browser.secret},
    )

    assert 404 == answered.status_code
    assert "requires_action" == (await browser.read())["status"]
