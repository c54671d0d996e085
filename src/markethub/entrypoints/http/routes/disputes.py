"""Disputes: what became of them, and how staff answer them."""

import re
from typing import Annotated, Any, Final

from litestar import Request, Router, get, post, put
from litestar.params import FromPath, FromQuery, QueryParameter

from markethub.domain.dispute import DisputeStatus
from markethub.domain.errors import NotFound
from markethub.domain.evidence import FILE_BYTES_MAXIMUM, FILE_FIELDS, TEXT_CHARACTERS_MAXIMUM
from markethub.domain.ids import DisputeId, PaymentId
from markethub.domain.ports.disputes import DisputeFilter, DisputeQueries
from markethub.domain.usecases.accept_dispute import AcceptDispute, AcceptDisputeCommand
from markethub.domain.usecases.attach_file import AttachFile, AttachFileCommand
from markethub.domain.usecases.draft_evidence import DraftEvidence, DraftEvidenceCommand
from markethub.domain.usecases.submit_evidence import SubmitDraft, SubmitEvidenceCommand
from markethub.entrypoints.http.auth import Access, Caller
from markethub.entrypoints.http.dispute_schemas import (
    AcceptIn,
    DisputeOut,
    DisputesOut,
    EvidenceIn,
    SubmitIn,
    dispute_out,
    disputes_out,
    texts,
)
from markethub.entrypoints.http.entrance import ACCESS
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.idempotency import KEEP, Keep, origin
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import BODY_BYTES_MAXIMUM, json_body
from markethub.entrypoints.http.multipart import file_body
from markethub.entrypoints.http.openapi import (
    BEARER,
    READS,
    WRITES,
    documented,
    file_upload,
    problems,
)
from markethub.entrypoints.setting_values import Role

PAGE_MAXIMUM: Final = 100
EVIDENCE_BYTES_MAXIMUM: Final = 12 * TEXT_CHARACTERS_MAXIMUM + BODY_BYTES_MAXIMUM
"""All the text that Stripe takes, were each character written as two JSON escapes."""
_READERS: Final = Access(ops=Role.VIEWER)
_STAFF: Final = Access(ops=Role.SUPPORT)
_CONCEDERS: Final = Access(ops=Role.REFUNDER)
"""Who may let the money go."""
_ID: Final = re.compile(r"[A-Za-z0-9_]{1,128}")
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=:.|+-]{1,512}")


def _dispute_id(text: str) -> DisputeId:
    """Return what can be looked up; what cannot be an id of ours does not exist."""
    if not _ID.fullmatch(text):
        raise NotFound("no such dispute")
    return DisputeId(text)


@get(responses=problems(*READS), opt={ACCESS: _READERS})
async def list_disputes(
    *,
    dispute_queries: Injected[DisputeQueries],
    payment_id: FromQuery[str | None] = None,
    status: FromQuery[DisputeStatus | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAXIMUM)] = 50,
) -> DisputesOut:
    """List disputes, newest first."""
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise invalid("cursor", "is not one of ours")
    if payment_id is not None and not _ID.fullmatch(payment_id):
        raise invalid("payment_id", "is no id of a payment")
    page = await dispute_queries.disputes(
        DisputeFilter(
            payment_id=None if payment_id is None else PaymentId(payment_id), status=status
        ),
        cursor=cursor,
        limit=limit,
    )
    return disputes_out(page)


@get("/{dispute_id:str}", responses=problems(*READS), opt={ACCESS: _READERS})
async def get_dispute(
    dispute_id: FromPath[str], dispute_queries: Injected[DisputeQueries]
) -> DisputeOut:
    """Return a dispute."""
    dispute = await dispute_queries.dispute(_dispute_id(dispute_id))
    if dispute is None:
        raise NotFound("no such dispute")
    return dispute_out(dispute)


@put(
    "/{dispute_id:str}/evidence",
    operation_class=documented(EvidenceIn),
    responses=problems(*WRITES),
    opt={ACCESS: _STAFF},
    request_max_body_size=EVIDENCE_BYTES_MAXIMUM,
)
async def draft_evidence(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    draft_evidence: Injected[DraftEvidence],
    caller: Injected[Caller],
) -> DisputeOut:
    """Replace the texts of the draft. Attached files stay; nothing is sent to the bank."""
    known = _dispute_id(dispute_id)
    body = await json_body(request, EvidenceIn)
    return dispute_out(
        await draft_evidence(
            DraftEvidenceCommand(dispute_id=known, texts=texts(body), act=caller.act)
        )
    )


@post(
    "/{dispute_id:str}/files",
    status_code=200,
    operation_class=file_upload(fields=FILE_FIELDS),
    responses=problems(*WRITES, 415),
    opt={ACCESS: _STAFF, KEEP: Keep.ANSWER},
    # The file, and the parts' own headers.
    request_max_body_size=FILE_BYTES_MAXIMUM + BODY_BYTES_MAXIMUM,
)
async def attach_file(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    attach_file: Injected[AttachFile],
    caller: Injected[Caller],
) -> DisputeOut:
    """Upload a PDF, JPEG or PNG of at most 5 MiB, and attach it to the draft."""
    known = _dispute_id(dispute_id)
    field, content = await file_body(request)
    return dispute_out(
        await attach_file(
            AttachFileCommand(dispute_id=known, field=field, content=content, act=caller.act)
        )
    )


@post(
    "/{dispute_id:str}/submit",
    status_code=200,
    operation_class=documented(SubmitIn, required=False, keyed=True),
    responses=problems(*WRITES),
    opt={ACCESS: _STAFF, KEEP: Keep.ANSWER},
)
async def submit_evidence(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    submit_evidence: Injected[SubmitDraft],
    caller: Injected[Caller],
) -> DisputeOut:
    """Hand the draft to the bank, which takes evidence only once."""
    known = _dispute_id(dispute_id)
    await json_body(request, SubmitIn)
    return dispute_out(
        await submit_evidence(
            SubmitEvidenceCommand(dispute_id=known, act=caller.act, origin=origin(request))
        )
    )


@post(
    "/{dispute_id:str}/accept",
    status_code=200,
    operation_class=documented(AcceptIn, required=False, keyed=True),
    responses=problems(*WRITES),
    opt={ACCESS: _CONCEDERS, KEEP: Keep.ANSWER},
)
async def accept_dispute(
    request: Request[Any, Any, Any],
    dispute_id: FromPath[str],
    accept_dispute: Injected[AcceptDispute],
    caller: Injected[Caller],
) -> DisputeOut:
    """Concede a chargeback, for good: it is lost."""
    known = _dispute_id(dispute_id)
    await json_body(request, AcceptIn)
    return dispute_out(
        await accept_dispute(
            AcceptDisputeCommand(dispute_id=known, act=caller.act, origin=origin(request))
        )
    )


disputes_router = Router(
    "/api/disputes",
    route_handlers=[
        list_disputes,
        get_dispute,
        draft_evidence,
        attach_file,
        submit_evidence,
        accept_dispute,
    ],
    tags=["disputes"],
    security=BEARER,
)
