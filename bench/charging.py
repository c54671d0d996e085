"""Charges per second with a provider that takes 400 ms, as a share of the ideal.

500 customers pay at once: for each, the use case behind ``create-payment-intent`` runs on
PostgreSQL with fsync on, its transactions, the provider's answer between them and all. If our
part cost nothing, 500 calls of 400 ms would be 1,250 a second. No connection is held while the
provider thinks: 16 serve all 500. Afterwards every order has one payment with its intent.
"""

import asyncio
import resource
import sys
import time
from pathlib import Path

import asyncpg
import attrs
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from _paid_orders import USD, container_for, opened

from markethub.domain.ids import CustomerId, OrderId
from markethub.domain.order import Cart, Line
from markethub.domain.usecases.charge_order import ChargeOrder, ChargeOrderCommand
from markethub.domain.usecases.register_order import RegisterOrder, RegisterOrderCommand
from tests.support.postgres import running_postgres

AT_ONCE = 500
GATEWAY_S = 0.4
ROUNDS = 4
WARM = 64
REGISTERED_AT_ONCE = 16


@attrs.frozen(kw_only=True)
class Charged:
    """What all charges took, in seconds of the clock and of this process's CPU, and MiB."""

    calls: int
    seconds: float
    cpu_s: float
    latencies: list[float]
    memory_mib: float
    grown_mib: float


async def register_all(register: RegisterOrder, orders: range) -> None:
    """Register the orders, a few at a time."""
    waiting = iter(orders)

    async def client() -> None:
        for number in waiting:
            line = Line(sku="tea", title="Tea", unit_price=5000, quantity=1)
            cart = Cart(customer_id=CustomerId("c-1"), currency=USD, lines=(line,))
            await register(RegisterOrderCommand(order_id=OrderId(f"o-{number}"), cart=cart))

    await asyncio.gather(*(client() for _ in range(REGISTERED_AT_ONCE)))


async def charge_all(charge: ChargeOrder, orders: range) -> list[float]:
    """Charge the orders, 500 at any time; return the seconds of each."""
    waiting = iter(orders)
    latencies: list[float] = []

    async def customer() -> None:
        for number in waiting:
            begun = time.perf_counter()
            started = await charge(ChargeOrderCommand(order_id=OrderId(f"o-{number}")))
            latencies.append(time.perf_counter() - begun)
            assert started.client_secret.reveal(), "the browser can go on"

    await asyncio.gather(*(customer() for _ in range(AT_ONCE)))
    return latencies


async def measure(url: str) -> Charged:
    """Charge 500 orders at a time, each once."""
    container = container_for(url, delay_s=GATEWAY_S)
    store = await opened(container)
    register, charge = container.register_order(), container.charge_order()
    calls = AT_ONCE * ROUNDS
    await register_all(register, range(calls + WARM))
    await charge_all(charge, range(calls, calls + WARM))
    memory = memory_mib()
    cpu, begun = time.process_time(), time.perf_counter()
    latencies = await charge_all(charge, range(calls))
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    await store.close()
    return Charged(
        calls=calls,
        seconds=seconds,
        cpu_s=cpu_s,
        latencies=sorted(latencies),
        memory_mib=memory,
        grown_mib=memory_mib() - memory,
    )


def memory_mib() -> float:
    """Return the most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def check(url: str, orders: int) -> None:
    """Raise unless every order has one payment with an intent, and nothing is unresolved."""
    connection = await asyncpg.connect(url)
    try:
        payments = await connection.fetchval(
            "SELECT count(DISTINCT order_id) FROM payments WHERE intent_id IS NOT NULL"
        )
        done = await connection.fetchval("SELECT count(*) FROM operations WHERE status = 'done'")
    finally:
        await connection.close()
    assert payments == done == orders, f"{orders} charged, {payments} payments, {done} done"


def main() -> None:
    """Measure once, long enough, and print the share of the ideal."""
    with running_postgres(fsync=True) as server, server.database() as name:
        url = server.url_of(name)
        charged = uvloop.run(measure(url))
        asyncio.run(check(url, charged.calls + WARM))
    ideal, rate = AT_ONCE / GATEWAY_S, charged.calls / charged.seconds
    median, p99 = (
        charged.latencies[int(len(charged.latencies) * share)] * 1000 for share in (0.5, 0.99)
    )
    print("| what | per second | share of the ideal |")
    print("|---|---|---|")
    print(f"| {AT_ONCE} calls at a time of {GATEWAY_S * 1000:.0f} ms | {ideal:.0f} | 1.00 |")
    print(
        f"| charges, {charged.cpu_s / charged.calls * 1e6:.0f} us of CPU each, median "
        f"{median:.0f} ms, p99 {p99:.0f} ms | {rate:.0f} | {rate / ideal:.2f} |"
    )
    print(
        f"\n{charged.calls} orders charged, each once. Memory {charged.memory_mib:.0f} MiB, "
        f"grown by {charged.grown_mib:.0f} MiB."
    )


if __name__ == "__main__":
    main()
