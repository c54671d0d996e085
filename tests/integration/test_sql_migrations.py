"""A database of an earlier version keeps what it holds, and gets what is new."""

from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from markethub.adapters.sqlalchemy import schema
from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.domain.usecases.rotate_keys import RotateKeys
from tests.support.stores import open_store, sqlite_url

pytestmark = pytest.mark.anyio

_FIRST_ROWS: Final = """
INSERT INTO orders VALUES ('o-1', 'c-1', 'usd', '[]', 5000, 5000, 'open', NULL, {at}, {at}, 1);
INSERT INTO payments
  (id, order_id, customer_id, currency, amount_minor, authorized_minor, captured_minor,
   refunded_minor, disputed_minor, capture_method, status, holds_slot, declines,
   created_at, updated_at, version)
  VALUES ('pay_1', 'o-1', 'c-1', 'usd', 5000, 0, 0, 0, 0, 'automatic', 'pending', {true}, 0,
   {at}, {at}, 1);
INSERT INTO operations
  (id, payment_id, kind, method, path, params, cancels_order, attempt, status,
   next_attempt_at, created_at, updated_at, version)
  VALUES ('op_1', 'pay_1', 'create_intent', 'POST', '/v1/payment_intents', {params}, {false}, 1,
   'unresolved', {at}, {at}, {at}, 1)
"""
_WORDS: Final = {
    "{at}": "'2026-11-01 12:00:00.000000+00:00'",
    "{params}": """'{"payment_method":"pm_1"}'""",
}
_FLAGS: Final = {
    "sqlite": {"{true}": "1", "{false}": "0"},
    "postgresql": {"{true}": "true", "{false}": "false"},
}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without any table."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "empty.db")
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
async def old_url(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a database of the first version, with an operation that is unresolved."""
    with monkeypatch.context() as patched:
        patched.setattr(schema, "HEAD", "0001")
        store = open_store(empty_url)
        await store.upgrade()
        await store.close()
    engines = engines_for(empty_url)
    statements = _FIRST_ROWS
    for word, value in {**_WORDS, **_FLAGS[engines.writer.dialect.name]}.items():
        statements = statements.replace(word, value)
    async with engines.writer.begin() as connection:
        for statement in statements.split(";"):
            await connection.exec_driver_sql(statement)
    await engines.dispose()
    return empty_url


async def test_operations_of_the_first_version_are_kept_and_may_confirm(old_url: str) -> None:
    store = open_store(old_url)
    await store.upgrade()
    kept = await store.transactions.run(lambda tx: tx.operations.unresolved("pay_1"))  # type: ignore[arg-type] # a literal id
    await store.close()
    engines = engines_for(old_url)
    async with engines.writer.begin() as connection:
        await connection.execute(text("UPDATE operations SET kind = 'confirm'"))
        indexes = await connection.run_sync(lambda sync: inspect(sync).get_indexes("operations"))
    async with engines.writer.connect() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(text("UPDATE operations SET kind = 'guess'"))
    await engines.dispose()

    assert kept is not None
    assert {"payment_method": "pm_1"} == kept.request.params
    assert {
        "ix_operations_due",
        "uq_operations_origin",
        "uq_operations_unresolved_of_payment",
    } <= {index["name"] for index in indexes}


async def test_what_lay_in_clear_before_is_encrypted_by_a_rotation(old_url: str) -> None:
    store = open_store(old_url)
    await store.upgrade()
    done = await RotateKeys(rotation=store.rotation)()
    kept = await store.transactions.run(lambda tx: tx.operations.unresolved("pay_1"))  # type: ignore[arg-type] # a literal id
    await store.close()
    engines = engines_for(old_url)
    async with engines.reader.connect() as connection:
        params = (await connection.execute(text("SELECT params FROM operations"))).scalar_one()
    await engines.dispose()

    assert 1 == done.rotated
    assert "pm_1" not in params
    assert kept is not None
    assert {"payment_method": "pm_1"} == kept.request.params
