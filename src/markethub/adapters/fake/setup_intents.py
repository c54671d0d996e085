"""SetupIntents: the endpoints, and those verbs of the state machine that ask no card.

Source of states, verbs and messages: Stripe's pages "How SetupIntents work" and "SetupIntents
API", and error bodies recorded by others.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import (
    errors,
    payment_methods,
    setup_confirmations,
    setup_objects,
)
from markethub.adapters.fake.confirmations import Confirmation
from markethub.adapters.fake.customers import require_customer
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import (
    Spec,
    each,
    fields,
    flag,
    merged,
    metadata,
    one_of,
    text,
)
from markethub.adapters.fake.payment_intent_parameters import TYPES_REFUSED
from markethub.adapters.fake.store import JsonObject

KIND: Final = "setup_intent"

_CANCELABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")

_METHOD: Final[Spec] = {
    "allowed_payment_method_types": each(one_of("card")),
    "payment_method": text(),
    "payment_method_data": payment_methods.DATA,
    "payment_method_options": fields(
        {"card": fields({"request_three_d_secure": one_of("any", "automatic", "challenge")})}
    ),
    "payment_method_types": TYPES_REFUSED,
}
_DESCRIBED: Final[Spec] = {
    "customer": text(),
    "description": text(unsettable=True),
    "metadata": metadata,
}
_HOW: Final[Spec] = {"return_url": text(), "use_stripe_sdk": flag}
CREATE: Final[Spec] = {
    **_METHOD,
    **_DESCRIBED,
    **_HOW,
    "automatic_payment_methods": fields(
        {"enabled": flag, "allow_redirects": one_of("always", "never")}, required=("enabled",)
    ),
    "confirm": flag,
    "usage": one_of("off_session", "on_session"),
}
UPDATE: Final[Spec] = {**_METHOD, **_DESCRIBED}
CONFIRM: Final[Spec] = {**_METHOD, **_HOW}
CANCEL: Final[Spec] = {
    "cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer")
}
LIST_PARAMS: Final[Spec] = {**LIST, "customer": text(), "payment_method": text()}
ATTEMPTS: Final[Spec] = {**LIST, "setup_intent": text()}


def load(execution: Execution, id: str) -> JsonObject:
    """Return an intent. Raises ApiError 404."""
    intent = execution.find(KIND, id)
    if intent is None:
        raise errors.missing("setupintent", id, param="intent")
    return intent


# --- endpoints --------------------------------------------------------------------------------


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/setup_intents``. Raises ApiError, Declined."""
    if "return_url" in given and not given.get("confirm"):
        raise ApiError(
            "The `return_url` parameter can only be used when `confirm` is `true`.",
            param="return_url",
        )
    new_id = execution.new_id("seti")
    intent: dict[str, Any] = setup_objects.setup_intent(
        id=new_id,
        client_secret=execution.secret_for(new_id),
        created=execution.now,
        livemode=execution.options.livemode,
    )
    automatic = given.get("automatic_payment_methods", {"enabled": True})
    if automatic["enabled"]:
        redirects = automatic.get("allow_redirects", "always")
        intent["automatic_payment_methods"] = {"allow_redirects": redirects, "enabled": True}
    intent |= {
        "usage": given.get("usage", "off_session"),
        **_described(execution, intent, given),
    }
    intent |= _method(execution, intent, given)
    created = execution.save(intent)
    execution.emit("setup_intent.created", created)
    if given.get("confirm"):
        return setup_confirmations.confirm(execution, created, _how(given))
    return created


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/setup_intents/{id}``. Raises ApiError 404."""
    return load(execution, id)


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/setup_intents``, the newest first."""
    wanted = {name: given[name] for name in ("customer", "payment_method") if name in given}
    return page(
        execution,
        KIND,
        given,
        url="/v1/setup_intents",
        matches=lambda intent: all(intent[name] == wanted[name] for name in wanted),
    )


def attempts(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/setup_attempts``: those of one intent, the newest first."""
    return page(
        execution,
        "setup_attempt",
        given,
        url="/v1/setup_attempts",
        matches=lambda attempt: attempt["setup_intent"] == given["setup_intent"],
    )


def update(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/setup_intents/{id}``. Raises ApiError.

    What describes it may change at any time, its payment method only while that is wanted.
    """
    intent = load(execution, id)
    if _names_method(given):
        reasons = {
            "succeeded": "it has already succeeded",
            "canceled": "it has been canceled",
            "processing": "it has a status of processing",
        }
        if intent["status"] in reasons:
            raise errors.unexpected_setup_state(
                f"You cannot update this SetupIntent because {reasons[intent['status']]}.", intent
            )
    changes = _described(execution, intent, given)
    changes |= _method(execution, {**intent, **changes}, given)
    return execution.change(intent, **changes)


def confirm(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/setup_intents/{id}/confirm``. Raises ApiError, Declined."""
    intent = load(execution, id)
    setup_confirmations.require_confirmable(intent, names_method=_names_method(given))
    changes = _described(execution, intent, given)
    changes |= _method(execution, {**intent, **changes}, given)
    if changes:
        intent = execution.change(intent, **changes)
    return setup_confirmations.confirm(execution, intent, _how(given))


def cancel(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/setup_intents/{id}/cancel``. Raises ApiError."""
    intent = load(execution, id)
    status = intent["status"]
    if status == "canceled":
        raise errors.unexpected_setup_state(
            "You cannot cancel this SetupIntent because it is already canceled.", intent
        )
    if status not in _CANCELABLE:
        raise errors.unexpected_setup_state(
            f"You cannot cancel this SetupIntent because it has a status of {status}. Only a "
            "SetupIntent with one of the following statuses may be canceled: "
            "`requires_payment_method`, `requires_confirmation`, or `requires_action`.",
            intent,
        )
    setup_confirmations.abandon(execution, intent)
    intent = execution.change(
        intent,
        cancellation_reason=given.get("cancellation_reason"),
        next_action=None,
        status="canceled",
    )
    execution.emit("setup_intent.canceled", intent)
    return intent


# --- steps ------------------------------------------------------------------------------------


def _how(given: Mapping[str, Any]) -> Confirmation:
    return Confirmation(
        return_url=given.get("return_url"), use_stripe_sdk=given.get("use_stripe_sdk", False)
    )


def _names_method(given: Mapping[str, Any]) -> bool:
    return "payment_method" in given or "payment_method_data" in given


def _described(
    execution: Execution, intent: JsonObject, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what goes onto an intent as it was given."""
    changes: dict[str, Any] = {}
    if "customer" in given:
        changes["customer"] = require_customer(execution, given["customer"])
    if "description" in given:
        changes["description"] = given["description"]
    if "metadata" in given:
        changes["metadata"] = merged(intent["metadata"], given["metadata"])
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
    setup_confirmations.abandon(execution, intent)
    return {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}
