"""What customers are told when a payment fails: one sentence per reason, from one table."""

from typing import Final

from markethub.domain.facts import Failure
from markethub.domain.payment import NEVER_CREATED, REJECTED, Payment

_GENERIC: Final = "The card was declined. Please try another card or contact your bank."
"""Also for lost, stolen and suspected fraud: whoever holds such a card must not learn of it."""

_SENTENCES: Final = {
    "insufficient_funds": "The card has insufficient funds. Please try another card.",
    "card_velocity_exceeded": "The card's limit is reached. Please try another card.",
    "expired_card": "The card has expired. Please try another card.",
    "incorrect_cvc": "The card's security code is incorrect.",
    "invalid_cvc": "The card's security code is incorrect.",
    "incorrect_number": "The card's number is incorrect.",
    "invalid_number": "The card's number is incorrect.",
    "invalid_expiry_month": "The card's expiration date is incorrect.",
    "invalid_expiry_year": "The card's expiration date is incorrect.",
    "incorrect_zip": "The card's postal code is incorrect.",
    "processing_error": "The card could not be processed. Please try again in a moment.",
    "try_again_later": "The card could not be processed. Please try again in a moment.",
    "authentication_required": "The bank asks you to confirm the payment. Please try again.",
    "payment_intent_authentication_failure": (
        "The payment was not confirmed with the bank. Please try again or use another card."
    ),
    NEVER_CREATED: "The payment could not be started. Please try again.",
    REJECTED: "The payment could not be started. Please try again.",
}
"""By Stripe's ``decline_code`` first, then by its ``code``."""

_QUARANTINED: Final = "The payment was received and is being reviewed."


def sentence(payment: Payment) -> str:
    """Return what the customer may read about it."""
    if payment.quarantine is not None:
        return _QUARANTINED
    return _of_failure(payment.failure) if payment.failure else _GENERIC


def _of_failure(failure: Failure) -> str:
    for code in (failure.decline_code, failure.code):
        if code in _SENTENCES:
            return _SENTENCES[code]
    return _GENERIC
