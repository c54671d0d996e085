"""How payments' lists and histories are found: by indexes, however many rows there are."""

import re
from typing import Any

import pytest
from sqlalchemy import CompoundSelect, Select, text

from markethub.adapters.sqlalchemy import history, tables
from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.queries import PAYMENT_OF, TROUBLES
from markethub.domain.ports.queries import Trouble

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
HISTORY = (
    history.REFUNDS,
    history.DISPUTES,
    history.APPROVALS,
    history.OPERATIONS,
    history.SUBMISSIONS,
    history.EVENTS,
    history.ENTRIES,
    history.MESSAGES,
    history.ACTS,
)
Plans = list[list[str]]


async def plans_of(url: str, *queries: Select[Any] | CompoundSelect[Any], avoiding: str) -> Plans:
    """Return how the database goes about each; the tables are empty, so it is told to mind."""
    engines = engines_for(url)
    plans = []
    async with engines.writer.connect() as connection:
        explain = "EXPLAIN QUERY PLAN" if engines.is_sqlite else "EXPLAIN"
        for way in () if engines.is_sqlite else avoiding.split():
            await connection.execute(text(f"SET enable_{way} = off"))
        for query in queries:
            spelled = query.compile(
                engines.writer.sync_engine, compile_kwargs={"literal_binds": True}
            )
            found = await connection.exec_driver_sql(f"{explain} {spelled}")
            plans.append([str(row) for row in found])
    await engines.dispose()
    return plans


def reads_all(plan: list[str]) -> bool:
    """Tell whether a table is read, or an index from end to end, that is not searched."""
    whole = any(re.search(r"Seq Scan|\bSCAN ", line) for line in plan)
    scans = sum(bool(re.search(r"Index (Only )?Scan", line)) for line in plan)
    return whole or scans != sum("Index Cond" in line for line in plan)


@BOTH
async def test_no_part_of_a_history_is_found_by_reading_a_whole_table(store_url: str) -> None:
    asked = {"ids": ["pi_1", "re_1"], "payment": "pay_1"}
    queries = [query.limit(201).params(**asked) for query in HISTORY]
    plans = await plans_of(store_url, *queries, avoiding="seqscan")

    assert len(HISTORY) == len(plans)
    assert [] == [plan for plan in plans if reads_all(plan)]


@BOTH
async def test_an_id_is_looked_for_in_indexes_alone(store_url: str) -> None:
    plans = await plans_of(store_url, PAYMENT_OF.params(id="pi_1"), avoiding="seqscan")

    assert [] == [plan for plan in plans if reads_all(plan)]


@BOTH
async def test_the_order_by_amount_is_that_of_an_index_either_way(store_url: str) -> None:
    columns = [tables.payments.c[name] for name in ("currency", "amount_minor", "id")]
    page = tables.payments.select().limit(51)
    plans = await plans_of(
        store_url,
        page.order_by(*columns),
        page.order_by(*(column.desc() for column in columns)),
        avoiding="seqscan sort",
    )

    for plan in plans:
        assert any("ix_payments_currency_amount_minor_id" in line for line in plan)
        assert [] == [line for line in plan if "Sort" in line or "TEMP B-TREE" in line]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)  # PostgreSQL knows how few
@pytest.mark.parametrize("trouble", Trouble)
async def test_payments_in_trouble_are_found_without_reading_the_others(
    store_url: str, trouble: Trouble
) -> None:
    newest = tables.payments.c.created_at.desc(), tables.payments.c.id.desc()
    page = tables.payments.select().where(TROUBLES[trouble]).order_by(*newest).limit(51)
    [plan] = await plans_of(store_url, page, avoiding="")

    assert any(f"ix_payments_{trouble}" in line for line in plan)
    assert [] == [line for line in plan if "Sort" in line or "TEMP B-TREE" in line]
