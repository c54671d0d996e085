"""Lists: filters by time, pages by cursor, the newest first."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from markethub.adapters.fake import errors
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.parameters import Spec, moment, text, whole
from markethub.adapters.fake.store import JsonObject

_LIMIT: Final = 10

LIST: Final[Spec] = {
    "created": moment,
    "ending_before": text(),
    "limit": whole(minimum=1, maximum=100),
    "starting_after": text(),
}
"""What every list takes."""

_OUTSIDE: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "gt": lambda created, bound: created <= bound,
    "gte": lambda created, bound: created < bound,
    "lt": lambda created, bound: created >= bound,
    "lte": lambda created, bound: created > bound,
}


def page(
    execution: Execution,
    kind: str,
    given: Mapping[str, Any],
    *,
    url: str,
    matches: Callable[[JsonObject], bool] = lambda _: True,
    view: Callable[[JsonObject], JsonObject] = lambda value: value,
) -> JsonObject:
    """Return a page of a kind's objects. Raises ApiError for a cursor that names none."""
    limit = given.get("limit", _LIMIT)
    backwards = "ending_before" in given
    cursor = given.get("ending_before") or given.get("starting_after")
    if cursor is not None and execution.find(kind, cursor) is None:
        param = "ending_before" if backwards else "starting_after"
        raise errors.missing(kind, cursor, param=param, status=400)
    created = given.get("created", {})

    def is_listed(value: JsonObject) -> bool:
        at = value["created"]
        within = not any(_OUTSIDE[side](at, bound) for side, bound in created.items())
        return within and matches(value)

    found = filter(is_listed, execution.store.list(kind, newest_first=not backwards, after=cursor))
    values = list(islice(found, limit + 1))
    has_more = len(values) > limit
    values = values[:limit]
    if backwards:
        values.reverse()
    return {
        "object": "list",
        "data": [view(value) for value in values],
        "has_more": has_more,
        "url": url,
    }
