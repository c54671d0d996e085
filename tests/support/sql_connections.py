"""Ending PostgreSQL's side of connections."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg


@asynccontextmanager
async def killer(url: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Give a way to end the server's side of our connections that are in some state."""
    admin = await asyncpg.connect(url)

    async def kill(state: str) -> None:
        ended = await admin.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'markethub' AND datname = current_database() AND state = $1",
            state,
        )
        assert ended, "there was such a connection"

    try:
        yield kill
    finally:
        await admin.close()
