"""Customers: an id with contact data, and what is left of a deleted one."""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import errors, objects
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, merged, metadata, text
from markethub.adapters.fake.store import JsonObject

KIND: Final = "customer"
_DELETED: Final = "deleted_customer"

_CONTACT: Final[Spec] = {
    name: text(unsettable=True) for name in ("description", "email", "name", "phone")
}
WRITE: Final[Spec] = {**_CONTACT, "metadata": metadata}
LIST_PARAMS: Final[Spec] = {**LIST, "email": text()}


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/customers``."""
    new_id = execution.new_id("cus")
    customer = execution.save(
        {
            **objects.customer(
                id=new_id,
                created=execution.now,
                livemode=execution.options.livemode,
                invoice_prefix=execution.derived(f"invoice:{new_id}", length=8).upper(),
            ),
            **_changes({}, given),
        }
    )
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
    """``POST /v1/customers/{id}``. Raises ApiError 404, for a deleted one, too."""
    customer = _present(execution, id)
    changes = _changes(customer["metadata"], given)
    previous = {name: customer[name] for name in changes if customer[name] != changes[name]}
    customer = execution.change(customer, **changes)
    if previous:
        execution.emit("customer.updated", customer, previous=previous)
    return customer


def delete(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - it takes none
    """``DELETE /v1/customers/{id}``, for good. Raises ApiError 404."""
    customer = _present(execution, id)
    execution.store.delete(KIND, id)
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


def _changes(current: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, Any]:
    changes = {name: given[name] for name in _CONTACT if name in given}
    if "metadata" in given:
        changes["metadata"] = merged(current, given["metadata"])
    return changes
