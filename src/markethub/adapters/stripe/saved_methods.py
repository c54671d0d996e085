"""Customers, setups and saved methods: what we send to Stripe, and what its answers mean. Pure.

Source: Stripe's pages "Save payment details for future use" and "The Payment Methods API".
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

import attrs

from markethub.adapters.stripe import reading
from markethub.adapters.stripe.outcomes import _REFUSALS, Answer, Reply
from markethub.adapters.stripe.requests import CUSTOMER_ID, PAGE_SIZE
from markethub.domain.customer import Customer
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    NotFound,
    RequestInProgress,
    ValidationFailed,
)
from markethub.domain.facts import (
    CustomerDeleted,
    MethodReported,
    ProviderFact,
    ProviderMethod,
    ProviderSetup,
    Unrecognised,
)
from markethub.domain.ids import CustomerId, ProviderCustomerId, SetupIntentId
from markethub.domain.operation import ProviderRequest
from markethub.domain.secret import Secret

CUSTOMER_REFERENCE: Final = "markethub_customer_record"
"""Key of a customer's ``metadata``: which generation of which record it is."""

_METHOD_TYPES: Final = frozenset(
    f"payment_method.{what}" for what in ("attached", "updated", "automatically_updated")
)
_DETACHED: Final = "payment_method.detached"
_SETUP_SUCCEEDED: Final = "setup_intent.succeeded"
_CUSTOMER_DELETED: Final = "customer.deleted"
HANDLED_TYPES: Final = _METHOD_TYPES | {_DETACHED, _SETUP_SUCCEEDED, _CUSTOMER_DELETED}
"""The event types that mean something to us."""

FORMER_TYPES: Final[Mapping[str, str]] = {
    "payment_method.card_automatically_updated": "payment_method.automatically_updated"
}
"""What API versions before 2020-08-27 call a type. Source: Stripe's changelog of that version."""

T = TypeVar("T")


# --- requests ---------------------------------------------------------------------------------


def create_customer(customer: Customer) -> ProviderRequest:
    """Make a record for a customer: with our ids, and nothing that tells who they are."""
    metadata = {CUSTOMER_ID: customer.id, CUSTOMER_REFERENCE: customer.reference}
    return ProviderRequest(method="POST", path="/v1/customers", params={"metadata": metadata})


def read_customer(provider_id: ProviderCustomerId) -> ProviderRequest:
    """Ask for a customer. Raises NotFound for what cannot be an id."""
    return _get(f"/v1/customers/{_part(provider_id)}")


def list_customers(*, created_from: datetime, starting_after: str | None = None) -> ProviderRequest:
    """Ask for a page of the customers made at or after a time, newest first."""
    after = {} if starting_after is None else {"starting_after": starting_after}
    created = {"gte": int(created_from.timestamp())}
    return _get("/v1/customers", created=created, limit=PAGE_SIZE, **after)


def create_setup(provider_id: ProviderCustomerId, *, customer_id: CustomerId) -> ProviderRequest:
    """Make a SetupIntent whose card may be charged later, off-session too."""
    return ProviderRequest(
        method="POST",
        path="/v1/setup_intents",
        params={
            "customer": provider_id,
            "automatic_payment_methods": {"enabled": True},
            "usage": "off_session",
            "metadata": {CUSTOMER_ID: customer_id},
        },
    )


def read_method(token: Secret) -> ProviderRequest:
    """Ask for a method. Raises NotFound for what cannot be an id."""
    return _get(f"/v1/payment_methods/{_part(token.reveal())}")


def detach_method(token: Secret) -> ProviderRequest:
    """Let a method be forgotten, for good. Raises as ``read_method``."""
    path = f"/v1/payment_methods/{_part(token.reveal())}/detach"
    return ProviderRequest(method="POST", path=path, params={})


def _get(path: str, **params: object) -> ProviderRequest:
    return ProviderRequest(method="GET", path=path, params=params)


def _part(id: str) -> str:
    # An empty id would address the list, and a slash something else altogether.
    if not reading.STRIPE_ID.fullmatch(id):
        raise NotFound("no such object")
    return id


# --- answers ----------------------------------------------------------------------------------


def value(reply: Reply, translator: Callable[[object], T]) -> T:
    """Return what was answered, translated.

    Raises NotFound for an object, or one it belongs to, that does not exist; RequestInProgress
    where another request under the key is in flight; GatewayRejected for what is refused for
    good; GatewayUnavailable for all else.
    """
    if not isinstance(reply, Answer):
        raise GatewayUnavailable(f"the provider did not answer ({reply.reason})")
    if 200 <= reply.status < 300:
        try:
            return translator(reply.body)
        except ValidationFailed as problem:
            raise GatewayUnavailable("the provider's answer is unreadable") from problem
    code, type_ = _error(reply)
    match reply.status:
        case 400 | 404 if code == "resource_missing":
            raise NotFound("the provider has no such object")
        case 409 if code == "idempotency_key_in_use":
            raise RequestInProgress("the provider is still busy with the same request")
        case 400 | 402 if type_ in _REFUSALS and code != "rate_limit":
            raise GatewayRejected(f"the provider refused the request ({code or type_})")
        case status:
            raise GatewayUnavailable(f"the provider answered with status {status}")


def is_stored_failure(reply: Reply) -> bool:
    """Tell whether the key will only ever replay a failure of the provider's."""
    return isinstance(reply, Answer) and reply.replayed and reply.status >= 500


def customer(obj: object) -> ProviderCustomerId | None:
    """Read a Customer's id; None for one that is deleted. Raises ValidationFailed."""
    fields = reading.of_kind(obj, "customer")
    found = ProviderCustomerId(reading.id_of(fields, "customer"))
    return None if fields.get("deleted") is True else found


def made_customer(obj: object) -> ProviderCustomerId:
    """Read the id of a Customer that was just made. Raises ValidationFailed."""
    return ProviderCustomerId(reading.id_of(reading.of_kind(obj, "customer"), "customer"))


def setup(obj: object) -> ProviderSetup:
    """Read a SetupIntent that was just made. Raises ValidationFailed."""
    fields = reading.of_kind(obj, "setup_intent")
    secret = fields.get("client_secret")
    if not isinstance(secret, str) or not secret:
        raise ValidationFailed("client_secret", "is missing")
    return ProviderSetup(
        id=SetupIntentId(reading.id_of(fields, "setup_intent")), client_secret=Secret(secret)
    )


def method(obj: object) -> ProviderMethod:
    """Read a PaymentMethod. Raises ValidationFailed for an unreadable one."""
    fields = reading.of_kind(obj, "payment_method")
    shown = fields.get("card")
    fingerprint = shown.get("fingerprint") if isinstance(shown, Mapping) else None
    owner = reading.reference_id(fields.get("customer"))
    return ProviderMethod(
        token=Secret(reading.id_of(fields, "payment_method")),
        customer_id=ProviderCustomerId(owner) if owner else None,
        card=reading.card(fields) if fields.get("type") == "card" else None,
        fingerprint=Secret(fingerprint) if isinstance(fingerprint, str) and fingerprint else None,
        created_at=reading.moment(fields.get("created"), "created"),
    )


@attrs.frozen(kw_only=True)
class CustomerPage:
    """A page of customers by the generation they were made for, where they are ours."""

    found: Mapping[str, ProviderCustomerId]
    next_after: str | None


def customer_page(obj: object) -> CustomerPage:
    """Read a page of Customers. Raises ValidationFailed for an unreadable one."""
    fields = reading.of_kind(obj, "list")
    data = fields.get("data")
    if not isinstance(data, Sequence):
        raise ValidationFailed("data", "must be a list")
    found: dict[str, ProviderCustomerId] = {}
    last: str | None = None
    for each in data:
        entry = reading.of_kind(each, "customer")
        last = reading.id_of(entry, "customer")
        metadata = entry.get("metadata")
        reference = metadata.get(CUSTOMER_REFERENCE) if isinstance(metadata, Mapping) else None
        if isinstance(reference, str):
            found[reference] = ProviderCustomerId(last)
    return CustomerPage(found=found, next_after=last if fields.get("has_more") is True else None)


# --- events -----------------------------------------------------------------------------------


def event_fact(type: str, obj: object) -> ProviderFact:
    """Read what an event of ``type`` says about its object. Raises ValidationFailed."""
    if type == _CUSTOMER_DELETED:
        return CustomerDeleted(customer_id=made_customer(obj))
    if type == _SETUP_SUCCEEDED:
        fields = reading.of_kind(obj, "setup_intent")
        token = reading.reference_id(fields.get("payment_method"))
        if token is None:
            return Unrecognised(type=type)
        return MethodReported(token=Secret(token), is_detached=False)
    fields = reading.of_kind(obj, "payment_method")
    token = reading.id_of(fields, "payment_method")
    is_detached = type == _DETACHED and fields.get("customer") is None
    return MethodReported(token=Secret(token), is_detached=is_detached)


def _error(reply: Answer) -> tuple[str | None, str | None]:
    error = reply.body.get("error") if isinstance(reply.body, Mapping) else None
    fields: Mapping[str, object] = error if isinstance(error, Mapping) else {}
    code, type_ = fields.get("code"), fields.get("type")
    return (
        code if isinstance(code, str) else None,
        type_ if isinstance(type_, str) else None,
    )
