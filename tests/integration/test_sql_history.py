"""How payments' lists and histories are found: by indexes, however many rows there are."""

import re
from typing import Any

import pytest
from sqlalchemy import Select, text

from markethub.adapters.sqlalchemy import history, tables
from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.queries import PAYMENT_OF

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
HISTORY = {
    name: getattr(history, name)
    for name in (
        "REFUNDS",
        "DISPUTES",
        "APPROVALS",
        "OPERATIONS",
        "SUBMISSIONS",
        "EVENTS",
        "ENTRIES",
        "MESSAGES",
        "ACTS",
    )
}


async def plan_of(url: str, query: Any, *, avoiding: str, **values: object) -> list[str]:
    """Return how the database goes about it; the tables are empty, so it must be told to mind."""
    engines = engines_for(url)
    spelled = query.params(**values).compile(
        engines.writer.sync_engine, compile_kwargs={"literal_binds": True}
    )
    async with engines.writer.connect() as connection:
        if engines.is_sqlite:
            explain = "EXPLAIN QUERY PLAN"
        else:
            explain = "EXPLAIN"
            for way in avoiding.split():
                await connection.execute(text(f"SET enable_{way} = off"))
        plan = [str(row) for row in await connection.exec_driver_sql(f"{explain} {spelled}")]
    await engines.dispose()
    return plan


def reads_all(plan: list[str]) -> bool:
    """Tell whether a table is read, or an index from end to end, that is not searched."""
    whole = any(re.search(r"Seq Scan|\bSCAN ", line) for line in plan)
    scans = sum(bool(re.search(r"Index (Only )?Scan", line)) for line in plan)
    return whole or scans != sum("Index Cond" in line for line in plan)


@BOTH
async def test_no_part_of_a_history_is_found_by_reading_a_whole_table(store_url: str) -> None:
    for name, query in HISTORY.items():
        plan = await plan_of(
            store_url,
            query.limit(201),
            avoiding="seqscan",
            ids=["pi_1", "re_1"],
            payment="pay_1",
        )
        assert not reads_all(plan), (name, plan)


@BOTH
async def test_an_id_is_looked_for_in_indexes_alone(store_url: str) -> None:
    plan = await plan_of(store_url, PAYMENT_OF, avoiding="seqscan", id="pi_1")

    assert not reads_all(plan), plan


@BOTH
@pytest.mark.parametrize("way", ["asc", "desc"])
async def test_the_order_by_amount_is_that_of_an_index(store_url: str, way: str) -> None:
    columns = tables.payments.c
    in_order = (getattr(columns[name], way)() for name in ("currency", "amount_minor", "id"))
    query: Select[Any] = tables.payments.select().order_by(*in_order).limit(51)
    plan = await plan_of(store_url, query, avoiding="seqscan sort")

    assert any("ix_payments_currency_amount_minor_id" in line for line in plan)
    assert [] == [line for line in plan if "Sort" in line or "TEMP B-TREE" in line]
