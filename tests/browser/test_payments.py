"""A payment refunded in a real browser, with a double click."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from markethub.domain.audit import Act
from markethub.domain.ids import CustomerId, OrderId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line
from markethub.domain.payment import Payment
from markethub.domain.ports.refunds import RefundFilter
from markethub.domain.usecases.charge_order import ChargeOrderCommand
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.entrypoints.setting_values import Role
from tests.browser.server import Server
from tests.browser.test_disputes import sign_in


async def paid(server: Server) -> Payment:
    """Let a customer pay an order, and somebody give a part of it back."""
    container = server.container
    line = Line(sku="tea", title="Tea", unit_price=5000, quantity=1)
    cart = Cart(customer_id=CustomerId("c-1"), currency=Currency.of("usd"), lines=(line,))
    await container.register_order()(RegisterOrderCommand(order_id=OrderId("o-1"), cart=cart))
    started = await container.charge_order()(ChargeOrderCommand(order_id=OrderId("o-1")))
    intent_id = started.payment.intent_id
    assert intent_id is not None
    container.account().request(
        method="POST",
        path=f"/v1/payment_intents/{intent_id}/confirm",
        params={
            "client_secret": started.client_secret.reveal(),
            "payment_method": "pm_card_visa",
        },
        auth=server.container.settings().stripe_publishable_key,
    )
    await container.confirm_payment()(ConfirmPaymentCommand(intent_id=intent_id))
    part = RefundPaymentCommand(
        payment_id=started.payment.id, act=Act(actor="ada"), amount_minor=500, note="late"
    )
    await container.refund_payment()(part)
    return started.payment


def test_a_payment_is_found_looked_at_and_refunded_once(
    page: Page,
    server: Server,
    axe: Callable[[Page], None],
    fits_a_phone: Callable[[Page], None],
) -> None:
    payment = server.run(paid(server))
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
