"""The methods that customers keep: attaching, detaching, changing and listing them.

Source: Stripe's page "PaymentMethods API", and error bodies recorded by others.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import customers, errors, payment_methods
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, fields, merged, metadata, one_of, text, whole
from markethub.adapters.fake.store import JsonObject

ATTACH: Final[Spec] = {"customer": text()}
UPDATE: Final[Spec] = {
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "billing_details": fields(payment_methods.BILLING),
    "card": fields({"exp_month": whole(), "exp_year": whole()}),
    "metadata": metadata,
}
OF_CUSTOMER: Final[Spec] = {
    **{name: parser for name, parser in LIST.items() if name != "created"},
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "type": one_of("card"),
}
LIST_PARAMS: Final[Spec] = {**OF_CUSTOMER, "customer": text()}


def attach(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/payment_methods/{id}/attach``: nothing for the customer who has it already.

    Raises ApiError: 402 for a card that its bank declines, 404 for an unknown one, 400 for one of
    another customer and for one that was used without a customer or detached.
    """
    method = payment_methods.named(execution, id) or payment_methods.load(execution, id)
    if "customer" not in given:
        raise ApiError("Must provide customer or customer_account.", code="parameter_missing")
    customer = customers.require_customer(execution, given["customer"])
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


def update(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/payment_methods/{id}``: of a saved one. Raises ApiError."""
    method = payment_methods.load(execution, id)
    if method["customer"] is None:
        raise ApiError("You must save this PaymentMethod to a customer before you can update it.")
    changes: dict[str, Any] = {}
    if "allow_redisplay" in given:
        changes["allow_redisplay"] = given["allow_redisplay"]
    if "billing_details" in given:
        kept, said = method["billing_details"], given["billing_details"]
        address = {**kept["address"], **said.get("address", {})}
        changes["billing_details"] = {**kept, **said, "address": address}
    if "card" in given:
        shown = {**method["card"], **given["card"]}
        month, year = payment_methods.check_expiry(
            shown["exp_month"], shown["exp_year"], now=execution.now
        )
        changes["card"] = {**shown, "exp_month": month, "exp_year": year}
    if "metadata" in given:
        changes["metadata"] = merged(method["metadata"], given["metadata"])
    return payment_methods.change(execution, method, changes, event="payment_method.updated")


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/payment_methods``: the customer's, the newest first; none without a customer."""
    customer = given.get("customer")
    if customer is not None:
        customers.require_customer(execution, customer)
    return _page(execution, given, customer, url="/v1/payment_methods")


def of_customer(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``GET /v1/customers/{id}/payment_methods``, the newest first. Raises ApiError 404."""
    _require_customer(execution, id)
    return _page(execution, given, id, url=f"/v1/customers/{id}/payment_methods")


def one_of_customer(
    execution: Execution,
    given: Mapping[str, Any],  # noqa: ARG001 - expansion is the entrance's
    id: str,
    method_id: str,
) -> JsonObject:
    """``GET /v1/customers/{id}/payment_methods/{method}``. Raises ApiError 404."""
    _require_customer(execution, id)
    method = execution.find(payment_methods.KIND, method_id)
    if method is None or method["customer"] != id:
        raise errors.missing("PaymentMethod", method_id, param="payment_method")
    return method


def _require_customer(execution: Execution, id: str) -> None:
    if execution.find(customers.KIND, id) is None:
        raise errors.missing(customers.KIND, id, param="id")


def _page(
    execution: Execution, given: Mapping[str, Any], customer: str | None, *, url: str
) -> JsonObject:
    shown = given.get("allow_redisplay")
    return page(
        execution,
        payment_methods.KIND,
        given,
        url=url,
        matches=lambda method: (
            customer is not None
            and method["customer"] == customer
            and shown in (None, method["allow_redisplay"])
        ),
    )
