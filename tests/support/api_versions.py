"""The same event as accounts of older API versions are sent it.

Each function takes an event of today's version and returns it in the shape of its own. What
changed when is from Stripe's changelog and from events that were published in those times.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

Event = dict[str, Any]

_FORMER_STATUS: Final = {
    "requires_payment_method": "requires_source",
    "requires_action": "requires_source_action",
}


def as_of_2026_10_28_endive(event: Mapping[str, Any]) -> Event:
    """Today's shape, which the simulated account sends."""
    return _dated(event, "2026-10-28.endive")


def as_of_2025_03_31_basil(event: Mapping[str, Any]) -> Event:
    """No ``invoice`` on intents and charges any more; refunds know no ``payment_method`` yet."""
    old = _dated(as_of_2026_10_28_endive(event), "2025-03-31.basil")
    for each in _of_kind(old, "refund"):
        for newer in ("customer", "customer_account", "payment_method"):
            each.pop(newer, None)
    for each in _of_kind(old, "payment_intent", "charge", "payment_method"):
        each.pop("customer_account", None)
    return old


def as_of_2024_10_28_acacia(event: Mapping[str, Any]) -> Event:
    """``refund.created``, ``.updated`` and ``.failed`` tell of charges' refunds from here on."""
    old = _dated(as_of_2025_03_31_basil(event), "2024-10-28.acacia")
    for each in _of_kind(old, "payment_intent", "charge"):
        each["invoice"] = None
    return old


def as_of_2024_04_10(event: Mapping[str, Any]) -> Event:
    """A charge's refund only ever is ``charge.refund.updated``; capture is no longer at once."""
    old = _dated(as_of_2024_10_28_acacia(event), "2024-04-10")
    if old["type"].startswith("refund."):
        old["type"] = "charge.refund.updated"
    for each in _of_kind(old, "payment_intent"):
        if each.get("capture_method") == "automatic":
            each["capture_method"] = "automatic_async"
    return old


def as_of_2022_11_15(event: Mapping[str, Any]) -> Event:
    """Intents have their ``latest_charge`` only, and charges show no refunds."""
    old = _dated(as_of_2024_04_10(event), "2022-11-15")
    for each in _of_kind(old, "payment_intent"):
        if each.get("capture_method") == "automatic_async":
            each["capture_method"] = "automatic"
        each.pop("payment_method_configuration_details", None)
    return old


def as_of_2022_08_01(event: Mapping[str, Any]) -> Event:
    """Intents list their ``charges``, newest first and whole; charges list their refunds."""
    old = _dated(as_of_2022_11_15(event), "2022-08-01")
    for each in _of_kind(old, "payment_intent"):
        latest = each.pop("latest_charge", None)
        charge_id = latest["id"] if isinstance(latest, dict) else latest
        charges = [] if charge_id is None else [_charge_of(each, charge_id)]
        each["charges"] = _list(charges, f"/v1/charges?payment_intent={each['id']}")
    for each in _of_kind(old, "charge"):
        each["refunds"] = _list([], f"/v1/charges/{each['id']}/refunds")
    return old


def as_of_2020_03_02(event: Mapping[str, Any]) -> Event:
    """Charges do not say how much was captured; a card's update has a type of its own."""
    old = _dated(as_of_2022_08_01(event), "2020-03-02")
    if old["type"] == "payment_method.automatically_updated":
        old["type"] = "payment_method.card_automatically_updated"
    for each in [*_of_kind(old, "charge"), *_charges_in(old)]:
        each.pop("amount_captured", None)
    for each in _of_kind(old, "payment_intent"):
        each.pop("automatic_payment_methods", None)
    return old


def as_of_2018_11_08(event: Mapping[str, Any]) -> Event:
    """Intents speak of sources: in two statuses, in ``allowed_source_types`` and what is next."""
    old = _dated(as_of_2020_03_02(event), "2018-11-08")
    for each in _of_kind(old, "payment_intent"):
        each["status"] = _FORMER_STATUS.get(each["status"], each["status"])
        each["allowed_source_types"] = each.pop("payment_method_types", ["card"])
        each["next_source_action"] = each.pop("next_action", None)
        each["source"] = None
    for each in [*_of_kind(old, "charge"), *_charges_in(old)]:
        details = each.pop("payment_method_details", None) or {}
        each["source"] = {"id": "card_1", "object": "card", **(details.get("card") or {})}
    for each in _of_kind(old, "dispute", "radar.early_fraud_warning"):
        each.pop("payment_intent", None)  # disputes name their charge only
    for each in _of_kind(old, "refund"):
        each.pop("payment_intent", None)
    return old


def as_of_2017_08_15(event: Mapping[str, Any]) -> Event:
    """What is referred to and at hand stands there whole; nobody's balance line has a category."""
    old = _dated(as_of_2018_11_08(event), "2017-08-15")
    for each in _of_kind(old, "charge", "refund", "dispute"):
        if isinstance(each.get("charge"), str):
            each["charge"] = {"id": each["charge"], "object": "charge"}
        if isinstance(each.get("payment_intent"), str):
            each["payment_intent"] = {"id": each["payment_intent"], "object": "payment_intent"}
        if isinstance(each.get("customer"), str):
            each["customer"] = {"id": each["customer"], "object": "customer"}
    return old


def as_of_2017_04_06(event: Mapping[str, Any]) -> Event:
    """The request is its id alone (an object from 2017-05-25 on); ``user_id`` names the account."""
    old = _dated(as_of_2017_08_15(event), "2017-04-06")
    request = old.get("request")
    old["request"] = request["id"] if isinstance(request, dict) else None
    old["user_id"] = "acct_1"
    for each in _of_kind(old, "charge", "refund", "payment_intent"):
        if each.get("metadata") == {}:
            each["metadata"] = []
    return old


def of_no_version(event: Mapping[str, Any]) -> Event:
    """An event whose version Stripe does not tell, for a connected account."""
    return {**copy.deepcopy(dict(event)), "api_version": None, "account": "acct_1"}


VERSIONS: Final[Mapping[str, Callable[[Mapping[str, Any]], Event]]] = {
    each.__name__: each
    for each in (
        as_of_2017_04_06,
        as_of_2017_08_15,
        as_of_2018_11_08,
        as_of_2020_03_02,
        as_of_2022_08_01,
        as_of_2022_11_15,
        as_of_2024_04_10,
        as_of_2024_10_28_acacia,
        as_of_2025_03_31_basil,
        as_of_2026_10_28_endive,
        of_no_version,
    )
}


def _dated(event: Mapping[str, Any], version: str) -> Event:
    return {**copy.deepcopy(dict(event)), "api_version": version}


def _of_kind(event: Event, *kinds: str) -> list[dict[str, Any]]:
    obj = event["data"]["object"]
    return [obj] if obj.get("object") in kinds else []


def _charges_in(event: Event) -> list[dict[str, Any]]:
    return [
        charge
        for intent in _of_kind(event, "payment_intent")
        for charge in intent["charges"]["data"]
    ]


def _charge_of(intent: Mapping[str, Any], id: str) -> dict[str, Any]:
    captured = intent["status"] == "succeeded"
    return {
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount_received"] if captured else 0,
        "captured": captured,
        "currency": intent["currency"],
        "metadata": intent["metadata"],
        "payment_intent": intent["id"],
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "status": "succeeded",
    }


def _list(data: list[Any], url: str) -> dict[str, Any]:
    return {
        "object": "list",
        "data": data,
        "has_more": False,
        "total_count": len(data),
        "url": url,
    }
