"""Stripe's objects as JSON, whole, as the pinned API version answers them. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake.cards import Decline, TestCard
from markethub.adapters.fake.store import JsonObject

Json = dict[str, Any]

PUBLISHABLE_FIELDS: Final = frozenset(
    (
        "id object amount amount_details automatic_payment_methods canceled_at "
        "cancellation_reason capture_method client_secret confirmation_method created currency "
        "description last_payment_error livemode next_action payment_method "
        "payment_method_configuration_details payment_method_types processing receipt_email "
        "setup_future_usage shipping source status"
    ).split()
)
"""What of a PaymentIntent a publishable key sees. Source: answers recorded in browsers."""

_ADDRESS: Final[Json] = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def payment_intent(*, id: str, client_secret: str, created: int, livemode: bool) -> Json:
    """A PaymentIntent before anybody said anything about it."""
    return {
        "id": id,
        "object": "payment_intent",
        "amount": 0,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": client_secret,
        "confirmation_method": "automatic",
        "created": created,
        "currency": "usd",
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": livemode,
        "managed_payments": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def shipping(given: Mapping[str, Any] | None) -> Json | None:
    """An address to ship to, with everything that was not said."""
    if given is None:
        return None
    return {
        "address": {**_ADDRESS, **given["address"]},
        "carrier": given.get("carrier"),
        "name": given["name"],
        "phone": given.get("phone"),
        "tracking_number": given.get("tracking_number"),
    }


def payment_method(
    card: TestCard,
    *,
    id: str,
    created: int,
    livemode: bool,
    fingerprint: str,
    exp_month: int,
    exp_year: int,
    has_cvc: bool,
    billing_details: Mapping[str, Any],
    metadata: Mapping[str, str],
    allow_redisplay: str,
) -> Json:
    """A card as a PaymentMethod."""
    return {
        "id": id,
        "object": "payment_method",
        "allow_redisplay": allow_redisplay,
        "billing_details": {
            "address": {**_ADDRESS, **(billing_details.get("address") or {})},
            "email": billing_details.get("email"),
            "name": billing_details.get("name"),
            "phone": billing_details.get("phone"),
            "tax_id": None,
        },
        "card": {
            "brand": card.brand,
            "checks": _checks(card, has_cvc=has_cvc),
            "country": card.country,
            "display_brand": card.brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": fingerprint,
            "funding": card.funding,
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": card.brand != "amex"},
            "wallet": None,
        },
        "created": created,
        "customer": None,
        "customer_account": None,
        "livemode": livemode,
        "metadata": dict(metadata),
        "type": "card",
    }


def _checks(card: TestCard, *, has_cvc: bool) -> Json:
    return {
        "address_line1_check": None,
        "address_postal_code_check": card.postal_code_check,
        "cvc_check": card.cvc_check if has_cvc else None,
    }


def charge(
    intent: JsonObject,
    method: JsonObject,
    card: TestCard,
    *,
    id: str,
    created: int,
    decline: Decline | None,
    three_d_secure: Json | None,
    network_transaction_id: str,
    authorization_code: str,
    capture_before: int | None,
) -> Json:
    """One attempt on a card: failed with ``decline``, else paid.

    It is captured unless ``capture_before`` says until when it may be.
    """
    is_paid = decline is None
    captured = is_paid and capture_before is None
    amount = intent["amount"]
    details: Json = {
        "amount_authorized": amount if is_paid else None,
        "authorization_code": authorization_code if is_paid else None,
        "brand": card.brand,
        "checks": method["card"]["checks"],
        "country": card.country,
        "exp_month": method["card"]["exp_month"],
        "exp_year": method["card"]["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": method["card"]["fingerprint"],
        "funding": card.funding,
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": method["card"]["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card.brand,
        "network_token": {"used": False},
        "network_transaction_id": network_transaction_id,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": three_d_secure,
        "transaction_link_id": None,
        "wallet": None,
    }
    if capture_before is not None:
        details["capture_before"] = capture_before
    return {
        "id": id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "MARKETHUB",
        "captured": captured,
        "created": created,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if decline is None else decline.code,
        "failure_message": None if decline is None else decline.message,
        "fraud_details": {},
        "livemode": intent["livemode"],
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": _outcome(card, decline),
        "paid": is_paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": details, "type": "card"},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded" if is_paid else "failed",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def _outcome(card: TestCard, decline: Decline | None) -> Json:
    risk: Json = {"risk_level": card.risk_level}
    common: Json = {"advice_code": None, "network_advice_code": None, "network_decline_code": None}
    if decline is None:
        is_reviewed = card.risk_level == "elevated"
        return {
            **common,
            **risk,
            "network_status": "approved_by_network",
            "reason": "elevated_risk_level" if is_reviewed else None,
            "seller_message": "Payment complete.",
            "type": "manual_review" if is_reviewed else "authorized",
        }
    if decline.blocked:
        return {
            **common,
            **risk,
            "network_status": "not_sent_to_network",
            "reason": "highest_risk_level",
            "seller_message": "Stripe blocked this payment as too risky.",
            "type": "blocked",
        }
    return {
        **common,
        **risk,
        "advice_code": decline.advice_code,
        "network_decline_code": decline.network_decline_code,
        "network_status": "declined_by_network",
        "reason": decline.decline_code or decline.code,
        "seller_message": "The bank did not return any further details with this decline.",
        "type": "issuer_declined",
    }


def three_d_secure(*, result: str, transaction_id: str) -> Json:
    """What a charge tells about its authentication: ``authenticated`` or ``processing_error``."""
    is_authenticated = result == "authenticated"
    return {
        "authentication_flow": "challenge" if is_authenticated else None,
        "electronic_commerce_indicator": "05" if is_authenticated else None,
        "exemption_indicator": None,
        "result": result,
        "result_reason": None if is_authenticated else "protocol_error",
        "transaction_id": transaction_id,
        "version": "2.2.0",
    }


def balance_transaction(
    *,
    id: str,
    created: int,
    available_on: int,
    amount: int,
    fee: int,
    currency: str,
    exchange_rate: float | None,
    description: str | None,
    source: str,
    type: str,
    reporting_category: str,
    fee_description: str = "Stripe processing fees",
) -> Json:
    """A movement of the account's balance."""
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": fee_description,
            "type": "stripe_fee",
        }
    ]
    return {
        "id": id,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": created,
        "currency": currency,
        "description": description,
        "exchange_rate": exchange_rate,
        "fee": fee,
        "fee_details": fees if fee else [],
        "net": amount - fee,
        "reporting_category": reporting_category,
        "source": source,
        "status": "pending",
        "type": type,
    }


def customer(*, id: str, created: int, livemode: bool, invoice_prefix: str) -> Json:
    """A customer of whom nothing is known yet."""
    return {
        "id": id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": invoice_prefix,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
