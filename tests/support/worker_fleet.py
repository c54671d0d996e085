"""Several ``markethub worker`` processes over one PostgreSQL, and a shop that keeps them busy.

They share the simulated account through its file, as every process in one folder does, and each
of them delivers the account's events, too: whatever is on its way may be in the hands of any.
"""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg
import attrs
from dependency_injector import providers

from markethub.adapters.fake.account import Account, AccountOptions
from markethub.adapters.fake_store import SqliteAccountStore
from markethub.domain.ids import CustomerId, OrderId
from markethub.domain.money import Currency
from markethub.domain.order import Cart, Line
from markethub.domain.usecases.charge_order import ChargeOrderCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.entrypoints.container import Container, build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.processes import started_markethub

PATIENCE_S: Final = 90.0
"""Far above what anything here takes, on a busy machine and with leases that must run out."""
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
LOOK_S: Final = 0.02
CARD: Final = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}


async def until(is_so: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait for what other processes do. Raises TimeoutError naming what never came to be."""
    deadline = time.monotonic() + PATIENCE_S
    while not await is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(LOOK_S)


@attrs.frozen(kw_only=True)
class WorkerProcess:
    """A running ``markethub worker``."""

    process: "subprocess.Popen[str]"
    log: Path

    async def name(self) -> str:
        """Return the name that its leases bear, once it has begun to work."""
        await until(self._has_begun, "the worker begins")
        [started] = [line for line in self.lines() if line["event"] == "worker.started"]
        return str(started["worker"])

    async def _has_begun(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return any(line["event"] == "worker.started" for line in self.lines())

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged. A last line that is not whole is left out."""
        *whole, _ = self.log.read_text().split("\n")
        return [json.loads(line) for line in whole]

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """End it at once, and be sure that it is gone."""
        self.send(signal.SIGKILL)
        self.process.wait()


@attrs.define
class Fleet:
    """Starts workers in one folder, over one database."""

    folder: Path
    url: str
    _running: ExitStack
    _started: int = 0

    def start(self) -> WorkerProcess:
        """Start one more."""
        self._started += 1
        name = f"log-{self._started}"
        settings = {
            "DATABASE_URL": self.url,
            "MARKETHUB_FAKE_DELAY_S": "0",
            "MARKETHUB_LOG_FORMAT": "json",
        }
        process = self._running.enter_context(
            started_markethub("worker", folder=self.folder, settings=settings, log_name=name)
        )
        return WorkerProcess(process=process, log=self.folder / name)

    async def kill_at_work(self, times: int) -> int:
        """Kill a worker so many times, each with claimed events in its hands.

        Another is started in its place. Returns how many events were in these hands.
        """
        connection = await asyncpg.connect(self.url)
        try:
            caught, victim = 0, self.start()
            for _ in range(times):
                successor = self.start()
                caught += await _kill_at_work(victim, connection)
                victim = successor
        finally:
            await connection.close()
        return caught


async def _kill_at_work(victim: WorkerProcess, connection: Connection) -> int:
    holder = await victim.name()
    in_hand = 0

    async def is_caught() -> bool:
        nonlocal in_hand
        if not await _in_hand(connection, holder):
            return False
        # What it holds while it stands still, it holds when it dies.
        victim.send(signal.SIGSTOP)
        in_hand = await _in_hand(connection, holder)
        if not in_hand:
            victim.send(signal.SIGCONT)
        return in_hand > 0

    await until(is_caught, "the worker claims something")
    victim.kill()
    return in_hand


async def _in_hand(connection: Connection, holder: str) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM inbox JOIN inbox_leases USING (subject) "
        "WHERE holder = $1 AND status IN ('pending', 'parked')",
        holder,
    )
    return count


@contextmanager
def fleet_of(folder: Path, url: str) -> Iterator[Fleet]:
    """Yield a fleet without workers; those that are started are stopped in the end."""
    with ExitStack() as running:
        yield Fleet(folder=folder, url=url, running=running)


class BusyShop:
    """Sells without a break: every order is charged, paid, and in part refunded at the provider.

    It only asks and pays; whatever comes of it is up to the workers. The time is the real one.
    """

    def __init__(self, folder: Path, url: str) -> None:
        """Trade at the account of the workers in ``folder``."""
        self._accounts = SqliteAccountStore(folder / "fake-stripe.db")
        self.account = Account(
            store=self._accounts, options=AccountOptions(seed="fleet", delay_s=0)
        )
        self.container: Container = build_container(Settings(database=Database(url=url)))
        self.container.account.override(providers.Object(self.account))
        self.orders: list[OrderId] = []

    async def sell(self, amount: int) -> None:
        """Sell once."""
        self._keep_time()
        order_id = OrderId(f"o-{len(self.orders)}")
        self.orders.append(order_id)
        cart = Cart(
            customer_id=CustomerId("c-1"),
            currency=Currency.of("usd"),
            lines=(Line(sku="tea", title="Tea", unit_price=amount, quantity=1),),
        )
        await self.container.register_order()(RegisterOrderCommand(order_id=order_id, cart=cart))
        started = await self.container.charge_order()(ChargeOrderCommand(order_id=order_id))
        intent_id = started.payment.intent_id
        secret = started.client_secret.reveal()
        self._post(
            f"/v1/payment_intents/{intent_id}/confirm",
            {"client_secret": secret, "payment_method_data": {"type": "card", "card": CARD}},
            auth="pk_test_dev",
        )
        self._post("/v1/refunds", {"payment_intent": intent_id, "amount": amount // 2})

    def _post(self, path: str, params: dict[str, Any], *, auth: str = "sk_test_dev") -> None:
        self._keep_time()
        answer = self.account.request(method="POST", path=path, params=params, auth=auth)
        assert answer.status == 200, answer.body

    def _keep_time(self) -> None:
        self.account.advance(int(self.container.clock().now().timestamp()))

    def everything(self, path: str) -> list[dict[str, Any]]:
        """Return all of a list at the provider."""
        found: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": found[-1]["id"]} if found else {}
            answer = self.account.request(
                method="GET", path=path, params={"limit": 100, **after}, auth="sk_test_dev"
            )
            found += answer.body["data"]
            if not answer.body["has_more"]:
                return found

    async def close(self) -> None:
        """Close the database and the account's file."""
        await self.container.store().close()
        self._accounts.close()
