"""Fetch events that never arrived from the provider's own list, into the same inbox, once."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

import attrs

from markethub.domain.errors import ValidationFailed
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.event_source import LISTED_FOR, EventSource
from markethub.domain.ports.inbox import Inbox
from markethub.domain.ports.system import Clock

WINDOW: Final = timedelta(hours=6)
"""How much is asked for at once: the provider lists the newest first, we store the oldest first."""


@attrs.frozen(kw_only=True)
class Backfilled:
    """How far it is, and what was found so far."""

    windows: int
    windows_done: int = 0
    new: int = 0
    known: int = 0
    other_mode: int = 0
    """New ones of the other mode: stored, and never applied."""
    unreadable: int = 0


@attrs.frozen(kw_only=True)
class BackfillEvents:
    """Stores what was missed. May be broken off and repeated: nothing is stored twice."""

    source: EventSource
    inbox: Inbox
    clock: Clock
    livemode: bool

    async def __call__(
        self,
        since: datetime | timedelta,
        *,
        progress: Callable[[Backfilled], None] | None = None,
    ) -> Backfilled:
        """Fetch all that happened since a time, or within the last so long, oldest first.

        Raises ValidationFailed for a time to come, or one that the provider lists nothing of any
        more, and GatewayUnavailable or GatewayRejected; what was stored by then stays.
        """
        now = self.clock.now()
        windows = _windows(_start(since, now), now)
        so_far = Backfilled(windows=len(windows))
        for created_from, created_until in windows:
            listed = await self.source.events(
                created_from=created_from, created_until=created_until
            )
            for event in listed.events:
                taken = InboxEvent.receive(event, livemode=self.livemode, now=self.clock.now())
                so_far = _counted(so_far, taken, is_new=await self.inbox.store(taken))
            so_far = attrs.evolve(
                so_far,
                windows_done=so_far.windows_done + 1,
                unreadable=so_far.unreadable + listed.unreadable,
            )
            if progress is not None:
                progress(so_far)
        return so_far


def _start(since: datetime | timedelta, now: datetime) -> datetime:
    start = now - since if isinstance(since, timedelta) else since
    if start > now:
        raise ValidationFailed("since", "lies in the future")
    if now - start > LISTED_FOR:
        raise ValidationFailed(
            "since", f"the provider lists events of the last {LISTED_FOR.days} days only"
        )
    return start


def _windows(start: datetime, now: datetime) -> Sequence[tuple[datetime, datetime]]:
    # Whole seconds; the one that is still passing counts, too.
    start, end = start.replace(microsecond=0), now.replace(microsecond=0) + timedelta(seconds=1)
    count = -(-(end - start) // WINDOW)
    edges = [*(start + WINDOW * number for number in range(count)), end]
    return list(pairwise(edges))


def _counted(so_far: Backfilled, taken: InboxEvent, *, is_new: bool) -> Backfilled:
    if not is_new:
        return attrs.evolve(so_far, known=so_far.known + 1)
    if not taken.is_waiting:
        return attrs.evolve(so_far, other_mode=so_far.other_mode + 1)
    return attrs.evolve(so_far, new=so_far.new + 1)
