"""``markethub events``: the provider's events as they were stored, and those that were missed."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import click
import msgspec
import structlog

from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import NotFound, PaymentsError
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ports.inbox import InboxFilter
from markethub.domain.usecases.backfill_events import Backfilled
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.failure import exit_code
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import EventIdParam, SinceParam
from markethub.entrypoints.container import Container

_log = structlog.get_logger(__name__)

_PAGE = 100
_WORKER = "A worker processes them: `markethub serve` runs one, or `markethub worker`."


@click.group()
def events() -> None:
    """List, show and replay the provider's events; fetch missed ones."""


@events.command("list")
@click.option("--status", type=click.Choice([status.value for status in InboxStatus]))
@click.option("--type", "type_", metavar="TYPE", help="Only of this type: charge.refunded, say.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.pass_obj
def list_events(
    invocation: Invocation, *, status: str | None, type_: str | None, limit: int
) -> None:
    """List stored events, the last received first."""
    wanted = InboxFilter(status=InboxStatus(status) if status else None, type=type_)
    found = run(invocation, lambda container: _listed(container, wanted, limit=limit))
    if invocation.as_json:
        output.print_json({"items": [_document(each) for each in found]})
        return
    output.print_table(
        ("event", "type", "status", "reason", "attempts", "received"),
        [
            (
                each.event.id,
                each.event.type,
                each.status.value,
                each.reason or "",
                str(each.attempts),
                f"{each.received_at:%Y-%m-%d %H:%M:%S}Z",
            )
            for each in found
        ],
    )


@events.command()
@click.argument("event_id", metavar="ID", type=EventIdParam())
@click.pass_obj
def show(invocation: Invocation, *, event_id: EventId) -> None:
    """Show a stored event, what became of it, and its payload without secrets."""
    found = run(invocation, lambda container: _find(container, event_id))
    if invocation.as_json:
        output.print_json(
            {**_document(found), "payload": msgspec.Raw(found.event.payload.encode())}
        )
        return
    output.print_fields(
        {
            "event": found.event.id,
            "type": found.event.type,
            "status": found.status.value,
            "reason": found.reason,
            "mode": "live" if found.event.livemode else "test",
            "API version": found.event.api_version,
            "subject": found.event.subject,
            "attempts": found.attempts,
            "failures": found.failures or None,
            "happened": found.event.created_at.isoformat(),
            "received": found.received_at.isoformat(),
            "replayed": found.replayed_at and found.replayed_at.isoformat(),
            "next attempt": found.next_attempt_at.isoformat() if found.is_waiting else None,
            "updated": found.updated_at.isoformat(),
        }
    )
    if found.error is not None:
        click.echo(f"\n{found.error.rstrip()}")
    click.echo()
    click.echo(msgspec.json.format(found.event.payload, indent=2))


@events.command()
@click.argument("event_ids", metavar="[ID]...", type=EventIdParam(), nargs=-1)
@click.option("--dead", is_flag=True, help="All that were given up.")
@click.option("--yes", is_flag=True, help="Do not ask (with --dead).")
@actor_option
@click.pass_obj
def replay(
    invocation: Invocation,
    *,
    event_ids: tuple[EventId, ...],
    dead: bool,
    yes: bool,
    actor: str | None,
) -> None:
    """Let stored events begin anew: the worker processes them like new ones.

    What an event has done already is not done again.
    """
    if dead == bool(event_ids):
        raise click.UsageError("Say which events: their ids, or --dead.")
    chosen = run(invocation, _dead) if dead else list(dict.fromkeys(event_ids))
    if dead and not yes and chosen:
        if invocation.as_json or not sys.stdin.isatty():
            raise click.UsageError("Nobody is there to ask: say --yes.")
        click.confirm(f"Replay {len(chosen)} dead events?", abort=True)

    async def work(container: Container) -> list[tuple[EventId, PaymentsError | None]]:
        act = acting_as(actor, container.settings())
        return [(each, await _replayed(container, each, act=act)) for each in chosen]

    _print_replayed(invocation, run(invocation, work) if chosen else [])


@events.command()
@click.option(
    "--since",
    type=SinceParam(),
    required=True,
    metavar="WHEN",
    help="A day, a time (UTC unless it says), or how long ago: 7d, 12h. At most 30 days.",
)
@actor_option
@click.pass_obj
def backfill(invocation: Invocation, *, since: datetime | timedelta, actor: str | None) -> None:
    """Fetch what happened since then from the provider, and store what never arrived.

    May be broken off and repeated: an event is stored and processed once, however it came.
    """

    async def work(container: Container) -> Backfilled:
        act = acting_as(actor, container.settings())
        _log.info("events.backfill_asked", actor=act.actor, since=str(since))
        await container.record_audit()(
            act, AuditAction.EVENT_BACKFILL, detail={"since": str(since)}
        )
        with _progress(shown=not invocation.as_json) as show:
            done: Backfilled = await container.backfill_events()(since, progress=show)
        return done

    done = run(invocation, work)
    if invocation.as_json:
        counted = ("new", "known", "other_mode", "unreadable")
        output.print_json({name: getattr(done, name) for name in counted})
        return
    output.print_fields(
        {
            "new": done.new,
            "known": done.known,
            "other mode": done.other_mode,
            "unreadable": done.unreadable,
        }
    )
    if done.new:
        click.echo(_WORKER)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[Backfilled], None] | None]:
    """Give what moves a bar on a terminal; nobody else needs to know how far it is."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that only a terminal's bar pays
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("Fetching", total=None)
        yield lambda so_far: bar.update(
            task,
            total=so_far.windows,
            completed=so_far.windows_done,
            description=f"Fetching ({so_far.new} new)",
        )


async def _replayed(container: Container, event_id: EventId, *, act: Act) -> PaymentsError | None:
    _log.info("events.replay_asked", actor=act.actor, event_id=event_id)
    try:
        await container.replay_event()(event_id, act=act)
    except PaymentsError as error:
        return error
    return None


def _print_replayed(
    invocation: Invocation, replayed: Sequence[tuple[EventId, PaymentsError | None]]
) -> None:
    if invocation.as_json:
        items = [{"id": each, "state": _state(error)} for each, error in replayed]
        output.print_json({"items": items})
    else:
        output.print_table(
            ("event", "state"), [(each, str(error or "pending")) for each, error in replayed]
        )
        if any(error is None for _, error in replayed):
            click.echo(_WORKER)
    codes = [exit_code(error) for _, error in replayed if error is not None]
    if codes:
        click.get_current_context().exit(max(codes))


def _state(error: PaymentsError | None) -> str:
    return "pending" if error is None else error.code


async def _find(container: Container, event_id: EventId) -> InboxEvent:
    found: InboxEvent | None = await container.inbox_queries().event(event_id)
    if found is None:
        raise NotFound("no such event")
    return found


async def _dead(container: Container) -> list[EventId]:
    found = await _listed(container, InboxFilter(status=InboxStatus.DEAD), limit=None)
    # In the order in which they came.
    return [each.event.id for each in reversed(found)]


async def _listed(
    container: Container, wanted: InboxFilter, *, limit: int | None
) -> list[InboxEvent]:
    queries = container.inbox_queries()
    found: list[InboxEvent] = []
    cursor = None
    while limit is None or len(found) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        page = await queries.events(wanted, cursor=cursor, limit=size)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _document(found: InboxEvent) -> dict[str, object]:
    return {
        "id": found.event.id,
        "type": found.event.type,
        "status": found.status.value,
        "reason": found.reason,
        "error": found.error,
        "livemode": found.event.livemode,
        "api_version": found.event.api_version,
        "subject": found.event.subject,
        "attempts": found.attempts,
        "failures": found.failures,
        "created_at": found.event.created_at,
        "received_at": found.received_at,
        "replayed_at": found.replayed_at,
        "next_attempt_at": found.next_attempt_at if found.is_waiting else None,
        "updated_at": found.updated_at,
    }
