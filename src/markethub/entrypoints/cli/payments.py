"""``markethub payments``: look at payments, capture and cancel them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import click
import structlog

from markethub.domain.errors import NotFound
from markethub.domain.ids import OrderId, PaymentId
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.queries import PaymentFilter
from markethub.domain.usecases.cancel_payment import REASONS, CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import MomentParam, OrderIdParam, PaymentIdParam, parse_amount
from markethub.entrypoints.cli.views import payment_document, print_payment, print_payments
from markethub.entrypoints.container import Container
from markethub.entrypoints.http.refund_schemas import RefundsByPayment

_log = structlog.get_logger(__name__)


@click.group()
def payments() -> None:
    """List, show, capture and cancel payments."""


@payments.command("list")
@click.option("--status", type=click.Choice([status.value for status in PaymentStatus]))
@click.option("--order", "order_id", type=OrderIdParam(), help="Only payments of this order.")
@click.option("--since", type=MomentParam(), help="Only payments begun then or later (UTC).")
@click.pass_obj
def list_payments(
    invocation: Invocation, *, status: str | None, order_id: OrderId | None, since: datetime | None
) -> None:
    """List payments, newest first."""
    wanted = PaymentFilter(
        order_id=order_id,
        status=PaymentStatus(status) if status else None,
        created_from=since,
    )

    async def work(container: Container) -> tuple[list[Payment], RefundsByPayment]:
        found = await all_payments(container, wanted)
        return found, await _refunds_of(container, found)

    found, refunds = run(invocation, work)
    if invocation.as_json:
        output.print_json({"items": [payment_document(payment, refunds) for payment in found]})
    else:
        print_payments(found)


@payments.command()
@click.argument("payment_id", metavar="ID", type=PaymentIdParam())
@click.pass_obj
def show(invocation: Invocation, *, payment_id: PaymentId) -> None:
    """Show a payment."""
    _print(invocation, lambda container: find_payment(container, payment_id))


@payments.command()
@click.argument("payment_id", metavar="ID", type=PaymentIdParam())
@click.option("--amount", help="In major units, as 50.00; all that the card holds if not given.")
@actor_option
@click.pass_obj
def capture(
    invocation: Invocation, *, payment_id: PaymentId, amount: str | None, actor: str | None
) -> None:
    """Take the money that a card holds, or a part; the rest is released."""

    async def work(container: Container) -> Payment:
        payment = await find_payment(container, payment_id)
        asked = None if amount is None else parse_amount(amount, payment.amount.currency)
        act = acting_as(actor, container.settings())
        _log.info(
            "payment.capture_asked",
            actor=act.actor,
            payment_id=payment.id,
            amount_minor=None if asked is None else asked.minor,
        )
        command = CapturePaymentCommand(
            payment_id=payment.id,
            amount_minor=None if asked is None else asked.minor,
            act=act,
        )
        return await container.capture_payment()(command)

    _print(invocation, work)


@payments.command()
@click.argument("payment_id", metavar="ID", type=PaymentIdParam())
@click.option("--reason", type=click.Choice(REASONS), help="Why, in Stripe's words.")
@actor_option
@click.pass_obj
def cancel(
    invocation: Invocation, *, payment_id: PaymentId, reason: str | None, actor: str | None
) -> None:
    """Give a payment up before money was taken. Its order stays open."""

    async def work(container: Container) -> Payment:
        act = acting_as(actor, container.settings())
        _log.info(
            "payment.cancel_asked",
            actor=act.actor,
            payment_id=payment_id,
            reason=reason,
        )
        command = CancelPaymentCommand(payment_id=payment_id, reason=reason, act=act)
        return await container.cancel_payment()(command)

    _print(invocation, work)


def _print(invocation: Invocation, work: Callable[[Container], Awaitable[Payment]]) -> None:
    async def with_refunds(container: Container) -> tuple[Payment, RefundsByPayment]:
        payment = await work(container)
        return payment, await _refunds_of(container, [payment])

    payment, refunds = run(invocation, with_refunds)
    print_payment(payment, refunds, as_json=invocation.as_json)


async def _refunds_of(container: Container, payments: Sequence[Payment]) -> RefundsByPayment:
    ids = [payment.id for payment in payments]
    found: RefundsByPayment = await container.refund_queries().refunds_of(ids)
    return found


async def all_payments(container: Container, wanted: PaymentFilter) -> list[Payment]:
    """Return every payment that fits, newest first."""
    found: list[Payment] = []
    cursor: str | None = None
    while True:
        page = await container.queries().payments(wanted, cursor=cursor)
        found += page.items
        if (cursor := page.next_cursor) is None:
            return found


async def find_payment(container: Container, payment_id: PaymentId) -> Payment:
    """Return a payment. Raises NotFound."""
    found: Payment | None = await container.queries().payment(payment_id)
    if found is None:
        raise NotFound("no such payment")
    return found
