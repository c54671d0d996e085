"""``markethub refunds plan`` and ``refunds apply``: many refunds, looked at before made."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

import click
import structlog

from markethub.domain.errors import ValidationFailed
from markethub.domain.ids import OrderId, PaymentId
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.queries import PaymentFilter
from markethub.domain.refund import RefundReason
from markethub.domain.refund_plan import LeftOut, RefundPlan, plan_refunds
from markethub.domain.usecases.apply_refund_plan import (
    AppliedLine,
    ApplyRefundPlanCommand,
    Outcome,
)
from markethub.entrypoints.card_numbers import contains_card_number
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.failure import REFUSED, UNKNOWN_OUTCOME
from markethub.entrypoints.cli.payments import all_payments, find_payment
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import MomentParam, OrderIdParam, PaymentIdParam
from markethub.entrypoints.container import Container

_log = structlog.get_logger(__name__)


@click.command()
@click.option("--status", type=click.Choice([status.value for status in PaymentStatus]))
@click.option("--order", "order_id", type=OrderIdParam(), help="Only payments of this order.")
@click.option("--since", type=MomentParam(), help="Only payments begun then or later (UTC).")
@click.option("--ids", type=click.File(), help="Only these payments: one id a line.")
@click.option("--reason", type=click.Choice([reason.value for reason in RefundReason]))
@click.option("--note", help="A sentence for whoever looks at the refunds later.")
@click.option("-o", "path", type=click.Path(path_type=Path), required=True, metavar="PLAN")
@click.pass_obj
def plan(
    invocation: Invocation,
    *,
    status: str | None,
    order_id: OrderId | None,
    since: datetime | None,
    ids: IO[str] | None,
    reason: str | None,
    note: str | None,
    path: Path,
) -> None:
    """Write a plan that gives back all that is left of some payments. Refunds nothing."""
    if ids is None and status is None and order_id is None and since is None:
        raise click.UsageError("Say which payments: --status, --order, --since or --ids.")
    if note is not None and contains_card_number(note):
        raise click.BadParameter("contains a card number", param_hint="'--note'")
    named = None if ids is None else _ids(ids)
    wanted = PaymentFilter(
        order_id=order_id, status=PaymentStatus(status) if status else None, created_from=since
    )

    async def work(container: Container) -> tuple[RefundPlan, Sequence[LeftOut]]:
        chosen = await _chosen(container, named, wanted)
        return plan_refunds(
            chosen,
            reason=RefundReason(reason) if reason else RefundReason.OTHER,
            note=note,
            now=container.clock().now(),
        )

    made, left_out = run(invocation, work)
    try:
        with path.open("x", encoding="utf-8") as file:
            json.dump(made.document(), file, indent=2)
            file.write("\n")
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="'-o'") from None
    _print_plan(invocation, made, left_out, path)


@click.command("apply")
@click.argument("file", metavar="PLAN", type=click.File("rb"))
@click.option("--yes", is_flag=True, help="Do not ask.")
@actor_option
@click.pass_obj
def apply_plan(invocation: Invocation, *, file: IO[bytes], yes: bool, actor: str | None) -> None:
    """Make the refunds of a plan. May be interrupted and repeated: no line is refunded twice."""
    decided = _read(file.read())
    if not invocation.as_json:
        _print_totals(decided)
    if not yes:
        if invocation.as_json or not sys.stdin.isatty():
            raise click.UsageError("Nobody is there to ask: say --yes.")
        click.confirm(f"Refund these {len(decided.lines)} payments?", abort=True)

    async def work(container: Container) -> list[AppliedLine]:
        act = acting_as(actor, container.settings())
        _log.info(
            "refunds.apply_asked", actor=act.actor, plan=decided.hash, lines=len(decided.lines)
        )
        apply = container.apply_refund_plan()
        command = ApplyRefundPlanCommand(plan=decided, act=act)
        await apply.begin(command)
        made: list[AppliedLine] = []
        with _progress(len(decided.lines), shown=not invocation.as_json) as step:
            for number in range(len(decided.lines)):
                made.append(await apply(command, number))
                step()
        return made

    _print_made(invocation, decided, run(invocation, work))


def _ids(file: IO[str]) -> list[PaymentId]:
    words = [line.strip() for line in file if line.strip()]
    convert = PaymentIdParam().convert
    return [convert(word, None, None) for word in dict.fromkeys(words)]


async def _chosen(
    container: Container, named: Sequence[PaymentId] | None, wanted: PaymentFilter
) -> Sequence[Payment]:
    if named is None:
        return await all_payments(container, wanted)
    found = [await find_payment(container, payment_id) for payment_id in named]
    return [
        payment
        for payment in found
        if wanted.status in (None, payment.status)
        and wanted.order_id in (None, payment.order_id)
        and (wanted.created_from is None or payment.created_at >= wanted.created_from)
    ]


def _read(raw: bytes) -> RefundPlan:
    try:
        return RefundPlan.read(json.loads(raw))
    except (ValueError, RecursionError, ValidationFailed):
        raise click.BadParameter("is no refund plan", param_hint="'PLAN'") from None


def _print_plan(
    invocation: Invocation, made: RefundPlan, left_out: Sequence[LeftOut], path: Path
) -> None:
    if invocation.as_json:
        skipped = [{"payment_id": each.payment_id, "reason": each.reason} for each in left_out]
        output.print_json({**made.document(), "left_out": skipped})
        return
    _print_totals(made)
    for each in left_out:
        click.echo(f"left out: {each.payment_id} ({each.reason})")
    click.echo(f"written to {path}; apply it with: markethub refunds apply {path}")


def _print_totals(decided: RefundPlan) -> None:
    totals = ", ".join(str(total) for total in decided.totals.values())
    output.print_fields(
        {
            "payments": len(decided.lines),
            "in all": totals or "nothing",
            "reason": decided.reason.value,
            "note": decided.note,
            "planned": decided.created_at.isoformat(),
            "hash": decided.hash,
        }
    )


def _print_made(invocation: Invocation, decided: RefundPlan, made: Sequence[AppliedLine]) -> None:
    if invocation.as_json:
        items = [
            {
                "payment_id": each.line.payment_id,
                "amount": each.line.amount.minor,
                "currency": each.line.amount.currency.code,
                "refund_id": each.refund.id if each.refund else None,
                "state": each.state,
            }
            for each in made
        ]
        output.print_json({"hash": decided.hash, "items": items})
    else:
        output.print_table(
            ("payment", "amount", "refund", "state"),
            [
                (
                    each.line.payment_id,
                    str(each.line.amount),
                    each.refund.id if each.refund else "",
                    each.state,
                )
                for each in made
            ],
        )
    if any(each.is_unknown for each in made):
        click.get_current_context().exit(UNKNOWN_OUTCOME)
    if any(each.outcome is not Outcome.MADE for each in made):
        click.get_current_context().exit(REFUSED)


@contextmanager
def _progress(length: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Give what is to be called after each line: it moves a bar on a terminal."""
    if not shown or not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=length, label="Refunding", file=sys.stderr) as bar:
        yield lambda: bar.update(1)
