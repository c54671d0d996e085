"""The stand-in for Stripe.js answers a page as Stripe.js does."""

from typing import Any

import pytest
from playwright.sync_api import Error, Page, Route, expect

from tests.browser.server import Server
from tests.browser.watch import Watch

PAGE = """<!doctype html><html lang="en"><head><title>Shop</title><link rel="icon" href="data:,">
<script src="/fake-stripe/v1/stripe.js"></script></head>
<body><h1>Shop</h1><div id="card"></div></body></html>"""
VISA = "4242424242424242"
CHALLENGE = "4000002760003184"


class Shop:
    """A page that has loaded the stand-in, and the server that makes it intents."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        page.route("**/shop*", lambda route: route.fulfill(content_type="text/html", body=PAGE))
        page.goto("/shop")
        page.evaluate("window.stripe = Stripe('pk_test_dev')")

    def intent(self, kind: str = "payment_intents", **params: Any) -> str:
        """Return the client secret of a new intent."""
        amount = {"amount": "5000", "currency": "usd"} if kind == "payment_intents" else {}
        answer = self.server.container.account().request(
            method="POST", path=f"/v1/{kind}", params={**amount, **params}, auth="sk_test_dev"
        )
        return str(answer.body["client_secret"])

    def show_card_fields(self, secret: str, number: str = VISA) -> None:
        self.page.evaluate(
            """(clientSecret) => {
              window.elements = stripe.elements({ clientSecret });
              elements.create("payment").mount("#card");
            }""",
            secret,
        )
        fields = self.page.frame_locator("#card iframe")
        fields.get_by_label("Card number").fill(number)
        fields.get_by_label("Expiry date").fill("12/34")
        fields.get_by_label("Security code").fill("123")

    def begin(self, expression: str) -> None:
        """Call something whose answer comes later."""
        self.page.evaluate(f"() => {{ window.answer = {expression}; }}")

    def answer(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("() => window.answer")
        return found

    def press(self, button: str) -> None:
        self.page.frame_locator("dialog iframe").get_by_role("button", name=button).click()


CONFIRM = "{ elements, confirmParams: { return_url: location.href }, redirect: 'if_required' }"


@pytest.fixture
def server(shared_server: Server) -> Server:
    return shared_server


@pytest.fixture
def shop(page: Page, server: Server) -> Shop:
    return Shop(page, server)


def test_a_setup_is_confirmed_after_its_challenge(shop: Shop) -> None:
    shop.show_card_fields(shop.intent("setup_intents"), CHALLENGE)
    shop.begin(f"stripe.confirmSetup({CONFIRM})")
    shop.press("Complete")

    assert "succeeded" == shop.answer()["setupIntent"]["status"]


def test_a_setup_whose_challenge_failed_is_an_error_with_its_intent(shop: Shop) -> None:
    shop.show_card_fields(shop.intent("setup_intents"), CHALLENGE)
    shop.begin(f"stripe.confirmSetup({CONFIRM})")
    shop.press("Fail")

    error = shop.answer()["error"]
    assert ("setup_intent_authentication_failure", "requires_payment_method") == (
        error["code"],
        error["setup_intent"]["status"],
    )


def test_a_decline_is_an_error_with_its_codes_and_intent(shop: Shop, watch: Watch) -> None:
    watch.expect_in_console("402 (Payment Required)")
    shop.show_card_fields(shop.intent(), "4000000000009995")
    shop.begin(f"stripe.confirmPayment({CONFIRM})")

    error = shop.answer()["error"]
    assert ("card_error", "card_declined", "insufficient_funds", "requires_payment_method") == (
        error["type"],
        error["code"],
        error["decline_code"],
        error["payment_intent"]["status"],
    )


def test_what_the_server_left_to_the_customer_is_done_by_handle_next_action(shop: Shop) -> None:
    secret = shop.intent(
        confirm="true",
        payment_method="pm_card_authenticationRequired",
        automatic_payment_methods={"enabled": "true", "allow_redirects": "never"},
    )
    shop.begin(f"stripe.handleNextAction({{ clientSecret: '{secret}' }})")
    shop.press("Complete")

    assert "succeeded" == shop.answer()["paymentIntent"]["status"]


def test_where_there_is_no_next_action_to_handle_that_is_an_exception(shop: Shop) -> None:
    secret = shop.intent()

    with pytest.raises(Error, match="there is no next action"):
        shop.page.evaluate(f"() => stripe.handleNextAction({{ clientSecret: '{secret}' }})")


def test_an_intent_is_read_by_its_client_secret_alone(shop: Shop) -> None:
    secret = shop.intent()
    shop.begin(f"stripe.retrievePaymentIntent('{secret}')")

    assert "requires_payment_method" == shop.answer()["paymentIntent"]["status"]


def test_a_door_out_of_reach_is_an_error_that_says_nothing_of_the_payment(
    shop: Shop, watch: Watch
) -> None:
    def lose(route: Route) -> None:
        route.abort()

    watch.expect_in_console("net::ERR_FAILED")
    secret = shop.intent()
    shop.page.route("**/fake-stripe/v1/payment_intents/*", lose)
    shop.begin(f"stripe.retrievePaymentIntent('{secret}')")

    assert "api_connection_error" == shop.answer()["error"]["type"]


def test_without_if_required_the_customer_goes_to_the_return_url(shop: Shop) -> None:
    shop.show_card_fields(shop.intent())
    shop.page.evaluate(
        """() => void stripe.confirmPayment({
          elements, confirmParams: { return_url: `${location.origin}/shop?cart=7` },
        })"""
    )

    shop.page.wait_for_url("**/shop?cart=7&payment_intent=pi_*&redirect_status=succeeded")


def test_the_card_fields_take_the_theme_that_the_page_names(shop: Shop) -> None:
    shop.show_card_fields(shop.intent())
    shop.page.evaluate("elements.update({ appearance: { theme: 'night' } })")

    body = shop.page.frame_locator("#card iframe").locator("body")
    expect(body).to_have_css("background-color", "rgb(26, 36, 33)")
