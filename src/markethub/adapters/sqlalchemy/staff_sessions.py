"""Sessions of the staff, in the database: any process of ours knows who is signed in."""

from datetime import datetime

import attrs
from sqlalchemy import Executable, delete, insert, or_, select, update

from markethub.adapters.sqlalchemy.engines import Engines
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.session_tables import staff_sessions
from markethub.domain.ports.sessions import (
    AGE_MAXIMUM,
    IDLE_MAXIMUM,
    StaffSession,
    StaffSessions,
)

_sessions = staff_sessions.c


@attrs.frozen
class SqlStaffSessions:
    """Sessions by their id."""

    _engines: Engines
    _repeat: Repeater

    async def begin(self, session: StaffSession) -> None:
        """Keep a new session, and forget those that are over at its moment."""
        now = session.created_at
        over = or_(
            _sessions.seen_at <= now - IDLE_MAXIMUM, _sessions.created_at <= now - AGE_MAXIMUM
        )
        await self._write(
            delete(staff_sessions).where(over),
            insert(staff_sessions).values(attrs.asdict(session)),
        )

    async def find(self, id: str) -> StaffSession | None:
        """Return a session, whether it is over or not."""
        query = select(staff_sessions).where(_sessions.id == id)

        async def once() -> StaffSession | None:
            async with self._engines.reader.connect() as connection:
                row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else StaffSession(**row)

        return await self._repeat(once)

    async def touch(self, id: str, *, now: datetime) -> None:
        """Note that it was used."""
        await self._write(update(staff_sessions).where(_sessions.id == id).values(seen_at=now))

    async def end(self, id: str) -> None:
        """Forget a session, if it is known."""
        await self._write(delete(staff_sessions).where(_sessions.id == id))

    async def _write(self, *statements: Executable) -> None:
        async def once() -> None:
            async with self._engines.writer.begin() as connection:
                for statement in statements:
                    await connection.execute(statement)

        await self._repeat(once)


def _conforms(sessions: SqlStaffSessions) -> StaffSessions:
    """Let the type checker prove that the adapter fits its port."""
    return sessions
