"""3-D Secure challenges of both kinds of intents: who is asked, and what the browser opens."""

from typing import Any

from markethub.adapters.fake import payment_methods
from markethub.adapters.fake.cards import TestCard, ThreeDSecure
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject


def is_requested(intent: JsonObject) -> bool:
    """Tell whether the intent asks for 3-D Secure where a card leaves the choice."""
    asked: str = intent["payment_method_options"]["card"]["request_three_d_secure"]
    return asked != "automatic"


def breaks_down(intent: JsonObject, card: TestCard) -> bool:
    """Tell whether the attempt to authenticate ends in an error of the card's issuer."""
    return card.three_d_secure is ThreeDSecure.FAILING or (
        card.three_d_secure is ThreeDSecure.OPTIONAL_FAILING and is_requested(intent)
    )


def asks(execution: Execution, intent: JsonObject, card: TestCard, *, off_session: bool) -> bool:
    """Tell whether the issuer wants to see the customer for this intent's payment method."""
    match card.three_d_secure:
        case ThreeDSecure.NOT_ENROLLED | ThreeDSecure.OPTIONAL_FAILING | ThreeDSecure.FAILING:
            return False
        case ThreeDSecure.OPTIONAL:
            return is_requested(intent)
        case ThreeDSecure.ALWAYS:
            return True
        case ThreeDSecure.SET_UP:
            return not off_session
        case ThreeDSecure.UNLESS_SET_UP:
            set_up = payment_methods.is_set_up(execution, intent["payment_method"])
            return not (off_session and set_up)


def next_action(
    execution: Execution,
    intent: JsonObject,
    *,
    source: str,
    return_url: str | None,
    use_stripe_sdk: bool,
) -> dict[str, Any]:
    """Return the intent's ``next_action``: the address of the challenge that ``source`` opens."""
    # The source opens this one challenge; a client secret does not belong into an address.
    url = f"{execution.options.base_url}/fake-stripe/challenge/{intent['id']}?source={source}"
    if return_url is not None and not use_stripe_sdk:
        redirect = {"return_url": return_url, "url": url}
        return {"redirect_to_url": redirect, "type": "redirect_to_url"}
    sdk = {"source": source, "stripe_js": url, "type": "three_d_secure_redirect"}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def require_return_url(
    execution: Execution, intent: JsonObject, *, return_url: str | None, use_stripe_sdk: bool
) -> None:
    """Raise ApiError where the intent may redirect and nobody said where to return to."""
    automatic = intent["automatic_payment_methods"]
    may_redirect = automatic is not None and automatic["allow_redirects"] == "always"
    # Stripe.js handles redirects by itself.
    by_browser = execution.is_publishable or use_stripe_sdk
    if may_redirect and return_url is None and not by_browser:
        noun = "SetupIntent" if intent["object"] == "setup_intent" else "PaymentIntent"
        raise ApiError(
            f"This {noun} is configured to accept payment methods enabled in your "
            "Dashboard. Because some of these payment methods might redirect your customer off of "
            "your page, you must provide a `return_url`. If you don't want to accept "
            "redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` "
            "and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup "
            "Intents and Payment Intents.",
            param="return_url",
        )
