"""What history costs the relay, and what staging costs everybody: on the databases alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy.deliveries import DUE
from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.outbox import stage
from markethub.adapters.sqlalchemy.session import CoreSession
from tests.support.stores import START, later, open_store
from tests.support.told import paid, tell

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)

HISTORY = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
INSERT INTO outbox (type, aggregate_id, body, occurred_at)
SELECT 'order.paid', 'o-' || n, '{}', '2026-11-01T12:00:00.000000+00:00' FROM numbers
"""
DELIVERED = """
INSERT INTO deliveries (sequence, aggregate_id, status, attempts, next_attempt_at, updated_at)
SELECT sequence, aggregate_id, 'delivered', 1, occurred_at, occurred_at FROM outbox
"""
STAGED = """
INSERT INTO outbox (type, aggregate_id, body, occurred_at)
VALUES (:type, 'o-1', '{}', '2026-11-01T12:00:00.000000+00:00')
"""
WAITING = """
INSERT INTO deliveries (sequence, aggregate_id, status, attempts, next_attempt_at, updated_at)
SELECT sequence, aggregate_id, 'pending', 0, occurred_at, occurred_at FROM outbox
"""


@contextmanager
def statements(engine: AsyncEngine, prefix: str = "") -> Iterator[list[str]]:
    """Note what is executed, with a prefix before each."""
    seen: list[str] = []

    def note(*arguments: Any) -> tuple[str, Any]:
        _connection, _cursor, statement, parameters, *_ = arguments
        seen.append(statement)
        return prefix + statement, parameters

    event.listen(engine.sync_engine, "before_cursor_execute", note, retval=True)
    try:
        yield seen
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


async def with_history(engine: AsyncEngine) -> None:
    """Put five thousand delivered rows beside ten that wait."""
    async with engine.begin() as connection:
        await connection.exec_driver_sql(HISTORY)
        await connection.exec_driver_sql(DELIVERED)
        for number in range(10):
            told = paid(f"new-{number}", at=later(seconds=number))
            await stage(CoreSession(connection), [told], aggregate_id=told.order_id)
        for table in ("outbox", "deliveries"):
            await connection.execute(text(f"ANALYZE {table}"))


@BOTH
async def test_a_claim_reads_what_waits_and_nothing_of_what_was_delivered(store_url: str) -> None:
    engines = engines_for(store_url)
    await with_history(engines.writer)
    explain = "EXPLAIN QUERY PLAN " if engines.is_sqlite else "EXPLAIN "
    now = {"now": START + timedelta(hours=1), "limit": 20}
    async with engines.writer.connect() as connection:
        found = list((await connection.execute(DUE, now)).scalars())
        with statements(engines.writer, explain):
            # A plan has other columns than what is planned: the driver's rows, as they are.
            cursor: Any = (await connection.execute(DUE, now)).cursor
            plan = [str(row) for row in cursor.fetchall()]
    await engines.dispose()

    assert list(range(5001, 5011)) == found
    assert {"ix_deliveries_due", "ix_deliveries_pending_of_aggregate"} & set(
        re.findall(r"ix_deliveries_\w+", " ".join(plan))
    )
    whole = re.compile(r"Seq Scan|(SCAN|SEARCH) (deliveries|earlier)(?! USING .*INDEX ix_)")
    assert [] == [line for line in plan if whole.search(line)]


@BOTH
@pytest.mark.parametrize("type_", ["order.of_a_newer_version", "payment.canceled"])
async def test_what_only_a_newer_version_can_tell_waits_for_it_and_stops_no_other(
    store_url: str, type_: str
) -> None:
    engines = engines_for(store_url)
    async with engines.writer.begin() as connection:
        await connection.execute(text(STAGED), {"type": type_})
        await connection.execute(text(WAITING))
    await engines.dispose()
    store = open_store(store_url)
    await tell(store, "o-1", paid("o-1"))
    await tell(store, "o-2", paid("o-2"))
    claimed = await store.transactions.run(
        lambda tx: tx.deliveries.claim(
            now=later(hours=1), limit=20, lease="lse_1", until=later(hours=2)
        )
    )
    await store.close()

    assert ["o-2"] == [each.aggregate_id for each in claimed]


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
async def test_a_public_event_is_staged_with_its_delivery_in_one_statement(store_url: str) -> None:
    engines = engines_for(store_url)
    async with engines.writer.begin() as connection:
        with statements(engines.writer) as seen:
            await stage(CoreSession(connection), [paid("o-1")], aggregate_id="o-1")
        staged = await connection.execute(text("SELECT status FROM deliveries"))
        status = staged.scalar_one()
    await engines.dispose()

    assert ("pending", 1) == (status, len(seen))


@BOTH
@pytest.mark.parametrize(
    "change",
    [
        "status = 'unheard of'",
        "status = 'dead'",
        "attempts = -1",
        "lease = 'lse_1'",
        "status = 'delivered', lease = 'lse_1', leased_until = updated_at",
        "sequence = 99",
    ],
)
async def test_the_database_refuses_a_delivery_that_makes_no_sense(
    store_url: str, change: str
) -> None:
    engines = engines_for(store_url)
    async with engines.writer.begin() as connection:
        await stage(CoreSession(connection), [paid("o-1")], aggregate_id="o-1")
    with pytest.raises(IntegrityError):
        async with engines.writer.begin() as connection:
            await connection.execute(text(f"UPDATE deliveries SET {change}"))  # noqa: S608 - our own text
    await engines.dispose()
