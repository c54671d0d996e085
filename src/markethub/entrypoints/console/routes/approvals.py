"""Refunds that wait for a second person."""

from typing import Any, Final

import structlog
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Template

from markethub.domain.approval import ApprovalStatus
from markethub.domain.errors import PaymentsError
from markethub.domain.ids import ApprovalId
from markethub.domain.ports.approvals import ApprovalFilter, ApprovalQueries
from markethub.domain.usecases.decide_approval import DecideApproval, DecideApprovalCommand
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.lists import PAGE, chosen, chosen_of, looked_up, options, pages
from markethub.entrypoints.console.pages import render, see_other
from markethub.entrypoints.console.problems import problem_of
from markethub.entrypoints.console.staff import ROLE, Staff
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.setting_values import Role

_PATH: Final = "/ops/approvals"

_log = structlog.get_logger(__name__)


@get("/approvals", opt={ROLE: Role.VIEWER})
async def list_approvals(
    request: Request[Any, Any, Any], approval_queries: Injected[ApprovalQueries]
) -> Template:
    """List what waits, or what was decided."""
    return await _show(request, approval_queries)


@post("/approvals/{approval_id:str}/approve", status_code=303, opt={ROLE: Role.REFUNDER})
async def approve(
    *,
    request: Request[Any, Any, Any],
    approval_id: FromPath[str],
    approval_queries: Injected[ApprovalQueries],
    decide_approval: Injected[DecideApproval],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Agree, as somebody else than who asked: the refund is made."""
    command = _command(approval_id, staff, form, approves=True)
    try:
        await decide_approval(command)
    except PaymentsError as error:
        return await _show(request, approval_queries, error)
    _log.info("approval.approved", actor=staff.name, approval_id=command.approval_id)
    return see_other(_PATH, done="approval-approved")


@post("/approvals/{approval_id:str}/reject", status_code=303, opt={ROLE: Role.REFUNDER})
async def reject(
    *,
    request: Request[Any, Any, Any],
    approval_id: FromPath[str],
    approval_queries: Injected[ApprovalQueries],
    decide_approval: Injected[DecideApproval],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Refuse, or take back what one has asked for oneself: nothing is given back."""
    command = _command(approval_id, staff, form, approves=False)
    try:
        await decide_approval(command)
    except PaymentsError as error:
        return await _show(request, approval_queries, error)
    _log.info("approval.rejected", actor=staff.name, approval_id=command.approval_id)
    return see_other(_PATH, done="approval-rejected")


def _command(
    approval_id: str, staff: Staff, form: Form, *, approves: bool
) -> DecideApprovalCommand:
    return DecideApprovalCommand(
        approval_id=ApprovalId(looked_up(approval_id, "approval")),
        act=act_of(staff, form),
        approves=approves,
    )


async def _show(
    request: Request[Any, Any, Any],
    approval_queries: ApprovalQueries,
    error: PaymentsError | None = None,
) -> Template:
    status, problem = (200, None) if error is None else problem_of(error)
    wanted = chosen_of(request, "status", ApprovalStatus) or ApprovalStatus.PENDING
    page = await approval_queries.approvals(
        ApprovalFilter(status=wanted), cursor=chosen(request, "cursor"), limit=PAGE
    )
    return render(
        request,
        "approvals.html",
        nav="approvals",
        status=status,
        problem=problem,
        approvals=page.items,
        shown=wanted,
        statuses=options(ApprovalStatus),
        **pages(request, page.next_cursor),
    )


HANDLERS: Final = (list_approvals, approve, reject)
