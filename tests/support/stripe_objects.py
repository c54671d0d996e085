"""Stripe's objects as JSON, in the shapes of several API versions: what the adapters must read."""

import copy
from typing import Any

REFERENCE = {
    "markethub_payment_id": "pay_1",
    "markethub_order_id": "o-1",
    "markethub_customer_id": "c-1",
}

BALANCE_TRANSACTION: dict[str, Any] = {
    "id": "txn_1",
    "object": "balance_transaction",
    "amount": 5000,
    "currency": "usd",
    "fee": 175,
    "net": 4825,
}

CHARGE: dict[str, Any] = {
    "id": "ch_1",
    "object": "charge",
    "amount": 5000,
    "amount_captured": 5000,
    "balance_transaction": "txn_1",
    "captured": True,
    "currency": "usd",
    "metadata": REFERENCE,
    "paid": True,
    "payment_intent": "pi_1",
    "payment_method_details": {
        "type": "card",
        "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030},
    },
    "status": "succeeded",
}

INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 5000,
    "amount_capturable": 0,
    "amount_received": 5000,
    "cancellation_reason": None,
    "capture_method": "automatic",
    "client_secret": "pi_1_secret_abc",
    "created": 1793610000,
    "currency": "usd",
    "last_payment_error": None,
    "latest_charge": "ch_1",
    "livemode": False,
    "metadata": REFERENCE,
    "next_action": None,
    "status": "succeeded",
}


def intent(**changes: Any) -> dict[str, Any]:
    """Return today's intent, changed."""
    return copy.deepcopy(INTENT) | changes


def charge(**changes: Any) -> dict[str, Any]:
    """Return today's charge, changed."""
    return copy.deepcopy(CHARGE) | changes


def with_charge_inline(obj: dict[str, Any]) -> dict[str, Any]:
    """Shape an intent as a read that expands its charge and its fee."""
    return obj | {"latest_charge": charge(balance_transaction=BALANCE_TRANSACTION)}


def before_latest_charge(obj: dict[str, Any]) -> dict[str, Any]:
    """Shape an intent as before API version 2022-11-15: its charges in a list, newest first."""
    older = {key: value for key, value in obj.items() if key != "latest_charge"}
    listed = [charge(), charge(id="ch_0", status="failed", captured=False, amount_captured=0)]
    older["charges"] = {"object": "list", "data": listed, "has_more": False, "total_count": 2}
    return older


def of_2017(obj: dict[str, Any]) -> dict[str, Any]:
    """Shape an intent as an account pinned to 2017 sees it: the older list, and newer enums."""
    older = before_latest_charge(obj)
    for charged in older["charges"]["data"]:
        del charged["amount_captured"]
    return older | {"allowed_source_types": ["card"], "source": None}


def event(obj: dict[str, Any], type: str = "payment_intent.succeeded", **changes: Any) -> Any:
    """Wrap an object as an event about it."""
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 1793610001,
        "data": {"object": obj},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_1", "idempotency_key": None},
        "type": type,
    } | changes


def error(type: str = "invalid_request_error", **fields: Any) -> dict[str, Any]:
    """Return an error body."""
    return {"error": {"type": type, "message": "no", **fields}}
