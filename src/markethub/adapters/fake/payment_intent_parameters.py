"""The parameters of the PaymentIntent endpoints: those that the account simulates.

Source: Stripe's page "PaymentIntents API", at the pinned version. Others are refused as unknown,
so that nobody relies on what would be ignored.
"""

from typing import Final

from markethub.adapters.fake import payment_methods
from markethub.adapters.fake.listing import LIST
from markethub.adapters.fake.parameters import (
    Spec,
    currency,
    each,
    fields,
    flag,
    metadata,
    one_of,
    refused,
    text,
    unsettable,
    whole,
)

TYPES_REFUSED: Final = refused(
    "The `payment_method_types` parameter is no longer supported on this API version. Use "
    "`automatic_payment_methods` or `allowed_payment_method_types` instead.",
    code="payment_method_types_no_longer_supported",
)
_SHIPPING: Final = unsettable(
    fields(
        {
            "address": payment_methods.ADDRESS,
            "carrier": text(unsettable=True),
            "name": text(),
            "phone": text(unsettable=True),
            "tracking_number": text(unsettable=True),
        },
        required=("address", "name"),
    )
)
_OPTIONS: Final = fields(
    {
        "card": fields(
            {"request_three_d_secure": one_of("any", "automatic", "challenge")},
        )
    }
)
_DESCRIBED: Final[Spec] = {
    "description": text(unsettable=True),
    "metadata": metadata,
    "receipt_email": text(unsettable=True),
    "shipping": _SHIPPING,
    "statement_descriptor": text(maximum=22, unsettable=True),
    "statement_descriptor_suffix": text(maximum=22, unsettable=True),
    "transfer_group": text(unsettable=True),
}
_METHOD: Final[Spec] = {
    "allowed_payment_method_types": each(one_of("card")),
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "payment_method": text(),
    "payment_method_data": payment_methods.DATA,
    "payment_method_options": _OPTIONS,
    "payment_method_types": TYPES_REFUSED,
    "setup_future_usage": one_of("off_session", "on_session", unsettable=True),
}
_HOW: Final[Spec] = {
    "error_on_requires_action": flag,
    "off_session": one_of("true", "false", "one_off", "recurring"),
    "return_url": text(),
    "use_stripe_sdk": flag,
}
CREATE: Final[Spec] = {
    **_DESCRIBED,
    **_METHOD,
    **_HOW,
    "amount": whole(),
    "automatic_payment_methods": fields(
        {"enabled": flag, "allow_redirects": one_of("always", "never")}, required=("enabled",)
    ),
    "confirm": flag,
    "confirmation_method": one_of("automatic", "manual"),
    "currency": currency,
    "customer": text(),
}
UPDATE: Final[Spec] = {
    **_DESCRIBED,
    **_METHOD,
    "amount": whole(),
    "currency": currency,
    "customer": text(),
}
CONFIRM: Final[Spec] = {
    **_METHOD,
    **_HOW,
    "receipt_email": text(unsettable=True),
    "shipping": _SHIPPING,
}
CAPTURE: Final[Spec] = {
    "amount_to_capture": whole(),
    "metadata": metadata,
    "statement_descriptor": text(maximum=22),
    "statement_descriptor_suffix": text(maximum=22),
}
CANCEL: Final[Spec] = {
    "cancellation_reason": one_of("duplicate", "fraudulent", "requested_by_customer", "abandoned")
}
LIST_PARAMS: Final[Spec] = {**LIST, "customer": text()}
