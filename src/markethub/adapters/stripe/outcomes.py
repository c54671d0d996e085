"""What an answer of Stripe's API means: outcomes for what was sent, errors for what was read.

Pure; both gateways end here. The statuses are those of Stripe's page "Errors". Only an answer
that Stripe itself gives for a request it did not execute counts as a refusal; whatever else
comes back, from a proxy or in a shape yet unheard of, leaves the outcome unknown.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeGuard, TypeVar

import attrs

from markethub.adapters.stripe import refunds, translate
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    NotFound,
    ValidationFailed,
)
from markethub.domain.facts import ProviderIntent
from markethub.domain.ports.gateway import (
    Declined,
    Done,
    GatewayOutcome,
    NotTaken,
    Refunded,
    Unknown,
)


@attrs.frozen(kw_only=True)
class Answer:
    """A whole answer. ``body`` is its JSON, or None where it is none.

    ``replayed``: Stripe said ``Idempotent-Replayed: true``. ``should_retry`` is what Stripe said
    by ``Stripe-Should-Retry``, ``retry_after_s`` by ``Retry-After``; None where it said nothing.
    """

    status: int
    body: object = attrs.field(repr=False)
    replayed: bool = False
    should_retry: bool | None = None
    retry_after_s: float | None = None

    @classmethod
    def of(cls, status: int, body: object, headers: Mapping[str, str]) -> "Answer":
        """Read what the headers say; their names in any case."""
        said = {name.lower(): value for name, value in headers.items()}
        wait = said.get("retry-after", "")
        return cls(
            status=status,
            body=body,
            replayed=said.get("idempotent-replayed") == "true",
            should_retry=_YES_OR_NO.get(said.get("stripe-should-retry", "")),
            retry_after_s=float(wait) if wait.isascii() and wait.isdigit() else None,
        )


@attrs.frozen(kw_only=True)
class NoAnswer:
    """Nothing came back, or only a part. ``reason`` is for people."""

    reason: str


@attrs.frozen(kw_only=True)
class NotSent:
    """It never left us: we spare a provider that is in trouble. ``reason`` is for people."""

    reason: str


Reply = Answer | NoAnswer | NotSent

_YES_OR_NO: Final = {"true": True, "false": False}

T = TypeVar("T")

IN_FLIGHT: Final = "idempotency_key_in_use"
"""Stripe's code for a request whose key another request is being executed under."""
_NOT_ALLOWED: Final = frozenset({401, 403})
_EXECUTION_REFUSED: Final = frozenset({400, 402, 404})
_REFUSALS: Final = frozenset({"card_error", "invalid_request_error"})
"""The error types by which Stripe refuses a request for good."""


def outcome(reply: Reply) -> GatewayOutcome:
    """Say what became of a request that was to change something."""
    if isinstance(reply, NotSent):
        return NotTaken(reason=reply.reason)
    if isinstance(reply, NoAnswer):
        return Unknown(reason=reply.reason)
    error = _error(reply)
    match reply.status:
        case status if _is_2xx(status):
            return _done(reply)
        case status if status in _NOT_ALLOWED:
            return NotTaken(reason="credentials refused")
        case 409:
            return NotTaken(
                reason="conflict",
                in_flight=error.get("code") == IN_FLIGHT,
            )
        case 429:
            return NotTaken(reason=_word(error, "code") or "rate limit")
        case 400 if error.get("code") == "rate_limit":  # Stripe's way before 429, says its SDK
            return NotTaken(reason="rate limit")
        case 400 if error.get("type") == "idempotency_error":
            # The key was used with other parameters: sending again gives the same answer.
            return Unknown(reason="idempotency_error", stored=True)
        case status if status in _EXECUTION_REFUSED and error.get("type") in _REFUSALS:
            return Declined(code=_code(error), intent=_shown_intent(error))
        case status:
            return Unknown(reason=f"status {status}", stored=reply.replayed)


def intent(reply: Reply) -> ProviderIntent:
    """Return the intent that was read. Raises NotFound, or GatewayUnavailable.

    A read that is refused, be it for our credentials, says nothing of the object: whatever was
    to be found out is as open as before.
    """
    return read(reply, translate.intent)


def with_released(intent: ProviderIntent, reply: Reply) -> ProviderIntent:
    """Complete an intent by the lines that its charge wrote, where they could be read.

    The intent itself has been read: that its exchange must wait is no reason to lose it.
    """
    charge = intent.charge
    if charge is None or charge.balance is None:
        return intent
    booked = charge.balance
    try:
        line = read(reply, lambda obj: translate.released(obj, booked=booked))
    except (NotFound, GatewayUnavailable):
        return intent
    return attrs.evolve(intent, charge=attrs.evolve(charge, released=line))


def page(reply: Reply) -> translate.Page:
    """Return the page that was read. Raises as ``intent``."""
    return read(reply, translate.page)


def refund_page(reply: Reply) -> refunds.RefundPage:
    """Return the page of refunds that was read. Raises as ``intent``."""
    return read(reply, refunds.page)


def account_id(reply: Reply) -> str:
    """Return the account's id. Raises GatewayUnavailable, or GatewayRejected if we may not ask."""
    if isinstance(reply, Answer) and reply.status in _NOT_ALLOWED:
        raise GatewayRejected("the provider refused our credentials")
    return read(reply, translate.account_id)


def read(reply: Reply, translator: Callable[[object], T]) -> T:
    """Return what was read, translated. Raises as ``intent``."""
    if not isinstance(reply, Answer):
        raise GatewayUnavailable(f"the provider did not answer ({reply.reason})")
    error = _error(reply)
    match reply.status:
        case status if _is_2xx(status):
            try:
                return translator(reply.body)
            except ValidationFailed as problem:
                raise GatewayUnavailable("the provider's answer is unreadable") from problem
        case 404 if error.get("code") == "resource_missing":
            raise NotFound("the provider has no such object")
        case status:
            raise GatewayUnavailable(f"the provider answered with status {status}")


def _done(reply: Answer) -> GatewayOutcome:
    try:
        if isinstance(reply.body, Mapping) and reply.body.get("object") == "refund":
            return Refunded(refund=refunds.refund(reply.body), replayed=reply.replayed)
        return Done(intent=translate.intent(reply.body), replayed=reply.replayed)
    except ValidationFailed as problem:
        return Unknown(reason=f"unreadable answer: {problem}", stored=reply.replayed)


def is_success(reply: Reply) -> TypeGuard[Answer]:
    """Tell whether the provider did what it was asked."""
    return isinstance(reply, Answer) and _is_2xx(reply.status)


def _is_2xx(status: int) -> bool:
    return 200 <= status < 300


def error_code(reply: Answer) -> str | None:
    """Return the code of the error that was answered, where there is one."""
    return _word(_error(reply), "code")


def _error(reply: Answer) -> Mapping[str, object]:
    error = reply.body.get("error") if isinstance(reply.body, Mapping) else None
    return error if isinstance(error, Mapping) else {}


def _word(error: Mapping[str, object], key: str) -> str | None:
    value = error.get(key)
    return value if isinstance(value, str) and value else None


def _code(error: Mapping[str, object]) -> str:
    """Return the provider's code; some refusals have none, and are named by their type."""
    return _word(error, "code") or _word(error, "type") or "unknown"


def _shown_intent(error: Mapping[str, object]) -> ProviderIntent | None:
    try:
        return translate.intent(error.get("payment_intent"))
    except ValidationFailed:
        return None
