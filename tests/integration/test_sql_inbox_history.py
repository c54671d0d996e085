"""What history costs whoever looks at the inbox's figures: on the databases alone."""

import re
from typing import Any

import pytest
from sqlalchemy import Select, text

from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.queries import COUNTS, INBOX_FIGURES

pytestmark = pytest.mark.anyio

PROCESSED = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000)
INSERT INTO inbox (id, type, livemode, created_at, payload, status, attempts,
    next_attempt_at, received_at, updated_at, subject)
SELECT 'evt_' || n, 'charge.succeeded', {false}, {moment}, '{{}}', 'processed', 0,
    {moment}, {moment}, {moment}, 'pi_' || n FROM numbers
"""
MOMENT = "2026-11-01T12:00:00.000000+00:00"


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("query", [INBOX_FIGURES, COUNTS], ids=["waiting", "counts"])
async def test_figures_are_read_without_what_was_processed(
    store_url: str, query: Select[Any]
) -> None:
    engines = engines_for(store_url)
    values = ("0", f"'{MOMENT}'") if engines.is_sqlite else ("false", f"timestamptz '{MOMENT}'")
    explain = "EXPLAIN QUERY PLAN" if engines.is_sqlite else "EXPLAIN"
    spelled = query.compile(engines.writer.sync_engine, compile_kwargs={"literal_binds": True})
    async with engines.writer.connect() as connection:
        history = PROCESSED.format(false=values[0], moment=values[1])
        await connection.exec_driver_sql(history)
        await connection.execute(text("ANALYZE inbox"))
        plan = [str(row) for row in await connection.exec_driver_sql(f"{explain} {spelled}")]
    await engines.dispose()

    whole = re.compile(r"Seq Scan on inbox|SCAN inbox(?! USING (COVERING )?INDEX ix_)")
    assert any("ix_inbox_" in line for line in plan)
    assert [] == [line for line in plan if whole.search(line)]
