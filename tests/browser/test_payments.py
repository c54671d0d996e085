"""A payment refunded in a real browser, with a double click."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from markethub.domain.ports.refunds import RefundFilter
from markethub.entrypoints.setting_values import Role
from tests.browser.paying import give_back_a_part, paid
from tests.browser.server import Server
from tests.browser.test_disputes import sign_in


def test_a_payment_is_found_looked_at_and_refunded_once(
    page: Page,
    server: Server,
    axe: Callable[[Page], None],
    fits_a_phone: Callable[[Page], None],
) -> None:
    payment = server.run(paid(server, "o-1"))
    server.run(give_back_a_part(server, payment))
    sign_in(page, Role.REFUNDER, "/ops/payments")
    axe(page)
    fits_a_phone(page)
    page.get_by_role("link", name="Amount").click()
    expect(page.get_by_role("columnheader", name="Amount")).to_have_attribute(
        "aria-sort", "descending"
    )
    page.get_by_label("Search by id").fill(str(payment.intent_id))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ops/payments/{payment.id}")
    axe(page)
    fits_a_phone(page)
    expect(page.get_by_label("Its story")).to_contain_text("The refund of 5.00 USD arrived")

    page.get_by_label("Amount in USD").fill("20.00")
    page.get_by_role("button", name="Look at the refund").click()
    page.get_by_role("button", name="Refund 20.00 USD").dblclick()
    expect(page.get_by_role("status")).to_contain_text("The money is given back.")

    found = server.run(server.container.refund_queries().refunds(RefundFilter()))
    assert [2000, 500] == [each.amount.minor for each in found.items]
    assert {payment.id} == {each.payment_id for each in found.items}
