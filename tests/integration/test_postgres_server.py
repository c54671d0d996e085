"""The PostgreSQL that the other tests stand on."""

import contextlib
import tempfile
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from anyio import to_thread

from tests.support.postgres import PostgresServer, running_postgres

pytestmark = pytest.mark.anyio


async def ask(url: str, statement: str, *arguments: object) -> object:
    """Run one statement on a connection of its own; return its first value."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement, *arguments)
    finally:
        await connection.close()


async def test_a_database_keeps_what_is_committed(postgres_url: str) -> None:
    await ask(postgres_url, "CREATE TABLE kept AS SELECT 7 AS id")

    assert 7 == await ask(postgres_url, "SELECT id FROM kept")


async def test_one_database_knows_nothing_of_another(
    postgres_url: str, empty_postgres_url: str
) -> None:
    await ask(postgres_url, "CREATE TABLE only_here ()")

    assert await ask(empty_postgres_url, "SELECT to_regclass('only_here')") is None


async def test_a_database_goes_even_if_a_connection_to_it_was_left_open(
    postgres_server: PostgresServer,
) -> None:
    with contextlib.ExitStack() as stack:
        make = partial(stack.enter_context, postgres_server.database())
        name = await to_thread.run_sync(make)
        left_open = await asyncpg.connect(postgres_server.url_of(name))
        await to_thread.run_sync(stack.close)
    left_open.terminate()
    count = "SELECT count(*) FROM pg_database WHERE datname = $1"

    assert 0 == await ask(postgres_server.url, count, name)


async def test_a_server_of_ones_own_may_write_through() -> None:
    with running_postgres(fsync=True) as server:
        found = await ask(server.url, "SHOW fsync")

    assert "on" == found


def test_a_server_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not tmp_path: that one is closed to the user whom root lends the server to.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        with pytest.raises(ZeroDivisionError), running_postgres():
            raise ZeroDivisionError
        left = list(Path(name).iterdir())

    assert [] == left
