"""The methods that customers keep: attaching, detaching, changing and listing them.

Source: Stripe's page "PaymentMethods API", and error bodies recorded by others.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import customers, errors, payment_methods
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, one_of, text
from markethub.adapters.fake.store import JsonObject

KIND: Final = "payment_method"

ATTACH: Final[Spec] = {"customer": text()}
_OF_CUSTOMER: Final[Spec] = {
    **{name: parser for name, parser in LIST.items() if name != "created"},
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "type": one_of("card"),
}
OF_CUSTOMER: Final = _OF_CUSTOMER
LIST_PARAMS: Final[Spec] = {**_OF_CUSTOMER, "customer": text()}


def attach(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/payment_methods/{id}/attach``: nothing for the customer who has it already.

    Raises ApiError: 402 for a card that its bank declines, 400 for one of another customer, and
    for one that was used without a customer or detached.
    """
    method = payment_methods.named(execution, id) or payment_methods.load(execution, id)
    if "customer" not in given:
        raise ApiError("Must provide customer or customer_account.", code="parameter_missing")
    customer = customers.require_customer(execution, given["customer"])
    owner = method["customer"]
    if owner == customer:
        return method
    if owner is not None:
        raise ApiError("The payment method you provided has already been attached to a customer.")
    refusal = payment_methods.refusal_of(execution, method["id"])
    if refusal is not None:
        raise errors.declined(refusal)
    return payment_methods.attach(execution, method, str(customer))


def detach(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - it takes none
    """``POST /v1/payment_methods/{id}/detach``, for good. Raises ApiError."""
    method = payment_methods.load(execution, id)
    if method["customer"] is None:
        raise ApiError(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
    return payment_methods.detach(execution, method)


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/payment_methods``: the customer's, the newest first; none without a customer."""
    customer = given.get("customer")
    if customer is not None:
        customers.require_customer(execution, customer)
    return _page(execution, given, customer, url="/v1/payment_methods")


def of_customer(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``GET /v1/customers/{id}/payment_methods``, the newest first. Raises ApiError 404."""
    if execution.find(customers.KIND, id) is None:
        raise errors.missing(customers.KIND, id, param="id")
    return _page(execution, given, id, url=f"/v1/customers/{id}/payment_methods")


def _page(
    execution: Execution, given: Mapping[str, Any], customer: str | None, *, url: str
) -> JsonObject:
    shown = given.get("allow_redisplay")
    return page(
        execution,
        KIND,
        given,
        url=url,
        matches=lambda method: (
            customer is not None
            and method["customer"] == customer
            and shown in (None, method["allow_redisplay"])
        ),
    )
