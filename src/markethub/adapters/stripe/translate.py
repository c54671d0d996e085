"""Stripe's JSON objects as domain facts. Pure, and tolerant of every API version.

Objects referred to may stand inline, as an id, or not at all; a charge is found in
``latest_charge`` or, before API version 2022-11-15, first in ``charges.data``. A value that we
have no word for becomes the unknown arm. Only what is needed and missing, or money that cannot
be counted, is refused: nothing about money is guessed.
"""

from collections.abc import Mapping
from typing import Final

import attrs

from markethub.adapters.stripe import reading
from markethub.adapters.stripe.requests import CUSTOMER_ID, ORDER_ID, PAYMENT_ID
from markethub.domain.errors import ValidationFailed
from markethub.domain.facts import (
    BalanceTransaction,
    CaptureMethod,
    ChargeReported,
    Failure,
    IntentHinted,
    IntentReported,
    IntentStatus,
    ProviderCharge,
    ProviderFact,
    ProviderIntent,
    Reference,
    Unrecognised,
)
from markethub.domain.ids import (
    ChargeId,
    CustomerId,
    IntentId,
    OrderId,
    PaymentId,
    ProviderCustomerId,
)
from markethub.domain.money import CURRENCIES
from markethub.domain.secret import Secret

MASK: Final = "***"
"""What stands in a stored event where Stripe sent a ``client_secret``."""

CLAIMED_STATUS: Final[Mapping[str, IntentStatus | None]] = {
    "payment_intent.created": None,
    "payment_intent.processing": IntentStatus.PROCESSING,
    "payment_intent.requires_action": IntentStatus.REQUIRES_ACTION,
    "payment_intent.amount_capturable_updated": IntentStatus.REQUIRES_CAPTURE,
    "payment_intent.payment_failed": IntentStatus.REQUIRES_PAYMENT_METHOD,
    "payment_intent.succeeded": IntentStatus.SUCCEEDED,
    "payment_intent.canceled": IntentStatus.CANCELED,
}
"""The status that an event's type claims for its intent; None where it claims none."""

CHARGE_TYPES: Final = frozenset(
    f"charge.{what}" for what in "succeeded pending failed captured updated expired".split()
)
HANDLED_TYPES: Final = CHARGE_TYPES | set(CLAIMED_STATUS)
"""The event types that mean something to us."""


def intent(obj: object) -> ProviderIntent:
    """Read a PaymentIntent, and its latest charge where that is inline.

    Raises ValidationFailed for an unreadable one.
    """
    fields = reading.of_kind(obj, "payment_intent")
    latest = _latest_charge(fields)
    return _intent(fields, charge(latest) if isinstance(latest, Mapping) else None)


def _intent(fields: Mapping[str, object], charge: ProviderCharge | None) -> ProviderIntent:
    manual = fields.get("capture_method") == CaptureMethod.MANUAL.value
    status = _status(fields.get("status"))
    return ProviderIntent(
        id=IntentId(reading.id_of(fields, "payment_intent")),
        status=status,
        amount=reading.money(fields, "amount"),
        # Only where there is money must it be said how much.
        received=reading.money(
            fields, "amount_received", default=None if status is IntentStatus.SUCCEEDED else 0
        ),
        capturable=reading.money(
            fields,
            "amount_capturable",
            default=None if status is IntentStatus.REQUIRES_CAPTURE else 0,
        ),
        # ``automatic_async``, and what is yet to come, capture without being asked.
        capture_method=CaptureMethod.MANUAL if manual else CaptureMethod.AUTOMATIC,
        reference=reference(fields),
        livemode=fields.get("livemode") is True,
        created_at=reading.moment(fields.get("created"), "created"),
        client_secret=_secret(fields.get("client_secret")),
        failure=_failure(fields.get("last_payment_error")),
        cancellation_reason=reading.word(fields.get("cancellation_reason")),
        latest_charge_id=reading.charge_id(_latest_charge(fields)),
        charge=charge,
        next_action=reading.mapping(fields.get("next_action")),
        customer_id=_customer_id(fields.get("customer")),
        method=_token(fields.get("payment_method")),
        saves_method=reading.word(fields.get("setup_future_usage")) is not None,
        allows_redirects=_allows_redirects(fields.get("automatic_payment_methods")),
    )


def charge(obj: object) -> ProviderCharge:
    """Read a Charge. Raises ValidationFailed for an unreadable one."""
    fields = reading.of_kind(obj, "charge")
    return ProviderCharge(
        id=ChargeId(reading.id_of(fields, "charge")),
        intent_id=reading.intent_id(fields.get("payment_intent")),
        amount=reading.money(fields, "amount"),
        captured=reading.money(
            fields, "amount_captured", default=None if fields.get("captured") is True else 0
        ),
        card=reading.card(fields.get("payment_method_details")),
        balance=reading.balance(fields.get("balance_transaction")),
        capture_before=reading.capture_before(fields.get("payment_method_details")),
    )


def event_fact(type: str, obj: object) -> ProviderFact:
    """Read what an event of ``type`` says about its object.

    The same whatever API version shaped it: an inline charge is left for the read to bring.
    An intent in a currency that we do not count, with no id of ours, is none of our business;
    one that lacks what we need is a hint to read it. Raises ValidationFailed for what is no such
    object, or has no id.
    """
    if type in CLAIMED_STATUS:
        fields = reading.of_kind(obj, "payment_intent")
        if not _is_ours(fields) and reading.word(fields.get("currency")) not in CURRENCIES:
            return Unrecognised(type=type)
        try:
            return IntentReported(intent=_intent(fields, None), claimed_status=CLAIMED_STATUS[type])
        except ValidationFailed:
            intent_id = IntentId(reading.id_of(fields, "payment_intent"))
            return IntentHinted(intent_id=intent_id, charge_id=None, reference=reference(fields))
    if type in CHARGE_TYPES:
        fields = reading.of_kind(obj, "charge")
        return ChargeReported(
            charge_id=ChargeId(reading.id_of(fields, "charge")),
            intent_id=reading.intent_id(fields.get("payment_intent")),
            reference=reference(fields),
        )
    return Unrecognised(type=type)


@attrs.frozen(kw_only=True)
class Page:
    """A page of a list. ``next_after`` is where the next one starts; None on the last."""

    intents: tuple[ProviderIntent, ...]
    next_after: str | None


def page(obj: object) -> Page:
    """Read a page of PaymentIntents. Raises ValidationFailed for an unreadable one.

    Left out are those that bear no id of ours and cannot be read: a stranger's intent in some
    odd currency must not hide ours.
    """
    fields = reading.of_kind(obj, "list")
    data = reading.items(fields.get("data"))
    if data is None:
        raise ValidationFailed("data", "must be a list")
    entries = [reading.of_kind(each, "payment_intent") for each in data]
    more = fields.get("has_more") is True and entries
    return Page(
        intents=tuple(found for each in entries if (found := _listed(each)) is not None),
        next_after=reading.id_of(entries[-1], "payment_intent") if more else None,
    )


def _listed(fields: Mapping[str, object]) -> ProviderIntent | None:
    try:
        return intent(fields)
    except ValidationFailed:
        if _is_ours(fields):
            raise
        return None


def released(obj: object, *, booked: BalanceTransaction) -> BalanceTransaction | None:
    """Find, among a charge's own lines, the one that takes back what was not captured.

    Raises ValidationFailed for an unreadable list.
    """
    for each in reading.items(reading.of_kind(obj, "list").get("data")) or ():
        line = reading.balance(each)
        if line is not None and line.id != booked.id and line.amount.minor < 0:
            return line
    return None


def account_id(obj: object) -> str:
    """Read an Account's id. Raises ValidationFailed."""
    return reading.id_of(reading.of_kind(obj, "account"), "account")


def reference(fields: Mapping[str, object]) -> Reference:
    """Find our ids in an object's ``metadata``, which anyone with the account may have edited."""
    metadata = reading.mapping(fields.get("metadata")) or {}
    payment_id, order_id, customer_id = (
        reading.our_id(metadata.get(key)) for key in (PAYMENT_ID, ORDER_ID, CUSTOMER_ID)
    )
    return Reference(
        payment_id=PaymentId(payment_id) if payment_id else None,
        order_id=OrderId(order_id) if order_id else None,
        customer_id=CustomerId(customer_id) if customer_id else None,
    )


def _is_ours(fields: Mapping[str, object]) -> bool:
    return reference(fields).payment_id is not None


_FORMER_STATUS: Final[Mapping[str, str]] = {
    "requires_source": IntentStatus.REQUIRES_PAYMENT_METHOD.value,
    "requires_source_action": IntentStatus.REQUIRES_ACTION.value,
}
"""What API versions before 2019-02-11 call two statuses. Source: Stripe's "How intents work"."""


def _status(value: object) -> IntentStatus:
    if not isinstance(value, str):
        return IntentStatus.UNKNOWN
    try:
        return IntentStatus(_FORMER_STATUS.get(value, value))
    except ValueError:
        return IntentStatus.UNKNOWN


def _latest_charge(fields: Mapping[str, object]) -> object:
    if "latest_charge" in fields:
        return fields["latest_charge"]
    charges = reading.mapping(fields.get("charges")) or {}
    return next(iter(reading.items(charges.get("data")) or ()), None)


def _customer_id(value: object) -> ProviderCustomerId | None:
    found = reading.reference_id(value)
    return ProviderCustomerId(found) if found else None


def _token(value: object) -> Secret | None:
    found = reading.reference_id(value)
    return Secret(found) if found else None


def _allows_redirects(value: object) -> bool:
    return (reading.mapping(value) or {}).get("allow_redirects") != "never"


def _secret(value: object) -> Secret | None:
    return Secret(value) if isinstance(value, str) and value != MASK else None


def _failure(value: object) -> Failure | None:
    fields = reading.mapping(value)
    if fields is None:
        return None
    return Failure(
        code=reading.word(fields.get("code")) or reading.word(fields.get("type")) or "unknown",
        decline_code=reading.word(fields.get("decline_code")),
        charge_id=reading.charge_id(fields.get("charge")),
    )
