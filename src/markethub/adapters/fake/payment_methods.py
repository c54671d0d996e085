"""PaymentMethods: cards by number or by their ``pm_card_...`` name, and whose they are."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from markethub.adapters.fake import cards, errors, objects
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

_INSTRUMENT: Final = "instrument"
"""What the account knows of a method beyond what it shows: the card's row, whether it was set up
for off-session use, whether it was used up."""

_NAMED_EXPIRY: Final = (12, 2099)
"""Of the ``pm_card_...`` names: whatever the clock shows, they have not expired."""

ADDRESS: Final = fields(
    {
        name: text(unsettable=True)
        for name in ("city", "country", "line1", "line2", "postal_code", "state")
    }
)
_BILLING: Final[Spec] = {
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
    "billing_details": fields(_BILLING),
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


def load(execution: Execution, id: str) -> JsonObject:
    """Return a method. Raises ApiError 404."""
    method = execution.find("payment_method", id)
    if method is None:
        raise errors.missing("PaymentMethod", id, param="payment_method")
    return method


def resolve(
    execution: Execution, id: str, *, customer: str | None, noun: str = "PaymentIntent"
) -> JsonObject:
    """Find the method that a request names; a ``pm_card_...`` name makes a new one.

    ``noun`` is the kind of intent. Raises ApiError for an unknown one and for one that this
    customer may not use.
    """
    made = named(execution, id)
    if made is not None:
        return made
    method = execution.find("payment_method", id)
    if method is None:
        raise errors.missing("PaymentMethod", id, param="payment_method", status=400)
    owner = method["customer"]
    if owner is not None and customer is None:
        raise ApiError(
            "The PaymentMethod you provided belongs to a Customer. Please include the Customer in "
            f"the `customer` parameter on the {noun}.",
            param="payment_method",
        )
    if owner is not None and owner != customer:
        raise ApiError(
            f"The PaymentMethod you provided does not belong to the Customer on the {noun}.",
            param="payment_method",
        )
    if execution.load(_INSTRUMENT, id)["used_up"]:
        raise ApiError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
            "attachment, shared with a connected account without Customer attachment, or was "
            "detached from a Customer. It may not be used again. To use a PaymentMethod multiple "
            "times, you must attach it to a Customer first.",
            param="payment_method",
        )
    return method


def card_of(execution: Execution, method_id: str) -> TestCard:
    """Return the row of a method's card."""
    number = execution.load(_INSTRUMENT, method_id)["number"]
    return cards.BY_NUMBER.get(number) or cards.unlisted(number)


def refusal_of(execution: Execution, method_id: str) -> Decline | None:
    """Return why the bank refuses to let a card be saved; None where it does not."""
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
    method = execution.load("payment_method", method_id)
    known = execution.load(_INSTRUMENT, method_id)
    # The customer may have been deleted while the challenge was open.
    is_there = customer is not None and execution.find("customer", customer) is not None
    if usage is not None and is_there:
        set_up = known["set_up"] or (authenticated and usage == "off_session")
        execution.note(_INSTRUMENT, method_id, {**known, "set_up": set_up})
        if method["customer"] is None:
            attach(execution, method, str(customer))
    elif method["customer"] is None:
        execution.note(_INSTRUMENT, method_id, {**known, "used_up": True})


def use_for_setup(
    execution: Execution, method_id: str, *, customer: str | None, usage: str, authenticated: bool
) -> None:
    """Note a successful setup. Without a customer it can still be attached, but not used again."""
    use(execution, method_id, customer=customer, usage=usage, authenticated=authenticated)
    known = execution.load(_INSTRUMENT, method_id)
    if known["used_up"]:
        set_up = authenticated and usage == "off_session"
        execution.note(_INSTRUMENT, method_id, {**known, "set_up": set_up, "attachable": True})


def attach(execution: Execution, method: JsonObject, customer: str) -> JsonObject:
    """Give a method to a customer, unless it is used up or declined. Raises ApiError."""
    known = execution.load(_INSTRUMENT, method["id"])
    if known["used_up"] and not known.get("attachable"):
        raise ApiError(
            "This PaymentMethod was previously used without being attached to a Customer or was "
            "detached from a Customer, and may not be used again.",
            param="payment_method",
        )
    execution.note(_INSTRUMENT, method["id"], {**known, "used_up": False})
    method = execution.change(method, customer=customer)
    execution.emit("payment_method.attached", method)
    return method


def detach(execution: Execution, method: JsonObject, *, is_told: bool = True) -> JsonObject:
    """Take a method from its customer, for good."""
    known = execution.load(_INSTRUMENT, method["id"])
    execution.note(
        _INSTRUMENT, method["id"], {**known, "used_up": True, "attachable": False, "set_up": False}
    )
    owner = method["customer"]
    method = execution.change(method, customer=None)
    if is_told:
        execution.emit("payment_method.detached", method, previous={"customer": owner})
    return method


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
    today = datetime.fromtimestamp(now, UTC)
    month, year = data["exp_month"], _full_year(data["exp_year"])
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
    cvc = data.get("cvc")
    # A brand that is not known may have a code of either length.
    lengths = (3, 4) if card.brand == "unknown" else (card.cvc_length,)
    if cvc is not None and not (cvc.isascii() and cvc.isdigit() and len(cvc) in lengths):
        raise errors.card_error(
            "Your card's security code is invalid.", code="invalid_cvc", param="cvc"
        )
