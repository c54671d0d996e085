"""Answers that are late or lost: nobody is told "failed" while nobody knows."""

import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.browser.checkout import Customer
from tests.browser.server import Server
from tests.browser.watch import Watch

CONFIRM = "**/fake-stripe/v1/payment_intents/*/confirm"
START = "**/api/stripe/create-payment-intent/*/"
LOOK = "**/api/stripe/confirm-payment/"
UNKNOWN = "We do not know yet whether your payment went through."


@pytest.fixture
def server(shared_server: Server) -> Server:
    return shared_server


@pytest.fixture
def customer(page: Page, server: Server, watch: Watch) -> Customer:
    """Somebody at the checkout, whose clock can be turned on."""
    watch.expect_in_console("net::ERR_FAILED")
    page.clock.install()
    customer = Customer(page, server)
    customer.go_to_checkout()
    return customer


def pass_time(page: Page, seconds: int, *, until: Locator | None = None) -> None:
    """Let time pass in steps, so that what waits for an answer in between gets it.

    ``until`` something is seen, up to ten times as long: by this clock a busy machine answers late.
    """
    for _ in range(2 * seconds * (1 if until is None else 10)):
        if until is not None and until.is_visible():
            return
        page.clock.run_for(500)


def test_an_answer_that_takes_longer_than_30_s_is_unknown_and_then_the_truth(
    customer: Customer,
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    customer.page.route(CONFIRM, hold)
    with customer.page.expect_request(CONFIRM):
        customer.pay_with("Visa")
    expect(customer.status).to_contain_text("Paying.")
    customer.page.clock.run_for(30_000)

    expect(customer.status).to_contain_text(UNKNOWN)
    expect(customer.pay_button).to_have_attribute("aria-disabled", "true")
    customer.pay_button.click(force=True)
    pass_time(customer.page, 20)
    expect(customer.status).to_contain_text(UNKNOWN)
    assert 1 == len(held)
    held[0].continue_()
    pass_time(customer.page, 60, until=customer.thanks)
    customer.expect_paid()
    assert [(6890, True)] == customer.charges()


def test_a_customer_who_thinks_long_about_the_banks_question_is_told_that_it_is_open(
    customer: Customer,
) -> None:
    customer.pay_with("3-D Secure")
    expect(customer.challenge.get_by_role("heading")).to_be_visible()
    customer.page.clock.run_for(31_000)

    expect(customer.status).to_have_text("Your bank asks you to confirm the payment.")
    expect(customer.alert).to_be_hidden()
    customer.answer_bank("Complete authentication")
    pass_time(customer.page, 60, until=customer.thanks)
    customer.expect_paid()


def test_an_answer_that_never_comes_does_not_hide_the_truth(customer: Customer) -> None:
    customer.page.route(CONFIRM, lambda route: route.fetch() and None)
    with customer.page.expect_request(CONFIRM):
        customer.pay_with("Visa")
    expect(customer.status).to_contain_text("Paying.")
    customer.page.clock.run_for(30_000)

    customer.expect_paid()
    assert [UNKNOWN in said for said in customer.read()].count(True) == 1


def test_a_lost_answer_to_a_payment_that_went_through_shows_that_it_is_paid(
    customer: Customer,
) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    customer.page.route(CONFIRM, lose)
    customer.pay_with("Visa")

    customer.expect_paid()
    assert not any("not" in said and "paid" in said for said in customer.read())


def test_a_request_that_never_arrived_is_not_called_failed_until_the_server_was_asked_for_long(
    customer: Customer,
) -> None:
    customer.page.route(CONFIRM, lambda route: route.abort(), times=1)
    customer.pay_with("Visa")
    expect(customer.status).to_contain_text(UNKNOWN)
    expect(customer.alert).to_be_hidden()
    pass_time(customer.page, 60, until=customer.alert)

    expect(customer.alert).to_contain_text("nothing has been paid")
    expect(customer.alert).to_contain_text("you will not be charged twice")
    customer.pay_with("Visa")
    customer.expect_paid()
    assert [(6890, True)] == customer.charges()


def test_a_server_that_cannot_tell_is_asked_again(customer: Customer, watch: Watch) -> None:
    watch.expect_in_console("503 (Service Unavailable)")
    body = '{"code": "gateway_unavailable", "detail": "The provider does not answer."}'
    customer.page.route(LOOK, lambda route: route.fulfill(status=503, body=body), times=2)
    customer.pay_with("Visa")
    pass_time(customer.page, 60, until=customer.thanks)

    customer.expect_paid()
    assert "The provider does not answer." not in customer.read()


def test_what_was_looked_up_before_the_answer_came_is_not_believed(customer: Customer) -> None:
    page = customer.page
    confirming: list[Route] = []
    looking: list[tuple[Route, APIResponse]] = []

    def hold_answer(route: Route) -> None:
        confirming.append(route)

    def hold_look(route: Route) -> None:
        looking.append((route, route.fetch()))

    page.route(CONFIRM, hold_answer)
    page.route(LOOK, hold_look, times=1)
    with page.expect_request(CONFIRM):
        customer.pay_with("Visa")
    with page.expect_request(LOOK):
        page.clock.run_for(30_000)
    while not looking:
        page.clock.run_for(10)
    with page.expect_response(CONFIRM):
        confirming[0].continue_()
    [(route, unpaid)] = looking
    assert "requires_payment_method" == unpaid.json()["status"]
    route.fulfill(response=unpaid)
    pass_time(page, 60, until=customer.thanks)

    customer.expect_paid()
    assert not any("try again" in said for said in customer.read())


def test_a_success_at_stripe_that_the_server_has_not_heard_of_is_not_called_unfinished(
    customer: Customer,
) -> None:
    def be_late(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "status": "requires_payment_method"})

    customer.page.route(LOOK, be_late, times=5)  # once more than the page would believe
    customer.pay_with("Visa")
    pass_time(customer.page, 120, until=customer.thanks)

    customer.expect_paid()
    assert not any("again." in said or "nothing has been" in said for said in customer.read())


def test_while_the_server_cannot_be_asked_stripes_good_news_is_told(customer: Customer) -> None:
    customer.page.route(LOOK, lambda route: route.abort())
    customer.pay_with("Visa")

    expect(customer.status).to_contain_text("Your payment went through, but the shop does not")
    customer.page.unroute(LOOK)
    pass_time(customer.page, 60, until=customer.thanks)
    customer.expect_paid()


def test_where_nobody_can_be_asked_it_is_unknown(customer: Customer) -> None:
    customer.page.route(LOOK, lambda route: route.abort())
    customer.page.route("**/fake-stripe/v1/payment_intents/*", lambda route: route.abort())
    customer.pay_with("Visa")

    expect(customer.status).to_contain_text(UNKNOWN)
    customer.page.unroute(LOOK)
    pass_time(customer.page, 60, until=customer.thanks)
    customer.expect_paid()


def test_what_stripe_says_to_developers_is_not_shown_to_customers(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console("400 (Bad Request)")
    error = {"type": "invalid_request_error", "message": "You passed an unknown parameter."}
    customer.page.route(CONFIRM, lambda route: route.fulfill(status=400, json={"error": error}))
    customer.pay_with("Visa")

    expect(customer.alert).to_have_text("The payment was not finished. Please try again.")


def test_a_page_that_a_proxy_puts_in_the_servers_place_is_temporary(
    customer: Customer, watch: Watch
) -> None:
    watch.expect_in_console("502 (Bad Gateway)")
    customer.page.route(
        START, lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"), times=1
    )
    customer.pay_with("Visa")
    pass_time(customer.page, 60, until=customer.thanks)

    customer.expect_paid()


def test_a_shop_that_does_not_answer_after_a_reload_says_nothing_about_the_payment(
    customer: Customer,
) -> None:
    customer.page.route(CONFIRM, lambda _: None)  # Nobody knows what will become of it.
    with customer.page.expect_request(CONFIRM):
        customer.pay_with("Visa")
    customer.page.route(START, lambda route: route.abort())
    customer.page.reload()
    pass_time(customer.page, 60, until=customer.alert)

    expect(customer.alert).to_have_text(
        "The shop does not answer just now. Please reload the page: you will not be charged twice."
    )
    assert not any("nothing has been paid" in said for said in customer.read())
