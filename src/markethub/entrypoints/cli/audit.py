"""``markethub audit``: who did what, from where, and why."""

from datetime import datetime, timedelta
from typing import Final

import click

from markethub.domain.audit import AuditAction, AuditEntry
from markethub.domain.ids import PaymentId
from markethub.domain.ports.audit import AuditFilter
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import run
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import PaymentIdParam, SinceParam
from markethub.entrypoints.container import Container

LIMIT: Final = 100


@click.command()
@click.option("--actor", help="Only what this one did.")
@click.option("--action", type=click.Choice([action.value for action in AuditAction]))
@click.option("--subject", help="Only what was done to this: an id of ours.")
@click.option("--payment", "payment_id", type=PaymentIdParam(), help="Only about this payment.")
@click.option("--since", type=SinceParam(), metavar="WHEN", help="As 7d, 12h, or a time.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="At most so many."
)
@click.pass_obj
def audit(
    invocation: Invocation,
    *,
    actor: str | None,
    action: str | None,
    subject: str | None,
    payment_id: PaymentId | None,
    since: datetime | timedelta | None,
    limit: int,
) -> None:
    """List the audit log, the last line first. Nothing in it can be changed or deleted."""

    async def work(container: Container) -> list[AuditEntry]:
        moment = container.clock().now() - since if isinstance(since, timedelta) else since
        wanted = AuditFilter(
            actor=actor,
            action=AuditAction(action) if action else None,
            subject=subject,
            payment_id=payment_id,
            since=moment,
        )
        found: list[AuditEntry] = []
        cursor: str | None = None
        while len(found) < limit:
            page = await container.audit_queries().entries(
                wanted, cursor=cursor, limit=min(limit - len(found), LIMIT)
            )
            found += page.items
            if (cursor := page.next_cursor) is None:
                break
        return found

    entries = run(invocation, work)
    if invocation.as_json:
        output.print_json([_document(entry) for entry in entries])
    else:
        output.print_table(
            ["at", "actor", "from", "action", "of", "why", "detail"], [*map(_row, entries)]
        )


def _document(entry: AuditEntry) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "actor": entry.actor,
        "channel": entry.channel.value,
        "action": entry.action.value,
        "subject": entry.subject,
        "payment_id": entry.payment_id,
        "reason": entry.reason,
        "detail": dict(entry.detail),
    }


def _row(entry: AuditEntry) -> tuple[str, ...]:
    return (
        entry.at.isoformat(sep=" ", timespec="seconds"),
        entry.actor,
        entry.channel.value,
        entry.action.value,
        entry.subject or "",
        entry.reason or "",
        ", ".join(f"{name} {value}" for name, value in entry.detail.items()),
    )
