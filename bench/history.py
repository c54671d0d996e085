"""What a long history costs: taking events in, and processing them, beside an empty inbox.

``python bench/history.py [MILLIONS]`` puts so many millions of processed events of 2.6 KB (half a
million where none are given) into the inbox of one database and none into another's, and measures
both by turns, on one server with fsync on.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

from _drain import measured, workers
from _paid_orders import container_for, opened, prepare_orders, receive

from markethub.adapters.sqlalchemy import tables
from tests.support.postgres import running_postgres

EVENTS = 1000
WARM = 60
ROUNDS = 2


class Bench:
    """One of the two databases."""

    def __init__(self, url: str, history: int) -> None:
        self._url = url
        self._next = 1
        self.ingest: list[float] = []
        self.processing: list[float] = []
        asyncio.run(prepare_orders(url, WARM + 1 + ROUNDS * (EVENTS + WARM)))
        self._process(1)
        asyncio.run(add_history(url, history))

    def measure(self) -> None:
        """Take events in and process them, once."""
        asyncio.run(self._receive(WARM))
        with workers(self._url, 1) as started:
            self.ingest.append(EVENTS / asyncio.run(self._receive(EVENTS)))
            (done,) = measured(started)
        assert done.processed == EVENTS, "each event is processed once"
        self.processing.append(done.processed / done.seconds)

    def _process(self, count: int) -> None:
        asyncio.run(self._receive(count))
        with workers(self._url, 1):
            pass  # it has processed them before it says that it is ready

    async def _receive(self, count: int) -> float:
        """Store events; return the seconds that took."""
        numbers = range(self._next, self._next + count)
        self._next += count
        container = container_for(self._url)
        store = await opened(container)
        begun = time.perf_counter()
        await receive(container, numbers)
        seconds = time.perf_counter() - begun
        await store.close()
        return seconds


async def add_history(url: str, count: int) -> None:
    """Copy the one processed event, over the months before."""
    columns = [column.name for column in tables.inbox.c]
    moments = {"created_at", "received_at", "updated_at"}
    values = ", ".join(
        "'evt_history_' || md5(number::text)"
        if name == "id"
        else f"{name} - number * interval '5 seconds'"
        if name in moments
        else name
        for name in columns
    )
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            f"INSERT INTO inbox ({', '.join(columns)}) "  # noqa: S608 - our own names
            f"SELECT {values} FROM inbox, generate_series(1, {count}) AS number "
            "WHERE inbox.status = 'processed'",
            timeout=3600,
        )
        await connection.execute("VACUUM ANALYZE inbox", timeout=3600)
        await connection.execute("CHECKPOINT", timeout=3600)
    finally:
        await connection.close()


def row(what: str, empty: Sequence[float], full: Sequence[float]) -> str:
    """Return the table's row of a measure: the best of each."""
    best, with_history = max(empty), max(full)
    return f"| {what} | {best:.0f} | {with_history:.0f} | {with_history / best:.2f} |"


def main(millions: float) -> None:
    """Measure both by turns and print the ratios of the best."""
    history = int(millions * 1_000_000)
    with (
        running_postgres(fsync=True) as server,
        server.database() as empty_name,
        server.database() as full_name,
    ):
        empty = Bench(server.url_of(empty_name), 0)
        full = Bench(server.url_of(full_name), history)
        for _ in range(ROUNDS):
            empty.measure()
            full.measure()
    print(f"| what, per second | empty | {millions:g} million processed | share of empty |")
    print("|---|---|---|---|")
    print(row("events taken in, in the use case", empty.ingest, full.ingest))
    print(row("events processed by one worker", empty.processing, full.processing))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.5)
