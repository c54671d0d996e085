"""Processes that all write to one order at once: ``python -m tests.support.sql_writers``."""

import asyncio
import multiprocessing
import sys

import attrs

import markethub.adapters.sqlalchemy.store  # noqa: F401 - before the fork: once, not eight times
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import Store, open_store, order


async def ship_dearer(store: Store) -> None:
    """Add one to what the order's shipping costs, in a transaction."""

    async def work(tx: Transaction) -> None:
        held = await tx.orders.lock(order().id)
        assert held is not None
        cart = attrs.evolve(held.cart, shipping=held.cart.shipping + 1)
        await tx.orders.save(attrs.evolve(held, cart=cart))

    await store.transactions.run(work)


def write(url: str, times: int) -> None:
    """Do it ``times`` times, in a process of its own."""

    async def all_of_them() -> None:
        store = open_store(url)
        for _ in range(times):
            await ship_dearer(store)
        await store.close()

    asyncio.run(all_of_them())


def main(url: str, processes: int, times: int) -> int:
    """Return how many of the processes failed."""
    # Forked from this fresh process, which has no thread yet, they need not import anything.
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write, args=(url, times)) for _ in range(processes)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return sum(writer.exitcode != 0 for writer in writers)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
