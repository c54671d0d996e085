"""Confirming a PaymentIntent: authentication, the attempt, and what becomes of the intent.

One of the two files that know the PaymentIntent's state machine; the other holds the verbs that
ask no card. Both take the card's behaviour from its row.
"""

from typing import Any, Final

import attrs

from markethub.adapters.fake import cards, challenges, charges, errors, objects, payment_methods
from markethub.adapters.fake.cards import Decline, TestCard
from markethub.adapters.fake.customers import require_customer
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject

SETTLE: Final = "settle_intent"
"""An action of the schedule; its subject is an intent's id."""

_NOTE: Final = "confirmation"
"""What is remembered of an intent's last confirmation and of how many there were."""

_CONFIRMABLE: Final = ("requires_payment_method", "requires_confirmation", "requires_action")


@attrs.frozen(kw_only=True)
class Confirmation:
    """How an intent is to be confirmed; the rest is on the intent."""

    off_session: bool = False
    return_url: str | None = None
    use_stripe_sdk: bool = False
    error_on_requires_action: bool = False


@attrs.frozen(kw_only=True)
class _Authentication:
    """What came of 3-D Secure: an object for the charge, or what is in the way."""

    result: str | None = None
    asks: bool = False
    refused: bool = False


def confirm(execution: Execution, intent: JsonObject, how: Confirmation) -> JsonObject:
    """Confirm an intent that names its payment method.

    Raises ApiError where that is not allowed, and ``Declined`` where the card says no: by then
    the account has recorded the failure, and that is to be kept.
    """
    require_confirmable(intent)
    known = _note(execution, intent)
    limit = execution.options.confirmations_max
    if limit is not None and known["count"] >= limit:
        return _cancel_for_limit(execution, intent)
    method_id = intent["payment_method"]
    if method_id is None:
        raise errors.unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
            "either update the PaymentIntent with a payment method and then confirm it again, or "
            "confirm it again directly with a payment method or ConfirmationToken.",
            intent,
        )
    challenges.require_return_url(
        execution, intent, return_url=how.return_url, use_stripe_sdk=how.use_stripe_sdk
    )
    if how.off_session and intent["setup_future_usage"] is not None:
        raise ApiError(
            "You cannot confirm with the `off_session` parameter when `setup_future_usage` is also "
            "set on the PaymentIntent because you cannot set up future usages when processing "
            "payments off-session.",
            param="off_session",
        )
    require_customer(execution, intent["customer"])
    # The method may have been used up, or given away, since it was put on the intent.
    payment_methods.resolve(execution, method_id, intent=intent)
    was_authenticated = known["authenticated"] == method_id
    known = {
        "count": known["count"] + 1,
        "off_session": how.off_session,
        "authenticated": None,
        "source": None,
        "result": None,
    }
    card = payment_methods.card_of(execution, method_id)
    seen = (
        _Authentication(result="authenticated")
        if was_authenticated
        else _authenticate(execution, intent, card, how)
    )
    known["result"] = seen.result
    if seen.asks:
        return _ask(execution, intent, how, known)
    _remember(execution, intent, known)
    if seen.refused:
        why = cards.authentication_required(execution.options.authentication_decline_code)
        return _fail(execution, intent, card, why, result=None)
    return _proceed(execution, intent, card, known)


class Declined(Exception):
    """The card said no. ``answer`` is the 402; what was recorded until here is to be kept."""

    def __init__(self, answer: ApiError) -> None:
        """Take the answer."""
        super().__init__(str(answer))
        self.answer = answer


def answer_challenge(
    execution: Execution, intent: JsonObject, *, authenticated: bool
) -> JsonObject:
    """Take the customer's answer to a challenge. Raises as ``confirm``."""
    if intent["status"] != "requires_action":
        raise errors.unexpected_state(
            "This PaymentIntent has no challenge to answer because it has a status of "
            f"{intent['status']}.",
            intent,
        )
    known = _note(execution, intent)
    card = payment_methods.card_of(execution, intent["payment_method"])
    if not authenticated:
        _remember(execution, intent, {**known, "source": None})
        return _fail_authentication(execution, intent)
    if intent["confirmation_method"] == "manual":
        _remember(
            execution,
            intent,
            {**known, "authenticated": intent["payment_method"], "source": None},
        )
        return execution.change(intent, status="requires_confirmation", next_action=None)
    known = {**known, "source": None, "result": "authenticated"}
    _remember(execution, intent, known)
    return _proceed(execution, intent, card, known)


def is_challenge_of(execution: Execution, intent: JsonObject, secret: str) -> bool:
    """Tell whether ``secret`` opens the intent's challenge: its client secret, or the source."""
    return secret in (intent["client_secret"], _note(execution, intent)["source"])


def settle(execution: Execution, intent_id: str) -> None:
    """Finish a payment that is processing. An action of the schedule."""
    intent = execution.load("payment_intent", intent_id)
    if intent["status"] != "processing":
        return
    card = payment_methods.card_of(execution, intent["payment_method"])
    try:
        _attempt(execution, intent, card, _note(execution, intent))
    except Declined:
        return  # nobody waits for the answer; the event tells


def reset(execution: Execution, intent: JsonObject) -> None:
    """Forget an authentication that the intent has outgrown."""
    known = _note(execution, intent)
    _remember(execution, intent, {**known, "authenticated": None, "source": None})


def require_confirmable(intent: JsonObject) -> None:
    """Raise ApiError unless the intent's status allows a confirmation."""
    status = intent["status"]
    if status == "succeeded":
        raise errors.unexpected_state(
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed.",
            intent,
        )
    if status not in _CONFIRMABLE:
        raise errors.unexpected_state(
            f"You cannot confirm this PaymentIntent because it has a status of {status}. Only a "
            "PaymentIntent with one of the following statuses may be confirmed: "
            "requires_confirmation, requires_action.",
            intent,
        )


# --- steps ------------------------------------------------------------------------------------


def _note(execution: Execution, intent: JsonObject) -> dict[str, Any]:
    kept = execution.find(_NOTE, intent["id"])
    if kept is not None:
        return dict(kept)
    return {
        "count": 0,
        "off_session": False,
        "authenticated": None,
        "source": None,
        "result": None,
    }


def _remember(execution: Execution, intent: JsonObject, known: dict[str, Any]) -> None:
    execution.note(_NOTE, intent["id"], known)


def _cancel_for_limit(execution: Execution, intent: JsonObject) -> JsonObject:
    intent = execution.change(
        intent,
        canceled_at=execution.now,
        cancellation_reason="automatic",
        next_action=None,
        status="canceled",
    )
    execution.emit("payment_intent.canceled", intent)
    return intent


def _authenticate(
    execution: Execution, intent: JsonObject, card: TestCard, how: Confirmation
) -> _Authentication:
    if challenges.breaks_down(intent, card):
        return _Authentication(result="processing_error")
    if not challenges.asks(execution, intent, card, off_session=how.off_session):
        return _Authentication()
    nobody_there = how.off_session or how.error_on_requires_action
    return _Authentication(asks=not nobody_there, refused=nobody_there)


def _ask(
    execution: Execution, intent: JsonObject, how: Confirmation, known: dict[str, Any]
) -> JsonObject:
    source = execution.new_id("src")
    action = challenges.next_action(
        execution,
        intent,
        source=source,
        return_url=how.return_url,
        use_stripe_sdk=how.use_stripe_sdk,
    )
    _remember(execution, intent, {**known, "source": source})
    intent = execution.change(
        intent, last_payment_error=None, next_action=action, status="requires_action"
    )
    execution.emit("payment_intent.requires_action", intent)
    return intent


def _proceed(
    execution: Execution, intent: JsonObject, card: TestCard, known: dict[str, Any]
) -> JsonObject:
    if not execution.options.settles_later:
        return _attempt(execution, intent, card, known)
    intent = execution.change(
        intent, last_payment_error=None, next_action=None, status="processing"
    )
    execution.emit("payment_intent.processing", intent)
    execution.later(SETTLE, intent["id"])
    return intent


def _attempt(
    execution: Execution, intent: JsonObject, card: TestCard, known: dict[str, Any]
) -> JsonObject:
    decline = payment_methods.decline_of(execution, intent["payment_method"])
    if decline is not None:
        return _fail(execution, intent, card, decline, result=known["result"])
    method = execution.load("payment_method", intent["payment_method"])
    details = _details(execution, intent, known["result"])
    payment_methods.use(
        execution,
        method["id"],
        customer=intent["customer"],
        usage=intent["setup_future_usage"],
        authenticated=known["result"] == "authenticated",
    )
    cleared = {"last_payment_error": None, "next_action": None}
    if intent["capture_method"] == "manual":
        charge = charges.authorize(
            execution,
            intent,
            method,
            card,
            three_d_secure=details,
            off_session=known["off_session"],
        )
        intent = execution.change(
            intent,
            **cleared,
            amount_capturable=intent["amount"],
            latest_charge=charge["id"],
            status="requires_capture",
        )
        execution.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    charge = charges.take(execution, intent, method, card, three_d_secure=details)
    intent = execution.change(
        intent,
        **cleared,
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        status="succeeded",
    )
    execution.emit("payment_intent.succeeded", intent)
    return intent


def _details(execution: Execution, intent: JsonObject, result: str | None) -> dict[str, Any] | None:
    if result is None:
        return None
    transaction_id = execution.derived(f"three_d_secure:{intent['id']}", length=36)
    return objects.three_d_secure(result=result, transaction_id=transaction_id)


def _fail(
    execution: Execution,
    intent: JsonObject,
    card: TestCard,
    decline: Decline,
    *,
    result: str | None,
) -> JsonObject:
    method = execution.load("payment_method", intent["payment_method"])
    details = _details(execution, intent, result)
    charge = charges.fail(execution, intent, method, card, decline, three_d_secure=details)
    facts = {"charge": charge["id"], "payment_method": method}
    error = errors.declined(decline, **facts).error
    intent = _back_to_start(execution, intent, error, latest_charge=charge["id"])
    raise Declined(errors.declined(decline, **facts, payment_intent=intent))


def _fail_authentication(execution: Execution, intent: JsonObject) -> JsonObject:
    error = errors.error_object(
        "The provided PaymentMethod has failed authentication. You can provide "
        "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent "
        "again.",
        type="invalid_request_error",
        code="payment_intent_authentication_failure",
        payment_method=execution.load("payment_method", intent["payment_method"]),
    )
    return _back_to_start(execution, intent, error, latest_charge=intent["latest_charge"])


def _back_to_start(
    execution: Execution, intent: JsonObject, error: dict[str, Any], *, latest_charge: str | None
) -> JsonObject:
    intent = execution.change(
        intent,
        last_payment_error=error,
        latest_charge=latest_charge,
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    execution.emit("payment_intent.payment_failed", intent)
    return intent
