"""``markethub deliveries``: look at outgoing webhooks, and send them again."""

from collections.abc import Sequence
from typing import Any

import click
import structlog

from markethub.domain.delivery import Attempt, DeliveryStatus
from markethub.domain.ports.outbox import DeliveryPage, DeliveryView, OutboxHealth
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import Container

LIMIT_MAXIMUM = 1000

_log = structlog.get_logger(__name__)


@click.group()
def deliveries() -> None:
    """List outgoing webhooks, and send them again."""


@deliveries.command("list")
@click.option("--status", type=click.Choice([status.value for status in DeliveryStatus]))
@click.option("--limit", type=click.IntRange(1, LIMIT_MAXIMUM), default=50, show_default=True)
@click.option("--cursor", help="The next_cursor of the page before.")
@click.pass_obj
def list_deliveries(
    invocation: Invocation, *, status: str | None, limit: int, cursor: str | None
) -> None:
    """List deliveries, newest first, and say whether the endpoint answers."""

    async def work(container: Container) -> tuple[DeliveryPage, OutboxHealth | None]:
        queries, target = container.delivery_queries(), container.settings().out_webhook
        wanted = None if status is None else DeliveryStatus(status)
        page = await queries.deliveries(wanted, cursor=cursor, limit=limit)
        return page, None if target is None else await queries.outbox_health(target.id)

    page, health = run(invocation, work)
    endpoint = None if health is None else health.endpoint
    if invocation.as_json:
        output.print_json(
            {
                "items": [_document(view) for view in page.items],
                "next_cursor": page.next_cursor,
                "waiting": None if health is None else health.waiting,
                "dead": None if health is None else health.dead,
                "disabled": None if endpoint is None else endpoint.disabled_reason,
            }
        )
        return
    output.print_table(
        ("id", "type", "of", "status", "attempts", "last answer", "next attempt"),
        [_row(view) for view in page.items],
    )
    if health is None:
        click.echo("MARKETHUB_OUT_WEBHOOK_URL is not set: nothing is sent.", err=True)
    elif endpoint is not None and endpoint.disabled_at is not None:
        click.echo(
            f"The endpoint is disabled since {endpoint.disabled_at:%Y-%m-%d %H:%M} UTC "
            f"({endpoint.disabled_reason}); {health.waiting} wait. "
            "`markethub deliveries replay --waiting` lets it be tried again.",
            err=True,
        )


@deliveries.command()
@click.argument("message_ids", metavar="[ID]...", nargs=-1)
@click.option("--waiting", is_flag=True, help="Only let a disabled endpoint be tried again.")
@actor_option
@click.pass_obj
def replay(
    invocation: Invocation, *, message_ids: Sequence[str], waiting: bool, actor: str | None
) -> None:
    """Send deliveries again, whatever became of them; a disabled endpoint is enabled.

    The worker sends them; a receiver that knows their ids already may leave them.
    """
    if bool(message_ids) is waiting:
        raise click.UsageError("Name deliveries, or give --waiting.")

    async def work(container: Container) -> None:
        act = acting_as(actor, container.settings())
        await container.replay_deliveries()(message_ids, act=act)
        _log.info("deliveries.replayed", actor=act.actor, message_ids=sorted(set(message_ids)))

    run(invocation, work)
    if invocation.as_json:
        output.print_json({"replayed": sorted(set(message_ids)), "enabled": True})
    elif waiting:
        click.echo("The endpoint will be tried again.")
    else:
        click.echo(f"{len(set(message_ids))} will be sent again.")


def _row(view: DeliveryView) -> tuple[str, ...]:
    delivery = view.delivery
    return (
        delivery.message_id,
        delivery.event.type,
        delivery.aggregate_id,
        delivery.status,
        str(delivery.attempts),
        view.log[-1].answer.reason if view.log else delivery.reason or "",
        f"{delivery.next_attempt_at:%Y-%m-%d %H:%M:%S}" if delivery.is_pending else "",
    )


def _document(view: DeliveryView) -> dict[str, Any]:
    delivery = view.delivery
    return {
        "id": delivery.message_id,
        "type": delivery.event.type,
        "sequence": delivery.sequence,
        "aggregate_id": delivery.aggregate_id,
        "created_at": delivery.event.occurred_at,
        "status": delivery.status,
        "reason": delivery.reason,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at if delivery.is_pending else None,
        "log": [_line(attempt) for attempt in view.log],
    }


def _line(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": attempt.at,
        "status": attempt.answer.status,
        "error": attempt.answer.error,
        "duration_ms": attempt.answer.duration_ms,
    }
