"""Sessions of the staff."""

from datetime import datetime

import attrs

from markethub.domain.ports.sessions import StaffSession, StaffSessions


class MemoryStaffSessions:
    """Sessions by their id."""

    def __init__(self) -> None:
        """Begin without any."""
        self._sessions: dict[str, StaffSession] = {}

    async def begin(self, session: StaffSession) -> None:
        """Keep a new session, and forget those that are over at its moment."""
        now = session.created_at
        going_on = [each for each in self._sessions.values() if not each.is_over(now)]
        self._sessions = {each.id: each for each in (*going_on, session)}

    async def find(self, id: str) -> StaffSession | None:
        """Return a session, whether it is over or not."""
        return self._sessions.get(id)

    async def touch(self, id: str, *, now: datetime) -> None:
        """Note that it was used."""
        if (known := self._sessions.get(id)) is not None:
            self._sessions[id] = attrs.evolve(known, seen_at=now)

    async def end(self, id: str) -> None:
        """Forget a session, if it is known."""
        self._sessions.pop(id, None)


def _conforms() -> StaffSessions:
    """Let the type checker prove that the adapter fits its port."""
    return MemoryStaffSessions()
