"""Payments that were made, and given back in part, before somebody looks at the console."""

from markethub.domain.audit import Act
from markethub.domain.ids import CustomerId, OrderId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line
from markethub.domain.payment import Payment
from markethub.domain.usecases.charge_order import ChargeOrderCommand
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from tests.browser.server import Server


async def paid(server: Server, order_id: str) -> Payment:
    """Let a customer pay an order of 50.00 USD."""
    container = server.container
    line = Line(sku="tea", title="Tea", unit_price=5000, quantity=1)
    cart = Cart(customer_id=CustomerId("c-1"), currency=Currency.of("usd"), lines=(line,))
    await container.register_order()(RegisterOrderCommand(order_id=OrderId(order_id), cart=cart))
    started = await container.charge_order()(ChargeOrderCommand(order_id=OrderId(order_id)))
    intent_id = started.payment.intent_id
    assert intent_id is not None
    container.account().request(
        method="POST",
        path=f"/v1/payment_intents/{intent_id}/confirm",
        params={
            "client_secret": started.client_secret.reveal(),
            "payment_method": "pm_card_visa",
        },
        auth=container.settings().stripe_publishable_key,
    )
    await container.confirm_payment()(ConfirmPaymentCommand(intent_id=intent_id))
    return started.payment


async def give_back_a_part(server: Server, payment: Payment) -> None:
    command = RefundPaymentCommand(
        payment_id=payment.id, act=Act(actor="ada"), amount_minor=500, note="late"
    )
    await server.container.refund_payment()(command)
