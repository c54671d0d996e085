"""Events: listing them, and delivering each until it was taken."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from markethub.adapters.fake import errors
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, each, flag, text
from markethub.adapters.fake.store import AccountStore, JsonObject

_DELIVERY: Final = "delivery"
"""Notes of events that are still to be delivered."""

_DAY_S: Final = 86_400
_LISTED_FOR_S: Final = 30 * _DAY_S
_DELIVERED_FOR_S: Final = 3 * _DAY_S
_LONGEST_WAIT_S: Final = 3_600

LIST_PARAMS: Final[Spec] = {
    **LIST,
    "delivery_success": flag,
    "type": text(),
    "types": each(text()),
}


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/events/{id}``, for 30 days. Raises ApiError 404."""
    event = execution.find("event", id)
    if event is None or event["created"] < execution.now - _LISTED_FOR_S:
        raise errors.missing("event", id, param="id")
    return event


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/events``: those of the last 30 days, the newest first. Raises ApiError."""
    if "type" in given and "types" in given:
        raise ApiError("You may only specify one of these parameters: type, types.", param="types")
    types = given.get("types") or ([given["type"]] if "type" in given else None)
    delivered = given.get("delivery_success")
    oldest = execution.now - _LISTED_FOR_S

    def matches(event: JsonObject) -> bool:
        return (
            event["created"] >= oldest
            and (types is None or event["type"] in types)
            and (delivered is None or delivered == (event["pending_webhooks"] == 0))
        )

    return page(execution, "event", given, url="/v1/events", matches=matches)


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's ``previous_attributes``: the old values of what changes, innermost."""
    found: dict[str, Any] = {}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            gone = {inner: None for inner in old if inner not in value}
            inner_found = differing(old, {**value, **gone})
            found |= {name: inner_found} if inner_found else {}
        elif old != value:
            found[name] = old
    return found


def undelivered(store: AccountStore, *, now: int, limit: int) -> list[JsonObject]:
    """Return the events that are due for delivery, the oldest first."""
    return [_event(store, note["event"]) for note in _due(store, now=now, limit=limit)]


def claim(store: AccountStore, *, now: int, limit: int, lease_s: int) -> list[JsonObject]:
    """Return what is due, and keep it from others for ``lease_s``. Within a block."""
    due = list(_due(store, now=now, limit=limit))
    for note in due:
        store.put(_DELIVERY, note["event"], {**note, "due": now + lease_s})
    return [_event(store, note["event"]) for note in due]


def mark_delivered(store: AccountStore, event_id: str) -> None:
    """Note that somebody took the event. Within a block; nothing for one that was taken before."""
    if store.get(_DELIVERY, event_id) is None:
        return
    store.delete(_DELIVERY, event_id)
    store.put("event", event_id, {**_event(store, event_id), "pending_webhooks": 0})


def reschedule(store: AccountStore, event_id: str, *, now: int) -> int | None:
    """Note that nobody took the event, and say when it is due again. Within a block.

    The wait doubles from one second to an hour. None: three days have passed and it is given up,
    or it was taken after all.
    """
    note = store.get(_DELIVERY, event_id)
    if note is None:
        return None
    due: int = now + min(2 ** note["attempts"], _LONGEST_WAIT_S)
    if due > note["created"] + _DELIVERED_FOR_S:
        store.delete(_DELIVERY, event_id)
        return None
    store.put(_DELIVERY, event_id, {**note, "attempts": note["attempts"] + 1, "due": due})
    return due


def _due(store: AccountStore, *, now: int, limit: int) -> Iterator[JsonObject]:
    return islice((note for note in store.list(_DELIVERY) if note["due"] <= now), limit)


def _event(store: AccountStore, event_id: str) -> JsonObject:
    event = store.get("event", event_id)
    assert event is not None, "events are kept for good"
    return event
