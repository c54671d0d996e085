"""Looks at the database while others write, and says what must never be: SQL of its own.

Every sample is one snapshot. What the schema itself refuses is asked all the same: the schema
may be wrong, too.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import asyncpg
import attrs

from markethub.entrypoints.simulation.row_rules import (
    OPERATION_EDGES,
    ORDER_EDGES,
    PAYMENT_EDGES,
    REFUND_EDGES,
)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PAUSE_S: Final = 0.05
"""Between two samples: others need the machine, too."""
KEPT: Final = 20
"""Violations that are kept; whoever finds more has enough."""

CHECKS: Final[Mapping[str, str]] = {
    "I1 an order has one live payment": """
        SELECT order_id || ' has ' || count(*) FROM payments WHERE holds_slot
        GROUP BY order_id HAVING count(*) > 1""",
    "I1 an order is paid once": """
        SELECT order_id || ' is paid ' || count(*) || ' times' FROM payments
        WHERE status = 'succeeded' AND quarantine IS NULL GROUP BY order_id HAVING count(*) > 1""",
    "I2 no more is given back than was taken": """
        SELECT id || ': ' || refunded_minor || ' refunded and ' || refund_reserved_minor
            || ' reserved of ' || captured_minor
        FROM payments
        WHERE refunded_minor + refund_reserved_minor > captured_minor
            OR LEAST(authorized_minor, captured_minor, refunded_minor, refund_reserved_minor,
                disputed_minor) < 0""",
    "I2 what was given back has its refunds": """
        SELECT p.id || ': ' || p.refunded_minor || ' refunded, its refunds say '
            || coalesce(sum(r.amount_minor), 0)
        FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id AND r.status = 'succeeded'
        GROUP BY p.id HAVING p.refunded_minor <> coalesce(sum(r.amount_minor), 0)""",
    "I2 what is reserved has its refunds": """
        SELECT p.id || ': ' || p.refund_reserved_minor || ' reserved, its refunds say '
            || coalesce(sum(r.amount_minor), 0)
        FROM payments p LEFT JOIN refunds r
            ON r.payment_id = p.id AND r.status IN ('pending', 'requires_action')
        GROUP BY p.id
        HAVING p.refund_reserved_minor
            <> LEAST(coalesce(sum(r.amount_minor), 0), p.captured_minor - p.refunded_minor)""",
    "I3 every transaction of the ledger adds up to nothing": """
        SELECT reference || ' in ' || currency || ' leaves ' || sum(amount) FROM (
            SELECT reference, currency, debit AS account, amount_minor AS amount
            FROM ledger_entries
            UNION ALL
            SELECT reference, currency, credit, -amount_minor FROM ledger_entries
        ) AS sides
        WHERE account IN ('provider_balance', 'sales', 'processing_fees', 'foreign_exchange',
            'refunds', 'dispute_losses', 'dispute_fees')
        GROUP BY reference, currency HAVING sum(amount) <> 0""",
    "I3 money moves from one account to another": """
        SELECT kind || ' ' || reference || ' moves ' || amount_minor FROM ledger_entries
        WHERE amount_minor <= 0 OR debit = credit""",
    "I3 what was captured is in the ledger": """
        SELECT p.id || ': ' || p.captured_minor || ' captured, the ledger has '
            || coalesce(sum(e.amount_minor), 0)
        FROM payments p LEFT JOIN ledger_entries e ON e.payment_id = p.id AND e.kind = 'charge'
        GROUP BY p.id HAVING p.captured_minor <> coalesce(sum(e.amount_minor), 0)""",
    "I9 who paid an order has paid it": """
        SELECT o.id || ' is ' || o.status || ' by ' || coalesce(p.id, 'nobody') || ', '
            || coalesce(p.status, 'which there is not') || ', ' || coalesce(p.captured_minor, 0)
        FROM orders o LEFT JOIN payments p ON p.id = o.paid_by AND p.order_id = o.id
        WHERE (o.status = 'paid') <> (p.id IS NOT NULL)
            OR (o.status = 'paid' AND (p.status <> 'succeeded' OR p.quarantine IS NOT NULL
                OR p.captured_minor <> coalesce(p.capture_asked_minor, p.amount_minor)
                OR (p.capture_asked_minor IS NULL AND p.captured_minor <> o.total_minor)))""",
    "I14 what is told was committed": """
        SELECT 'message ' || d.sequence FROM deliveries d LEFT JOIN outbox USING (sequence)
        WHERE outbox.sequence IS NULL""",
}
"""By invariant: a query whose rows say what is wrong."""

COUNTED: Final = ("ledger_entries", "outbox", "inbox", "refunds", "operations", "payments")
"""Tables from which nobody deletes."""


def _closed(edges: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Say where each status may have come to between two looks."""
    reached = {}
    for begin in edges:
        found, ways = {begin}, [begin]
        while ways:
            ways += (new := set(edges[ways.pop()]) - found)
            found |= new
        reached[begin] = frozenset(found)
    return reached


ROADS: Final = {
    "orders": _closed(ORDER_EDGES),
    "payments": _closed(PAYMENT_EDGES),
    # One that was given up may turn up, and then goes on from anywhere.
    "refunds": _closed({**REFUND_EDGES, "canceled": ("pending", "succeeded")}),
    "operations": _closed(OPERATION_EDGES),
}


@attrs.frozen
class _Seen:
    status: str
    version: int


class Sampler:
    """Takes samples over one connection, and remembers the last."""

    def __init__(self, connection: Connection) -> None:
        """Look over ``connection``."""
        self.samples = 0
        self.violations: dict[str, None] = {}
        """In words, each once."""
        self._connection = connection
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._counts: dict[str, int] = {}

    async def sample(self) -> None:
        """Look once, at everything."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            for name, query in CHECKS.items():
                for row in await self._connection.fetch(query):
                    self._report(f"{name}: {row[0]}")
            for table, roads in ROADS.items():
                await self._follow(table, roads)
            for table in COUNTED:
                await self._count(table)
        self.samples += 1

    def _report(self, what: str) -> None:
        if len(self.violations) < KEPT:
            self.violations[what] = None

    async def _follow(self, table: str, roads: Mapping[str, frozenset[str]]) -> None:
        query = f"SELECT id, status, version FROM {table}"  # noqa: S608 - a name of ours
        for row in await self._connection.fetch(query):
            key = table, row["id"]
            now = _Seen(row["status"], row["version"])
            before = self._seen.get(key)
            self._seen[key] = now
            if before is None or before == now:
                continue
            if now.status not in roads[before.status]:
                self._report(f"I7 {table} {row['id']} went from {before.status} to {now.status}")
            if now.version <= before.version:
                self._report(f"I7 {table} {row['id']} was changed behind its version")

    async def _count(self, table: str) -> None:
        query = f"SELECT count(*) FROM {table}"  # noqa: S608 - a name of ours
        count: int = await self._connection.fetchval(query)
        if count < self._counts.get(table, 0):
            self._report(f"I7 {self._counts[table] - count} rows of {table} are gone")
        self._counts[table] = count

    async def keep_looking(self, ended: asyncio.Event) -> None:
        """Look again and again, and once more when it has ended."""
        while not ended.is_set():
            await self.sample()
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), PAUSE_S)
        await self.sample()


@asynccontextmanager
async def sampling(database_url: str) -> AsyncIterator[Sampler]:
    """Take samples for as long as the block lasts, and one more at its end."""
    connection: Any = await asyncpg.connect(database_url)
    sampler, ended = Sampler(connection), asyncio.Event()
    looking = asyncio.create_task(sampler.keep_looking(ended))
    try:
        yield sampler
    finally:
        ended.set()
        try:
            await looking
        finally:
            await connection.close()
