"""The checkout as a customer meets it, from a click on a card to what was paid."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.browser.checkout import Customer
from tests.browser.server import Server
from tests.browser.watch import Watch

REFUSED = "402 (Payment Required)"
"""What the console says of a decline: Stripe answers it so."""


@pytest.fixture
def customer(page: Page, server: Server) -> Customer:
    return Customer(page, server)


@pytest.mark.parametrize(
    ("card", "named"),
    [
        ("Visa", "with your Visa card ending in 4242"),
        ("Mastercard", "with your Mastercard card ending in 4444"),
        ("American Express", "with your Amex card ending in 0005"),
    ],
)
def test_a_good_card_pays_and_the_page_says_what_was_paid(
    customer: Customer, card: str, named: str
) -> None:
    customer.go_to_checkout()
    customer.pay_with(card)

    customer.expect_paid(f"You have paid $68.90 {named}.")
    assert [(6890, True)] == customer.charges()


def test_each_decline_is_told_in_the_customers_words_and_another_card_pays(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console(REFUSED)
    customer.go_to_checkout()
    for card, said in (
        ("Declined", "The card was declined. Please try another card or contact your bank."),
        ("Insufficient funds", "The card has insufficient funds. Please try another card."),
        ("Expired card", "The card has expired. Please try another card."),
        ("Wrong code", "The card's security code is incorrect."),
        ("Processing error", "The card could not be processed. Please try again in a moment."),
    ):
        customer.pay_with(card)
        expect(customer.alert).to_have_text(said)
        expect(customer.alert).to_be_focused()
    customer.pay_with("Visa")

    customer.expect_paid()
    assert [(6890, True)] == [charge for charge in customer.charges() if charge[1]]


def test_a_challenge_that_is_passed_pays(customer: Customer) -> None:
    customer.go_to_checkout()
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_text("whether you pay $68.90")).to_be_visible()
    customer.answer_bank("Complete authentication")

    customer.expect_paid()


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


def test_a_card_that_is_declined_after_its_challenge_is_declined(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console(REFUSED)
    customer.go_to_checkout()
    customer.pay_with("3-D Secure, declined")
    customer.answer_bank("Complete authentication")

    expect(customer.alert).to_contain_text("The card was declined.")


def test_a_saved_card_pays_the_next_time_without_its_number(customer: Customer) -> None:
    customer.go_to_checkout()
    customer.page.get_by_label("Save this card").check()
    customer.pay_with("Mastercard")
    customer.expect_paid()

    customer.go_to_checkout()
    expect(customer.page.get_by_label("Mastercard ending in 4444")).to_be_checked()
    expect(customer.page.locator("#card-fields")).to_be_hidden()
    customer.pay_button.click()

    customer.expect_paid("with your Mastercard card ending in 4444")
    assert [(6890, True), (6890, True)] == customer.charges()


def test_a_customer_with_a_saved_card_may_pay_with_another(customer: Customer) -> None:
    customer.go_to_checkout()
    customer.page.get_by_label("Save this card").check()
    customer.pay_with("Mastercard")
    customer.expect_paid()

    customer.go_to_checkout()
    customer.pay_with("Visa")

    customer.expect_paid("ending in 4242")


def test_a_double_click_is_one_payment(customer: Customer) -> None:
    confirmations: list[Request] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/confirm"):
            confirmations.append(request)

    customer.page.on("request", note)
    customer.go_to_checkout()
    customer.page.get_by_role("button", name="Visa").click()
    customer.pay_button.dblclick()

    customer.expect_paid()
    assert 1 == len(confirmations)
    assert [(6890, True)] == customer.charges()


def test_a_reload_in_the_middle_of_a_challenge_goes_on_with_it(customer: Customer) -> None:
    customer.go_to_checkout()
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_role("heading")).to_be_visible()
    customer.page.reload()
    customer.answer_bank("Complete authentication")

    customer.expect_paid()
    assert [(6890, True)] == customer.charges()


def test_who_comes_back_to_the_checkout_of_a_paid_order_sees_what_was_paid(
    customer: Customer,
) -> None:
    customer.go_to_checkout()
    checkout = customer.page.url
    customer.pay_with("Visa")
    customer.expect_paid()
    customer.page.goto(checkout)

    customer.expect_paid()


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
    customer.go_to_checkout()
    customer.page.get_by_label("Save this card").check()
    customer.pay_with("Declined")
    expect(customer.alert).to_be_visible()
    look()
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_role("heading")).to_be_visible()
    look()
    customer.answer_bank("Complete authentication")
    customer.expect_paid()
    look()
    customer.go_to_checkout()
    look()
