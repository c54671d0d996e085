"""Customers: an id with contact data, and what is left of a deleted one."""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import errors, events, objects, payment_methods
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, fields, merged, metadata, text
from markethub.adapters.fake.store import JsonObject

KIND: Final = "customer"
_DELETED: Final = "deleted_customer"

_CONTACT: Final[Spec] = {
    name: text(unsettable=True) for name in ("description", "email", "name", "phone")
}
WRITE: Final[Spec] = {
    **_CONTACT,
    "invoice_settings": fields({"default_payment_method": text(unsettable=True)}),
    "metadata": metadata,
}
CREATE: Final[Spec] = {**WRITE, "payment_method": text()}
LIST_PARAMS: Final[Spec] = {**LIST, "email": text()}


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/customers``. Raises ApiError."""
    new_id = execution.new_id("cus")
    customer = execution.save(
        {
            **objects.customer(
                id=new_id,
                created=execution.now,
                livemode=execution.options.livemode,
                invoice_prefix=execution.derived(f"invoice:{new_id}", length=8).upper(),
            ),
            "metadata": merged({}, given.get("metadata", {})),
            **_contact(given),
        }
    )
    if "payment_method" in given:
        named = given["payment_method"]
        method = payment_methods.named(execution, named) or payment_methods.load(
            execution, named, status=400
        )
        payment_methods.attach(execution, method, new_id)
    customer = execution.change(customer, **_settings(execution, customer, given))
    execution.emit("customer.created", customer)
    return customer


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/customers/{id}``: of a deleted one, that it is deleted. Raises ApiError 404."""
    return execution.find(_DELETED, id) or _present(execution, id)


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/customers``, the newest first, without the deleted."""
    email = given.get("email")
    return page(
        execution,
        KIND,
        given,
        url="/v1/customers",
        matches=lambda customer: email in (None, customer["email"]),
    )


def update(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/customers/{id}``. Raises ApiError: 404 for a deleted one, too."""
    customer = _present(execution, id)
    changes = {**_contact(given), **_settings(execution, customer, given)}
    if "metadata" in given:
        changes["metadata"] = merged(customer["metadata"], given["metadata"])
    previous = events.differing(customer, changes)
    customer = execution.change(customer, **changes)
    if previous:
        execution.emit("customer.updated", customer, previous=previous)
    return customer


def delete(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - it takes none
    """``DELETE /v1/customers/{id}``, for good, and its methods with it. Raises ApiError 404."""
    customer = _present(execution, id)
    execution.store.delete(KIND, id)
    for method in list(execution.newest(payment_methods.KIND)):
        if method["customer"] == id:
            is_told = execution.options.deletion_tells_of_methods
            payment_methods.detach(execution, method, is_told=is_told)
    execution.emit("customer.deleted", customer)
    return execution.note(_DELETED, id, {"id": id, "object": KIND, "deleted": True})


def require_customer(execution: Execution, id: str | None) -> str | None:
    """Return the id of a customer that a parameter names. Raises ApiError if there is none."""
    if id is not None and execution.find(KIND, id) is None:
        raise errors.missing(KIND, id, param="customer", status=400)
    return id


def _present(execution: Execution, id: str) -> JsonObject:
    customer = execution.find(KIND, id)
    if customer is None:
        raise errors.missing(KIND, id, param="id")
    return customer


def _contact(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in _CONTACT if name in given}


def _settings(
    execution: Execution, customer: JsonObject, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a default payment method changes. Raises ApiError for one of somebody else."""
    settings = given.get("invoice_settings", {})
    if "default_payment_method" not in settings:
        return {}
    chosen = settings["default_payment_method"]
    method = None if chosen is None else execution.find(payment_methods.KIND, chosen)
    if chosen is not None and (method is None or method["customer"] != customer["id"]):
        raise ApiError(
            f"The customer does not have a payment method with the ID {chosen}. The payment method "
            "must be attached to the customer.",
            code="resource_missing",
            param="invoice_settings[default_payment_method]",
        )
    kept = customer["invoice_settings"]
    return {"invoice_settings": {**kept, "default_payment_method": chosen}}
