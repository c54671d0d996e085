"""``markethub approvals``: refunds that are too much for one person."""

import click

from markethub.domain.approval import Approval, ApprovalStatus
from markethub.domain.errors import NotFound
from markethub.domain.ids import ApprovalId
from markethub.domain.ports.approvals import ApprovalFilter
from markethub.domain.usecases.decide_approval import DecideApprovalCommand
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import is_own_id
from markethub.entrypoints.container import Container
from markethub.entrypoints.http.approval_schemas import approval_out


@click.group()
def approvals() -> None:
    """List and show refunds that need a second person; approve or reject them."""


@approvals.command("list")
@click.option("--status", type=click.Choice([status.value for status in ApprovalStatus]))
@click.pass_obj
def list_approvals(invocation: Invocation, *, status: str | None) -> None:
    """List approvals, newest first."""
    wanted = ApprovalFilter(status=ApprovalStatus(status) if status else None)

    async def work(container: Container) -> list[Approval]:
        found: list[Approval] = []
        cursor: str | None = None
        while True:
            page = await container.approval_queries().approvals(wanted, cursor=cursor)
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    found = run(invocation, work)
    if invocation.as_json:
        output.print_json({"items": [approval_out(each) for each in found]})
    else:
        output.print_table(
            ["id", "payment", "amount", "status", "asked by", "decided by"],
            [
                (
                    each.id,
                    each.payment_id,
                    str(each.amount),
                    each.status,
                    each.requested_by,
                    each.decided_by or "",
                )
                for each in found
            ],
        )


@approvals.command()
@click.argument("approval_id", metavar="ID")
@click.pass_obj
def show(invocation: Invocation, *, approval_id: str) -> None:
    """Show an approval."""
    known = _known(approval_id)

    async def work(container: Container) -> Approval:
        found: Approval | None = await container.approval_queries().approval(known)
        if found is None:
            raise NotFound("no such approval")
        return found

    _print(invocation, run(invocation, work))


@approvals.command()
@click.argument("approval_id", metavar="ID")
@actor_option
@click.pass_obj
def approve(invocation: Invocation, *, approval_id: str, actor: str | None) -> None:
    """Agree, as somebody else than who asked: the refund is made, once.

    MARKETHUB_OPS_KEY has to show who you are.
    """
    _decide(invocation, approval_id, actor=actor, approves=True)


@approvals.command()
@click.argument("approval_id", metavar="ID")
@actor_option
@click.pass_obj
def reject(invocation: Invocation, *, approval_id: str, actor: str | None) -> None:
    """Refuse the refund: nothing is given back."""
    _decide(invocation, approval_id, actor=actor, approves=False)


def _decide(invocation: Invocation, approval_id: str, *, actor: str | None, approves: bool) -> None:
    known = _known(approval_id)

    async def work(container: Container) -> Approval:
        act = acting_as(actor, container.settings())
        command = DecideApprovalCommand(approval_id=known, act=act, approves=approves)
        decided: Approval = await container.decide_approval()(command)
        return decided

    _print(invocation, run(invocation, work))


def _known(approval_id: str) -> ApprovalId:
    if not is_own_id(approval_id):
        raise NotFound("no such approval")
    return ApprovalId(approval_id)


def _print(invocation: Invocation, approval: Approval) -> None:
    if invocation.as_json:
        output.print_json(approval_out(approval))
        return
    output.print_fields(
        {
            "id": approval.id,
            "payment": approval.payment_id,
            "order": approval.order_id,
            "amount": approval.amount,
            "status": approval.status,
            "reason": approval.reason,
            "note": approval.note,
            "asked by": approval.requested_by,
            "decided by": approval.decided_by,
            "why": approval.why,
            "refund": approval.refund_id,
        }
    )
