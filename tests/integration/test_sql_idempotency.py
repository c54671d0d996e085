"""How answers under an idempotency key lie in the database."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.idempotency import FORGOTTEN_AT_ONCE
from markethub.domain.ports.idempotency import OtherRequest, StoredAnswer
from tests.support.stores import START, Store

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True),
]

ANSWER = StoredAnswer(status=201, content_type="application/json", body=b'{"secret": "tea"}')


async def answer(store: Store, key: str) -> None:
    await store.idempotency_keys.begin("shop|POST /", key, "fingerprint", now=START)
    await store.idempotency_keys.complete("shop|POST /", key, ANSWER, now=START)


async def stored(store_url: str, statement: str) -> list[object]:
    """Run a statement beside the store; return the first column of what it returns."""
    engines = engines_for(store_url)
    async with engines.writer.begin() as connection:
        result = await connection.execute(text(statement))
        rows = list(result.scalars()) if result.returns_rows else []
    await engines.dispose()
    return rows


async def test_an_answer_lies_there_encrypted(store: Store, store_url: str) -> None:
    await answer(store, "k-1")

    [body] = await stored(store_url, "SELECT answer_body FROM idempotency_keys")

    assert isinstance(body, bytes)
    assert b"secret" not in body
    assert len(ANSWER.body) < len(body)


async def test_an_answer_that_was_moved_to_another_row_is_not_replayed(
    store: Store, store_url: str
) -> None:
    await answer(store, "k-1")

    await stored(store_url, "UPDATE idempotency_keys SET key = 'k-2'")

    with pytest.raises(ValueError, match="not what was encrypted here"):
        await store.idempotency_keys.begin("shop|POST /", "k-2", "fingerprint", now=START)


async def test_a_crashed_holders_key_is_not_taken_over_for_another_body(store: Store) -> None:
    await store.idempotency_keys.begin("s", "k", "f", now=START)
    crashed = START + timedelta(hours=1)

    assert OtherRequest() == await store.idempotency_keys.begin("s", "k", "other", now=crashed)


async def test_keys_whose_day_is_over_are_removed_as_new_ones_come(
    store: Store, store_url: str
) -> None:
    for number in range(FORGOTTEN_AT_ONCE + 1):
        await answer(store, f"old-{number}")
    tomorrow = START + timedelta(hours=24, microseconds=1)

    await store.idempotency_keys.begin("s", "new-1", "f", now=tomorrow)
    after_one = await stored(store_url, "SELECT count(*) FROM idempotency_keys")
    await store.idempotency_keys.begin("s", "new-2", "f", now=tomorrow)
    after_two = await stored(store_url, "SELECT key FROM idempotency_keys ORDER BY key")

    assert [2] == after_one
    assert ["new-1", "new-2"] == after_two
