"""Payments: the list, and each with its story and with what is possible now."""

from typing import Any, Final

import attrs
import structlog
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Template

from markethub.domain.errors import ApprovalRequired, NotFound, PaymentsError, TryAgain
from markethub.domain.ids import PaymentId, RefundId
from markethub.domain.money import Money
from markethub.domain.payment import Action, Payment
from markethub.domain.ports.history import HistoryQueries
from markethub.domain.ports.queries import Queries
from markethub.domain.ports.refunds import RefundFilter, RefundQueries
from markethub.domain.refund import NOTE_MAXIMUM, RefundReason, RefundStatus
from markethub.domain.refund_plan import Precondition
from markethub.domain.usecases.cancel_payment import CancelPayment, CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePayment, CapturePaymentCommand
from markethub.domain.usecases.refund_payment import RefundPayment, RefundPaymentCommand
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.exports import export_url
from markethub.entrypoints.console.forms import Form, origin_of
from markethub.entrypoints.console.lists import (
    PAGE,
    chosen,
    chosen_of,
    looked_up,
    options,
    pages,
)
from markethub.entrypoints.console.pages import led_to, render, see_other
from markethub.entrypoints.console.payment_list import Asked, shown
from markethub.entrypoints.console.payment_story import left_out, story
from markethub.entrypoints.console.problems import problem_of
from markethub.entrypoints.console.staff import ROLE, Staff
from markethub.entrypoints.http.errors import HttpProblem, invalid
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.setting_values import Role

_NAV: Final = "payments"
_PATH: Final = "/ops/payments"

_log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class PaymentPages:
    """What the page of a payment is made of."""

    queries: Queries
    history_queries: HistoryQueries

    async def find(self, payment_id: str) -> Payment:
        """Return the payment. Raises NotFound."""
        found = await self.queries.payment(PaymentId(looked_up(payment_id, "payment")))
        if found is None:
            raise NotFound("no such payment")
        return found

    async def show(
        self,
        request: Request[Any, Any, Any],
        payment: Payment,
        error: PaymentsError | HttpProblem | None = None,
    ) -> Template:
        """Render the payment's page, with what stood in the way of something, if anything did."""
        status, problem = (200, None) if error is None else problem_of(error)
        history = await self.history_queries.history(payment.id)
        assert history is not None, "a payment is never deleted"
        return render(
            request,
            "payment.html",
            nav=_NAV,
            status=status,
            problem=problem,
            payment=history.payment,
            disputes=history.disputes.items,
            pending=[each for each in history.approvals.items if each.is_pending],
            unknown=history.unresolved,
            actions=history.available_actions,
            reasons=options(RefundReason),
            note_maximum=NOTE_MAXIMUM,
            story=story(history),
            left_out=left_out(history),
        )


# --- looking ----------------------------------------------------------------------------------


def wanted_refunds(request: Request[Any, Any, Any]) -> RefundFilter:
    """Read which refunds are asked for. Raises HttpProblem for what cannot be a filter."""
    return RefundFilter(status=chosen_of(request, "status", RefundStatus))


@get("/payments", opt={ROLE: Role.VIEWER})
async def list_payments(request: Request[Any, Any, Any], queries: Injected[Queries]) -> Any:  # noqa: ANN401 - a page, or the way to one
    """List payments; what is searched for and is one thing leads to its payment at once."""
    asked = Asked.by(request)
    found = await asked.one(queries)
    if found is not None:
        return led_to(request, f"{_PATH}/{found}")
    page = await asked.read(queries, cursor=chosen(request, "cursor"), limit=PAGE)
    return render(
        request,
        "payments.html",
        nav=_NAV,
        reasons=options(RefundReason),
        note_maximum=NOTE_MAXIMUM,
        payments=page.items,
        **shown(request, asked),
        export_url=export_url(request),
        **pages(request, page.next_cursor),
    )


@get("/payments/{payment_id:str}", opt={ROLE: Role.VIEWER})
async def show_payment(
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    payment_pages: Injected[PaymentPages],
) -> Template:
    """Show a payment with its story."""
    return await payment_pages.show(request, await payment_pages.find(payment_id))


@get("/refunds", opt={ROLE: Role.VIEWER})
async def list_refunds(
    request: Request[Any, Any, Any], refund_queries: Injected[RefundQueries]
) -> Template:
    """List refunds, newest first."""
    page = await refund_queries.refunds(
        wanted_refunds(request), cursor=chosen(request, "cursor"), limit=PAGE
    )
    return render(
        request,
        "refunds.html",
        nav="refunds",
        refunds=page.items,
        shown=chosen(request, "status") or "",
        statuses=options(RefundStatus),
        export_url=export_url(request),
        **pages(request, page.next_cursor),
    )


@get("/refunds/{refund_id:str}", opt={ROLE: Role.VIEWER})
async def show_refund(
    refund_id: FromPath[str], refund_queries: Injected[RefundQueries]
) -> Redirect:
    """Lead to the payment that a refund is of: it tells the whole story."""
    found = await refund_queries.refund(RefundId(looked_up(refund_id, "refund")))
    if found is None:
        raise NotFound("no such refund")
    return Redirect(f"{_PATH}/{found.payment_id}", status_code=303)


# --- doing ------------------------------------------------------------------------------------


@post("/payments/{payment_id:str}/capture", status_code=303, opt={ROLE: Role.SUPPORT})
async def capture(
    *,
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    payment_pages: Injected[PaymentPages],
    capture_payment: Injected[CapturePayment],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Take what the card holds, or a part of it."""
    payment = await payment_pages.find(payment_id)
    origin = origin_of(request, staff, form)
    try:
        amount = _amount(form, payment)
        await capture_payment(
            CapturePaymentCommand(
                payment_id=payment.id,
                amount_minor=None if amount is None else amount.minor,
                origin=origin,
                act=act_of(staff, form),
            )
        )
    except (PaymentsError, HttpProblem) as error:
        return await _after(request, payment_pages, payment, error)
    _log.info("payment.capture_asked", actor=staff.name, payment_id=payment.id)
    return see_other(_address(payment), done="payment-captured")


@post("/payments/{payment_id:str}/cancel", status_code=303, opt={ROLE: Role.SUPPORT})
async def cancel(
    *,
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    payment_pages: Injected[PaymentPages],
    cancel_payment: Injected[CancelPayment],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Let go of what the card holds, or of an intent that nobody pays."""
    payment = await payment_pages.find(payment_id)
    origin = origin_of(request, staff, form)
    try:
        await cancel_payment(
            CancelPaymentCommand(payment_id=payment.id, origin=origin, act=act_of(staff, form))
        )
    except (PaymentsError, HttpProblem) as error:
        return await _after(request, payment_pages, payment, error)
    _log.info("payment.cancel_asked", actor=staff.name, payment_id=payment.id)
    return see_other(_address(payment), done="payment-canceled")


@get("/payments/{payment_id:str}/refund", opt={ROLE: Role.REFUNDER})
async def preview_refund(
    *,
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    payment_pages: Injected[PaymentPages],
    refund_payment: Injected[RefundPayment],
    staff: Injected[Staff],
) -> Template:
    """Say what a refund would do, and ask: nothing is written, and nobody is asked."""
    payment = await payment_pages.find(payment_id)
    try:
        text = chosen(request, "amount")
        amount = None if text is None else Money.parse(text, payment.amount.currency)
        reason = chosen_of(request, "why", RefundReason) or RefundReason.OTHER
        note = chosen(request, "note")
        preview = await refund_payment.preview(
            RefundPaymentCommand(
                payment_id=payment.id,
                act=act_of(staff),
                amount_minor=None if amount is None else amount.minor,
                reason=reason,
                note=note,
            )
        )
    except (PaymentsError, HttpProblem) as error:
        return await payment_pages.show(request, payment, error)
    stands = Precondition.of(preview.payment)
    return render(
        request,
        "payment_refund.html",
        nav=_NAV,
        payment=preview.payment,
        preview=preview,
        why=reason,
        note=note,
        captured=stands.captured.minor,
        given_back=stands.given_back.minor,
    )


@post("/payments/{payment_id:str}/refund", status_code=303, opt={ROLE: Role.REFUNDER})
async def refund(
    *,
    request: Request[Any, Any, Any],
    payment_id: FromPath[str],
    payment_pages: Injected[PaymentPages],
    refund_payment: Injected[RefundPayment],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Give back what the preview showed, if the payment still stands as it showed."""
    payment = await payment_pages.find(payment_id)
    origin = origin_of(request, staff, form)
    currency = payment.captured.currency
    try:
        made = await refund_payment(
            RefundPaymentCommand(
                payment_id=payment.id,
                act=act_of(staff),
                amount_minor=_minor(form, "amount_minor"),
                reason=_reason(form),
                note=form.text("note") or None,
                origin=origin,
                precondition=Precondition(
                    captured=Money(minor=_minor(form, "captured"), currency=currency),
                    given_back=Money(minor=_minor(form, "given_back"), currency=currency),
                ),
                again=True,  # the form's key tells a repetition from a further refund
            )
        )
    except ApprovalRequired as error:
        if error.is_anothers:
            return await _after(request, payment_pages, payment, error)
        return see_other(_address(payment), done="approval-asked")
    except (PaymentsError, HttpProblem) as error:
        return await _after(request, payment_pages, payment, error)
    _log.info("refund.asked", actor=staff.name, payment_id=payment.id, refund_id=made.id)
    return see_other(_address(payment), done=f"refund-{made.status.value.replace('_', '-')}")


async def _after(
    request: Request[Any, Any, Any],
    payment_pages: PaymentPages,
    payment: Payment,
    error: PaymentsError | HttpProblem,
) -> Response[Any]:
    """Answer for what was not done, or for what nobody knows of: that is no failure."""
    if isinstance(error, TryAgain):
        return see_other(_address(payment), done="outcome-unknown")
    return await payment_pages.show(request, await payment_pages.find(payment.id), error)


def _amount(form: Form, payment: Payment) -> Money | None:
    """Read major units; None where all is meant. Raises ValidationFailed."""
    text = form.text("amount")
    return Money.parse(text, payment.amount.currency) if text else None


def _minor(form: Form, name: str) -> int:
    text = form.needed(name)
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise invalid(name, "is not one of ours")
    return int(text)


def _reason(form: Form) -> RefundReason:
    try:
        return RefundReason(form.needed("why"))
    except ValueError:
        raise invalid("why", "is none of the choices") from None


def _address(payment: Payment) -> str:
    return f"{_PATH}/{payment.id}"


HANDLERS: Final = (
    list_payments,
    show_payment,
    capture,
    cancel,
    preview_refund,
    refund,
    list_refunds,
    show_refund,
)
assert {Action.CAPTURE, Action.CANCEL, Action.REFUND} == set(Action), "each has its form"
