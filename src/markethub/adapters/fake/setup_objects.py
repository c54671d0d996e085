"""SetupIntents and their attempts as JSON, whole, as the pinned API version answers them. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake.cards import TestCard
from markethub.adapters.fake.store import JsonObject

Json = dict[str, Any]

PUBLISHABLE_FIELDS: Final = frozenset(
    (
        "id object automatic_payment_methods cancellation_reason client_secret created "
        "description last_setup_error livemode next_action payment_method "
        "payment_method_configuration_details payment_method_types status usage"
    ).split()
)
"""What of a SetupIntent a publishable key sees. Source: answers recorded in browsers."""


_TOLD_OF_3DS: Final = frozenset(
    (
        "authentication_flow electronic_commerce_indicator result result_reason transaction_id "
        "version"
    ).split()
)
"""What a setup's attempt tells of an authentication: all but a payment's exemption."""


def setup_intent(*, id: str, client_secret: str, created: int, livemode: bool) -> Json:
    """A SetupIntent before anybody said anything about it."""
    return {
        "id": id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": client_secret,
        "created": created,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": livemode,
        "managed_payments": None,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }


def setup_attempt(
    intent: JsonObject,
    method: JsonObject,
    card: TestCard,
    *,
    id: str,
    created: int,
    status: str,
    setup_error: Mapping[str, Any] | None,
    three_d_secure: Json | None,
) -> Json:
    """One confirmation of a SetupIntent and what came of it."""
    shown = method["card"]
    details = {
        "brand": shown["brand"],
        "checks": shown["checks"],
        "country": shown["country"],
        "exp_month": shown["exp_month"],
        "exp_year": shown["exp_year"],
        "fingerprint": shown["fingerprint"],
        "funding": shown["funding"],
        "last4": shown["last4"],
        "network": card.brand,
        "three_d_secure": None
        if three_d_secure is None
        else {name: told for name, told in three_d_secure.items() if name in _TOLD_OF_3DS},
        "wallet": None,
    }
    return {
        "id": id,
        "object": "setup_attempt",
        "application": None,
        "created": created,
        "customer": intent["customer"],
        "customer_account": None,
        "flow_directions": None,
        "livemode": intent["livemode"],
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": {"card": details, "type": "card"},
        "setup_error": setup_error,
        "setup_intent": intent["id"],
        "status": status,
        "usage": intent["usage"],
    }
