"""Migrations: where they lead, who may run them at once, and what is said when they cannot."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.exc import DBAPIError

import markethub.adapters.sqlalchemy.delivery_tables
import markethub.adapters.sqlalchemy.dispute_tables
import markethub.adapters.sqlalchemy.refund_tables
import markethub.adapters.sqlalchemy.session_tables  # noqa: F401 - likewise
from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.schema import HEAD
from markethub.adapters.sqlalchemy.tables import metadata
from markethub.domain.errors import ConfigurationError
from tests.support.stores import open_store, order, put, sqlite_url

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "empty.db")
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def test_the_known_head_is_that_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", "markethub.adapters.sqlalchemy:migrations")
    config.set_main_option("path_separator", "os")

    assert [HEAD] == ScriptDirectory.from_config(config).get_heads()


# --- the migrated schema is the one that the code has in mind --------------------------------


def _difference(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


@BOTH
async def test_alembic_finds_nothing_to_migrate(store_url: str) -> None:
    engines = engines_for(store_url)

    async with engines.reader.connect() as connection:
        assert [] == await connection.run_sync(_difference)

    await engines.dispose()


def _shape(connection: Connection) -> dict[str, Any]:
    """What there is, including what Alembic does not compare: CHECKs and partial indexes."""
    inspector = inspect(connection)
    dialect = connection.dialect.name
    return {
        table: {
            "columns": {
                column["name"]: (
                    str(column["type"]),
                    column["nullable"],
                    column.get("identity"),
                    column.get("default"),
                )
                for column in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table),
            "checks": {
                check["name"]: check["sqltext"] for check in inspector.get_check_constraints(table)
            },
            "foreign keys": {
                key["name"]: (
                    key["constrained_columns"],
                    key["referred_table"],
                    key["referred_columns"],
                )
                for key in inspector.get_foreign_keys(table)
            },
            "unique": {
                rule["name"]: rule["column_names"]
                for rule in inspector.get_unique_constraints(table)
            },
            "indexes": {
                index["name"]: (
                    index["column_names"],
                    bool(index["unique"]),
                    str(index.get("dialect_options", {}).get(f"{dialect}_where")),
                )
                for index in inspector.get_indexes(table)
            },
            "options": inspector.get_table_options(table),
        }
        for table in metadata.tables
    }


@pytest.fixture
def migrated_url(request: pytest.FixtureRequest, empty_url: str, tmp_path: Path) -> str:
    """The address of a migrated database of the same kind as the empty one."""
    if empty_url.startswith("sqlite"):
        copy = tmp_path / "migrated.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), copy)
        return sqlite_url(copy)
    url: str = request.getfixturevalue("postgres_url")
    return url


async def test_the_migrated_schema_is_that_of_the_tables_rule_by_rule(
    migrated_url: str, empty_url: str
) -> None:
    migrated, made = engines_for(migrated_url), engines_for(empty_url)
    async with made.writer.begin() as connection:
        # A copy: making constraints for one database marks them as none of another's.
        copied = MetaData(naming_convention=metadata.naming_convention)
        for table in metadata.tables.values():
            table.to_metadata(copied)
        await connection.run_sync(copied.create_all)

    async with made.reader.connect() as connection:
        expected = await connection.run_sync(_shape)
    async with migrated.reader.connect() as connection:
        actual = await connection.run_sync(_shape)

    assert expected == actual
    await made.dispose()
    await migrated.dispose()


# --- upgrading ---------------------------------------------------------------------------------


async def test_an_empty_database_has_no_revision_and_gets_the_newest(empty_url: str) -> None:
    store = open_store(empty_url)
    before = await store.current_revision()
    was_current = await store.schema_is_current()
    was_healthy = (await store.queries.health()).schema_is_current

    await store.upgrade()

    assert (None, False, False) == (before, was_current, was_healthy)
    assert HEAD == await store.current_revision()
    assert await store.schema_is_current()
    assert (await store.queries.health()).schema_is_current
    await store.close()


async def test_processes_that_upgrade_at_once_do_not_disturb_each_other(empty_url: str) -> None:
    stores = [open_store(empty_url) for _ in range(4)]

    await asyncio.gather(*(store.upgrade() for store in stores))

    assert [True] * 4 == [await store.schema_is_current() for store in stores]
    for store in stores:
        await store.close()


@BOTH
async def test_upgrading_again_keeps_what_is_there(store_url: str) -> None:
    store = open_store(store_url)
    await put(store, order())

    await store.upgrade()

    assert await store.queries.order(order().id) is not None
    await store.close()


def _as_of(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "markethub.adapters.sqlalchemy:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


_OLD_ROWS = """
INSERT INTO orders
VALUES ('o-1', 'c-1', 'usd', '[]', 0, 5000, 'open', NULL, {at}, {at}, 1);
INSERT INTO payments (
    id, order_id, customer_id, currency, amount_minor, authorized_minor, captured_minor,
    refunded_minor, disputed_minor, capture_method, status, holds_slot, declines, created_at,
    updated_at, version
) VALUES (
    'pay_1', 'o-1', 'c-1', 'usd', 5000, 0, 0, 0, 0, 'automatic', 'pending', {true}, 0, {at},
    {at}, 1
);
INSERT INTO ledger_entries (
    reference, kind, payment_id, debit, credit, amount_minor, currency, posted_at
) VALUES ('ch_1', 'charge', 'pay_1', 'provider_balance', 'sales', 5000, 'usd', {at})
"""


async def test_what_an_older_version_posted_is_kept_and_stays_append_only(empty_url: str) -> None:
    engines = engines_for(empty_url)
    sqlite = engines.is_sqlite
    words = {"at": "'2026-11-01 12:00:00+00:00'", "true": "1" if sqlite else "true"}
    async with engines.writer.begin() as connection:
        await connection.run_sync(_as_of, "0001")
        for statement in _OLD_ROWS.split(";"):
            await connection.execute(text(statement.format(**words)))
    store = open_store(empty_url)

    await store.upgrade()

    [kept] = await store.queries.ledger()
    assert ("ch_1", 5000) == (kept.reference, kept.amount.minor)
    for change in ("UPDATE ledger_entries SET amount_minor = 1", "DELETE FROM ledger_entries"):
        async with engines.writer.connect() as connection:
            with pytest.raises(DBAPIError, match="append-only"):
                await connection.execute(text(change))
    await store.close()
    await engines.dispose()


async def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    engines = engines_for(empty_url)
    async with engines.writer.begin() as connection:
        await connection.execute(text("CREATE TABLE stamp (id INTEGER)"))  # the last one made
    store = open_store(empty_url)

    with pytest.raises(ConfigurationError):
        await store.upgrade()

    async with engines.reader.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert ["stamp"] == tables
    await store.close()
    await engines.dispose()


@BOTH
async def test_a_database_of_a_newer_version_is_refused(store_url: str) -> None:
    engines = engines_for(store_url)
    async with engines.writer.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engines.dispose()
    store = open_store(store_url)

    assert not await store.schema_is_current()
    with pytest.raises(ConfigurationError, match=r"DATABASE_URL.*9999"):
        await store.upgrade()

    await store.close()


def test_a_database_that_is_current_costs_no_import_of_alembic(
    tmp_path: Path, sqlite_template: Path
) -> None:
    program = """
import asyncio, sys
from tests.support.stores import upgrade
asyncio.run(upgrade(sys.argv[1]))
print("alembic" in sys.modules)
"""

    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program, sqlite_url(sqlite_template)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "False\n" == ran.stdout


# --- a database that cannot be used ------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["sqlite:///no/such/folder/x.db", "sqlite:///", "sqlite://", "sqlite:///:memory:"],
)
def test_an_sqlite_address_without_a_usable_file_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:hunter2@host/db",
        "postgresql://user:hunter2@host",
        "postgresql://user:hunter2@host:port/db",
        "postgresql://user:hunter2@host/db?charset=utf8",
        "hunter2",
    ],
)
def test_another_address_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as refusal:
        open_store(url)

    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("content", ["not a database, whatever its name says" * 100, None])
async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "odd.db"
    if content is None:
        path.mkdir()
    else:
        path.write_text(content)
    store = open_store(sqlite_url(path))

    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        await store.upgrade()
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        await store.schema_is_current()

    await store.close()


async def test_a_server_or_database_that_is_not_there_is_refused(postgres_url: str) -> None:
    nowhere = ["postgresql://user:hunter2@127.0.0.1:1/db", postgres_url + "_not"]
    for url in nowhere:
        store = open_store(url)

        with pytest.raises(ConfigurationError, match="DATABASE_URL") as refusal:
            await store.schema_is_current()

        assert "hunter2" not in str(refusal.value)
        await store.close()


# --- how the engines are set up -----------------------------------------------------------------


async def test_sqlite_is_durable_patient_and_keeps_its_references(tmp_path: Path) -> None:
    path = tmp_path / "set-up.db"
    engines = engines_for(sqlite_url(path))

    async with engines.writer.connect() as connection:
        found = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    full = 2
    assert {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    } == found
    await engines.dispose()


async def test_sqlite_writers_take_the_lock_when_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    engines = engines_for(sqlite_url(path))

    async with engines.writer.connect() as connection:
        await connection.begin()
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()

    await engines.dispose()


@BOTH
async def test_readers_cannot_write(store_url: str) -> None:
    engines = engines_for(store_url)

    async with engines.reader.connect() as connection:
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await connection.execute(text("DELETE FROM outbox"))

    await engines.dispose()


@BOTH
async def test_a_reader_sees_one_moment_however_often_it_looks(store_url: str) -> None:
    engines = engines_for(store_url)
    count = text("SELECT count(*) FROM stamp")
    add = text("INSERT INTO stamp VALUES (1, 'fake', 'test', 'acct_1')")

    async with engines.reader.connect() as connection:
        before = (await connection.execute(count)).scalar()
        async with engines.writer.begin() as other:
            await other.execute(add)
        after = (await connection.execute(count)).scalar()

    assert (0, 0) == (before, after)
    await engines.dispose()


async def test_postgresql_waits_for_nothing_without_end(postgres_url: str) -> None:
    engines = engines_for(postgres_url)
    limits = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")

    async with engines.writer.connect() as connection:
        found = [(await connection.execute(text(f"SHOW {limit}"))).scalar() for limit in limits]

    assert ["5s", "15s", "30s"] == found
    await engines.dispose()


def test_the_socket_form_and_sslmode_reach_the_driver() -> None:
    url = engines_for("postgresql://user@/db?host=/run/pg&sslmode=require").writer
    _, options = url.dialect.create_connect_args(url.url)

    assert {"host": "/run/pg", "user": "user", "database": "db", "ssl": "require"} == {
        name: options[name] for name in ("host", "user", "database", "ssl")
    }


async def test_a_relative_path_is_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///odd name%20?.db")

    await store.upgrade()

    assert (tmp_path / "odd name%20?.db").is_file()
    await store.close()
