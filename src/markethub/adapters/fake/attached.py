"""What belongs to a charge: its refunds, disputes and warnings, found without looking at all."""

from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject


def attach(execution: Execution, value: JsonObject) -> JsonObject:
    """Keep a new object that names its charge, and return it."""
    execution.save(value)
    place = _place(value["object"])
    kept = execution.find(place, value["charge"])
    ids = [] if kept is None else kept["ids"]
    execution.note(place, value["charge"], {"ids": [*ids, value["id"]]})
    return value


def attached(execution: Execution, kind: str, charge_id: str) -> list[JsonObject]:
    """Return a charge's objects of a kind, the oldest first."""
    kept = execution.find(_place(kind), charge_id)
    return [] if kept is None else [execution.load(kind, each) for each in kept["ids"]]


def _place(kind: str) -> str:
    return f"{kind}_of_charge"
