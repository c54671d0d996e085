"""Transactions under what only a real database does: crowds, lost connections, busy files."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import attrs
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import create_async_engine

from markethub.adapters.sqlalchemy import retry
from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.retry import ATTEMPTS_MAXIMUM, Repeater
from markethub.adapters.sqlalchemy.trouble import is_contention, is_disconnect, is_unreachable
from markethub.domain.errors import (
    CommitUnknown,
    ConfigurationError,
    StaleWrite,
    StoreUnavailable,
)
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.sql_connections import killer
from tests.support.sql_writers import ship_dearer
from tests.support.stores import START, Store, event, open_store, order, put, sqlite_url

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


async def shipping_and_version(store: Store) -> tuple[int, int]:
    view = await store.queries.order(order().id)
    assert view is not None
    return view.order.cart.shipping, view.order.version


# --- crowds -------------------------------------------------------------------------------------


@BOTH
async def test_fifty_at_once_on_one_row_add_up(store: Store) -> None:
    await put(store, order())

    await asyncio.gather(*(ship_dearer(store) for _ in range(50)))

    assert (50, 51) == await shipping_and_version(store)


async def test_eight_processes_on_one_sqlite_file_add_up(
    tmp_path: Path, sqlite_template: Path
) -> None:
    path = tmp_path / "crowd.db"
    shutil.copy(sqlite_template, path)
    store = open_store(sqlite_url(path))
    await put(store, order())

    # Blocking is fine: nothing else runs here.
    ran = subprocess.run(  # noqa: S603, ASYNC221 - our own program; see above
        [sys.executable, "-m", "tests.support.sql_writers", sqlite_url(path), "8", "10"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (ran.returncode, ran.stderr)
    assert (80, 81) == await shipping_and_version(store)
    await store.close()


# --- lost connections ---------------------------------------------------------------------------


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_connection_lost_before_commit_repeats_the_work(
    store: Store, store_url: str
) -> None:
    attempts = 0

    async with killer(store_url) as kill:

        async def work(tx: Transaction) -> None:
            nonlocal attempts
            attempts += 1
            await tx.orders.save(order())
            if attempts == 1:
                await kill("idle in transaction")
            await tx.orders.find(order().id)

        await store.transactions.run(work)

    assert 2 == attempts
    assert (0, 1) == await shipping_and_version(store)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_connection_lost_at_commit_is_unknown_and_never_repeated(
    store: Store, store_url: str
) -> None:
    attempts = 0

    async with killer(store_url) as kill:

        async def work(tx: Transaction) -> None:
            nonlocal attempts
            attempts += 1
            await tx.orders.save(order())
            await tx.orders.find(order().id)  # it has been sent: only COMMIT is left
            await kill("idle in transaction")

        with pytest.raises(CommitUnknown):
            await store.transactions.run(work)

    assert 1 == attempts
    assert await store.queries.order(order().id) is None


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_connections_that_the_server_closed_are_replaced_unnoticed(
    store: Store, store_url: str
) -> None:
    await put(store, order())

    async with killer(store_url) as kill:
        await kill("idle")
        found = await store.queries.order(order().id)
        await kill("idle")
        stored = await store.inbox.store(event())
        await kill("idle")
        await ship_dearer(store)

    assert found is not None
    assert stored
    assert (1, 2) == await shipping_and_version(store)


async def test_a_commit_waits_for_the_disk_whatever_the_database_is_set_to(
    postgres_url: str,
) -> None:
    admin = await asyncpg.connect(postgres_url)
    database = await admin.fetchval("SELECT quote_ident(current_database())")
    await admin.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    await admin.close()
    engines = engines_for(postgres_url)
    async with engines.writer.connect() as connection:
        shown = await connection.scalar(text("SHOW synchronous_commit"))
    await engines.dispose()

    assert "on" == shown


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_driver_that_a_lost_connection_left_between_two_states_is_replaced(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.inbox.store(event("evt_1"))
    fetch, confused = asyncpg.Connection.fetch, list[object]()

    async def fetch_once_confused(self: asyncpg.Connection, *args: object) -> object:
        # The race that leaves it so cannot be provoked: what it raises then can.
        if not confused or self in confused:
            confused.append(self)
            raise asyncpg.InternalClientError("cannot switch to state 11")
        return await fetch(self, *args)

    monkeypatch.setattr(asyncpg.Connection, "fetch", fetch_once_confused)
    stored = [await store.inbox.store(event(name)) for name in ("evt_2", "evt_3")]

    assert [True, True] == stored
    assert 1 == len(confused)


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_driver_that_can_not_even_roll_back_makes_no_unknown_commit_repeatable(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, attempts = asyncpg.Connection.execute, 0

    async def execute_confused(self: asyncpg.Connection, words: str, *args: object) -> object:
        # COMMIT takes place, and its answer is lost; as above for the rest.
        done = await execute(self, words, *args)
        if words == "COMMIT":
            raise OSError("connection lost")
        if words == "ROLLBACK":
            raise asyncpg.InternalClientError("cannot switch to state 11")
        return done

    async def work(tx: Transaction) -> None:
        nonlocal attempts
        attempts += 1
        await tx.orders.find(order().id)

    monkeypatch.setattr(asyncpg.Connection, "execute", execute_confused)
    with pytest.raises(CommitUnknown):
        await store.transactions.run(work)

    assert 1 == attempts


def test_a_driver_between_two_states_has_lost_its_connection() -> None:
    assert is_disconnect(asyncpg.InternalClientError("cannot switch to state 11"))


async def test_a_database_out_of_reach_is_unavailable_for_everything_we_ask_of_it() -> None:
    store = open_store("postgresql://nobody@127.0.0.1:1/nothing")  # nobody listens on port 1

    async def work(tx: Transaction) -> None:
        await tx.orders.find(order().id)

    attempts: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: store.transactions.run(work),
        lambda: store.queries.order(order().id),
        lambda: store.inbox.store(event()),
        store.stamps.read,
        lambda: store.idempotency_keys.begin("scope", "key", "fingerprint", now=START),
    )
    for attempt in attempts:
        with pytest.raises(StoreUnavailable):
            await attempt()
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        await store.upgrade()
    await store.close()


@pytest.mark.parametrize("sqlstate", ["08006", "53300", "57P01", "57P03"])
def test_a_server_that_does_not_let_us_in_is_out_of_reach(sqlstate: str) -> None:
    refusal = asyncpg.PostgresError.new({"C": sqlstate, "M": "no"})

    assert is_unreachable(refusal)


# --- what counts as contention ------------------------------------------------------------------


async def _refusal(attempt: Awaitable[object]) -> DBAPIError:
    with pytest.raises(DBAPIError) as refusal:
        await attempt
    return refusal.value


async def test_a_locked_sqlite_file_is_contention(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"timeout": 0})

    async with engine.connect() as connection:
        refusal = await _refusal(connection.exec_driver_sql("BEGIN IMMEDIATE"))

    assert is_contention(refusal)
    other.close()
    await engine.dispose()


async def test_a_serialization_failure_is_contention(postgres_url: str) -> None:
    engines = engines_for(postgres_url)
    engine = engines.writer.execution_options(isolation_level="SERIALIZABLE")
    count = text("SELECT count(*) FROM outbox")
    add = text(
        "INSERT INTO outbox (type, aggregate_id, body, occurred_at) VALUES ('', '', '', now())"
    )

    async with engine.connect() as one, engine.connect() as other:
        for connection in (one, other):
            await connection.execute(count)
            await connection.execute(add)
        await one.commit()
        refusal = await _refusal(other.commit())

    assert is_contention(refusal)
    await engines.dispose()


async def test_a_row_that_others_hold_too_long_is_contention(postgres_url: str) -> None:
    store = open_store(postgres_url)
    await put(store, order())
    await store.close()
    engines = engines_for(postgres_url)
    hold = text("SELECT id FROM orders FOR UPDATE")

    async with engines.writer.connect() as one, engines.writer.connect() as other:
        await one.execute(hold)
        await other.execute(text("SET LOCAL lock_timeout = '1ms'"))
        refusal = await _refusal(other.execute(hold))

    assert is_contention(refusal)
    await engines.dispose()


async def test_a_pool_without_a_free_connection_is_contention(tmp_path: Path) -> None:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", pool_size=1, max_overflow=0, pool_timeout=0.001
    )

    async with engine.connect():
        with pytest.raises(NoConnectionFree) as refusal:
            await engine.connect()

    assert is_contention(refusal.value)
    await engine.dispose()


@BOTH
async def test_a_broken_rule_is_not_contention(store_url: str) -> None:
    engines = engines_for(store_url)

    async with engines.writer.connect() as connection:
        refusal = await _refusal(
            connection.execute(text("INSERT INTO stamp VALUES (2, '', '', '')"))
        )

    assert not is_contention(refusal)
    await engines.dispose()


# --- how often, and how long between --------------------------------------------------------------


def busy() -> OperationalError:
    """The error that a locked SQLite file makes SQLAlchemy raise."""
    original = sqlite3.OperationalError("database is locked")
    original.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return OperationalError("BEGIN IMMEDIATE", {}, original)


@attrs.define
class Pauses:
    """Pauses that take no time, and how long they would have been."""

    asked: list[float] = attrs.field(factory=list)

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)


async def test_who_always_finds_it_busy_gives_up_and_says_why() -> None:
    pauses, errors = Pauses(), list[OperationalError]()

    async def once() -> None:
        errors.append(busy())
        raise errors[-1]

    with pytest.raises(StaleWrite) as refusal:
        await Repeater(pauses)(once)

    assert refusal.value.__cause__ is errors[-1]
    assert ATTEMPTS_MAXIMUM == len(errors) == len(pauses.asked) + 1


async def test_nobody_begins_again_whose_patience_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PATIENCE_S", 0.0)
    pauses = Pauses()

    async def once() -> None:
        raise busy()

    with pytest.raises(StaleWrite):
        await Repeater(pauses)(once)

    assert [] == pauses.asked


async def test_the_last_stale_write_is_raised_with_its_cause() -> None:
    cause = ValueError("taken")

    async def once() -> None:
        raise StaleWrite("taken") from cause

    with pytest.raises(StaleWrite) as refusal:
        await Repeater(Pauses())(once)

    assert refusal.value.__cause__ is cause


async def test_pauses_grow_up_to_a_tenth_of_a_second_and_differ() -> None:
    pauses = Pauses()
    repeat = Repeater(pauses)

    async def once() -> None:
        raise busy()

    for _ in range(2):
        with pytest.raises(StaleWrite):
            await repeat(once)

    first, second = pauses.asked[:9], pauses.asked[9:]
    assert 0.1 >= max(pauses.asked) > 0.05 > first[0] > 0
    assert first[0] < first[2] < first[4]
    assert not set(first) & set(second)


async def test_other_errors_are_raised_at_once() -> None:
    pauses = Pauses()

    async def once() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await Repeater(pauses)(once)

    assert [] == pauses.asked
