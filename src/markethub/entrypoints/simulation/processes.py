"""Our processes in a simulated world: they answer, work, suffer, die, and are started again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Any, Final, TypeVar

from markethub.domain.errors import PaymentsError
from markethub.domain.usecases.process_inbox import LEASE, InboxBatch
from markethub.entrypoints.simulation.bugs import BUGS
from markethub.entrypoints.simulation.checks import Oracle
from markethub.entrypoints.simulation.chronicle import Chronicle
from markethub.entrypoints.simulation.faults import Fault
from markethub.entrypoints.simulation.loop import Life, VirtualLoop
from markethub.entrypoints.simulation.plan import Paths, Plan, dice
from markethub.entrypoints.simulation.pod import App, Pod
from markethub.entrypoints.simulation.ports import Passage
from markethub.entrypoints.simulation.secrets_said import texts_of
from markethub.entrypoints.simulation.striker import Striker
from markethub.entrypoints.simulation.world import TimedOut, Unreachable

T = TypeVar("T")

COUNT: Final = 2
TICKS: Final = 6
TICK_S: Final = (5.0, 60.0)
"""How often processes look for what nobody told them of: a few times a history."""
LONG_S: Final = 600.0
"""A history that takes longer is not looked at more often than that."""
REPETITIONS_MAXIMUM: Final = 20
"""A worker's step that is not done by then is left for the next tick."""
RENEWAL_S: Final = LEASE.total_seconds() / 3
RESTART_S: Final = 3.0
ALARMED_S: Final = 2.0
"""How long a worker rests after an error, as in production."""
SKEWED_S: Final = 60.0
"""How long a clock is wrong."""
ANSWERS_READ_IN: Final = 8
"""In one history of so many every answer is read for secrets: writing them out takes its time."""


class Processes:
    """All processes of ours."""

    def __init__(
        self,
        plan: Plan,
        *,
        loop: VirtualLoop,
        striker: Striker,
        rolls: Random,
        oracle: Oracle,
        chronicle: Chronicle,
        boot: Callable[[Pod], None],
        died: Callable[[Pod], None],
    ) -> None:
        """Begin with none of them started. ``boot`` composes one; ``died`` hears of its end."""
        self.is_startable = True
        """Whether somebody is there to start one."""
        self.is_ticking = True
        """Whether faults befall them, and they look around by the clock."""
        self._loop = loop
        self._striker = striker
        self._rolls = rolls
        self._oracle = oracle
        self._chronicle = chronicle
        self._boot = boot
        self._died = died
        self._turn_rate = rolls.choice((0.0, 0.1, 0.3, 0.6))
        self._recovers = plan.paths is not Paths.WEBHOOKS
        self._reads_answers = plan.seed % ANSWERS_READ_IN == 0
        self._is_wake_planned = False
        self._is_renewal_planned = False
        self._is_untold = False
        last_s = plan.clicks[-1].at_s if plan.clicks else 0.0
        self._tick_s = max(last_s / TICKS, TICK_S[0])
        if last_s <= LONG_S:
            self._tick_s = min(self._tick_s, TICK_S[1])
        plant = None if plan.bug is None else BUGS[plan.bug].plant
        self._pods = [
            Pod(
                index,
                passage=self._passage,
                loop=loop,
                dice=dice(plan.seed, f"process {index}"),
                plant=plant,
            )
            for index in range(COUNT)
        ]

    def _passage(self, life: Life) -> Passage:
        return Passage(
            loop=self._loop,
            life=life,
            striker=self._striker,
            dice=self._rolls,
            turn_rate=self._turn_rate,
            note=self._chronicle.note,
        )

    # --- life and death -----------------------------------------------------------------------

    def start(self) -> None:
        """Start those that are not up."""
        for pod in self._pods:
            self._start(pod)

    def _start(self, pod: Pod) -> None:
        if pod.is_up or not self.is_startable:
            return
        self._chronicle.note(f"process {pod.name} starts")
        self._boot(pod)
        self.wake()

    def kill(self) -> None:
        """Let all of them die at once."""
        for pod in self._pods:
            if pod.life is not None:
                pod.life.is_over = True
                self._bury(pod)

    def bury(self) -> None:
        """Take away what died in the last step."""
        for pod in self._pods:
            if pod.life is not None and pod.life.is_over:
                self._bury(pod)

    def _bury(self, pod: Pod) -> None:
        """Take what is left of a process away; somebody starts it again soon."""
        self._chronicle.note(f"process {pod.name} is dead")
        assert pod.life is not None
        pod.life.end()
        self._died(pod)
        pod.life = pod.app = None
        waiting, pod.waiting = pod.waiting, {}
        for answer in waiting:
            _fail(answer, Unreachable("the connection was reset"))
        self._loop.outside(RESTART_S * self._rolls.random(), self._start, pod)

    def end(self) -> None:
        """Let them vanish: the history is over."""
        for pod in self._pods:
            if pod.life is not None:
                pod.life.end()

    # --- requests -----------------------------------------------------------------------------

    async def call(self, site: str, use: Callable[[App], Awaitable[T]], *, timeout_s: float) -> T:
        """Ask one that is up. Raises what it raises, Unreachable or TimedOut."""
        strike = self._striker.look(f"call {site}", "call")
        pod = self._any()
        if pod is None:
            raise Unreachable("nobody listens")
        assert pod.app is not None
        app = pod.app

        async def asked() -> T:
            return await use(app)

        task = self._loop.spawn(pod.life, asked())
        answer: asyncio.Future[T] = self._loop.create_future()
        pod.waiting[answer] = None

        def hand_over(done: "asyncio.Task[T]") -> None:
            if answer.done() or not pod.is_up:
                return
            if done.cancelled():
                answer.set_exception(Unreachable("the caller hung up"))
            elif (error := done.exception()) is not None:
                self._oracle.said(texts_of(error))
                answer.set_exception(error)
            else:
                if self._reads_answers:
                    self._oracle.said(repr(done.result()))
                answer.set_result(done.result())

        task.add_done_callback(hand_over)
        late = self._loop.outside(timeout_s, _fail, answer, TimedOut("no answer in time"))
        if strike is not None:
            self._loop.outside(strike.amount, task.cancel)
        try:
            return await answer
        finally:
            late.cancel()
            pod.waiting.pop(answer, None)

    def _any(self) -> Pod | None:
        up = [pod for pod in self._pods if pod.is_up]
        return up[int(self._rolls.random() * len(up))] if up else None

    # --- time ---------------------------------------------------------------------------------

    def tick(self) -> None:
        """Let time pass: faults befall them, and they do what they do by the clock."""
        if not self.is_ticking:
            return
        self._befall()
        pod = self._any()
        if pod is not None:
            self._loop.spawn(pod.life, self._work(pod, recovers=self._rolls.random() < 0.5))
        self._loop.outside(self._tick_s * (0.5 + self._rolls.random()), self.tick)

    def _befall(self) -> None:
        strike = self._striker.look("tick", "tick")
        if strike is None:
            return
        pod = self._pods[int(self._rolls.random() * COUNT)]
        self._chronicle.note(f"process {pod.name} struck by {strike.fault}")
        match strike.fault:
            case Fault.POWER_CUT:
                self.kill()
            case Fault.PAUSED if pod.is_up:
                assert pod.life is not None
                pod.life.is_paused = True
                self._loop.outside(15.0 + strike.amount, self._loop.resume, pod.life)
            case Fault.CLOCK_FORWARD | Fault.CLOCK_BACK:
                sign = 1 if strike.fault is Fault.CLOCK_FORWARD else -1
                pod.clock.skew = timedelta(seconds=sign * strike.amount)
                self._loop.outside(SKEWED_S, _set_right, pod)

    @property
    def is_on_time(self) -> bool:
        """Tell whether all their clocks are right."""
        return not any(pod.clock.skew for pod in self._pods)

    def be_on_time(self) -> None:
        """Set all their clocks right."""
        for pod in self._pods:
            _set_right(pod)

    # --- work in the background ---------------------------------------------------------------

    def wake(self) -> None:
        """Let a worker look soon: something was stored."""
        if not self._is_wake_planned:
            self._is_wake_planned = True
            self._loop.outside(0.2 * self._rolls.random(), self._awake)

    def _awake(self) -> None:
        self._is_wake_planned = False
        pod = self._any()
        if pod is not None:
            self._loop.spawn(pod.life, self._work(pod, recovers=False))

    def tell(self) -> None:
        """Let workers know that something is there to be told to the storefront."""
        self._is_untold = True

    def work(self, turn: int) -> None:
        """Let one do all of its work now, another at each turn."""
        pod = self._pods[turn % COUNT]
        self._loop.spawn(pod.life, self._work(pod, recovers=True))

    async def _work(self, pod: Pod, *, recovers: bool) -> None:
        """Do what the loops of a worker do, until nothing is due."""
        assert pod.app is not None
        worker = pod.app.worker
        self._renew_soon()
        if recovers and self._recovers:
            await self._repeat("recovery", worker.recover_once)
        await self._repeat("inbox", worker.process_inbox)
        if self._is_untold or recovers:
            self._is_untold = False
            await self._repeat("relay", worker.relay.step, while_=lambda: self._is_untold)

    def _renew_soon(self) -> None:
        """Look in a while for what processes have in hand: there is no need before."""
        if not self._is_renewal_planned:
            self._is_renewal_planned = True
            self._loop.outside(RENEWAL_S, self._renew)

    def _renew(self) -> None:
        """Let every process keep what it takes to be in its hands."""
        self._is_renewal_planned = False
        for pod in self._pods:
            if pod.is_up and pod.app is not None and any(pod.app.leases_in_hand):
                self._loop.spawn(pod.life, self._repeat("leases", pod.app.worker.renew))
                self._renew_soon()

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
                self._oracle.said(texts_of(error))
                self._chronicle.note(f"loop {name}: {type(error).__name__}")
            except Exception as error:  # noqa: BLE001 - what nobody foresaw is what is looked for
                self._oracle.said(texts_of(error))
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
        self._chronicle.unforeseen(name, error)


def _fail(answer: "asyncio.Future[Any]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)


def _set_right(pod: Pod) -> None:
    pod.clock.skew = timedelta()
