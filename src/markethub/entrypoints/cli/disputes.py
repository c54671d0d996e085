"""``markethub disputes``: look at disputes, draft evidence, submit it, or concede."""

from pathlib import Path
from typing import BinaryIO

import click
import msgspec
import structlog

from markethub.domain.audit import Act
from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.errors import NotFound
from markethub.domain.evidence import FILE_BYTES_MAXIMUM, FILE_FIELDS
from markethub.domain.ids import DisputeId, PaymentId
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.usecases.accept_dispute import AcceptDisputeCommand
from markethub.domain.usecases.attach_file import AttachFileCommand
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.submit_evidence import SubmitEvidenceCommand
from markethub.entrypoints.card_numbers import contains_card_number
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import DisputeIdParam, PaymentIdParam
from markethub.entrypoints.container import Container
from markethub.entrypoints.http.dispute_schemas import dispute_out

_log = structlog.get_logger(__name__)

_ID = click.argument("dispute_id", metavar="ID", type=DisputeIdParam())


@click.group()
def disputes() -> None:
    """List and show disputes, draft and submit evidence, accept."""


@disputes.command("list")
@click.option("--status", type=click.Choice([status.value for status in DisputeStatus]))
@click.option("--payment", "payment_id", type=PaymentIdParam(), help="Only of this payment.")
@click.pass_obj
def list_disputes(
    invocation: Invocation, *, status: str | None, payment_id: PaymentId | None
) -> None:
    """List disputes, newest first."""
    wanted = DisputeFilter(payment_id=payment_id, status=DisputeStatus(status) if status else None)
    found = run(invocation, lambda container: _all(container, wanted))
    if invocation.as_json:
        output.print_json({"items": [dispute_out(dispute) for dispute in found]})
        return
    output.print_table(
        ("dispute", "payment", "status", "reason", "amount", "evidence due by"),
        [
            (
                dispute.id,
                dispute.payment_id,
                dispute.status.value,
                dispute.reason,
                str(dispute.amount),
                f"{dispute.evidence_due_by:%Y-%m-%d %H:%M:%S}Z" if dispute.evidence_due_by else "",
            )
            for dispute in found
        ],
    )


@disputes.command()
@_ID
@click.pass_obj
def show(invocation: Invocation, *, dispute_id: DisputeId) -> None:
    """Show a dispute."""
    _print(invocation, run(invocation, lambda container: _find(container, dispute_id)))


@disputes.command()
@_ID
@click.option(
    "--file",
    "fields",
    type=click.File("rb"),
    help="A JSON object of texts by Stripe's field names; replaces all texts of the draft.",
)
@click.option(
    "--attach",
    "attached",
    multiple=True,
    metavar="FIELD=PATH",
    help="A PDF, JPEG or PNG of at most 5 MiB, as receipt=./receipt.pdf; may be repeated.",
)
@actor_option
@click.pass_obj
def evidence(
    invocation: Invocation,
    *,
    dispute_id: DisputeId,
    fields: BinaryIO | None,
    attached: tuple[str, ...],
    actor: str | None,
) -> None:
    """Draft evidence. Nothing is handed to the bank before `submit`."""
    if fields is None and not attached:
        raise click.UsageError("Give --file, --attach, or both.")
    texts = None if fields is None else _texts(fields)
    files = [_attachment(each) for each in attached]

    async def work(container: Container) -> Dispute:
        act = _acting(container, "dispute.evidence_drafted", dispute_id, actor)
        dispute = await _find(container, dispute_id)
        if texts is not None:
            dispute = await container.draft_evidence()(
                DraftEvidenceCommand(dispute_id=dispute_id, texts=texts, act=act)
            )
        for field, content in files:
            dispute = await container.attach_file()(
                AttachFileCommand(dispute_id=dispute_id, field=field, content=content, act=act)
            )
        return dispute

    _print(invocation, run(invocation, work))


@disputes.command()
@_ID
@actor_option
@click.pass_obj
def submit(invocation: Invocation, *, dispute_id: DisputeId, actor: str | None) -> None:
    """Hand the draft to the bank, which takes evidence only once."""

    async def work(container: Container) -> Dispute:
        act = _acting(container, "dispute.submit_asked", dispute_id, actor)
        command = SubmitEvidenceCommand(dispute_id=dispute_id, act=act)
        return await container.submit_evidence()(command)

    _print(invocation, run(invocation, work))


@disputes.command()
@_ID
@actor_option
@click.pass_obj
def accept(invocation: Invocation, *, dispute_id: DisputeId, actor: str | None) -> None:
    """Concede a chargeback, for good: it is lost."""

    async def work(container: Container) -> Dispute:
        act = _acting(container, "dispute.accept_asked", dispute_id, actor)
        command = AcceptDisputeCommand(dispute_id=dispute_id, act=act)
        return await container.accept_dispute()(command)

    _print(invocation, run(invocation, work))


def _acting(container: Container, event: str, dispute_id: DisputeId, actor: str | None) -> Act:
    """Say who acts, and log that they do."""
    act = acting_as(actor, container.settings())
    _log.info(event, actor=act.actor, dispute_id=dispute_id)
    return act


def _texts(file: BinaryIO) -> dict[str, str]:
    try:
        texts = msgspec.json.decode(file.read(), type=dict[str, str])
    except msgspec.DecodeError:
        raise click.BadParameter(
            "must hold a JSON object of texts", param_hint="'--file'"
        ) from None
    if any(contains_card_number(text) for text in texts.values()):
        raise click.BadParameter("contains a card number", param_hint="'--file'")
    return texts


def _attachment(given: str) -> tuple[str, bytes]:
    field, _, path = given.partition("=")
    if field not in FILE_FIELDS:
        raise click.BadParameter(
            f"must begin with one of {', '.join(sorted(FILE_FIELDS))}", param_hint="'--attach'"
        )
    try:
        with Path(path).open("rb") as file:
            # One byte more tells that it is too large, without reading all of it.
            return field, file.read(FILE_BYTES_MAXIMUM + 1)
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="'--attach'") from None


def _print(invocation: Invocation, dispute: Dispute) -> None:
    if invocation.as_json:
        output.print_json(dispute_out(dispute))
        return
    draft = ", ".join(sorted(dispute.draft.fields)) or None
    output.print_fields(
        {
            "dispute": dispute.id,
            "at the provider": dispute.provider_id,
            "payment": dispute.payment_id,
            "order": dispute.order_id,
            "status": dispute.status.value,
            "reason": dispute.reason,
            "amount": dispute.amount,
            "withdrawn": dispute.withdrawn,
            "reinstated": dispute.reinstated,
            "evidence due by": dispute.evidence_due_by and dispute.evidence_due_by.isoformat(),
            "submissions": dispute.submission_count,
            "draft": draft,
            "opened": dispute.opened_at.isoformat(),
            "updated": dispute.updated_at.isoformat(),
        }
    )


async def _all(container: Container, wanted: DisputeFilter) -> list[Dispute]:
    found: list[Dispute] = []
    cursor: str | None = None
    while True:
        page = await container.dispute_queries().disputes(wanted, cursor=cursor)
        found += page.items
        if (cursor := page.next_cursor) is None:
            return found


async def _find(container: Container, dispute_id: DisputeId) -> Dispute:
    found: Dispute | None = await container.dispute_queries().dispute(dispute_id)
    if found is None:
        raise NotFound("no such dispute")
    return found
