"""Stripe's errors as the account answers them. Source: Stripe's pages "Errors", "Error codes"."""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake.cards import Decline
from markethub.adapters.fake.store import JsonObject

NO_RETRY: Final[Mapping[str, str]] = {"Stripe-Should-Retry": "false"}
RETRY: Final[Mapping[str, str]] = {"Stripe-Should-Retry": "true"}


class ApiError(Exception):
    """An answer that is an error. ``body`` is Stripe's whole JSON."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        """Take what varies; ``more`` are further fields of the error, None for absent ones."""
        super().__init__(message)
        self.status = status
        self.headers: Mapping[str, str] = headers or {}
        self.error = error_object(message, type=type, code=code, param=param, **more)

    @property
    def body(self) -> dict[str, Any]:
        """The answer's JSON."""
        return {"error": self.error}


def error_object(
    message: str, *, type: str, code: str | None = None, param: str | None = None, **more: object
) -> dict[str, Any]:
    """Make what stands under ``error``, and with a declined card under ``last_payment_error``."""
    fields = {
        **more,
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if code
        else None,
        "message": message,
        "param": param,
        "type": type,
    }
    return {name: fields[name] for name in sorted(fields) if fields[name] is not None}


# --- who asks ---------------------------------------------------------------------------------


def no_key() -> ApiError:
    """No API key at all."""
    return ApiError(
        "You did not provide an API key. You need to provide your API key in the Authorization "
        "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
        "https://stripe.com/docs/api#authentication for details, or we can help at "
        "https://support.stripe.com/.",
        status=401,
    )


def wrong_key(key: str) -> ApiError:
    """A key that is none of the account's."""
    # Stripe shows a key's first and last characters only; of a short one, nothing.
    shown = f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 20 else "*" * 8
    return ApiError(f"Invalid API Key provided: {shown}", status=401)


def secret_key_required() -> ApiError:
    """A publishable key where only a secret one will do."""
    return ApiError(
        "This API call cannot be made with a publishable API key. Please use a secret API key. "
        "You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys.",
        status=401,
        code="secret_key_required",
    )


def wrong_client_secret(noun: str) -> ApiError:
    """A client secret of another object."""
    return ApiError(
        f"The client_secret provided does not match the client_secret associated with the {noun}.",
        param="client_secret",
    )


def wrong_version(version: str) -> ApiError:
    """An API version that the account does not speak."""
    return ApiError(f"Invalid Stripe API version: {version}")


# --- what is asked ----------------------------------------------------------------------------


def unrecognized_url(method: str, path: str) -> ApiError:
    """A path or method that the account does not have."""
    return ApiError(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
        status=404,
    )


def missing(noun: str, id: str, *, param: str, status: int = 404) -> ApiError:
    """An object that is not there: 404 in the path, 400 where a parameter names it."""
    return ApiError(f"No such {noun}: '{id}'", status=status, code="resource_missing", param=param)


def unexpected_state(message: str, intent: JsonObject, *, param: str | None = None) -> ApiError:
    """A PaymentIntent whose status does not allow it; the error shows it as it is."""
    return ApiError(
        message,
        code="payment_intent_unexpected_state",
        param=param,
        payment_intent=intent,
        headers=NO_RETRY,
    )


def unexpected_setup_state(message: str, intent: JsonObject) -> ApiError:
    """A SetupIntent whose status does not allow it; the error shows it as it is."""
    return ApiError(
        message,
        code="setup_intent_unexpected_state",
        setup_intent=intent,
        headers=NO_RETRY,
    )


# --- keys, limits and locks -------------------------------------------------------------------


def key_too_long() -> ApiError:
    """An idempotency key of more than 255 characters."""
    return ApiError(
        "Idempotency keys must be at most 255 characters long.", type="idempotency_error"
    )


def key_reused(key: str, *, first_path: str | None) -> ApiError:
    """A key used before with other parameters, or (``first_path``) at another endpoint."""
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to execute a different "
        "request."
        if first_path is None
        else "Keys for idempotent requests can only be used for the same endpoint they were first "
        f"used for ('{first_path}'). Try using a key other than '{key}' if you meant to execute a "
        "different request."
    )
    return ApiError(message, type="idempotency_error", headers=NO_RETRY)


def key_in_use(key: str | None, *, type: str) -> ApiError:
    """The same key in flight. Public copies of this error disagree on its type."""
    return ApiError(
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later.",
        status=409,
        type=type,
        code="idempotency_key_in_use",
        headers=RETRY,
    )


def rate_limited(reason: str | None) -> ApiError:
    """Too many requests; ``reason`` goes into a header, or is not told."""
    headers = {**NO_RETRY, "Stripe-Rate-Limited-Reason": reason} if reason else NO_RETRY
    return ApiError(
        "Request rate limit exceeded. Learn more about rate limits here "
        "https://stripe.com/docs/rate-limits.",
        status=429,
        code="rate_limit",
        headers=headers,
    )


def lock_timeout() -> ApiError:
    """Another request holds the object. Unlike a rate limit, the SDK is told to retry."""
    return ApiError(
        "This object cannot be accessed right now because another API request or Stripe process "
        "is currently accessing it. If you see this error intermittently, retry the request. If "
        "you see this error frequently and are making multiple concurrent requests to a single "
        "object, make your requests serially or at a lower rate. For more details, see "
        "https://stripe.com/docs/rate-limits#object-lock-timeouts.",
        status=429,
        code="lock_timeout",
        headers=RETRY,
    )


def server_error() -> ApiError:
    """Stripe's own failure, whatever it did or did not do before."""
    return ApiError("An unknown error occurred", status=500, type="api_error")


# --- cards ------------------------------------------------------------------------------------


def card_error(
    message: str,
    *,
    code: str,
    param: str | None = None,
    decline_code: str | None = None,
    **more: object,
) -> ApiError:
    """The card's own fault, or its bank's: 402."""
    return ApiError(
        message,
        status=402,
        type="card_error",
        code=code,
        param=param,
        decline_code=decline_code,
        headers=NO_RETRY,
        **more,
    )


def declined(decline: Decline, **more: object) -> ApiError:
    """A card that its bank, or Stripe for it, says no to: 402."""
    return card_error(
        decline.message,
        code=decline.code,
        param=decline.param,
        decline_code=decline.decline_code,
        advice_code=decline.advice_code,
        network_decline_code=decline.network_decline_code,
        **more,
    )
