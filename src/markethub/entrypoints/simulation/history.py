"""One history: a world made from a plan, lived through, healed, and looked at."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from markethub.adapters.fake.bank import Bank
from markethub.domain.delivery import Message
from markethub.domain.errors import PaymentsError
from markethub.domain.usecases.receive_event import ReceiveEventCommand
from markethub.entrypoints.simulation.checks import Oracle
from markethub.entrypoints.simulation.chronicle import Chronicle
from markethub.entrypoints.simulation.faults import Fault
from markethub.entrypoints.simulation.loop import VirtualLoop
from markethub.entrypoints.simulation.observed import ObservedDatabase
from markethub.entrypoints.simulation.outcome import History
from markethub.entrypoints.simulation.people import DEEDS, People
from markethub.entrypoints.simulation.plan import Click, Paths, Plan, dice
from markethub.entrypoints.simulation.pod import App, Pod
from markethub.entrypoints.simulation.ports import START
from markethub.entrypoints.simulation.processes import Processes
from markethub.entrypoints.simulation.provider import Mailman, Provider
from markethub.entrypoints.simulation.scenarios import is_scripted, play
from markethub.entrypoints.simulation.secrets_said import listen
from markethub.entrypoints.simulation.storage import storage_of
from markethub.entrypoints.simulation.striker import Striker
from markethub.entrypoints.simulation.world import TimedOut, Unreachable

T = TypeVar("T")

AFTERWARDS_S: Final = 30.0
"""For how long after the last click faults still strike."""
STEPS_MAXIMUM: Final = 200_000
"""A history that takes more goes round in circles."""
HEALING_S: Final = (
    5.0,
    30.0,
    120.0,
    900.0,
    3600.0,
    7200.0,
    14_400.0,
    43_200.0,
    86_400.0,
    172_800.0,
)
"""What is given to come to rest, one after the other, as long as it has not."""
TOLERANCE_S: Final = 300
"""How old a signature may be, in seconds. Source: Stripe's page on verifying signatures."""
DAY_S: Final = 86_400.0
"""Longer than the provider keeps a key."""
BACKFILL_TURNS: Final = (5, 7)
"""When an operator fetches what was never delivered: recovery had its chance before, and what
recovery asked for in the meantime is told, too."""
BACKFILL_TRIES: Final = 5
BACKFILL_AGAIN_S: Final = 5.0


def run_history(plan: Plan, *, traced: bool = False) -> History:
    """Live through a plan, and say what came of it."""
    world = World(plan, traced=traced)
    listen(world.oracle.said)
    try:
        return world.lived()
    finally:
        world.storage.close()


class World:
    """Everything there is in a history. Implements ``Surroundings``."""

    def __init__(self, plan: Plan, *, traced: bool) -> None:
        """Put it together as ``plan`` wants it; nothing happens yet."""
        self.plan = plan
        self.loop = VirtualLoop(dice(plan.seed, "turns"), steps_maximum=STEPS_MAXIMUM)
        self.chronicle = Chronicle(self.loop, traced=traced)
        self.note = self.chronicle.note
        self.striker = Striker(dice(plan.seed, "strikes"), plan.strikes)
        self._dice = dice(plan.seed, "world")
        self.database = ObservedDatabase(on_put=self._put, on_commit=self._committed)
        self.storage = storage_of(plan.store, self.database)
        self.oracle = Oracle(self.database, paths=plan.paths)
        self.provider = Provider(self.loop, seed=plan.seed, on_put=self._provider_put)
        self.account = self.provider.account
        self.bank = Bank(self.account)
        self.mailman = Mailman(
            self.provider,
            loop=self.loop,
            striker=self.striker,
            dice=dice(plan.seed, "mail"),
            deliver=self._deliver,
            note=self.note,
        )
        if plan.paths is not Paths.RECOVERY:
            self.provider.on_event = self.mailman.take
        self.processes = Processes(
            plan,
            loop=self.loop,
            striker=self.striker,
            rolls=self._dice,
            oracle=self.oracle,
            chronicle=self.chronicle,
            boot=self._boot,
            died=lambda pod: self.storage.died(pod.index),
        )
        self.people = People(self)
        self._last_s = plan.clicks[-1].at_s if plan.clicks else 0.0
        self._receiver_down_until_s = 0.0

    # --- the story ----------------------------------------------------------------------------

    def lived(self) -> History:
        """Let it all happen, and say what came of it."""
        with self.loop.entered():
            self.provider.advance()
            self.processes.start()
            for click in self.plan.clicks:
                self.loop.outside(click.at_s, self._click, click)
            self.processes.tick()
            night = self.striker.look("end", "end")
            if night is None:
                self._run(until_s=self._last_s + AFTERWARDS_S)
            else:
                self._run(until_s=self._last_s * self._dice.random())
                self._sleep(night.amount)
            self._heal()
            self.processes.end()
        for trouble in self.loop.troubles:
            self.chronicle.violate("unexpected", trouble)
        self.oracle.at_rest(self.storage.everything())
        return History(
            plan=self.plan,
            strikes=tuple(self.striker.struck),
            violations=(*self.chronicle.violations, *self.oracle.violations),
            struck=Counter(strike.fault for strike in self.striker.struck),
            calls=self.striker.calls,
            clicks=len(self.plan.clicks),
            digest=self.chronicle.digest,
            trace=self.chronicle.trace,
        )

    def _run(self, *, until_s: float) -> None:
        step, bury = self.loop.step, self.processes.bury
        while step(until_s=until_s):
            bury()
        if self.loop.steps >= STEPS_MAXIMUM:
            self.chronicle.violate("stuck", "the history goes round in circles")

    def _sleep(self, more_s: float) -> None:
        """Let nobody be there for a day and more, while the provider goes on."""
        self.note("--- nobody is there")
        self.processes.is_startable = self.processes.is_ticking = False
        self.oracle.is_rested = True
        self.processes.kill()
        self._run(until_s=self.loop.time() + DAY_S + more_s)
        self.processes.is_startable = True

    def _heal(self) -> None:
        """Stop all faults, and give the core what it may need to come to rest."""
        self.note("--- the faults stop")
        self.processes.is_ticking = False
        self.striker.is_on = False
        self.provider.down_until_s = 0.0
        self._receiver_down_until_s = 0.0
        self.processes.be_on_time()
        self.processes.start()
        is_deaf = self.plan.paths is Paths.RECOVERY
        is_deaf |= any(strike.fault is Fault.DELIVERY_LOST for strike in self.striker.struck)
        for turn, wait_s in enumerate(HEALING_S):
            self._run(until_s=self.loop.time() + wait_s)
            self.provider.advance()
            if is_deaf and turn in BACKFILL_TURNS:
                # What the provider gave up delivering is fetched by somebody who was told so.
                self.loop.spawn(None, self._backfill())
            self.processes.work(turn)
            self._run(until_s=self.loop.time() + 60.0)
            if self._is_quiet() and (turn > BACKFILL_TURNS[-1] or not is_deaf):
                break

    def _is_quiet(self) -> bool:
        """Tell whether nothing is left to be done, as far as the rows show."""
        return not self.mailman.on_its_way and self.oracle.is_quiet()

    async def _backfill(self) -> None:
        """Be the operator who fetches events, and tries again where a process still refuses.

        One that had met an outage lets a single request through first, to see whether it is over.
        """
        since = timedelta(seconds=self.loop.time() + 3600.0)
        for _ in range(BACKFILL_TRIES):
            try:
                await self.call("backfill_events", lambda app: app.backfill_events(since))
            except PaymentsError as error:
                self.note(f"< backfill_events: {type(error).__name__}: {error}")
                await asyncio.sleep(BACKFILL_AGAIN_S)
            else:
                break
        else:
            self.chronicle.violate("I11", "no event could be fetched though nothing goes wrong")
        self.processes.wake()

    def _boot(self, pod: Pod) -> None:
        pod.start(
            store=self.storage.open(pod.index),
            provider=self.provider,
            receive=self._receive,
            receiver_down=self._receiver_down,
        )

    # --- people -------------------------------------------------------------------------------

    def _click(self, click: Click) -> None:
        self.loop.spawn(None, self._do(click))

    async def _do(self, click: Click) -> None:
        self.note(f"> {click.deed}")
        try:
            if is_scripted(click.deed):
                await play(click.deed, self)
            else:
                await DEEDS[click.deed].act(self.people, dice(click.seed, click.deed))
        except (PaymentsError, Unreachable, TimedOut) as error:
            self.note(f"< {click.deed}: {type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - what nobody foresaw is what is looked for
            self.chronicle.unforeseen(click.deed, error)

    @property
    def now(self) -> datetime:
        """The true time."""
        return START + timedelta(seconds=self.loop.time())

    async def pause(self, seconds: float) -> None:
        """Let time go by."""
        await asyncio.sleep(seconds)

    async def call(
        self, site: str, use: Callable[[App], Awaitable[T]], *, timeout_s: float = 30.0
    ) -> T:
        """Ask one of our processes. Raises what it raises, Unreachable or TimedOut."""
        return await self.processes.call(site, use, timeout_s=timeout_s)

    # --- deliveries ---------------------------------------------------------------------------

    async def _deliver(
        self, event_id: str, body: bytes, signature: str, signed_at: int | None
    ) -> bool:
        why_not = self._why_refuse(signed_at)
        command = ReceiveEventCommand(body=body, signature=signature)
        try:
            await self.call("receive_event", lambda app: app.receive_event(command), timeout_s=10.0)
        except (PaymentsError, Unreachable, TimedOut):
            return False
        except Exception as error:  # noqa: BLE001 - as above
            self.chronicle.unforeseen("receive_event", error)
            return False
        if why_not is not None and why_not == self._why_refuse(signed_at):
            self.oracle.believed(event_id, why_not)
        self.oracle.acknowledged(event_id)
        self.processes.wake()
        return True

    def _why_refuse(self, signed_at: int | None) -> str | None:
        """Say why an event must not be taken. A process may be forgiven what its clock says."""
        if signed_at is None:
            return "nobody signed it whom we have to believe"
        is_old = self.provider.now - signed_at > TOLERANCE_S
        if is_old and self.processes.is_on_time:
            return "its signature is too old"
        return None

    def _receive(self, message: Message) -> bool:
        """Be the storefront that is told."""
        if self._receiver_down_until_s > self.loop.time():
            return False
        self.oracle.said(message.body)
        self.oracle.consumed(message)
        return True

    def _receiver_down(self, seconds: float) -> None:
        self._receiver_down_until_s = self.loop.time() + seconds

    # --- what is seen -------------------------------------------------------------------------

    def _put(self, table: str, _id: Any, before: Any, after: Any) -> None:
        self.oracle.now_s = self.loop.time()
        self.oracle.committed(table, before, after)

    def _committed(self, events: Any) -> None:
        self.oracle.now_s = self.loop.time()
        for event in events:
            self.processes.tell()
            self.oracle.told_outbox(event)
        self.oracle.commit_ended()

    def _provider_put(self, kind: str, id: str, value: Any) -> None:
        self.oracle.now_s = self.loop.time()
        self.oracle.provider_put(kind, id, value)
