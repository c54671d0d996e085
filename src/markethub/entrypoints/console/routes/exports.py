"""The lists as files for a spreadsheet, filtered as they are shown."""

from typing import Any, Final, TypeVar

import attrs
import structlog
from litestar import Request, get
from litestar.response import Stream

from markethub.domain.audit import AuditAction
from markethub.domain.ports.audit import AuditPage, AuditQueries
from markethub.domain.ports.disputes import DisputePage, DisputeQueries
from markethub.domain.ports.queries import PaymentPage, Queries
from markethub.domain.ports.refunds import RefundPage, RefundQueries
from markethub.domain.ports.system import Clock
from markethub.domain.usecases.record_audit import RecordAudit
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.exports import AUDIT, DISPUTES, PAYMENTS, REFUNDS, Read, Table
from markethub.entrypoints.console.pages import HEADERS
from markethub.entrypoints.console.payment_list import Asked
from markethub.entrypoints.console.routes import audit, disputes, payments
from markethub.entrypoints.console.staff import ROLE, Staff
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.setting_values import Role

_NOTED_CHARACTERS_MAXIMUM: Final = 255
"""Of each part of the filter, in the audit log: no id is longer, and it is no place for more."""
_MEDIA_TYPE: Final = "text/csv; charset=utf-8; header=present"

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class Exporter:
    """Hands a list out, and writes down who took it."""

    record_audit: RecordAudit
    clock: Clock

    async def __call__(
        self, table: Table[T], read: Read[T], *, staff: Staff, wanted: attrs.AttrsInstance
    ) -> Stream:
        """Return the file, once the audit log says who began it, and by which filter."""
        asked = attrs.asdict(wanted, recurse=False)
        detail = {
            name: str(value)[:_NOTED_CHARACTERS_MAXIMUM]
            for name, value in asked.items()
            if value is not None
        }
        await self.record_audit(
            act_of(staff),
            AuditAction.CONSOLE_EXPORT,
            subject=table.name,
            detail=detail or {"filter": "none"},
        )
        _log.info("console.exported", actor=staff.name, list=table.name)
        name = f"markethub-{table.name}-{self.clock.now():%Y-%m-%d}.csv"
        return Stream(
            table.lines(read),
            # As a header: to a media type the framework would add the character set once more.
            headers={
                **HEADERS,
                "Content-Type": _MEDIA_TYPE,
                "Content-Disposition": f'attachment; filename="{name}"',
            },
        )


@get("/payments.csv", opt={ROLE: Role.VIEWER})
async def export_payments(
    *,
    request: Request[Any, Any, Any],
    queries: Injected[Queries],
    exporter: Injected[Exporter],
    staff: Injected[Staff],
) -> Stream:
    """Hand the payments out that the list shows, on all of its pages."""
    asked = Asked.by(request)

    async def read(cursor: str | None, limit: int) -> PaymentPage:
        return await asked.read(queries, cursor=cursor, limit=limit)

    return await exporter(PAYMENTS, read, staff=staff, wanted=asked.filter)


@get("/refunds.csv", opt={ROLE: Role.VIEWER})
async def export_refunds(
    *,
    request: Request[Any, Any, Any],
    refund_queries: Injected[RefundQueries],
    exporter: Injected[Exporter],
    staff: Injected[Staff],
) -> Stream:
    """Hand the refunds out that the list shows, on all of its pages."""
    wanted = payments.wanted_refunds(request)

    async def read(cursor: str | None, limit: int) -> RefundPage:
        return await refund_queries.refunds(wanted, cursor=cursor, limit=limit)

    return await exporter(REFUNDS, read, staff=staff, wanted=wanted)


@get("/disputes.csv", opt={ROLE: Role.VIEWER})
async def export_disputes(
    *,
    request: Request[Any, Any, Any],
    dispute_queries: Injected[DisputeQueries],
    exporter: Injected[Exporter],
    staff: Injected[Staff],
) -> Stream:
    """Hand the disputes out that the list shows, on all of its pages."""
    wanted = disputes.Wanted.of(request)

    async def read(cursor: str | None, limit: int) -> DisputePage:
        return await wanted.read(dispute_queries, cursor=cursor, limit=limit)

    return await exporter(DISPUTES, read, staff=staff, wanted=wanted)


@get("/audit.csv", opt={ROLE: Role.VIEWER})
async def export_audit(
    *,
    request: Request[Any, Any, Any],
    audit_queries: Injected[AuditQueries],
    exporter: Injected[Exporter],
    staff: Injected[Staff],
) -> Stream:
    """Hand the lines of the audit log out that the list shows, on all of its pages."""
    wanted = audit.wanted_entries(request)

    async def read(cursor: str | None, limit: int) -> AuditPage:
        return await audit_queries.entries(wanted, cursor=cursor, limit=limit)

    return await exporter(AUDIT, read, staff=staff, wanted=wanted)


HANDLERS: Final = (export_payments, export_refunds, export_disputes, export_audit)
