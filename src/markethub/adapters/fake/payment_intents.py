"""PaymentIntents: the endpoints, and those verbs of the state machine that ask no card.

Source of states, verbs and messages: Stripe's pages "How PaymentIntents work" and "PaymentIntents
API", and error bodies recorded by others.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import (
    balance,
    charges,
    confirmations,
    errors,
    objects,
    payment_methods,
)
from markethub.adapters.fake.confirmations import Confirmation
from markethub.adapters.fake.currencies import CURRENCIES
from markethub.adapters.fake.customers import require_customer
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import page
from markethub.adapters.fake.parameters import merged
from markethub.adapters.fake.store import JsonObject

KIND: Final = "payment_intent"

_UPDATABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE: Final = (
    "requires_payment_method",
    "requires_capture",
    "requires_confirmation",
    "requires_action",
)

_COPIED: Final = (
    "capture_method",
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
_MONEY_OR_METHOD: Final = (
    "amount",
    "currency",
    "payment_method",
    "payment_method_data",
    "customer",
    "capture_method",
    "setup_future_usage",
    "payment_method_options",
)
"""What may change before the payment only; the rest of an intent may be described at any time."""
_REOPENS: Final = frozenset(("amount", "currency", "payment_method"))
"""A change of these ends a challenge and voids its answer: the customer would have authenticated
what is no longer asked."""


def load(execution: Execution, id: str) -> JsonObject:
    """Return an intent. Raises ApiError 404."""
    intent = execution.find(KIND, id)
    if intent is None:
        raise errors.missing(KIND, id, param="intent")
    return intent


# --- endpoints --------------------------------------------------------------------------------


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/payment_intents``. Raises ApiError, Declined."""
    _require_chargeable(execution, given["amount"], given["currency"])
    if "off_session" in given and not given.get("confirm"):
        raise ApiError(
            "The `off_session` parameter can only be used when `confirm` is `true`.",
            param="off_session",
        )
    new_id = execution.new_id("pi")
    intent: dict[str, Any] = objects.payment_intent(
        id=new_id,
        client_secret=execution.secret_for(new_id),
        created=execution.now,
        livemode=execution.options.livemode,
    )
    confirmation_method = given.get("confirmation_method", "automatic")
    automatic = given.get("automatic_payment_methods", {"enabled": True})
    if automatic["enabled"]:
        redirects = automatic.get("allow_redirects", "always")
        intent["automatic_payment_methods"] = {"allow_redirects": redirects, "enabled": True}
    intent |= {
        "amount": given["amount"],
        "currency": given["currency"],
        "confirmation_method": confirmation_method,
        "customer": require_customer(execution, given.get("customer")),
        "metadata": merged({}, given.get("metadata", {})),
        **_copied(intent, given),
    }
    intent |= _method(execution, intent, given)
    created = execution.save(intent)
    execution.emit("payment_intent.created", created)
    if given.get("confirm"):
        return confirmations.confirm(execution, created, _how(given))
    return created


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/payment_intents/{id}``. Raises ApiError 404."""
    return load(execution, id)


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/payment_intents``, the newest first."""
    customer = given.get("customer")
    return page(
        execution,
        KIND,
        given,
        url="/v1/payment_intents",
        matches=lambda intent: customer in (None, intent["customer"]),
    )


def update(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/payment_intents/{id}``. Raises ApiError."""
    intent = load(execution, id)
    status = intent["status"]
    for name in _MONEY_OR_METHOD:
        if name in given and status not in _UPDATABLE:
            raise errors.unexpected_state(
                f"This PaymentIntent's {name} could not be updated because it has a status of "
                f"{status}. You may only update the {name} of a PaymentIntent with one of the "
                f"following statuses: {', '.join(_UPDATABLE)}.",
                intent,
                param=name,
            )
    changes: dict[str, Any] = {
        **{name: given[name] for name in ("amount", "currency") if name in given},
        **_copied(intent, given),
    }
    if "amount" in given or "currency" in given:
        asked = {**intent, **changes}
        _require_chargeable(execution, asked["amount"], asked["currency"])
    if "metadata" in given:
        changes["metadata"] = merged(intent["metadata"], given["metadata"])
    if "customer" in given:
        changes["customer"] = require_customer(execution, given["customer"])
    changes |= _method(execution, {**intent, **changes}, given)
    if _REOPENS & changes.keys():
        confirmations.reset(execution, intent)
        if status == "requires_action":
            changes |= {"next_action": None, "status": "requires_confirmation"}
    return execution.change(intent, **changes)


def confirm(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/payment_intents/{id}/confirm``. Raises ApiError, Declined."""
    intent = load(execution, id)
    confirmations.require_confirmable(intent)
    if execution.is_publishable and intent["confirmation_method"] == "manual":
        raise errors.unexpected_state(
            "This PaymentIntent cannot be confirmed using your publishable key because its "
            "`confirmation_method` is set to `manual`. Please use your secret key instead, or "
            "create a PaymentIntent with `confirmation_method` set to `automatic`.",
            intent,
        )
    changes = _copied(intent, given)
    changes |= _method(execution, {**intent, **changes}, given)
    if changes:
        intent = execution.change(intent, **changes)
    return confirmations.confirm(execution, intent, _how(given))


def capture(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/payment_intents/{id}/capture``. Raises ApiError."""
    intent = load(execution, id)
    status, capturable = intent["status"], intent["amount_capturable"]
    if status == "succeeded":
        raise errors.unexpected_state(
            "This PaymentIntent could not be captured because it has already been captured.",
            intent,
        )
    if status != "requires_capture":
        raise errors.unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {status}. Only "
            "a PaymentIntent with one of the following statuses may be captured: "
            "requires_capture.",
            intent,
        )
    amount = given.get("amount_to_capture", capturable)
    if amount > capturable:
        raise ApiError(
            "The amount_to_capture must be less than or equal to the amount_capturable "
            f"({capturable}) of the PaymentIntent.",
            code="amount_too_large",
            param="amount_to_capture",
            payment_intent=intent,
        )
    descriptors = ("statement_descriptor", "statement_descriptor_suffix")
    changes = {name: given[name] for name in descriptors if name in given}
    if "metadata" in given:
        changes["metadata"] = merged(intent["metadata"], given["metadata"])
    charges.capture(execution, execution.load("charge", intent["latest_charge"]), amount)
    intent = execution.change(
        intent, **changes, amount_capturable=0, amount_received=amount, status="succeeded"
    )
    execution.emit("payment_intent.succeeded", intent)
    return intent


def cancel(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/payment_intents/{id}/cancel``. Raises ApiError."""
    intent = load(execution, id)
    if intent["status"] not in _CANCELABLE:
        raise errors.unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. "
            "Only a PaymentIntent with one of the following statuses may be canceled: "
            f"{', '.join(_CANCELABLE)}.",
            intent,
        )
    if intent["status"] == "requires_capture":
        held = execution.load("charge", intent["latest_charge"])
        charges.release(execution, held, event="charge.refunded")
    return _canceled(execution, intent, given.get("cancellation_reason"))


def expire(execution: Execution, charge_id: str) -> None:
    """Give up an authorization that nobody captured in time. An action of the schedule."""
    charge = execution.load("charge", charge_id)
    intent = load(execution, charge["payment_intent"])
    if intent["status"] != "requires_capture" or intent["latest_charge"] != charge_id:
        return
    charges.release(execution, charge, event="charge.expired")
    _canceled(execution, intent, "automatic")


# --- steps ------------------------------------------------------------------------------------


def _canceled(execution: Execution, intent: JsonObject, reason: str | None) -> JsonObject:
    intent = execution.change(
        intent,
        amount_capturable=0,
        canceled_at=execution.now,
        cancellation_reason=reason,
        next_action=None,
        status="canceled",
    )
    execution.emit("payment_intent.canceled", intent)
    return intent


def _how(given: Mapping[str, Any]) -> Confirmation:
    return Confirmation(
        off_session=given.get("off_session", "false") != "false",
        return_url=given.get("return_url"),
        use_stripe_sdk=given.get("use_stripe_sdk", False),
        error_on_requires_action=given.get("error_on_requires_action", False),
    )


def _copied(intent: JsonObject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what goes onto an intent as it was given."""
    changes = {name: given[name] for name in _COPIED if name in given}
    if "shipping" in given:
        changes["shipping"] = objects.shipping(given["shipping"])
    card = given.get("payment_method_options", {}).get("card")
    if card is not None:
        kept = intent["payment_method_options"]["card"]
        changes["payment_method_options"] = {"card": {**kept, **card}}
    return changes


def _method(execution: Execution, intent: JsonObject, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what naming a payment method changes on an intent: it then needs a confirmation."""
    if "payment_method" in given and "payment_method_data" in given:
        raise ApiError(
            "You may only specify one of these parameters: payment_method, payment_method_data.",
            param="payment_method",
        )
    if "payment_method_data" in given:
        method = payment_methods.create(execution, given["payment_method_data"])
    elif "payment_method" in given:
        method = payment_methods.resolve(execution, given["payment_method"], intent=intent)
    else:
        return {}
    return {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def _require_chargeable(execution: Execution, amount: int, code: str) -> None:
    unit = CURRENCIES[code]
    if amount > unit.largest:
        raise ApiError(
            f"Amount must be no more than {unit.show(unit.largest)}",
            code="amount_too_large",
            param="amount",
        )
    settled, settled_in = balance.settled(amount, code, execution.options)
    for value, limit in ((amount, unit), (settled, CURRENCIES[settled_in])):
        if value < limit.smallest:
            raise ApiError(
                f"Amount must be at least {limit.show(limit.smallest)}",
                code="amount_too_small",
                param="amount",
            )
    ends_in_zero = unit.decimals == 3 and execution.options.three_decimals_end_in_zero
    multiple = 100 if unit.whole_units_only else 10 if ends_in_zero else 1
    if amount % multiple:
        raise ApiError(
            f"Invalid amount: {code} amounts must be evenly divisible by {multiple}.",
            code="invalid_charge_amount",
            param="amount",
        )
