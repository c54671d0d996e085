"""Disputes: what is still to be answered, by when; writing, attaching, submitting, conceding."""

from collections.abc import Mapping
from typing import Any, Final, Self

import attrs
import structlog
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Template

from markethub.domain.dispute import DUE_SOON, Dispute, DisputeStatus
from markethub.domain.errors import GatewayUnavailable, NotFound, PaymentsError
from markethub.domain.evidence import FILE_BYTES_MAXIMUM, TEXT_CHARACTERS_MAXIMUM, TEXT_FIELDS
from markethub.domain.ids import DisputeId, PaymentId
from markethub.domain.money import Currency, Money
from markethub.domain.ports.audit import AuditFilter, AuditQueries
from markethub.domain.ports.disputes import DisputeFilter, DisputePage, DisputeQueries
from markethub.domain.ports.system import Clock
from markethub.domain.usecases.accept_dispute import AcceptDispute, AcceptDisputeCommand
from markethub.domain.usecases.attach_file import AttachFile, AttachFileCommand
from markethub.domain.usecases.draft_evidence import DraftEvidence, DraftEvidenceCommand
from markethub.domain.usecases.submit_evidence import SubmitDraft, SubmitEvidenceCommand
from markethub.entrypoints.console import forms
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.dispute_story import story
from markethub.entrypoints.console.evidence_fields import FILES, GROUPS, LABELS
from markethub.entrypoints.console.exports import export_url
from markethub.entrypoints.console.forms import Form, origin_of
from markethub.entrypoints.console.lists import PAGE, chosen, looked_up, options, pages
from markethub.entrypoints.console.pages import render, see_other
from markethub.entrypoints.console.problems import problem_of
from markethub.entrypoints.console.staff import ROLE, Staff
from markethub.entrypoints.http.errors import HttpProblem, invalid
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import BODY_BYTES_MAXIMUM
from markethub.entrypoints.setting_values import Role

_PATH: Final = "/ops/disputes"
_NAV: Final = "disputes"
_ALL: Final = "all"
DRAFTED: Final = "drafted"
"""The hidden field that names the draft that a form was made from."""
# Each character may be three bytes, and each byte three characters in a form.
_EVIDENCE_BYTES_MAXIMUM: Final = 9 * TEXT_CHARACTERS_MAXIMUM + BODY_BYTES_MAXIMUM
_FILE_BYTES_MAXIMUM: Final = FILE_BYTES_MAXIMUM + BODY_BYTES_MAXIMUM

_log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class DisputePages:
    """What a dispute's page is made from."""

    dispute_queries: DisputeQueries
    audit_queries: AuditQueries
    clock: Clock

    async def find(self, text: str) -> Dispute:
        """Return the dispute. Raises NotFound."""
        found = await self.dispute_queries.dispute(DisputeId(looked_up(text, "dispute")))
        if found is None:
            raise NotFound("no such dispute")
        return found

    async def show(
        self,
        request: Request[Any, Any, Any],
        dispute: Dispute,
        error: PaymentsError | HttpProblem | None = None,
        *,
        typed: Mapping[str, str] | None = None,
    ) -> Template:
        """Show the dispute, with what is possible now, and what was typed and not taken."""
        now = self.clock.now()
        asked = await self.dispute_queries.submissions(dispute.id)
        told = await self.audit_queries.entries(AuditFilter(subject=dispute.id), limit=PAGE)
        unknown = next((each for each in asked if each.is_unresolved), None)
        status, problem = (200, None) if error is None else problem_of(error)
        written = dispute.draft.texts if typed is None else typed
        return render(
            request,
            "dispute.html",
            nav=_NAV,
            status=status,
            problem=problem,
            dispute=dispute,
            now=now,
            unknown=unknown,
            answerable=unknown is None and _is_answerable(dispute, self.clock),
            acceptable=unknown is None and dispute.status is DisputeStatus.NEEDS_RESPONSE,
            due_soon=DUE_SOON,
            groups=GROUPS,
            labels=LABELS,
            files=FILES,
            texts={name: text for name, text in written.items() if text},
            drafted=dispute.draft.fingerprint,
            field_maximum=forms.TEXT_CHARACTERS_MAXIMUM,
            all_maximum=TEXT_CHARACTERS_MAXIMUM,
            fees=_fees(dispute),
            story=story(dispute, asked, told.items),
        )


@attrs.frozen(kw_only=True)
class Wanted:
    """Which disputes are asked for; if nothing is set, those that need a response."""

    show: str | None
    payment: PaymentId | None

    @classmethod
    def of(cls, request: Request[Any, Any, Any]) -> Self:
        """Read it from the address. Raises HttpProblem for what is none of the choices."""
        show, about = chosen(request, "show"), chosen(request, "payment")
        if show not in (None, _ALL, *DisputeStatus):
            raise invalid("show", "is none of the choices")
        return cls(show=show, payment=PaymentId(looked_up(about, "payment")) if about else None)

    async def read(
        self, dispute_queries: DisputeQueries, *, cursor: str | None, limit: int
    ) -> DisputePage:
        """Read a page of them: by due date those that need a response, others newest first."""
        if self.show is None and self.payment is None:
            return await dispute_queries.answerable(cursor=cursor, limit=limit)
        status = DisputeStatus(self.show) if self.show not in (None, _ALL) else None
        wanted = DisputeFilter(payment_id=self.payment, status=status)
        return await dispute_queries.disputes(wanted, cursor=cursor, limit=limit)


def _fees(dispute: Dispute) -> list[Money]:
    """Return what the provider keeps for the dispute, in each currency that it took."""
    return [
        Money(minor=minor, currency=Currency.read(code))
        for code, minor in dispute.fees_minor_by_currency.items()
    ]


def _is_answerable(dispute: Dispute, clock: Clock) -> bool:
    try:
        dispute.require_answerable(now=clock.now())
    except PaymentsError:
        return False
    return True


@get("/disputes", opt={ROLE: Role.VIEWER})
async def list_disputes(
    request: Request[Any, Any, Any],
    dispute_queries: Injected[DisputeQueries],
    clock: Injected[Clock],
) -> Template:
    """List what needs a response by its due date, or others, newest first."""
    wanted = Wanted.of(request)
    page = await wanted.read(dispute_queries, cursor=chosen(request, "cursor"), limit=PAGE)
    return render(
        request,
        "disputes.html",
        nav=_NAV,
        status=200,
        disputes=page.items,
        shown=wanted.show or (_ALL if wanted.payment else ""),
        about=wanted.payment,
        choices=[
            ("", "Needs a response, by due date"),
            (_ALL, "All, newest first"),
            *options(DisputeStatus),
        ],
        now=clock.now(),
        due_soon=DUE_SOON,
        export_url=export_url(request),
        **pages(request, page.next_cursor),
    )


@get("/disputes/{dispute_id:str}", opt={ROLE: Role.VIEWER})
async def show_dispute(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    dispute_pages: Injected[DisputePages],
) -> Template:
    """Show a dispute: its story, its evidence, and what can be done now."""
    return await dispute_pages.show(request, await dispute_pages.find(dispute_id))


@post(
    "/disputes/{dispute_id:str}/evidence",
    status_code=303,
    opt={ROLE: Role.SUPPORT},
    request_max_body_size=_EVIDENCE_BYTES_MAXIMUM,
)
async def write(
    *,
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    dispute_pages: Injected[DisputePages],
    draft_evidence: Injected[DraftEvidence],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Keep the texts. Nothing is sent to the bank."""
    dispute = await dispute_pages.find(dispute_id)
    typed = {name: form.text(name) for name in sorted(TEXT_FIELDS)}
    try:
        await draft_evidence(
            DraftEvidenceCommand(
                dispute_id=dispute.id, texts=typed, act=act_of(staff), seen=form.needed(DRAFTED)
            )
        )
    except (PaymentsError, HttpProblem) as error:
        # What somebody has typed is not thrown away because it could not be kept.
        return await dispute_pages.show(
            request, await dispute_pages.find(dispute_id), error, typed=typed
        )
    return see_other(_address(dispute), done="evidence-kept")


@post(
    "/disputes/{dispute_id:str}/files",
    status_code=303,
    opt={ROLE: Role.SUPPORT},
    request_max_body_size=_FILE_BYTES_MAXIMUM,
)
async def attach(
    *,
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    dispute_pages: Injected[DisputePages],
    attach_file: Injected[AttachFile],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Upload a file, and attach it to the draft."""
    dispute = await dispute_pages.find(dispute_id)
    try:
        content = await form.file("file").read()
        await attach_file(
            AttachFileCommand(
                dispute_id=dispute.id,
                field=form.needed("field"),
                content=content,
                act=act_of(staff),
            )
        )
    except (PaymentsError, HttpProblem) as error:
        return await dispute_pages.show(request, await dispute_pages.find(dispute_id), error)
    return see_other(_address(dispute), done="file-attached")


@get("/disputes/{dispute_id:str}/submit", opt={ROLE: Role.SUPPORT})
async def confirm_submission(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    dispute_pages: Injected[DisputePages],
) -> Template:
    """Show what the bank would get, and ask: it is taken only once."""
    dispute = await dispute_pages.find(dispute_id)
    try:
        dispute.require_submittable(now=dispute_pages.clock.now())
    except PaymentsError as error:
        return await dispute_pages.show(request, dispute, error)
    return render(
        request,
        "dispute_submit.html",
        nav=_NAV,
        dispute=dispute,
        labels=LABELS,
        files=FILES,
        drafted=dispute.draft.fingerprint,
    )


@post("/disputes/{dispute_id:str}/submit", status_code=303, opt={ROLE: Role.SUPPORT})
async def submit(
    *,
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    dispute_pages: Injected[DisputePages],
    submit_evidence: Injected[SubmitDraft],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Hand the draft to the bank: what was shown, and nothing that was written since."""
    dispute = await dispute_pages.find(dispute_id)
    origin = origin_of(request, staff, form)
    try:
        await submit_evidence(
            SubmitEvidenceCommand(
                dispute_id=dispute.id,
                act=act_of(staff, form),
                origin=origin,
                seen=form.needed(DRAFTED),
            )
        )
    except (PaymentsError, HttpProblem) as error:
        return await _after(request, dispute_pages, dispute, error)
    _log.info("dispute.submitted", actor=staff.name, dispute_id=dispute.id)
    return see_other(_address(dispute), done="evidence-submitted")


@get("/disputes/{dispute_id:str}/accept", opt={ROLE: Role.REFUNDER})
async def confirm_acceptance(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    dispute_pages: Injected[DisputePages],
) -> Template:
    """Say what conceding costs, and ask: there is no way back."""
    dispute = await dispute_pages.find(dispute_id)
    try:
        dispute.require_acceptable()
    except PaymentsError as error:
        return await dispute_pages.show(request, dispute, error)
    return render(request, "dispute_accept.html", nav=_NAV, dispute=dispute, fees=_fees(dispute))


@post("/disputes/{dispute_id:str}/accept", status_code=303, opt={ROLE: Role.REFUNDER})
async def accept(
    *,
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    dispute_pages: Injected[DisputePages],
    accept_dispute: Injected[AcceptDispute],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Concede the dispute: the money stays with the cardholder."""
    dispute = await dispute_pages.find(dispute_id)
    origin = origin_of(request, staff, form)
    try:
        await accept_dispute(
            AcceptDisputeCommand(dispute_id=dispute.id, act=act_of(staff, form), origin=origin)
        )
    except PaymentsError as error:
        return await _after(request, dispute_pages, dispute, error)
    _log.info("dispute.accepted", actor=staff.name, dispute_id=dispute.id)
    return see_other(_address(dispute), done="dispute-accepted")


async def _after(
    request: Request[Any, Any, Any],
    dispute_pages: DisputePages,
    dispute: Dispute,
    error: PaymentsError | HttpProblem,
) -> Response[Any]:
    """Answer for what was not done, or for what nobody knows of: that is no failure.

    The dispute's page says of an unknown outcome that it is one.
    """
    if isinstance(error, GatewayUnavailable):
        return see_other(_address(dispute))
    return await dispute_pages.show(request, await dispute_pages.find(dispute.id), error)


def _address(dispute: Dispute) -> str:
    return f"{_PATH}/{dispute.id}"


HANDLERS: Final = (
    list_disputes,
    show_dispute,
    write,
    attach,
    confirm_submission,
    submit,
    confirm_acceptance,
    accept,
)
