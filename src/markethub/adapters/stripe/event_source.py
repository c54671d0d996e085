"""Past events from Stripe's list, which goes back 30 days, however its requests are carried."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs

from markethub.adapters.stripe import reading
from markethub.adapters.stripe.carrier import Carrier
from markethub.adapters.stripe.event_types import EVENT_TYPES
from markethub.adapters.stripe.requests import PAGE_SIZE
from markethub.adapters.stripe.saved_methods import value
from markethub.adapters.stripe.webhooks import listed_event
from markethub.domain.errors import ValidationFailed
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.event_source import EventSource, ListedEvents

TYPES_MAXIMUM: Final = 20
"""How many types one request may name. Source: Stripe's API reference, "List all events"."""

_LISTS: Final = tuple(
    EVENT_TYPES[start : start + TYPES_MAXIMUM]
    for start in range(0, len(EVENT_TYPES), TYPES_MAXIMUM)
)


class ApiEventSource:
    """Implements ``EventSource`` in Stripe's words, for both gateways."""

    def __init__(self, api: Carrier) -> None:
        """Take what carries the requests."""
        self._api = api

    async def events(self, *, created_from: datetime, created_until: datetime) -> ListedEvents:
        """List every event created at or after a time and before another, all pages."""
        created = {"gte": int(created_from.timestamp()), "lt": int(created_until.timestamp())}
        found = []
        unreadable = 0
        for types in _LISTS:
            # Stripe lists the newest first. Within one list that order is kept, turned round.
            for obj in reversed(await self._listed(types, created)):
                try:
                    found.append(listed_event(obj))
                except ValidationFailed:
                    unreadable += 1
        found.sort(key=lambda event: event.created_at)
        return ListedEvents(events=found, unreadable=unreadable)

    async def _listed(self, types: Iterable[str], created: Mapping[str, int]) -> Sequence[object]:
        found: list[object] = []
        after: str | None = None
        while True:
            more = {} if after is None else {"starting_after": after}
            request = ProviderRequest(
                method="GET",
                path="/v1/events",
                params={"types": list(types), "created": created, "limit": PAGE_SIZE, **more},
            )
            page = value(await self._api.call(request), _page)
            found += page.objects
            if page.next_after is None:
                return found
            after = page.next_after

    async def close(self) -> None:
        """Release connections."""
        await self._api.close()


@attrs.frozen(kw_only=True)
class _Page:
    objects: Sequence[object]
    next_after: str | None


def _page(obj: object) -> _Page:
    """Read a page. Raises ValidationFailed for one that does not say how to go on."""
    fields = reading.of_kind(obj, "list")
    objects = reading.items(fields.get("data"))
    if objects is None:
        raise ValidationFailed("data", "must be a list")
    if fields.get("has_more") is not True:
        return _Page(objects=objects, next_after=None)
    last = reading.mapping(objects[-1]) if objects else None
    return _Page(objects=objects, next_after=reading.id_of(last or {}, "event"))


def _conforms(source: ApiEventSource) -> EventSource:
    """Let the type checker prove that the adapter fits its port."""
    return source
