"""An event loop with virtual time, in which the dice decide who goes next.

Nothing in it waits: when nobody can run, the time leaps to the next timer. Of several that can
run, any may be the next, as on machines with many processors. What a task starts belongs to the
process that the task belongs to, and dies with it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from random import Random
from typing import Any, TypeVar, cast

T = TypeVar("T")


CLEANUPS_MAXIMUM = 20
"""How many blocks that want to wait as they are left may be around a task that dies."""


class Crash(BaseException):
    """The process ends here. Nobody may catch it, and whoever cleans up finds all ports shut."""


class Life:
    """One life of a process, from its start to its end: owns the tasks that were begun in it."""

    __slots__ = ("held", "is_over", "is_paused", "name", "tasks")

    def __init__(self, name: str) -> None:
        """Begin."""
        self.name = name
        self.is_over = False
        self.is_paused = False
        self.held: list[Ready] = []
        """What could run if it were not paused."""
        self.tasks: list[asyncio.Task[Any]] = []

    def end(self) -> None:
        """Let everything that was begun in it vanish where it stands.

        Coroutines meet the Crash, so their ``finally`` runs; a database does the same for
        transactions of a client that is gone. All else that they try meets a shut port.
        """
        self.is_over = True
        self.held.clear()
        context = copy_context()
        context.run(LIFE.set, self)
        context.run(self._vanish)

    def _vanish(self) -> None:
        awaited = [task._fut_waiter for task in self.tasks]  # type: ignore[attr-defined] # below
        for task in self.tasks:  # also what they begin as they end
            vanish(task)
        self.tasks.clear()
        for future in awaited:
            # What was still said to the dead was heard, or asyncio complains that it was not.
            if future is not None and future.done() and not future.cancelled():
                future.exception()


LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
"""Whose task is running; None is the world outside of our processes."""


def vanish(task: "asyncio.Task[Any]") -> None:
    """Close a task's coroutine without letting the task know: it is never resumed."""
    if task.done():
        if not task.cancelled():
            task.exception()  # looked at, or asyncio complains: its Crash is what we wanted
        return
    # The loop drops its wake-ups; asyncio is told not to complain that it never ended.
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    coroutine = task.get_coro()
    assert coroutine is not None
    for _ in range(CLEANUPS_MAXIMUM):
        try:
            # Thrown, not closed: closing tells blocks that want to wait that they ignored it, and
            # that would be an Exception, which somebody may catch.
            coroutine.throw(Crash())
        except (Crash, StopIteration, asyncio.CancelledError):
            return
        except ValueError:
            return  # the one that is running: it ends by its own Crash
    raise AssertionError("a task that died goes on and on")


class Ready:
    """Something to call, now or at its time."""

    __slots__ = ("arguments", "callback", "context", "is_canceled", "time")

    def __init__(
        self, callback: Callable[..., object], arguments: tuple[Any, ...], context: Context
    ) -> None:
        """Keep what ``call_soon`` was given."""
        self.callback = callback
        self.arguments = arguments
        self.context = context
        self.is_canceled = False
        self.time = 0.0

    def cancel(self) -> None:
        """Do not call it."""
        self.is_canceled = True

    def cancelled(self) -> bool:
        """Tell whether it was canceled."""
        return self.is_canceled

    def when(self) -> float:
        """Return its time."""
        return self.time


class VirtualLoop:
    """As much of an event loop as tasks, futures, locks and time-outs need, and no more."""

    def __init__(self, dice: Random, *, steps_maximum: int = 1_000_000) -> None:
        """Begin at time zero. ``dice`` decide the order of what can run at the same time."""
        self._roll = dice.random
        self._steps_maximum = steps_maximum
        self._now_s = 0.0
        self._ready: list[Ready] = []
        self._timers: list[tuple[float, int, Ready]] = []
        self._made = 0
        self._outside = Context()
        self._as_loop = cast("asyncio.AbstractEventLoop", self)
        self.steps = 0
        """How much was called so far."""
        self.troubles: list[str] = []
        """What asyncio complained of."""

    # --- what asyncio asks of a loop ----------------------------------------------------------

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now_s

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Ready:
        """Call it when it has its turn."""
        ready = Ready(callback, args, copy_context() if context is None else context)
        self._ready.append(ready)
        return ready

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Ready:
        """Call it when its time has come."""
        ready = Ready(callback, args, copy_context() if context is None else context)
        ready.time = when
        self._made += 1
        heappush(self._timers, (when, self._made, ready))
        return ready

    def call_later(
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Ready:
        """Call it so many seconds from now."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def create_future(self) -> "asyncio.Future[Any]":
        """Make a future of this loop."""
        return asyncio.Future(loop=self._as_loop)

    def create_task(
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, **_: object
    ) -> "asyncio.Task[T]":
        """Make a task; it belongs to the life of whoever makes it."""
        task = asyncio.Task(coro, loop=self._as_loop, name=name or "task")
        life = LIFE.get()
        if life is not None:
            life.tasks.append(task)
        return task

    def get_debug(self) -> bool:
        """Be quick."""
        return False

    def is_running(self) -> bool:
        """Tell asyncio that tasks may be made."""
        return True

    def is_closed(self) -> bool:
        """Tell asyncio that tasks may be made."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio complains of: the history reports it."""
        error = context.get("exception")
        self.troubles.append(f"{context.get('message')}: {error!r}")

    # --- what the simulation asks of it -------------------------------------------------------

    def outside(self, delay_s: float, callback: Callable[..., object], *args: object) -> Ready:
        """Call it so many seconds from now, in the world outside, whoever asks for it."""
        return self.call_later(delay_s, callback, *args, context=self._outside)

    def spawn(self, life: Life | None, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Begin a task of ``life``, whoever asks for it."""
        context = copy_context()
        context.run(LIFE.set, life)
        task = asyncio.Task(work, loop=self._as_loop, name="task", context=context)
        if life is not None:
            life.tasks.append(task)
        return task

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be the running loop inside the block."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self._as_loop)
        try:
            yield
        finally:
            asyncio._set_running_loop(before)

    def step(self, *, until_s: float) -> bool:
        """Call one thing; False when there is nothing to call up to that time, or too much."""
        ready = self._ready
        if self.steps >= self._steps_maximum:
            return False
        while True:
            count = len(ready)
            if not count:
                if not self._leap(until_s):
                    return False
                continue
            if count > 1:
                # Whoever is last takes the place of the one that is taken: no list is shifted.
                index = int(self._roll() * count)
                next_, ready[index] = ready[index], ready[-1]
                ready.pop()
            else:
                next_ = ready.pop()
            if next_.is_canceled:
                continue
            life = next_.context.get(LIFE)
            if life is not None and (life.is_over or life.is_paused):
                if life.is_paused and not life.is_over:
                    life.held.append(next_)
                continue
            self.steps += 1
            next_.context.run(next_.callback, *next_.arguments)
            return True

    def _leap(self, until_s: float) -> bool:
        """Move on to the next timer, if it is not later than that."""
        timers = self._timers
        while timers and timers[0][2].is_canceled:
            heappop(timers)
        if not timers or timers[0][0] > until_s:
            self._now_s = max(self._now_s, until_s)
            return False
        self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            self._ready.append(heappop(timers)[2])
        return True

    def resume(self, life: Life) -> None:
        """Let a paused life go on."""
        life.is_paused = False
        self._ready.extend(life.held)
        life.held.clear()
