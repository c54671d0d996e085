"""PaymentMethods: cards by number or by their ``pm_card_...`` name, and whose they are."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from markethub.adapters.fake import cards, errors, events, objects
from markethub.adapters.fake.cards import Decline, TestCard
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.parameters import (
    Parser,
    Spec,
    fields,
    merged,
    metadata,
    one_of,
    text,
    whole,
)
from markethub.adapters.fake.store import JsonObject

KIND: Final = "payment_method"

_INSTRUMENT: Final = "instrument"
"""What the account knows of a method beyond what it shows: the card's row, whether it was set up
for off-session use, whether it was used up, and whether it can be attached all the same."""

_NAMED_EXPIRY: Final = (12, 2099)
"""Of the ``pm_card_...`` names: whatever the clock shows, they have not expired."""

ADDRESS: Final = fields(
    {
        name: text(unsettable=True)
        for name in ("city", "country", "line1", "line2", "postal_code", "state")
    }
)
BILLING: Final[Spec] = {
    "address": ADDRESS,
    "email": text(unsettable=True),
    "name": text(unsettable=True),
    "phone": text(unsettable=True),
}
_CARD: Final[Spec] = {
    "number": text(),
    "exp_month": whole(minimum=-(10**6)),
    "exp_year": whole(minimum=-(10**6)),
    "cvc": text(),
}
CREATE: Final[Spec] = {
    "type": one_of("card"),
    "card": fields(_CARD, required=("number", "exp_month", "exp_year")),
    "billing_details": fields(BILLING),
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "metadata": metadata,
}
DATA: Final[Parser] = fields(CREATE, required=("type", "card"))
"""``payment_method_data``, as Stripe.js sends it with a confirmation."""


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """Make a method from card data. Raises ApiError 402 for data that is no card."""
    data = given["card"]
    number = "".join(data["number"].split())
    card = cards.BY_NUMBER.get(number) or cards.unlisted(number[-4:])
    _check(number, data, card, now=execution.now)
    return _save(
        execution,
        card,
        fingerprint_of=number,
        exp_month=data["exp_month"],
        exp_year=_full_year(data["exp_year"]),
        has_cvc="cvc" in data,
        given=given,
    )


def named(execution: Execution, id: str) -> JsonObject | None:
    """Make a method of a ``pm_card_...`` name; None for any other word."""
    card = cards.BY_NAME.get(id)
    if card is None:
        return None
    month, year = _NAMED_EXPIRY
    return _save(
        execution,
        card,
        fingerprint_of=card.number,
        exp_month=month,
        exp_year=year,
        has_cvc=True,
        given={},
    )


def load(execution: Execution, id: str, *, status: int = 404) -> JsonObject:
    """Return a method. Raises ApiError of that status: 400 where a parameter names it."""
    method = execution.find(KIND, id)
    if method is None:
        raise errors.missing("PaymentMethod", id, param="payment_method", status=status)
    return method


def resolve(execution: Execution, id: str, *, intent: JsonObject) -> JsonObject:
    """Find the method that a request names for an intent; a ``pm_card_...`` name makes a new one.

    Raises ApiError for an unknown one and for one that the intent's customer may not use.
    """
    made = named(execution, id)
    if made is not None:
        return made
    method = load(execution, id, status=400)
    owner, customer = method["customer"], intent["customer"]
    if owner is not None and customer is None:
        raise _belongs_to(execution, method, intent)
    if owner is not None and owner != customer:
        raise ApiError(
            f"The PaymentMethod {id} does not belong to the Customer you supplied {customer}. "
            "Please use this PaymentMethod with the Customer that it belongs to instead.",
            param="payment_method",
            **_carried(execution, intent),
        )
    if execution.load(_INSTRUMENT, id)["used_up"]:
        raise ApiError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first.",
            param="payment_method",
            **_carried(execution, intent),
        )
    return method


def card_of(execution: Execution, method_id: str) -> TestCard:
    """Return the row of a method's card."""
    number = execution.load(_INSTRUMENT, method_id)["number"]
    return cards.BY_NUMBER.get(number) or cards.unlisted(number)


def decline_of(execution: Execution, method_id: str) -> Decline | None:
    """Return why the bank refuses to pay by a card now; None where it does not."""
    is_expired = _is_expired(execution, method_id)
    return cards.EXPIRED if is_expired else card_of(execution, method_id).decline


def refusal_of(execution: Execution, method_id: str) -> Decline | None:
    """Return why the bank refuses to let a card be saved now; None where it does not."""
    if _is_expired(execution, method_id):
        return cards.EXPIRED
    card = card_of(execution, method_id)
    return None if card.attaches else card.decline


def is_set_up(execution: Execution, method_id: str) -> bool:
    """Tell whether the customer once agreed, authenticated, to later off-session charges."""
    return bool(execution.load(_INSTRUMENT, method_id)["set_up"])


def use(
    execution: Execution,
    method_id: str,
    *,
    customer: str | None,
    usage: str | None,
    authenticated: bool,
) -> None:
    """Note a success: it saves the method to the customer, or uses it up.

    ``usage`` says for what it is to be saved: ``off_session``, ``on_session`` or None, not at all.
    """
    method = execution.load(KIND, method_id)
    known = execution.load(_INSTRUMENT, method_id)
    # The customer may have been deleted while the challenge was open.
    is_there = customer is not None and execution.find("customer", customer) is not None
    if usage is not None and is_there:
        set_up = known["set_up"] or (authenticated and usage == "off_session")
        execution.note(_INSTRUMENT, method_id, {**known, "set_up": set_up})
        # Another intent may have used it up while this one waited for the customer.
        if method["customer"] is None and not known["used_up"]:
            _give(execution, method, str(customer))
    elif method["customer"] is None:
        execution.note(_INSTRUMENT, method_id, {**known, "used_up": True})


def use_for_setup(
    execution: Execution, method_id: str, *, customer: str | None, usage: str, authenticated: bool
) -> None:
    """Note a successful setup. Without a customer it can still be attached, but not used again."""
    was_used_up = execution.load(_INSTRUMENT, method_id)["used_up"]
    use(execution, method_id, customer=customer, usage=usage, authenticated=authenticated)
    known = execution.load(_INSTRUMENT, method_id)
    # A payment, or a detachment, while the challenge was open has the last word.
    if known["used_up"] and not was_used_up:
        set_up = authenticated and usage == "off_session"
        execution.note(_INSTRUMENT, method_id, {**known, "set_up": set_up, "attachable": True})


def attach(execution: Execution, method: JsonObject, customer: str) -> JsonObject:
    """Give a method to a customer, at its own request; nothing if it has been given already.

    Raises ApiError: 402 for a card that its bank declines, 400 for one of another customer, and
    for one that was used without a customer or detached.
    """
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        raise ApiError("The payment method you provided has already been attached to a customer.")
    known = execution.load(_INSTRUMENT, method["id"])
    if known["used_up"] and not known.get("attachable"):
        raise ApiError(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            param="payment_method",
        )
    refusal = refusal_of(execution, method["id"])
    if refusal is not None:
        raise errors.declined(refusal)
    execution.note(_INSTRUMENT, method["id"], {**known, "used_up": False})
    return _give(execution, method, customer)


def change(
    execution: Execution, method: JsonObject, changes: Mapping[str, Any], *, event: str
) -> JsonObject:
    """Change what a method shows, and tell so if anything is different now."""
    previous = events.differing(method, changes)
    method = execution.change(method, **changes)
    if previous:
        execution.emit(event, method, previous=previous)
    return method


def detach(execution: Execution, method: JsonObject, *, is_told: bool = True) -> JsonObject:
    """Take a method from its customer, for good. ``is_told`` says whether by an event."""
    known = execution.load(_INSTRUMENT, method["id"])
    execution.note(_INSTRUMENT, method["id"], {**known, "used_up": True, "attachable": False})
    owner = method["customer"]
    method = execution.change(method, customer=None)
    if is_told:
        execution.emit("payment_method.detached", method, previous={"customer": owner})
    _forget_default(execution, owner, method["id"])
    return method


def _give(execution: Execution, method: JsonObject, customer: str) -> JsonObject:
    method = execution.change(method, customer=customer)
    execution.emit("payment_method.attached", method)
    return method


def _is_expired(execution: Execution, method_id: str) -> bool:
    shown = execution.load(KIND, method_id)["card"]
    today = datetime.fromtimestamp(execution.now, UTC)
    return bool((shown["exp_year"], shown["exp_month"]) < (today.year, today.month))


def _belongs_to(execution: Execution, method: JsonObject, intent: JsonObject) -> ApiError:
    # Each kind of intent says it in its own words, under its own parameter.
    carried = _carried(execution, intent)
    if intent["object"] == "setup_intent":
        return ApiError(
            f"The payment method supplied ({method['id']}) belongs to the Customer "
            f"{method['customer']}. Please include the Customer in the `customer` parameter on "
            "the SetupIntent.",
            param="payment_method",
            **carried,
        )
    return ApiError(
        f"The `payment_method` parameter supplied {method['id']} belongs to the Customer "
        f"{method['customer']}. Please include the Customer in the `customer` parameter on the "
        "PaymentIntent.",
        code="parameter_missing",
        param="source",
        **carried,
    )


def _carried(execution: Execution, intent: JsonObject) -> dict[str, Any]:
    """Return what an error shows of the intent: nothing of one that it keeps from being made."""
    kind = intent["object"]
    kept = execution.find(kind, intent["id"])
    return {} if kept is None else {kind: kept}


def _forget_default(execution: Execution, customer: str | None, method_id: str) -> None:
    kept = None if customer is None else execution.find("customer", customer)
    if kept is None or kept["invoice_settings"]["default_payment_method"] != method_id:
        return
    settings = {**kept["invoice_settings"], "default_payment_method": None}
    kept = execution.change(kept, invoice_settings=settings)
    previous = {"invoice_settings": {"default_payment_method": method_id}}
    execution.emit("customer.updated", kept, previous=previous)


def _save(
    execution: Execution,
    card: TestCard,
    *,
    fingerprint_of: str,
    exp_month: int,
    exp_year: int,
    has_cvc: bool,
    given: Mapping[str, Any],
) -> JsonObject:
    new_id = execution.new_id("pm")
    execution.note(_INSTRUMENT, new_id, {"number": card.number, "set_up": False, "used_up": False})
    return execution.save(
        objects.payment_method(
            card,
            id=new_id,
            created=execution.now,
            livemode=execution.options.livemode,
            fingerprint=execution.derived(f"fingerprint:{fingerprint_of}"),
            exp_month=exp_month,
            exp_year=exp_year,
            has_cvc=has_cvc,
            billing_details=given.get("billing_details", {}),
            metadata=merged({}, given.get("metadata", {})),
            allow_redisplay=given.get("allow_redisplay", "unspecified"),
        )
    )


def _full_year(year: int) -> int:
    return 2000 + year if 0 <= year < 100 else year


def _check(number: str, data: Mapping[str, Any], card: TestCard, *, now: int) -> None:
    if not cards.passes_luhn(number):
        raise errors.card_error(
            "Your card number is incorrect.", code="incorrect_number", param="number"
        )
    check_expiry(data["exp_month"], data["exp_year"], now=now)
    cvc = data.get("cvc")
    # A brand that is not known may have a code of either length.
    lengths = (3, 4) if card.brand == "unknown" else (card.cvc_length,)
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in lengths):
        raise errors.card_error(
            "Your card's security code is invalid.", code="invalid_cvc", param="cvc"
        )


def check_expiry(month: int, year: int, *, now: int) -> tuple[int, int]:
    """Return the month and the full year until which a card is valid. Raises ApiError 402."""
    today = datetime.fromtimestamp(now, UTC)
    year = _full_year(year)
    if not 1 <= month <= 12 or (year == today.year and month < today.month):
        raise errors.card_error(
            "Your card's expiration month is invalid.",
            code="invalid_expiry_month",
            param="exp_month",
        )
    if not today.year <= year <= today.year + 50:
        raise errors.card_error(
            "Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year"
        )
    return month, year
