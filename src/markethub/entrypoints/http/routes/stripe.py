"""Charging an order, and reading what became of it."""

from typing import Any

from litestar import Request, Router, post
from litestar.params import FromPath
from msgspec import UnsetType

from markethub.domain import ids
from markethub.domain.ids import IntentId
from markethub.domain.usecases.charge_order import ChargeOrder, ChargeOrderCommand
from markethub.domain.usecases.confirm_payment import ConfirmPayment, ConfirmPaymentCommand
from markethub.entrypoints.http.auth import Access, Caller, forbidden
from markethub.entrypoints.http.entrance import ACCESS
from markethub.entrypoints.http.idempotency import KEEP, Keep, origin
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import json_body
from markethub.entrypoints.http.openapi import BEARER, WRITES, documented, problems
from markethub.entrypoints.http.schemas import (
    ChargeIn,
    ChargeOut,
    ConfirmIn,
    ConfirmOut,
    charge_out,
    confirm_out,
    given,
)
from markethub.entrypoints.settings import Settings

_CUSTOMERS_TOO = Access(storefront=True, customer=True)


@post(
    "/create-payment-intent/{order_id:str}",
    status_code=200,
    operation_class=documented(ChargeIn, required=False, keyed=True),
    responses=problems(*WRITES),
    security=BEARER,
    opt={ACCESS: _CUSTOMERS_TOO, KEEP: Keep.FINGERPRINT},
)
async def create_payment_intent(
    request: Request[Any, Any, Any],
    order_id: FromPath[str],
    charge_order: Injected[ChargeOrder],
    caller: Injected[Caller],
    settings: Injected[Settings],
) -> ChargeOut:
    """Ask for an order's money. Called again, it returns the same live payment.

    With `off_session` the saved method `method_id` is charged at once. What the bank says to that
    is an answer, not a problem: a payment that is `requires_payment_method` again was declined,
    or, with `error.code` `authentication_required`, needs its customer to confirm it.
    """
    known = ids.order_id(order_id)
    body = await json_body(request, ChargeIn)
    capture = None if isinstance(body.capture, UnsetType) else body.capture
    if capture is not None and caller.customer_id is not None:
        raise forbidden("How an order is captured is the storefront's alone to say.")
    if not isinstance(body.off_session, UnsetType) and caller.customer_id is not None:
        raise forbidden("Who confirms a payment is the storefront's alone to say.")
    started = await charge_order(
        ChargeOrderCommand(
            order_id=known,
            customer_id=caller.customer_id,
            expected_total=given(body.expected_total),
            capture=capture,
            wish=body.wish(),
            origin=origin(request),
        )
    )
    return charge_out(started, caller, publishable_key=settings.stripe_publishable_key)


@post(
    "/confirm-payment",
    status_code=200,
    operation_class=documented(ConfirmIn, keyed=True),
    responses=problems(*WRITES),
    security=BEARER,
    opt={ACCESS: _CUSTOMERS_TOO, KEEP: Keep.FINGERPRINT},
)
async def confirm_payment(
    request: Request[Any, Any, Any],
    confirm_payment: Injected[ConfirmPayment],
    caller: Injected[Caller],
) -> ConfirmOut:
    """Read from the provider what became of a payment that the browser confirmed."""
    body = await json_body(request, ConfirmIn)
    confirmed = await confirm_payment(
        ConfirmPaymentCommand(
            intent_id=IntentId(body.payment_intent_id), customer_id=caller.customer_id
        )
    )
    return confirm_out(confirmed, caller)


stripe_router = Router(
    "/api/stripe",
    route_handlers=[create_payment_intent, confirm_payment],
    tags=["stripe"],
)
