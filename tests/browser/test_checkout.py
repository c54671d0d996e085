"""The checkout as a customer meets it, from a click on a card to what was paid."""

from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from markethub.domain.ids import OrderId
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.entrypoints.demo.test_cards import OFFERED
from tests.browser.checkout import Customer
from tests.browser.server import Server
from tests.browser.watch import Watch

REFUSED: Final = "402 (Payment Required)"
"""What the console says of a decline: Stripe answers it so."""
CONFIRM: Final = "**/fake-stripe/v1/payment_intents/*/confirm"
_DECLINED: Final = "The card was declined. Please try another card or contact your bank."
DECLINES: Final = {
    "3-D Secure, declined": _DECLINED,
    "Declined": _DECLINED,
    "Insufficient funds": "The card has insufficient funds. Please try another card.",
    "Expired card": "The card has expired. Please try another card.",
    "Wrong code": "The card's security code is incorrect.",
    "Processing error": "The card could not be processed. Please try again in a moment.",
    "Saved, but declined": _DECLINED,
}
PAYS: Final = {
    "Visa": "with your Visa card ending in 4242",
    "Mastercard": "with your Mastercard card ending in 4444",
    "American Express": "with your Amex card ending in 0005",
    "3-D Secure": "with your Visa card ending in 3184",
    "Disputed later": "with your Visa card ending in 0259",
}


@pytest.fixture
def server(shared_server: Server) -> Server:
    return shared_server


@pytest.fixture
def customer(page: Page, server: Server) -> Customer:
    return Customer(page, server)


def test_each_card_that_declines_says_why_and_another_one_pays(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console(REFUSED)
    customer.shop()
    for card, said in DECLINES.items():
        customer.pay_with(card)
        if card.startswith("3-D Secure"):
            customer.answer_bank("Complete authentication")
        expect(customer.alert).to_have_text(said)
        expect(customer.alert).to_be_focused()
    customer.pay_with("Visa")

    customer.expect_paid()
    assert [(6890, True)] == [charge for charge in customer.charges() if charge[1]]


def test_each_card_that_pays_shows_what_was_paid_with_it(customer: Customer) -> None:
    for card, named in PAYS.items():
        customer.go_to_checkout()
        customer.pay_with(card)
        if card.startswith("3-D Secure"):
            expect(customer.challenge.get_by_text("whether you pay $68.90")).to_be_visible()
            customer.answer_bank("Complete authentication")
        customer.expect_paid(f"You have paid $68.90 {named}.")

    assert [(6890, True)] * len(PAYS) == customer.charges()


def test_every_card_of_the_list_is_tried() -> None:
    assert {card.title for card in OFFERED} == {*DECLINES, *PAYS}


@pytest.mark.parametrize("how", ["button", "escape"])
def test_a_challenge_that_is_failed_or_closed_pays_nothing_and_can_be_tried_again(
    customer: Customer, how: str
) -> None:
    customer.go_to_checkout()
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_role("heading")).to_be_focused()
    if how == "button":
        customer.answer_bank("Fail authentication")
    else:
        customer.page.keyboard.press("Escape")

    expect(customer.alert).to_contain_text("The payment was not confirmed with the bank.")
    assert [] == [charge for charge in customer.charges() if charge[1]]
    customer.pay_with("3-D Secure")
    customer.answer_bank("Complete authentication")
    customer.expect_paid()


def test_a_card_is_saved_without_paying_and_pays_later(customer: Customer) -> None:
    customer.save("Visa")
    expect(customer.status).to_have_text("Your card is saved.")
    expect(customer.page.locator("#saved")).to_contain_text("Visa ending in 4242, valid until 12/")
    assert [] == customer.charges()

    customer.go_to_checkout()
    customer.pay_button.click()
    customer.expect_paid("with your Visa card ending in 4242")


def test_a_card_that_the_bank_asks_about_is_saved_once_its_customer_agrees(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console(REFUSED)
    customer.page.goto("/demo/cards")
    saves = customer.page.get_by_role("button", name="Save card")
    expect(saves).to_be_visible()
    customer.choose("Declined")
    saves.click()
    expect(customer.alert).to_have_text("Your card was declined.")
    customer.choose("3-D Secure")
    saves.dblclick()
    expect(customer.challenge.get_by_text("whether you save this card")).to_be_visible()
    customer.answer_bank("Fail authentication")
    expect(customer.alert).to_have_text(
        "Your card could not be saved. Please try again or use another card."
    )
    expect(customer.alert).to_be_focused()
    expect(customer.page.get_by_text("There is none yet.")).to_be_visible()
    saves.click()
    customer.answer_bank("Complete authentication")

    expect(customer.page.locator("#saved li")).to_have_count(1)


def test_a_saved_card_pays_the_next_time_without_its_number_and_once_however_often_clicked(
    customer: Customer,
) -> None:
    customer.go_to_checkout()
    customer.page.get_by_label("Save this card").check()
    customer.pay_with("3-D Secure")
    customer.answer_bank("Complete authentication")
    customer.expect_paid()

    customer.go_to_checkout()
    expect(customer.page.get_by_label("Visa ending in 3184")).to_be_checked()
    expect(customer.page.locator("#card-fields")).to_be_hidden()
    customer.pay_button.dblclick()
    customer.answer_bank("Complete authentication")

    customer.expect_paid("with your Visa card ending in 3184")
    assert [(6890, True), (6890, True)] == customer.charges()


def test_a_saved_card_that_is_declined_can_be_tried_again_and_another_one_pays(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console(REFUSED)
    customer.save("Saved, but declined")
    customer.go_to_checkout()
    for _ in range(2):
        customer.pay_button.click()
        expect(customer.alert).to_have_text(_DECLINED)
        expect(customer.status).to_be_empty()
    customer.pay_with("Visa")

    customer.expect_paid()
    assert [(6890, True)] == [charge for charge in customer.charges() if charge[1]]


def test_a_double_click_is_one_payment(customer: Customer) -> None:
    confirmations: list[Request] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/confirm"):
            confirmations.append(request)

    customer.page.on("request", note)
    customer.go_to_checkout()
    customer.choose("Visa")
    customer.pay_button.dblclick()

    customer.expect_paid()
    assert 1 == len(confirmations)
    assert [(6890, True)] == customer.charges()


def test_a_confirmation_that_arrives_twice_is_one_payment(customer: Customer, watch: Watch) -> None:
    def repeat(route: Route) -> None:
        route.fetch()
        route.continue_()

    watch.expect_in_console("400 (Bad Request)")
    customer.page.route(CONFIRM, repeat)
    customer.go_to_checkout()
    customer.pay_with("Visa")

    customer.expect_paid()
    assert [(6890, True)] == customer.charges()


def test_a_reload_while_the_card_is_charged_shows_what_was_paid(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console("409 (Conflict)")
    customer.page.route(CONFIRM, lambda route: route.fetch() and None)
    customer.go_to_checkout()
    with customer.page.expect_request(CONFIRM):
        customer.pay_with("Visa")
    customer.page.reload()

    customer.expect_paid()
    assert [(6890, True)] == customer.charges()


def test_a_reload_in_the_middle_of_a_challenge_goes_on_with_it(customer: Customer) -> None:
    customer.go_to_checkout()
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_role("heading")).to_be_visible()
    customer.page.reload()
    customer.answer_bank("Complete authentication")

    customer.expect_paid()
    assert [(6890, True)] == customer.charges()


def test_two_tabs_that_ask_the_bank_are_one_payment(
    customer: Customer, context: BrowserContext, watch: Watch
) -> None:
    watch.expect_in_console("400 (Bad Request)")
    customer.go_to_checkout()
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_role("heading")).to_be_visible()
    other = Customer(context.new_page(), customer.server)
    other.page.goto(customer.page.url)
    other.answer_bank("Complete authentication")
    other.expect_paid()
    customer.answer_bank("Complete authentication")

    customer.expect_paid()
    assert [(6890, True)] == customer.charges()


def test_who_goes_back_to_the_checkout_of_a_paid_order_sees_what_was_paid(
    customer: Customer,
) -> None:
    customer.go_to_checkout()
    customer.pay_with("Visa")
    customer.expect_paid()
    customer.page.go_back()

    customer.expect_paid()


def test_a_checkout_out_of_the_browsers_memory_is_asked_for_again(customer: Customer) -> None:
    customer.go_to_checkout()
    with customer.page.expect_navigation():
        customer.page.evaluate(
            "window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
        )

    expect(customer.pay_button).to_be_visible()


def test_whom_a_bank_sent_back_reads_why_nothing_was_paid_and_leaves_no_secret_in_the_address(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console(REFUSED)
    customer.go_to_checkout()
    customer.pay_with("Insufficient funds")
    expect(customer.alert).to_be_visible()
    address = customer.page.url
    customer.page.goto(f"{address}?payment_intent=pi_1&payment_intent_client_secret=pi_1_secret_x")

    expect(customer.alert).to_contain_text("The card has insufficient funds.")
    expect(customer.page).to_have_url(address)


def test_who_was_signed_out_meanwhile_is_told_so(
    customer: Customer, context: BrowserContext, watch: Watch
) -> None:
    watch.expect_in_console("401 (Unauthorized)")
    watch.expect_in_console("404 (Not Found)")
    customer.go_to_checkout()
    customer.page.route("**/api/stripe/**", lambda route: route.fulfill(status=401, body="{}"))
    context.clear_cookies()
    customer.pay_with("Visa")

    expect(customer.alert).to_contain_text("You have been signed out.")
    assert [] == customer.charges()


def test_a_payment_that_was_replaced_meanwhile_is_paid_with_new_card_fields(
    customer: Customer, context: BrowserContext, watch: Watch
) -> None:
    watch.expect_in_console(REFUSED)
    customer.save("Saved, but declined")
    customer.go_to_checkout()
    live = customer.server.container.queries()
    order_id = customer.page.url.rpartition("/")[2]
    view = customer.server.run(live.order(OrderId(order_id)))
    assert view is not None
    cancel = customer.server.container.cancel_payment()
    customer.server.run(cancel(CancelPaymentCommand(payment_id=view.payments[0].id)))
    customer.pay_button.click()
    expect(customer.alert).to_have_text(_DECLINED)
    customer.pay_with("Visa")

    customer.expect_paid()
    assert [(6890, True)] == [charge for charge in customer.charges() if charge[1]]


def test_an_order_that_changed_in_another_tab_is_not_paid_unseen(
    customer: Customer, context: BrowserContext, watch: Watch
) -> None:
    watch.expect_in_console("422 (Unprocessable")
    customer.go_to_checkout()
    other = context.new_page()
    other.goto("/demo/cart")
    other.get_by_role("button", name="One Stoneware teapot more").click()
    other.get_by_role("button", name="Check out").click()
    expect(other.get_by_role("button", name="Pay $132.90")).to_be_visible()
    customer.pay_with("Visa")

    expect(customer.alert).to_contain_text("Your order has changed meanwhile.")
    assert [] == customer.charges()


def test_the_card_fields_say_what_is_missing_and_go_there(customer: Customer) -> None:
    customer.go_to_checkout()
    customer.pay_button.click()

    expect(customer.field("Card number")).to_be_focused()
    expect(customer.alert).to_have_text("Your card number is incomplete.")
    for field, typed, said in (
        ("Card number", "4242424242424241", "Your card number is invalid."),
        ("Expiry date", "1220", "Your card's expiration year is in the past."),
        ("Security code", "1", "Your card's security code is incomplete."),
    ):
        customer.field(field).press_sequentially(typed)
        customer.page.keyboard.press("Tab")
        expect(customer.field(field)).to_have_accessible_description(said)
    assert [] == customer.charges()


def test_paying_needs_no_mouse(customer: Customer) -> None:
    keyboard = customer.page.keyboard
    customer.go_to_checkout()
    customer.field("Card number").focus()
    for typed in ("4242424242424242", "1234", "123"):
        keyboard.type(typed)
        keyboard.press("Tab")
    keyboard.press("Space")
    expect(customer.page.get_by_label("Save this card")).to_be_checked()
    keyboard.press("Tab")
    expect(customer.pay_button).to_be_focused()
    keyboard.press("Enter")

    customer.expect_paid()


def test_the_number_of_a_card_reaches_neither_the_page_nor_our_interface(
    customer: Customer,
) -> None:
    told: list[str] = []
    customer.page.on(
        "request",
        lambda request: (
            told.append(request.url)
            if "/fake-stripe/v1/" not in request.url
            and "4242424242424242" in request.url + (request.post_data or "")
            else None
        ),
    )
    customer.go_to_checkout()
    customer.field("Card number").press_sequentially("4242424242424242")
    seen = customer.page.evaluate("document.querySelector('#card-fields iframe').contentDocument")
    customer.field("Expiry date").press_sequentially("1234")
    customer.field("Security code").press_sequentially("123")
    customer.pay_button.click()

    customer.expect_paid()
    assert None is seen
    assert [] == told


def test_every_page_is_accessible_and_fits_a_phone(
    customer: Customer,
    watch: Watch,
    axe: Callable[[Page], None],
    fits_a_phone: Callable[[Page], None],
) -> None:
    watch.expect_in_console(REFUSED)
    page = customer.page

    def look() -> None:
        axe(page)
        fits_a_phone(page)

    page.goto("/demo/")
    look()
    page.goto("/demo/cart")
    look()
    customer.save("Mastercard")
    look()
    customer.go_to_checkout()
    # A line to be read aloud must be there before something is said in it.
    expect(customer.status).to_be_empty()
    expect(customer.status).not_to_have_css("display", "none")
    customer.pay_with("Declined")
    expect(customer.alert).to_be_visible()
    look()
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_role("heading")).to_be_visible()
    look()
    customer.answer_bank("Complete authentication")
    customer.expect_paid()
    look()
