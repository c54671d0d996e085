"""The console's router, to be mounted by the application."""

from typing import TYPE_CHECKING, Any, Final

from litestar import Request, Router
from litestar.di import Provide

from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.guard import FORM, Guard
from markethub.entrypoints.console.problems import EXCEPTION_HANDLERS
from markethub.entrypoints.console.routes import (
    approvals,
    audit,
    deliveries,
    disputes,
    events,
    exports,
    fallback,
    methods,
    overview,
    payments,
    refund_plans,
    signing,
)
from markethub.entrypoints.console.sessions import Sessions
from markethub.entrypoints.console.staff import Staff
from markethub.entrypoints.http.auth import Authenticator
from markethub.entrypoints.http.limits import Buckets, Limits, RateLimiter
from markethub.entrypoints.wiring import provide, shared

if TYPE_CHECKING:
    from markethub.entrypoints.container import Container

PATH: Final = "/ops"

_PROVIDED: Final = (
    "accept_dispute",
    "apply_refund_plan",
    "approval_queries",
    "attach_file",
    "audit_queries",
    "cancel_payment",
    "capture_payment",
    "clock",
    "decide_approval",
    "delivery_queries",
    "dispute_queries",
    "draft_evidence",
    "inbox_queries",
    "overview_queries",
    "plan_refunds",
    "publisher",
    "queries",
    "record_audit",
    "refund_payment",
    "refund_queries",
    "remove_method",
    "replay_deliveries",
    "replay_event",
    "set_default_method",
    "submit_evidence",
)
"""What handlers may ask for: the container's providers of these names."""


def console_router(container: "Container", authenticator: Authenticator, limits: Limits) -> Router:
    """Return every page of the console, behind its guard."""
    clock = container.clock()
    sessions = Sessions(store=container.staff_sessions(), authenticator=authenticator, clock=clock)
    dispute_pages = disputes.DisputePages(
        dispute_queries=container.dispute_queries(),
        audit_queries=container.audit_queries(),
        clock=clock,
    )
    payment_pages = payments.PaymentPages(
        queries=container.queries(), history_queries=container.history_queries()
    )
    exporter = exports.Exporter(record_audit=container.record_audit(), clock=clock)
    sign_ins = Buckets(limits.sign_in, clock=clock)
    return Router(
        PATH,
        route_handlers=[
            *signing.HANDLERS,
            *overview.HANDLERS,
            *payments.HANDLERS,
            *refund_plans.HANDLERS,
            *approvals.HANDLERS,
            *events.HANDLERS,
            *disputes.HANDLERS,
            *deliveries.HANDLERS,
            *methods.HANDLERS,
            *audit.HANDLERS,
            *exports.HANDLERS,
            *fallback.HANDLERS,
        ],
        dependencies={
            **{name: provide(container, name) for name in _PROVIDED},
            "dispute_pages": Provide(lambda: dispute_pages, sync_to_thread=False),
            "exporter": Provide(lambda: exporter, sync_to_thread=False),
            "payment_pages": Provide(lambda: payment_pages, sync_to_thread=False),
            "sessions": Provide(lambda: sessions, sync_to_thread=False),
            "sign_ins": Provide(lambda: sign_ins, sync_to_thread=False),
            "staff": Provide(_staff, sync_to_thread=False),
            "form": Provide(_form, sync_to_thread=False),
        },
        middleware=[
            shared(Guard(sessions, RateLimiter(limits, clock=clock), container.record_audit()))
        ],
        exception_handlers=EXCEPTION_HANDLERS,
        include_in_schema=False,
    )


def _staff(request: Request[Any, Any, Any]) -> Staff:
    staff: Staff = request.scope["user"]
    return staff


def _form(request: Request[Any, Any, Any]) -> Form:
    form: Form = request.scope["state"][FORM]
    return form
