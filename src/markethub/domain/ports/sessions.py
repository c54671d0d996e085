"""Sessions of the staff in the ops console."""

from datetime import datetime, timedelta
from typing import Final, Protocol

import attrs

IDLE_MAXIMUM: Final = timedelta(minutes=30)
"""A session that nobody used for so long is over."""
AGE_MAXIMUM: Final = timedelta(hours=12)
"""A session is over after so long, however it is used: a shift at most."""


@attrs.frozen(kw_only=True)
class StaffSession:
    """Somebody who is signed in. Nothing here signs anybody in: the token is not kept."""

    id: str
    """The hash of the token that the browser holds."""
    name: str
    """The name of the operations key."""
    proof: str
    """What only who has both the token and the key can compute."""
    created_at: datetime
    seen_at: datetime

    def is_over(self, now: datetime) -> bool:
        """Tell whether it was unused for too long, or is too old."""
        return now - self.seen_at >= IDLE_MAXIMUM or now - self.created_at >= AGE_MAXIMUM


class StaffSessions(Protocol):
    """Sessions by their id. Each call commits by itself."""

    async def begin(self, session: StaffSession) -> None:
        """Keep a new session, and forget those that are over at its moment."""
        ...

    async def find(self, id: str) -> StaffSession | None:
        """Return a session, whether it is over or not."""
        ...

    async def touch(self, id: str, *, now: datetime) -> None:
        """Note that it was used. One that has been ended stays so."""
        ...

    async def end(self, id: str) -> None:
        """Forget a session, if it is known."""
        ...
