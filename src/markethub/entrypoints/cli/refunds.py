"""``markethub refund`` and ``markethub refunds``: one refund, a look at them, or many by a plan."""

import click
import structlog

from markethub.domain.errors import NotFound
from markethub.domain.ids import IntentId, PaymentId, RefundId
from markethub.domain.payment import Payment
from markethub.domain.ports.refunds import RefundFilter
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import Refund, RefundReason, RefundStatus
from markethub.domain.usecases.refund_payment import RefundPaymentCommand, RefundPreview
from markethub.entrypoints.card_numbers import contains_card_number
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.failure import UNKNOWN_OUTCOME
from markethub.entrypoints.cli.payments import find_payment
from markethub.entrypoints.cli.refund_plans import apply_plan, plan
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import PaymentIdParam, RefundIdParam, parse_amount
from markethub.entrypoints.cli.views import print_refund, print_refunds
from markethub.entrypoints.container import Container
from markethub.entrypoints.http.refund_schemas import preview_out

_log = structlog.get_logger(__name__)


@click.command()
@click.option("--payment-id", type=PaymentIdParam(), help="Which payment.")
@click.option("--payment-intent-id", metavar="pi_...", help="Which payment, by Stripe's id.")
@click.option("--amount", help="In major units, as 50.00; all that is left if not given.")
@click.option("--reason", type=click.Choice([reason.value for reason in RefundReason]))
@click.option("--note", help="A sentence for whoever looks at it later.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option(
    "--again",
    is_flag=True,
    help="A further refund, even while nobody knows what became of an earlier one.",
)
@actor_option
@click.pass_obj
def refund(
    invocation: Invocation,
    *,
    payment_id: PaymentId | None,
    payment_intent_id: str | None,
    amount: str | None,
    reason: str | None,
    note: str | None,
    dry_run: bool,
    again: bool,
    actor: str | None,
) -> None:
    """Give a payment's money back, in whole or in part.

    Exits with 4 where nobody knows yet whether the refund takes place: it is pending, and its id
    is printed.
    """
    if (payment_id is None) == (payment_intent_id is None):
        raise click.UsageError("Give either --payment-id or --payment-intent-id.")
    if note is not None and contains_card_number(note):
        raise click.BadParameter("contains a card number", param_hint="'--note'")

    async def work(container: Container) -> Refund | RefundPreview:
        payment = await _payment(container, payment_id, payment_intent_id)
        asked = None if amount is None else parse_amount(amount, payment.captured.currency)
        command = RefundPaymentCommand(
            payment_id=payment.id,
            act=acting_as(actor, container.settings()),
            amount_minor=None if asked is None else asked.minor,
            reason=RefundReason(reason) if reason else RefundReason.OTHER,
            note=note,
            again=again,
        )
        refund_payment = container.refund_payment()
        if dry_run:
            preview: RefundPreview = await refund_payment.preview(command)
            return preview
        _log.info(
            "refund.asked",
            actor=command.act.actor,
            payment_id=command.payment_id,
            amount_minor=command.amount_minor,
        )
        made: Refund = await refund_payment(command)
        return made

    made = run(invocation, work)
    if isinstance(made, RefundPreview):
        _print_preview(made, as_json=invocation.as_json)
        return
    print_refund(made, as_json=invocation.as_json)
    if made.is_reserved and made.provider_id is None:
        click.get_current_context().exit(UNKNOWN_OUTCOME)


@click.group()
def refunds() -> None:
    """List and show refunds; plan many, and apply the plan."""


@refunds.command("list")
@click.option("--status", type=click.Choice([status.value for status in RefundStatus]))
@click.option("--payment", "payment_id", type=PaymentIdParam(), help="Only of this payment.")
@click.pass_obj
def list_refunds(
    invocation: Invocation, *, status: str | None, payment_id: PaymentId | None
) -> None:
    """List refunds, newest first."""
    wanted = RefundFilter(payment_id=payment_id, status=RefundStatus(status) if status else None)
    print_refunds(
        run(invocation, lambda container: _all(container, wanted)), as_json=invocation.as_json
    )


@refunds.command()
@click.argument("refund_id", metavar="ID", type=RefundIdParam())
@click.pass_obj
def show(invocation: Invocation, *, refund_id: RefundId) -> None:
    """Show a refund."""
    print_refund(
        run(invocation, lambda container: _find(container, refund_id)), as_json=invocation.as_json
    )


refunds.add_command(plan)
refunds.add_command(apply_plan)


def _print_preview(preview: RefundPreview, *, as_json: bool) -> None:
    if as_json:
        output.print_json(preview_out(preview))
        return
    output.print_fields(
        {
            "payment": preview.payment.id,
            "order": preview.payment.order_id,
            "would refund": preview.amount,
            "would leave": preview.left,
            "second person": "has to agree" if preview.needs_approval else None,
            "dry run": "nothing was written, nobody was asked",
        }
    )


async def _payment(
    container: Container, payment_id: PaymentId | None, intent_id: str | None
) -> Payment:
    if payment_id is not None:
        return await find_payment(container, payment_id)

    async def by_intent(tx: Transaction) -> Payment | None:
        return await tx.payments.find_by_intent(IntentId(intent_id or ""))

    found: Payment | None = await container.transactions().run(by_intent)
    if found is None:
        raise NotFound("no such payment")
    return found


async def _all(container: Container, wanted: RefundFilter) -> list[Refund]:
    found: list[Refund] = []
    cursor: str | None = None
    while True:
        page = await container.refund_queries().refunds(wanted, cursor=cursor)
        found += page.items
        if (cursor := page.next_cursor) is None:
            return found


async def _find(container: Container, refund_id: RefundId) -> Refund:
    found: Refund | None = await container.refund_queries().refund(refund_id)
    if found is None:
        raise NotFound("no such refund")
    return found
