"""Events processed per second, as a share of the same statements in pgbench.

The event is ``payment_intent.succeeded`` of an order that waits for its money: the order is
paid, the payment settled, the books are posted, the storefront's event is staged, the event is
marked, in one transaction. The statements of one such transaction are taken from the server's
log, and pgbench executes them on other orders, with as many clients as the worker has lanes.
By turns: pgbench, one worker, two workers, on one server with fsync on, which shares the
machine with them. Afterwards every order must be paid, once.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

import _pgbench
from _drain import Drained, drain, measured, workers
from _paid_orders import container_for, opened, prepare_orders, receive, token

from markethub.domain.ids import IdPrefix
from markethub.entrypoints.worker import LANES
from tests.support.postgres import PostgresServer, running_postgres

EVENTS = 3000
WARM = 600
"""Enough that every lane has opened its connection and prepared its statements."""
ROUNDS = 2


async def log_statements(url: str, *, on: bool) -> None:
    """Let the server log every statement of new connections, or no longer."""
    connection = await asyncpg.connect(url)
    try:
        database = await connection.fetchval("SELECT current_database()")
        await connection.execute(
            f"""ALTER DATABASE "{database}" SET log_statement = '{"all" if on else "none"}'"""
        )
    finally:
        await connection.close()


async def processed_once(url: str, number: int) -> None:
    """Take in the event of one order and process it."""
    container = container_for(url)
    store = await opened(container)
    await receive(container, [number])
    done = await drain(container.process_inbox())
    assert done.processed == 1, "the event of the bench is applied"
    await store.close()


def recorded(server: PostgresServer, url: str, number: int) -> list[_pgbench.Statement]:
    """Return the statements of the transaction that applies an event."""
    asyncio.run(processed_once(url, 1))  # whatever is prepared or looked up only once
    asyncio.run(log_statements(url, on=True))
    asyncio.run(processed_once(url, number))
    asyncio.run(log_statements(url, on=False))
    assert server.log is not None
    for found in _pgbench.transactions(server.log.read_text()):
        if any("INSERT INTO ledger_entries" in statement.sql for statement in found):
            return found
    raise AssertionError("the log shows no transaction that posts to the books")


async def check(url: str, events: int) -> None:
    """Raise unless so many orders are paid, each once, and no event waits."""
    connection = await asyncpg.connect(url)
    try:
        for what in (
            "inbox WHERE status = 'processed'",
            "orders WHERE status = 'paid'",
            "payments WHERE status = 'succeeded' AND captured_minor = 5000",
            "outbox WHERE type = 'order.paid'",
            "ledger_entries WHERE kind = 'charge'",
        ):
            found = await connection.fetchval(
                f"SELECT count(*) FROM {what}"  # noqa: S608 - our own words
            )
            assert found == events, f"{what}: {found} instead of {events}"
    finally:
        await connection.close()


async def lease_all(url: str, lease: str) -> None:
    """Claim whatever waits, under the lease that the recorded statements look for."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO inbox_leases (subject, lease, holder, until) "  # noqa: S608 - our own
            f"SELECT subject, {lease}, 'pgbench', now() FROM inbox WHERE status = 'pending'"
        )
    finally:
        await connection.close()


async def take_in(url: str, numbers: range) -> None:
    """Store the events of these orders."""
    container = container_for(url)
    store = await opened(container)
    await receive(container, numbers)
    await store.close()


class Bench:
    """The orders, taken one after the other by whoever is measured."""

    def __init__(self, server: PostgresServer, url: str, folder: Path) -> None:
        self._url = url
        self._next = 1
        # Two that are recorded, and for each round three measures with what warms them up.
        self._count = 2 + ROUNDS * (3 * EVENTS + 3 * WARM)
        asyncio.run(prepare_orders(url, self._count))
        statements = recorded(server, url, 2)
        self.statements = len(statements)
        self._lease = next(
            value
            for statement in statements
            for value in statement.parameters.values()
            if value.startswith(f"'{IdPrefix.LEASE}_")
        )
        self._next += 2
        self._script = folder / "processing.sql"
        numbered = _pgbench.script(statements, token=token(2), variable="token")
        self._script.write_text(
            "\\set done :done + 1\n"
            f"\\set number :first + :client_id * {EVENTS // LANES} + :done\n"
            + numbered.replace(":token", "'bench' || :number || 'x'")
        )

    def _taken(self, count: int) -> range:
        self._next += count
        return range(self._next - count, self._next)

    def floor(self) -> float:
        """Return transactions per second of pgbench."""
        numbers = self._taken(EVENTS)
        asyncio.run(take_in(self._url, numbers))
        asyncio.run(lease_all(self._url, self._lease))
        return _pgbench.run(
            self._url,
            self._script,
            *("-c", str(LANES), "-j", str(min(2, LANES)), "-t", str(EVENTS // LANES)),
            *("-D", f"first={numbers.start - 1}", "-D", "done=0"),
        )

    def processing(self, count: int) -> Sequence[Drained]:
        """Return what so many workers did."""
        asyncio.run(take_in(self._url, self._taken(WARM)))
        with workers(self._url, count) as started:
            asyncio.run(take_in(self._url, self._taken(EVENTS)))
            done = measured(started)
        assert sum(each.processed for each in done) == EVENTS, "each event is processed once"
        return done

    def check(self) -> int:
        """Raise unless all that was taken is done, once. Return how many that are."""
        asyncio.run(check(self._url, self._next - 1))
        return self._next - 1


def rate(done: Sequence[Drained]) -> float:
    """Return events per second of workers that began together."""
    return sum(each.processed for each in done) / max(each.seconds for each in done)


def main() -> None:
    """Measure by turns and print the best of each, and their ratios."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_postgres(fsync=True) as server,
        server.database() as name,
    ):
        bench = Bench(server, server.url_of(name), Path(folder))
        floors, singles, pairs, cpu = [], [], [], []
        for _ in range(ROUNDS):
            floors.append(bench.floor())
            single = bench.processing(1)
            singles.append(rate(single))
            cpu += [each.cpu_s / each.processed for each in single]
            pairs.append(rate(bench.processing(2)))
        done = bench.check()
    floor, one, two = max(floors), max(singles), max(pairs)
    print("| what | per second | share of pgbench | share of one worker |")
    print("|---|---|---|---|")
    print(f"| pgbench, {bench.statements} statements, {LANES} clients | {floor:.0f} | 1.00 | |")
    print(
        f"| one worker, {min(cpu) * 1e6:.0f} us of CPU an event | {one:.0f} "
        f"| {one / floor:.2f} | 1.00 |"
    )
    print(f"| two workers | {two:.0f} | {two / floor:.2f} | {two / one:.2f} |")
    print(f"\n{done} events, each applied once: paid, posted, staged and marked.")


if __name__ == "__main__":
    main()
