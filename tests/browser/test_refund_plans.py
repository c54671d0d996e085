"""Several payments refunded in a real browser: ticked, looked at, confirmed, told one by one."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from markethub.domain.payment import Payment
from markethub.entrypoints.setting_values import Role
from tests.browser.paying import give_back_a_part, paid
from tests.browser.server import Server
from tests.browser.test_disputes import sign_in


async def given_back(server: Server, payment: Payment) -> list[int]:
    found = await server.container.refund_queries().refunds_of([payment.id])
    return [each.amount.minor for each in found.get(payment.id, ())]


def test_several_payments_are_ticked_looked_at_and_refunded_but_for_one_that_changed(
    page: Page,
    server: Server,
    axe: Callable[[Page], None],
    fits_a_phone: Callable[[Page], None],
) -> None:
    one, other, changing, kept = (server.run(paid(server, f"o-{each}")) for each in range(4))
    sign_in(page, Role.REFUNDER, "/ops/payments")
    button = page.get_by_role("button", name="selected")
    expect(button).to_be_hidden()
    page.get_by_label("Select all on this page").check()
    page.get_by_label(f"Select {kept.id}").uncheck()
    expect(button).to_have_text("Refund 3 selected…")
    page.get_by_label("Note").fill("the shop was closed")
    axe(page)
    fits_a_phone(page)

    button.click()
    expect(page.get_by_role("main")).to_contain_text("the shop was closed")
    axe(page)
    fits_a_phone(page)
    server.run(give_back_a_part(server, changing))
    page.get_by_role("button", name="Refund 3 payments: 150.00 USD").dblclick()

    expect(page.get_by_role("heading", level=1)).to_have_text("2 of 3 refunds are made: 100.00 USD")
    expect(page.get_by_role("main")).to_contain_text("5.00 USD is given back, not 0.00 USD")
    axe(page)
    fits_a_phone(page)
    assert [[5000], [5000], [500], []] == [
        server.run(given_back(server, each)) for each in (one, other, changing, kept)
    ]
