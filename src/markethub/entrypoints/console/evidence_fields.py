"""Stripe's evidence fields as people see them: what each asks for, and where it stands.

The names are Stripe's (https://docs.stripe.com/api/disputes/evidence_object); the words are ours.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from markethub.domain.evidence import FILE_FIELDS, TEXT_FIELDS


@attrs.frozen
class Field:
    """A text field. ``rows`` above one makes it a text of several lines."""

    name: str
    label: str
    hint: str = ""
    rows: int = 1


@attrs.frozen
class Group:
    """Fields that belong together, and the reasons of disputes that they matter most for."""

    title: str
    fields: Sequence[Field]
    reasons: frozenset[str] = frozenset()


GROUPS: Final = (
    Group(
        "The order",
        (
            Field("product_description", "What was sold", "In words that a banker follows.", 3),
            Field("service_date", "Day of the service", "Where it was a service."),
        ),
        frozenset({"product_unacceptable", "product_not_received", "general"}),
    ),
    Group(
        "The customer",
        (
            Field("customer_name", "Name"),
            Field("customer_email_address", "Email address"),
            Field("customer_purchase_ip", "IP address of the purchase"),
            Field("billing_address", "Billing address", "", 3),
            Field(
                "access_activity_log",
                "Access log",
                "When the customer signed in or downloaded, from where.",
                4,
            ),
        ),
        frozenset({"fraudulent", "unrecognized"}),
    ),
    Group(
        "Shipping",
        (
            Field("shipping_address", "Address", "", 3),
            Field("shipping_carrier", "Carrier"),
            Field("shipping_date", "Day of dispatch"),
            Field("shipping_tracking_number", "Tracking number"),
        ),
        frozenset({"product_not_received", "fraudulent"}),
    ),
    Group(
        "Cancellation and refund",
        (
            Field(
                "cancellation_policy_disclosure",
                "How the cancellation policy was shown",
                "Before the purchase, and where.",
                3,
            ),
            Field("cancellation_rebuttal", "Why it was not canceled as the customer says", "", 3),
            Field("refund_policy_disclosure", "How the refund policy was shown", "", 3),
            Field("refund_refusal_explanation", "Why no refund is due", "", 3),
        ),
        frozenset({"subscription_canceled", "credit_not_processed", "product_unacceptable"}),
    ),
    Group(
        "Charged twice?",
        (
            Field("duplicate_charge_id", "The other charge's id", "Begins with ch_."),
            Field("duplicate_charge_explanation", "Why the two are not the same purchase", "", 3),
        ),
        frozenset({"duplicate"}),
    ),
    Group(
        "Anything else",
        (Field("uncategorized_text", "Anything else the bank should know", "", 5),),
    ),
)

FILES: Final[Mapping[str, str]] = {
    "receipt": "Receipt",
    "customer_communication": "Communication with the customer",
    "customer_signature": "Customer's signature",
    "shipping_documentation": "Proof of shipping",
    "service_documentation": "Proof of the service",
    "cancellation_policy": "Cancellation policy",
    "refund_policy": "Refund policy",
    "duplicate_charge_documentation": "Proof that two charges are two purchases",
    "uncategorized_file": "Something else",
}

LABELS: Final = {field.name: field.label for group in GROUPS for field in group.fields}
assert set(LABELS) == TEXT_FIELDS, "every text field is asked for, and no other"
assert set(FILES) == FILE_FIELDS, "every file field is offered, and no other"
