"""One run: people go on while processes die; then one recovery, and the books are compared."""

import asyncio
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Final

import attrs
import httpx

from tests.kills import books
from tests.kills.fleet import (
    IN_HAND,
    Fleet,
    Member,
    PostgresRows,
    Rows,
    SqliteRows,
    background,
    send,
    settings_of,
    until,
)
from tests.kills.nursery import Nursery
from tests.kills.people import Memory, People
from tests.kills.provider import CALM, POST, running_provider
from tests.support.postgres import MortalPostgres, mortal_postgres

SERVERS: Final = 3
WORKERS: Final = 3
CLIENTS: Final = 8
MOMENT_S: Final = 0.06
"""A victim dies within so many seconds after it was seen at work: at any moment of that."""
LOOKS: Final = 40
"""So often it is looked whether the victim has something in hand; then it dies all the same."""
BREATH_S: Final = 0.15
"""Between two kills."""
DATABASE_EVERY: Final = 7
"""One kill in so many ends the database, where it is a server."""
STOPS: Final = 20
"""After one kill in so many, somebody is stopped for longer than a lease, too."""
FIRST: Final = 3
"""The first of these kills: early, so that the others go on meanwhile."""
STOPPED_S: Final = {"worker": 17.0, "server": 3.0}
"""A worker's leases last 15 s; a server's callers do not wait for so long."""
REST_S_MAXIMUM: Final = 700.0
"""Longer than an event that met trouble waits for its next turn: ten minutes at the most."""


@attrs.define(kw_only=True)
class Outcome:
    """What came of a run."""

    seed: int
    kills: Counter[str] = attrs.field(factory=Counter)
    """By victim and signal."""
    caught: Counter[str] = attrs.field(factory=Counter)
    """Those of them that had work in hand: an open request, or events under a lease."""
    restarts: int = 0
    """Processes that ended at their start, for want of a database, and were begun again."""
    stops: int = 0
    """Processes that stood still, with work in hand, and went on."""
    seconds: float = 0.0
    healing_s: float = 0.0
    """How long it took from the last kill until nothing was left to be done."""
    recovered: str = ""
    """What the one recovery said."""
    events: int = 0
    people: Memory = attrs.field(factory=Memory)
    violations: list[str] = attrs.field(factory=list)

    @property
    def caught_share(self) -> float:
        """Of all kills, how many caught work in flight."""
        return self.caught.total() / max(1, self.kills.total())


class Killer:
    """Chooses who dies when, and starts them again."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        people: People,
        rows: Rows,
        postgres: MortalPostgres | None,
        http: httpx.AsyncClient,
        outcome: Outcome,
        dice: Random,
    ) -> None:
        """Kill members of ``fleet``, and ``postgres``."""
        self._fleet = fleet
        self._people = people
        self._rows = rows
        self._postgres = postgres
        self._http = http
        self._outcome = outcome
        self._dice = dice
        self._coming_back: list[asyncio.Task[None]] = []

    async def kill(self, times: int, *, progress: Callable[[int], None]) -> None:
        """Kill so many; the last ones are up again when it returns."""
        for number in range(1, times + 1):
            if self._postgres is not None and number % DATABASE_EVERY == FIRST:
                await self._kill_database(self._postgres)
            else:
                await self._kill_member()
            if number % STOPS == FIRST:
                await self._stop_one()
            progress(number)
            await asyncio.sleep(BREATH_S * self._dice.random())
        for coming in self._coming_back:
            await coming

    async def _kill_database(self, postgres: MortalPostgres) -> None:
        number = self._dice.choice((signal.SIGKILL, signal.SIGQUIT))
        await self._moment(lambda: self._people.open_at.total() > 0)
        is_caught = self._people.open_at.total() > 0
        postgres.kill(number)
        self._note("database", number, is_caught=is_caught)
        await asyncio.sleep(0.3 * self._dice.random())
        await asyncio.to_thread(postgres.start)

    async def _kill_member(self) -> None:
        victim = await self._victim(self._dice.choice(("server", "worker")))
        is_caught = await self._surprise(victim)
        code = self._fleet.kill(victim)
        if code != -signal.SIGKILL:
            self._outcome.violations.append(f"a {victim.kind} ended by itself, with {code}")
        self._note(victim.kind, signal.SIGKILL, is_caught=is_caught)
        self._coming_back.append(asyncio.create_task(self._fleet.start(victim, self._http)))

    async def _stop_one(self) -> None:
        for _ in range(LOOKS):
            victim = await self._victim(self._dice.choice(("server", "worker")))
            if await self._surprise(victim):
                break
            send(victim, signal.SIGCONT)
        else:
            return
        self._outcome.stops += 1
        victim.is_up = False  # nobody else is to touch it

        async def go_on() -> None:
            await asyncio.sleep(STOPPED_S[victim.kind])
            send(victim, signal.SIGCONT)
            victim.is_up = True

        self._coming_back.append(asyncio.create_task(go_on()))

    async def _victim(self, kind: str) -> Member:
        """Return a process of a kind, once there is one beside it to go on meanwhile."""
        while len(self._fleet.of(kind)) < 2:
            for coming in [task for task in self._coming_back if task.done()]:
                coming.result()
                self._coming_back.remove(coming)
            await asyncio.sleep(0.01)
        return self._dice.choice(list(self._fleet.of(kind)))

    async def _surprise(self, victim: Member) -> bool:
        """Let it stand still at a random moment; tell whether it has work in hand then."""
        for _ in range(LOOKS):
            await asyncio.sleep(MOMENT_S * self._dice.random())
            send(victim, signal.SIGSTOP)
            if await self._is_at_work(victim):
                return True
            send(victim, signal.SIGCONT)
        send(victim, signal.SIGSTOP)
        return await self._is_at_work(victim)

    async def _is_at_work(self, member: Member) -> bool:
        if member.kind == "server":
            return self._people.open_at[member.url] > 0
        return await self._rows.count(IN_HAND, member.holder) > 0

    async def _moment(self, is_it: Callable[[], bool]) -> None:
        for _ in range(LOOKS):
            await asyncio.sleep(MOMENT_S * self._dice.random())
            if is_it():
                return

    def _note(self, victim: str, number: int, *, is_caught: bool) -> None:
        name = f"{victim} by {signal.Signals(number).name}"
        self._outcome.kills[name] += 1
        self._outcome.caught[name] += is_caught


async def run(
    *,
    kills: int,
    on_postgres: bool,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Let people go on while so many processes die. Raises TimeoutError if there is no rest."""
    outcome = Outcome(seed=seed)
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kills-")))
        nursery = stack.enter_context(Nursery())
        postgres = stack.enter_context(mortal_postgres()) if on_postgres else None
        database_url = f"sqlite:///{folder / 'shop.db'}" if postgres is None else postgres.url
        servers = stack.enter_context(_addresses(SERVERS))
        stripe_url = stack.enter_context(running_provider(folder / "stripe.db", servers))
        fleet = Fleet(nursery, folder, settings_of(database_url, stripe_url))
        stack.callback(fleet.end)
        await _expect(fleet, "db", "upgrade")
        rows: Rows = (
            SqliteRows(folder / "shop.db") if postgres is None else PostgresRows(postgres.url)
        )
        dice = Random(f"kills {seed}")  # noqa: S311 - dice, not secrets
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, timeout=30) as http:
            people = People(servers, stripe_url, dice=Random(f"people {seed}"))  # noqa: S311 - dice
            outcome.people = people.memory
            for url in servers:
                fleet.add_server(url)
            for _ in range(WORKERS):
                fleet.add_worker()
            await asyncio.gather(*(fleet.start(member, http) for member in fleet.members))
            killer = Killer(
                fleet=fleet,
                people=people,
                rows=rows,
                postgres=postgres,
                http=http,
                outcome=outcome,
                dice=dice,
            )
            async with background(*(people.live(http) for _ in range(CLIENTS))):
                await killer.kill(kills, progress=progress)
                people.is_over = True
            healing = time.monotonic()
            await _heal(fleet, http, rows, stripe_url, outcome)
            _leave(fleet, outcome)
            outcome.restarts = fleet.restarts
            outcome.healing_s = time.monotonic() - healing
            outcome.violations += people.memory.wrong
            outcome.violations += await books.differences(
                rows, stripe_url, people.memory, acknowledged=await _acknowledged(http, stripe_url)
            )
    outcome.seconds = time.monotonic() - begun
    return outcome


async def _heal(
    fleet: Fleet, http: httpx.AsyncClient, rows: Rows, stripe_url: str, outcome: Outcome
) -> None:
    """Kill all, start one of each anew, recover once, and wait until nothing is left to be done."""
    fleet.end()
    (await http.post(stripe_url.removesuffix("/fake-stripe") + CALM)).raise_for_status()
    await fleet.start(next(each for each in fleet.members if each.kind == "worker"), http)
    for server in [each for each in fleet.members if each.kind == "server"]:
        await fleet.start(server, http)
    code, said = await fleet.command("--json", "recover")
    outcome.recovered = f"{code}: {said}"

    left: list[str] = []

    async def is_quiet() -> bool:
        post = (await http.get(stripe_url.removesuffix("/fake-stripe") + POST)).json()
        outcome.events = len(post["acknowledged"])
        left[:] = await books.waiting(rows)
        return post["waiting"] == 0 and not left

    try:
        await until(is_quiet, "it comes to rest", seconds=REST_S_MAXIMUM)
    except TimeoutError:
        outcome.violations += ["it does not come to rest", *left]


def _leave(fleet: Fleet, outcome: Outcome) -> None:
    """Ask all that are left to end, as a deployment does."""
    for member in fleet.members:
        if member.pid:
            code = fleet.kill(member, signal.SIGTERM)
            if code != 0:
                outcome.violations.append(
                    f"a {member.kind} that was asked to end did so with {code}"
                )


async def _acknowledged(http: httpx.AsyncClient, stripe_url: str) -> list[str]:
    post = (await http.get(stripe_url.removesuffix("/fake-stripe") + POST)).json()
    acknowledged: list[str] = post["acknowledged"]
    return acknowledged


async def _expect(fleet: Fleet, *words: str) -> None:
    code, said = await fleet.command(*words)
    assert code == 0, said


@contextmanager
def _addresses(count: int) -> Iterator[list[str]]:
    """Find free ports; each server has its own in all of its lives."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    yield [f"http://127.0.0.1:{port}" for port in ports]
