"""One history: a world made from a plan, lived through, healed, and looked at."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from markethub.adapters.fake.bank import Bank
from markethub.domain.delivery import Message
from markethub.domain.errors import PaymentsError
from markethub.domain.usecases.process_inbox import LEASE, InboxBatch
from markethub.domain.usecases.receive_event import ReceiveEventCommand
from markethub.entrypoints.simulation.bugs import BUGS
from markethub.entrypoints.simulation.checks import Oracle
from markethub.entrypoints.simulation.faults import Fault
from markethub.entrypoints.simulation.loop import Life, VirtualLoop
from markethub.entrypoints.simulation.observed import ObservedDatabase
from markethub.entrypoints.simulation.outcome import History, Violation
from markethub.entrypoints.simulation.people import DEEDS, People
from markethub.entrypoints.simulation.plan import Click, Paths, Plan, dice
from markethub.entrypoints.simulation.pod import App, Pod
from markethub.entrypoints.simulation.ports import START, Passage
from markethub.entrypoints.simulation.provider import Mailman, Provider
from markethub.entrypoints.simulation.scenarios import is_scripted, play
from markethub.entrypoints.simulation.secrets_said import listen, texts_of
from markethub.entrypoints.simulation.storage import storage_of
from markethub.entrypoints.simulation.striker import Striker
from markethub.entrypoints.simulation.world import TimedOut, Unreachable

T = TypeVar("T")

CLICKS: Final = (8, 32)
"""How many clicks a history has."""
SPAN_S: Final = (20.0, 60.0, 180.0, 600.0)
"""In how many seconds they come."""
PROCESSES: Final = 2
TICKS: Final = 6
TICK_S: Final = (5.0, 60.0)
"""How often processes look for what nobody told them of: a few times a history."""
REPETITIONS_MAXIMUM: Final = 20
"""A worker's step that is not done by then is left for the next tick."""
AFTERWARDS_S: Final = 30.0
"""For how long after the last click faults still strike."""
RENEWAL_S: Final = LEASE.total_seconds() / 3
RESTART_S: Final = 3.0
ALARMED_S: Final = 2.0
"""How long a worker rests after an error, as in production."""
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
ANSWERS_READ_IN: Final = 8
"""In one history of so many every answer is read for secrets: writing them out takes its time."""
TOLERANCE_S: Final = 300
"""How old a signature may be, in seconds. Source: Stripe's page on verifying signatures."""
DAY_S: Final = 86_400.0
"""Longer than the provider keeps a key."""
BACKFILL_TURNS: Final = (5, 7)
"""When an operator fetches what was never delivered: recovery had its chance before, and what
recovery asked for in the meantime is told, too."""


def drawn(seed: int, *, paths: Paths = Paths.BOTH, bug: str | None = None) -> Plan:
    """Return the plan of a seed: its clicks; its faults are drawn as it goes."""
    rolls = dice(seed, "clicks")
    span_s = rolls.choice(SPAN_S)
    deeds = list(DEEDS)
    weights = [DEEDS[deed].weight for deed in deeds]
    clicks = (
        Click(round(rolls.random() * span_s, 3), deed, rolls.randrange(2**32))
        for deed in rolls.choices(deeds, weights, k=rolls.randint(*CLICKS))
    )
    ordered = tuple(sorted(clicks, key=lambda click: click.at_s))
    return Plan(seed=seed, paths=paths, bug=bug, clicks=ordered)


def run_history(plan: Plan, *, traced: bool = False) -> History:
    """Live through a plan, and say what came of it."""
    world = _World(plan, traced=traced)
    listen(world.oracle.said)
    try:
        return world.lived()
    finally:
        world.storage.close()


class _World:
    """Implements ``Surroundings``."""

    def __init__(self, plan: Plan, *, traced: bool) -> None:
        self.plan = plan
        self._trace: list[str] | None = [] if traced else None
        self._log: list[str] = []
        self._violations: list[Violation] = []
        self.loop = VirtualLoop(dice(plan.seed, "turns"), steps_maximum=STEPS_MAXIMUM)
        self.striker = Striker(dice(plan.seed, "strikes"), plan.strikes)
        self._dice = dice(plan.seed, "world")
        self._turn_rate = self._dice.choice((0.0, 0.1, 0.3, 0.6))
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
        plant = None if plan.bug is None else BUGS[plan.bug].plant
        self.pods = [
            Pod(
                index,
                passage=self._passage,
                loop=self.loop,
                dice=dice(plan.seed, f"process {index}"),
                plant=plant,
            )
            for index in range(PROCESSES)
        ]
        self.people = People(self)
        self._receiver_down_until_s = 0.0
        self._reads_answers = plan.seed % ANSWERS_READ_IN == 0
        self._is_wake_planned = False
        self._is_untold = False
        self._is_renewal_planned = False
        self._is_night = False
        self._healing = False
        last_s = plan.clicks[-1].at_s if plan.clicks else 0.0
        longest_s = TICK_S[1] if last_s <= SPAN_S[-1] else last_s
        self._tick_s = min(max(last_s / TICKS, TICK_S[0]), longest_s)

    # --- the story ----------------------------------------------------------------------------

    def lived(self) -> History:
        with self.loop.entered():
            self.provider.advance()
            for pod in self.pods:
                self._start(pod)
            for click in self.plan.clicks:
                self.loop.outside(click.at_s, self._click, click)
            last_s = self.plan.clicks[-1].at_s if self.plan.clicks else 0.0
            self._tick()
            night = self.striker.look("end", "end")
            if night is None:
                self._run(until_s=last_s + AFTERWARDS_S)
            else:
                self._run(until_s=last_s * self._dice.random())
                self._sleep(night.amount)
            self._heal()
            for pod in self.pods:
                if pod.life is not None:
                    pod.life.end()
        for trouble in self.loop.troubles:
            self._violate("unexpected", trouble)
        self.oracle.at_rest(self.storage.everything())
        digest = hashlib.blake2b("\n".join(self._log).encode(), digest_size=12).hexdigest()
        return History(
            plan=self.plan,
            strikes=tuple(self.striker.struck),
            violations=(*self._violations, *self.oracle.violations),
            struck=Counter(strike.fault for strike in self.striker.struck),
            calls=self.striker.calls,
            clicks=len(self.plan.clicks),
            digest=digest,
            trace=tuple(self._trace or ()),
        )

    def _run(self, *, until_s: float) -> None:
        step, pods = self.loop.step, self.pods
        while step(until_s=until_s):
            for pod in pods:
                if pod.life is not None and pod.life.is_over:
                    self._bury(pod)
        if self.loop.steps >= STEPS_MAXIMUM:
            self._violate("stuck", "the history goes round in circles")

    def _sleep(self, more_s: float) -> None:
        """Let nobody be there for a day and more, while the provider goes on."""
        self.note("--- nobody is there")
        self._is_night = self._healing = self.oracle.is_rested = True
        for pod in self.pods:
            if pod.is_up:
                assert pod.life is not None
                pod.life.is_over = True
                self._bury(pod)
        self._run(until_s=self.loop.time() + DAY_S + more_s)
        self._is_night = False

    def _heal(self) -> None:
        """Stop all faults, and give the core what it may need to come to rest."""
        self.note("--- the faults stop")
        self._healing = True
        self.striker.is_on = False
        self.provider.down_until_s = 0.0
        self._receiver_down_until_s = 0.0
        for pod in self.pods:
            pod.clock.skew = timedelta()
            if not pod.is_up:
                self._start(pod)
        is_deaf = self.plan.paths is Paths.RECOVERY
        is_deaf |= any(strike.fault is Fault.DELIVERY_LOST for strike in self.striker.struck)
        for turn, wait_s in enumerate(HEALING_S):
            self._run(until_s=self.loop.time() + wait_s)
            self.provider.advance()
            if is_deaf and turn in BACKFILL_TURNS:
                # What the provider gave up delivering is fetched by somebody who was told so.
                self.loop.spawn(None, self._backfill())
            pod = self.pods[turn % PROCESSES]
            self.loop.spawn(pod.life, self._work(pod, recovers=True))
            self._run(until_s=self.loop.time() + 60.0)
            if self._is_quiet() and (turn > BACKFILL_TURNS[-1] or not is_deaf):
                break

    def _is_quiet(self) -> bool:
        """Tell whether nothing is left to be done, as far as the rows show."""
        return not self.mailman.on_its_way and self.oracle.is_quiet()

    async def _backfill(self) -> None:
        since = timedelta(seconds=self.loop.time() + 3600.0)
        await self.call("backfill_events", lambda app: app.backfill_events(since))
        self._wake()

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
            self._unforeseen(click.deed, error)

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.time())

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def note(self, text: str) -> None:
        self._log.append(text)
        if self._trace is not None:
            self._trace.append(f"{self.loop.time():10.3f}  {text}")

    async def call(
        self, site: str, use: Callable[[App], Awaitable[T]], *, timeout_s: float = 30.0
    ) -> T:
        """Ask one of our processes that is up."""
        strike = self.striker.look(f"call {site}", "call")
        up = [pod for pod in self.pods if pod.is_up]
        if not up:
            raise Unreachable("nobody listens")
        pod = up[int(self._dice.random() * len(up))]
        assert pod.life is not None
        assert pod.app is not None
        app = pod.app

        async def asked() -> T:
            return await use(app)

        task = self.loop.spawn(pod.life, asked())
        answer: asyncio.Future[T] = self.loop.create_future()
        pod.waiting[answer] = None

        def hand_over(done: "asyncio.Task[T]") -> None:
            if answer.done() or pod.life is None or pod.life.is_over:
                return
            if done.cancelled():
                answer.set_exception(Unreachable("the caller hung up"))
            elif (error := done.exception()) is not None:
                self.oracle.said(texts_of(error))
                answer.set_exception(error)
            else:
                if self._reads_answers:
                    self.oracle.said(repr(done.result()))
                answer.set_result(done.result())

        task.add_done_callback(hand_over)
        late = self.loop.outside(timeout_s, _fail, answer, TimedOut("no answer in time"))
        if strike is not None:
            self.loop.outside(strike.amount, task.cancel)
        try:
            return await answer
        finally:
            late.cancel()
            pod.waiting.pop(answer, None)

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
            self._unforeseen("receive_event", error)
            return False
        if why_not is not None and why_not == self._why_refuse(signed_at):
            self.oracle.believed(event_id, why_not)
        self.oracle.acknowledged(event_id)
        self._wake()
        return True

    def _why_refuse(self, signed_at: int | None) -> str | None:
        """Say why an event must not be taken. A process may be forgiven what its clock says."""
        if signed_at is None:
            return "nobody signed it whom we have to believe"
        is_old = self.provider.now - signed_at > TOLERANCE_S
        if is_old and not any(pod.clock.skew for pod in self.pods):
            return "its signature is too old"
        return None

    def _receive(self, message: Message) -> bool:
        if self._receiver_down_until_s > self.loop.time():
            return False
        self.oracle.said(message.body)
        self.oracle.consumed(message)
        return True

    def _receiver_down(self, seconds: float) -> None:
        self._receiver_down_until_s = self.loop.time() + seconds

    # --- processes ----------------------------------------------------------------------------

    def _passage(self, life: Life) -> Passage:
        return Passage(
            loop=self.loop,
            life=life,
            striker=self.striker,
            dice=self._dice,
            turn_rate=self._turn_rate,
            note=self.note,
        )

    def _start(self, pod: Pod) -> None:
        if pod.is_up or self._is_night:
            return
        self.note(f"process {pod.name} starts")
        pod.start(
            store=self.storage.open(pod.index),
            provider=self.provider,
            receive=self._receive,
            receiver_down=self._receiver_down,
        )
        self._wake()

    def _bury(self, pod: Pod) -> None:
        """Take what is left of a process away; somebody starts it again soon."""
        self.note(f"process {pod.name} is dead")
        assert pod.life is not None
        pod.life.end()
        self.storage.died(pod.index)
        pod.life = pod.app = None
        waiting, pod.waiting = pod.waiting, {}
        for answer in waiting:
            _fail(answer, Unreachable("the connection was reset"))
        self.loop.outside(RESTART_S * self._dice.random(), self._start, pod)

    def _wake(self) -> None:
        """Let a worker look soon: something was stored."""
        if not self._is_wake_planned:
            self._is_wake_planned = True
            self.loop.outside(0.2 * self._dice.random(), self._awake)

    def _awake(self) -> None:
        self._is_wake_planned = False
        up = [pod for pod in self.pods if pod.is_up]
        if up:
            pod = up[int(self._dice.random() * len(up))]
            self.loop.spawn(pod.life, self._work(pod, recovers=False))

    def _tick(self) -> None:
        """Let time pass for processes: faults of theirs, and what they do by the clock."""
        if self._healing:
            return
        self._befall()
        up = [pod for pod in self.pods if pod.is_up]
        if up:
            pod = up[int(self._dice.random() * len(up))]
            self.loop.spawn(pod.life, self._work(pod, recovers=self._dice.random() < 0.5))
        self.loop.outside(self._tick_s * (0.5 + self._dice.random()), self._tick)

    def _renew_soon(self) -> None:
        """Look in a while for what processes have in hand: there is no need before."""
        if not self._is_renewal_planned:
            self._is_renewal_planned = True
            self.loop.outside(RENEWAL_S, self._renew)

    def _renew(self) -> None:
        """Let every process keep what it takes to be in its hands."""
        self._is_renewal_planned = False
        for pod in self.pods:
            if pod.is_up and pod.app is not None and any(pod.app.leases_in_hand):
                self.loop.spawn(pod.life, self._repeat("leases", pod.app.worker.renew))
                self._renew_soon()

    def _befall(self) -> None:
        strike = self.striker.look("tick", "tick")
        if strike is None:
            return
        pod = self.pods[int(self._dice.random() * PROCESSES)]
        self.note(f"process {pod.name} struck by {strike.fault}")
        match strike.fault:
            case Fault.POWER_CUT:
                for each in self.pods:
                    if each.life is not None:
                        each.life.is_over = True
                        self._bury(each)
            case Fault.PAUSED if pod.is_up:
                assert pod.life is not None
                pod.life.is_paused = True
                self.loop.outside(15.0 + strike.amount, self.loop.resume, pod.life)
            case Fault.CLOCK_FORWARD | Fault.CLOCK_BACK:
                sign = 1 if strike.fault is Fault.CLOCK_FORWARD else -1
                pod.clock.skew = timedelta(seconds=sign * strike.amount)
                self.loop.outside(60.0, self._set_right, pod)

    @staticmethod
    def _set_right(pod: Pod) -> None:
        pod.clock.skew = timedelta()

    async def _work(self, pod: Pod, *, recovers: bool) -> None:
        """Do what the loops of a worker do, until nothing is due."""
        assert pod.app is not None
        worker = pod.app.worker
        self._renew_soon()
        if recovers and self.plan.paths is not Paths.WEBHOOKS:
            await self._repeat("recovery", worker.recover_once)
        await self._repeat("inbox", worker.process_inbox)
        if self._is_untold or recovers:
            self._is_untold = False
            await self._repeat("relay", worker.relay.step, while_=lambda: self._is_untold)

    async def _repeat(
        self,
        name: str,
        step: Callable[[], Awaitable[Any]],
        *,
        while_: Callable[[], bool] = lambda: True,
    ) -> None:
        """Repeat a step while there is more to do, as a worker's loop does.

        Unlike production nobody asks again in vain where ``while_`` knows better.
        """
        for _ in range(REPETITIONS_MAXIMUM):
            try:
                done = await step()
            except PaymentsError as error:
                self.oracle.said(texts_of(error))
                self.note(f"loop {name}: {type(error).__name__}")
            except Exception as error:  # noqa: BLE001 - as above
                self.oracle.said(texts_of(error))
                self._forgive(name, error)
            else:
                if not (done.is_full if isinstance(done, InboxBatch) else done) or not while_():
                    return
                continue
            await asyncio.sleep(ALARMED_S)

    def _forgive(self, name: str, error: Exception) -> None:
        """Pass over what the ports raise; all else is reported."""
        if isinstance(error, ExceptionGroup):
            _, rest = error.split(PaymentsError)
            if rest is None:
                return
            error = rest
        self._unforeseen(name, error)

    # --- what is seen -------------------------------------------------------------------------

    def _put(self, table: str, _id: Any, before: Any, after: Any) -> None:
        self.oracle.now_s = self.loop.time()
        self.oracle.committed(table, before, after)

    def _committed(self, events: Any) -> None:
        self.oracle.now_s = self.loop.time()
        for event in events:
            self._is_untold = True
            self.oracle.told_outbox(event)
        self.oracle.commit_ended()

    def _provider_put(self, kind: str, id: str, value: Any) -> None:
        self.oracle.now_s = self.loop.time()
        self.oracle.provider_put(kind, id, value)

    def _violate(self, invariant: str, what: str) -> None:
        self.note(f"VIOLATION {invariant}: {what}")
        self._violations.append(Violation(invariant, what, self.loop.time()))

    def _unforeseen(self, where: str, error: BaseException) -> None:
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        place = "" if last is None else f" at {last.tb_frame.f_code.co_name}:{last.tb_lineno}"
        self._violate("unexpected", f"{where}: {type(error).__name__}: {error}{place}")


def _fail(answer: "asyncio.Future[Any]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
