"""``expand[]``: ids replaced by the objects they name. Source: Stripe's page "Expanding"."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from markethub.adapters.fake import balance, customers
from markethub.adapters.fake.attached import attached
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject

_DEPTH_MAXIMUM: Final = 4

_EXPANDABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "payment_intent": {
        "customer": "customer",
        "latest_charge": "charge",
        "payment_method": "payment_method",
    },
    "charge": {
        "balance_transaction": "balance_transaction",
        "customer": "customer",
        "payment_intent": "payment_intent",
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "radar.early_fraud_warning": {"charge": "charge", "payment_intent": "payment_intent"},
    "refund": {
        "balance_transaction": "balance_transaction",
        "charge": "charge",
        "customer": "customer",
        "failure_balance_transaction": "balance_transaction",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
    },
    "balance_transaction": {"source": "charge refund dispute"},
    "payment_method": {"customer": "customer"},
    "setup_intent": {
        "customer": "customer",
        "latest_attempt": "setup_attempt",
        "payment_method": "payment_method",
    },
    "setup_attempt": {
        "customer": "customer",
        "payment_method": "payment_method",
        "setup_intent": "setup_intent",
    },
}
"""By kind of object: which fields name another object, and of what kind or kinds."""
_INCLUDABLE: Final[Mapping[str, Mapping[str, str]]] = {"charge": {"refunds": "refund"}}
"""By kind of object: which lists it shows when they are asked for, and of what kind."""

_INCLUDED_MAXIMUM: Final = 10


def expand(execution: Execution, answer: JsonObject, paths: Sequence[str]) -> JsonObject:
    """Return the answer with everything inline that the paths name. Raises ApiError."""
    for path in paths:
        names = path.split(".")
        if len(names) > _DEPTH_MAXIMUM:
            raise ApiError(
                f"You cannot expand more than {_DEPTH_MAXIMUM} levels of a property. "
                f"Property: {path}",
                param="expand",
            )
        answer = _expand(execution, answer, names, path)
    return answer


def _expand(execution: Execution, value: JsonObject, names: Sequence[str], path: str) -> JsonObject:
    name, rest = names[0], names[1:]
    kind = value["object"]
    if kind == "list" and name == "data":
        items: Iterable[Any] = value["data"]
        return {**value, "data": [_expand(execution, item, rest, path) for item in items]}
    if name in _INCLUDABLE.get(kind, {}):
        target = value.get(name) or _listed(execution, value, name)
        return {**value, name: _expand(execution, target, rest, path) if rest else target}
    target_kind = _EXPANDABLE.get(kind, {}).get(name)
    if target_kind is None:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    target = value.get(name)
    if target is None:
        return value
    if isinstance(target, str):
        target = _load(execution, target_kind, target)
    if rest:
        target = _expand(execution, target, rest, path)
    return {**value, name: target}


def _load(execution: Execution, kind: str, id: str) -> JsonObject:
    if kind == "customer":
        return customers.retrieve(execution, {}, id)  # which may have been deleted since
    found = (execution.find(each, id) for each in kind.split())
    value = next(each for each in found if each is not None)
    return balance.view(value, execution.now) if kind == "balance_transaction" else value


def _listed(execution: Execution, value: JsonObject, name: str) -> JsonObject:
    newest = attached(execution, _INCLUDABLE[value["object"]][name], value["id"])[::-1]
    return {
        "object": "list",
        "data": newest[:_INCLUDED_MAXIMUM],
        "has_more": len(newest) > _INCLUDED_MAXIMUM,
        "url": f"/v1/{value['object']}s/{value['id']}/{name}",
    }
