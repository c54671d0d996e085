"""What we send to Stripe: our commands and reads as method, path and parameters. Pure.

Parameters are those of the pinned API version. ``payment_method_types`` is never sent, for that
version refuses it; ``capture_method`` always is, because its default depends on the version.
"""

import re
from datetime import datetime
from typing import Final

from markethub.domain.errors import NotFound
from markethub.domain.ids import ChargeId, IntentId, ProviderCustomerId
from markethub.domain.operation import (
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    GatewayCommand,
    ProviderRequest,
    RefundIntent,
    UpdateIntent,
)
from markethub.domain.secret import Secret

API_VERSION: Final = "2026-10-28.endive"
"""The version that every request names and every answer is read as."""

PAYMENT_ID: Final = "markethub_payment_id"
ORDER_ID: Final = "markethub_order_id"
CUSTOMER_ID: Final = "markethub_customer_id"
REFUND_ID: Final = "markethub_refund_id"
REFUND_REASON: Final = "markethub_refund_reason"
"""Keys of ``metadata``, where Stripe keeps our ids; prefixed, for others write there too."""

PAGE_SIZE: Final = 100
"""The most that Stripe lists at once."""

_INTENTS: Final = "/v1/payment_intents"
_REFUNDS: Final = "/v1/refunds"
_REFUND_EXPAND: Final = ("balance_transaction", "failure_balance_transaction")
_PROVIDER_REASON: Final = {
    # Never ``fraudulent``: Stripe would block the customer's card and e-mail address.
    name: {"reason": name}
    for name in ("duplicate", "requested_by_customer")
}
_EXPAND: Final = ("latest_charge.balance_transaction",)
_ID = re.compile(r"[A-Za-z0-9_]{1,255}")


def render(command: GatewayCommand) -> ProviderRequest:
    """Say what is sent for ``command``. Raises NotFound for an intent id that cannot be one."""
    match command:
        case CreateIntent():
            return _post(
                _INTENTS,
                amount=command.amount.minor,
                currency=command.amount.currency.code,
                capture_method="manual" if command.manual_capture else "automatic",
                automatic_payment_methods=_automatic(allows_redirects=command.allows_redirects),
                **_usage(
                    customer=command.provider_customer_id,
                    method=command.method,
                    # Nothing to say where none is saved: that is how intents begin.
                    saves=command.saves_method or None,
                ),
                metadata={
                    PAYMENT_ID: command.payment_id,
                    ORDER_ID: command.order_id,
                    CUSTOMER_ID: command.customer_id,
                },
            )
        case UpdateIntent():
            return _post(
                _intent(command.intent_id),
                amount=command.amount.minor,
                **_usage(
                    customer=command.provider_customer_id,
                    method=command.method,
                    saves=command.saves_method,
                ),
            )
        case ConfirmIntent():
            return _post(
                f"{_intent(command.intent_id)}/confirm",
                payment_method=command.method.reveal(),
                # Stripe.js brings the customer through a challenge; we have no page to return to.
                **({"off_session": True} if command.off_session else {"use_stripe_sdk": True}),
            )
        case CaptureIntent():
            return _post(
                f"{_intent(command.intent_id)}/capture",
                amount_to_capture=command.amount.minor,
            )
        case CancelIntent(reason=None):
            return _post(f"{_intent(command.intent_id)}/cancel")
        case CancelIntent():
            return _post(
                f"{_intent(command.intent_id)}/cancel",
                cancellation_reason=command.reason,
            )
        case RefundIntent():
            return ProviderRequest(
                method="POST",
                path=_REFUNDS,
                params={
                    "payment_intent": command.intent_id,
                    "amount": command.amount.minor,
                    **_PROVIDER_REASON.get(command.reason, {}),
                    "metadata": {
                        REFUND_ID: command.refund_id,
                        PAYMENT_ID: command.payment_id,
                        REFUND_REASON: command.reason,
                    },
                    "expand": list(_REFUND_EXPAND),
                },
            )


def _automatic(*, allows_redirects: bool) -> dict[str, object]:
    return {"enabled": True, **({} if allows_redirects else {"allow_redirects": "never"})}


def _usage(
    *, customer: ProviderCustomerId | None, method: Secret | None, saves: bool | None
) -> dict[str, object]:
    """Say whose method is used, and whether it is saved for later charges, of any kind."""
    usage: dict[str, object] = {}
    if customer is not None:
        usage["customer"] = customer
    if method is not None:
        usage["payment_method"] = method.reveal()
    if saves is not None:
        usage["setup_future_usage"] = "off_session" if saves else ""
    return usage


def read_intent(intent_id: IntentId) -> ProviderRequest:
    """Ask for an intent with its charge and fee. Raises NotFound for what cannot be an id."""
    return _get(_intent(intent_id), expand=list(_EXPAND))


def list_intents(*, created_from: datetime, starting_after: str | None = None) -> ProviderRequest:
    """Ask for a page of the intents created at or after a time, newest first."""
    after = {} if starting_after is None else {"starting_after": starting_after}
    created = {"gte": int(created_from.timestamp())}
    return _get(_INTENTS, created=created, limit=PAGE_SIZE, **after)


def list_lines(charge_id: ChargeId) -> ProviderRequest:
    """Ask for the lines that a charge itself wrote on the balance: hardly ever more than two."""
    return _get("/v1/balance_transactions", source=charge_id, limit=PAGE_SIZE)


def list_refunds(intent_id: IntentId, *, starting_after: str | None = None) -> ProviderRequest:
    """Ask for a page of an intent's refunds with the lines they wrote on the balance."""
    _intent(intent_id)
    after = {} if starting_after is None else {"starting_after": starting_after}
    expand = [f"data.{name}" for name in _REFUND_EXPAND]
    return _get(_REFUNDS, payment_intent=intent_id, limit=PAGE_SIZE, expand=expand, **after)


def read_account() -> ProviderRequest:
    """Ask for the account that the credentials belong to."""
    return _get("/v1/account")


def _intent(intent_id: IntentId) -> str:
    # An empty id would address the list, and a slash something else altogether.
    if not _ID.fullmatch(intent_id):
        raise NotFound("no such payment intent")
    return f"{_INTENTS}/{intent_id}"


def _post(path: str, **params: object) -> ProviderRequest:
    return ProviderRequest(method="POST", path=path, params={**params, "expand": list(_EXPAND)})


def _get(path: str, **params: object) -> ProviderRequest:
    return ProviderRequest(method="GET", path=path, params=params)
