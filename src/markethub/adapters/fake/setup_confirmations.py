"""Confirming a SetupIntent: authentication, the check of the card, and the saving of it.

One of the two files that know the SetupIntent's state machine; the other holds the verbs that
ask no card. Source: Stripe's pages "How SetupIntents work" and "SetupIntents API"; messages are
those that other projects recorded.
"""

from typing import Any, Final

from markethub.adapters.fake import (
    challenges,
    errors,
    objects,
    payment_methods,
    setup_objects,
)
from markethub.adapters.fake.cards import Decline, TestCard, ThreeDSecure
from markethub.adapters.fake.confirmations import Confirmation, Declined
from markethub.adapters.fake.customers import require_customer
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject

SETTLE: Final = "settle_setup"
"""An action of the schedule; its subject is a SetupIntent's id."""

_NOTE: Final = "setup_confirmation"
"""What is remembered of a SetupIntent's last confirmation."""

_CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


def require_confirmable(intent: JsonObject, *, names_method: bool) -> None:
    """Raise ApiError unless the intent may be confirmed.

    ``names_method`` tells whether the request brings a payment method along.
    """
    status = intent["status"]
    # Stripe looks for a method before it looks at the status.
    if not names_method and intent["payment_method"] is None:
        raise errors.unexpected_setup_state(
            "You cannot confirm this SetupIntent because it's missing a payment method. You can "
            "either update the SetupIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            intent,
        )
    reasons = {"succeeded": "it has already succeeded", "canceled": "it has been canceled"}
    if status in reasons:
        raise errors.unexpected_setup_state(
            f"You cannot confirm this SetupIntent because {reasons[status]}.", intent
        )
    if status not in _CONFIRMABLE:
        raise errors.unexpected_setup_state(
            f"You cannot confirm this SetupIntent because it has a status of {status}. Only a "
            "SetupIntent with one of the following statuses may be confirmed: "
            f"{', '.join(_CONFIRMABLE)}.",
            intent,
        )


def confirm(execution: Execution, intent: JsonObject, how: Confirmation) -> JsonObject:
    """Confirm an intent that names its payment method.

    Raises ApiError where that is not allowed, and ``Declined`` where the card says no: by then
    the account has recorded the failure, and that is to be kept.
    """
    require_confirmable(intent, names_method=False)
    challenges.require_return_url(
        execution, intent, return_url=how.return_url, use_stripe_sdk=how.use_stripe_sdk
    )
    require_customer(execution, intent["customer"])
    # The method may have been used up, or given away, since it was put on the intent.
    method_id = intent["payment_method"]
    payment_methods.resolve(execution, method_id, intent=intent)
    card = payment_methods.card_of(execution, method_id)
    if challenges.breaks_down(intent, card):
        return _proceed(execution, intent, card, "processing_error")
    if _asks(execution, intent, card):
        return _ask(execution, intent, card, how)
    return _proceed(execution, intent, card, None)


def answer_challenge(
    execution: Execution, intent: JsonObject, *, authenticated: bool
) -> JsonObject:
    """Take the customer's answer to a challenge. Raises as ``confirm``."""
    if intent["status"] != "requires_action":
        raise errors.unexpected_setup_state(
            "This SetupIntent has no challenge to answer because it has a status of "
            f"{intent['status']}.",
            intent,
        )
    card = payment_methods.card_of(execution, intent["payment_method"])
    if authenticated:
        return _proceed(execution, intent, card, "authenticated")
    error = errors.error_object(
        "The latest attempt to set up the payment method has failed because authentication failed.",
        type="invalid_request_error",
        code="setup_intent_authentication_failure",
        payment_method=execution.load("payment_method", intent["payment_method"]),
    )
    return _back_to_start(execution, intent, card, error, result=None)


def is_challenge_of(execution: Execution, intent: JsonObject, secret: str) -> bool:
    """Tell whether ``secret`` opens the intent's challenge: its client secret, or the source."""
    return secret in (intent["client_secret"], _source(execution, intent))


def abandon(execution: Execution, intent: JsonObject) -> None:
    """End the attempt that waits for the customer, where there is one: it leads nowhere now."""
    waiting = intent["latest_attempt"]
    attempt = None if waiting is None else execution.load("setup_attempt", waiting)
    if attempt is not None and attempt["status"] == "requires_action":
        execution.change(attempt, status="abandoned")


def settle(execution: Execution, intent_id: str) -> None:
    """Finish a setup that is processing. An action of the schedule."""
    intent = execution.load("setup_intent", intent_id)
    if intent["status"] != "processing":
        return
    card = payment_methods.card_of(execution, intent["payment_method"])
    kept = execution.load(_NOTE, intent_id)
    try:
        _check(execution, intent, card, kept["result"])
    except Declined:
        return  # nobody waits for the answer; the event tells


# --- steps ------------------------------------------------------------------------------------


def _source(execution: Execution, intent: JsonObject) -> str | None:
    kept = execution.find(_NOTE, intent["id"])
    return None if kept is None else kept["source"]


def _asks(execution: Execution, intent: JsonObject, card: TestCard) -> bool:
    if card.three_d_secure is ThreeDSecure.SET_UP:
        return execution.options.setup_asks_again
    return challenges.asks(execution, intent, card, off_session=False)


def _ask(execution: Execution, intent: JsonObject, card: TestCard, how: Confirmation) -> JsonObject:
    source = execution.new_id("src")
    execution.note(_NOTE, intent["id"], {"source": source, "result": None})
    action = challenges.next_action(
        execution,
        intent,
        source=source,
        return_url=how.return_url,
        use_stripe_sdk=how.use_stripe_sdk,
    )
    attempt = _attempt(execution, intent, card, "requires_action")
    intent = execution.change(
        intent,
        last_setup_error=None,
        latest_attempt=attempt,
        next_action=action,
        status="requires_action",
    )
    execution.emit("setup_intent.requires_action", intent)
    return intent


def _proceed(
    execution: Execution, intent: JsonObject, card: TestCard, result: str | None
) -> JsonObject:
    execution.note(_NOTE, intent["id"], {"source": None, "result": result})
    if not execution.options.settles_later:
        return _check(execution, intent, card, result)
    attempt = _attempt(execution, intent, card, "processing", result=result)
    intent = execution.change(
        intent,
        last_setup_error=None,
        latest_attempt=attempt,
        next_action=None,
        status="processing",
    )
    execution.later(SETTLE, intent["id"])
    return intent


def _check(
    execution: Execution, intent: JsonObject, card: TestCard, result: str | None
) -> JsonObject:
    """Ask the card's bank without charging anything; save the card if it agrees."""
    decline = payment_methods.refusal_of(execution, intent["payment_method"])
    if decline is not None:
        return _fail(execution, intent, card, decline, result=result)
    payment_methods.use_for_setup(
        execution,
        intent["payment_method"],
        customer=intent["customer"],
        usage=intent["usage"],
        authenticated=result == "authenticated",
    )
    attempt = _attempt(execution, intent, card, "succeeded", result=result)
    intent = execution.change(
        intent,
        last_setup_error=None,
        latest_attempt=attempt,
        next_action=None,
        status="succeeded",
    )
    execution.emit("setup_intent.succeeded", intent)
    return intent


def _fail(
    execution: Execution,
    intent: JsonObject,
    card: TestCard,
    decline: Decline,
    *,
    result: str | None,
) -> JsonObject:
    method = execution.load("payment_method", intent["payment_method"])
    error = errors.declined(decline, payment_method=method).error
    intent = _back_to_start(execution, intent, card, error, result=result)
    raise Declined(errors.declined(decline, payment_method=method, setup_intent=intent))


def _back_to_start(
    execution: Execution,
    intent: JsonObject,
    card: TestCard,
    error: dict[str, Any],
    *,
    result: str | None,
) -> JsonObject:
    execution.note(_NOTE, intent["id"], {"source": None, "result": None})
    attempt = _attempt(execution, intent, card, "failed", result=result, error=error)
    intent = execution.change(
        intent,
        last_setup_error=error,
        latest_attempt=attempt,
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    execution.emit("setup_intent.setup_failed", intent)
    return intent


def _attempt(
    execution: Execution,
    intent: JsonObject,
    card: TestCard,
    status: str,
    *,
    result: str | None = None,
    error: dict[str, Any] | None = None,
) -> str:
    """Record what came of a confirmation, and return the attempt's id.

    One that was waiting, for the customer or for the bank, ends by it.
    """
    waiting = intent["status"] in ("requires_action", "processing") and status != "requires_action"
    if not waiting:
        abandon(execution, intent)
    attempt_id: str = intent["latest_attempt"] if waiting else execution.new_id("setatt")
    kept = execution.find("setup_attempt", attempt_id)
    transaction_id = execution.derived(f"three_d_secure:{intent['id']}", length=36)
    details = (
        None
        if result is None
        else objects.three_d_secure(result=result, transaction_id=transaction_id)
    )
    execution.save(
        setup_objects.setup_attempt(
            intent,
            execution.load("payment_method", intent["payment_method"]),
            card,
            id=attempt_id,
            created=execution.now if kept is None else kept["created"],
            status=status,
            setup_error=error,
            three_d_secure=details,
        )
    )
    return attempt_id
