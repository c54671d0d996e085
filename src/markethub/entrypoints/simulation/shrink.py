"""Find out what a failing history needs to fail: fewer people, fewer faults, the same wrong."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import attrs

from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.outcome import History
from markethub.entrypoints.simulation.plan import Plan

T = TypeVar("T")

REPLAYS_MAXIMUM: Final = 400


def shrunken(history: History, *, run: Callable[[Plan], History] = run_history) -> History:
    """Return the smallest history that could be found which breaks what ``history`` breaks.

    Delta debugging: parts are left out, the large ones first, for as long as the first broken
    invariant is still broken. Gives up after REPLAYS_MAXIMUM replays with what it has by then.
    """
    search = _Search(history, run)
    before = None
    while before != search.best.plan and search.left:
        before = search.best.plan
        search.leave_out_strikes()
        search.leave_out_clicks()
    return search.best


class _Search:
    def __init__(self, history: History, run: Callable[[Plan], History]) -> None:
        self.best = attrs.evolve(history, plan=attrs.evolve(history.plan, strikes=history.strikes))
        self._broken = history.violations[0].invariant
        self._run = run
        self.left = REPLAYS_MAXIMUM

    def leave_out_clicks(self) -> None:
        self._reduce(
            lambda: self.best.plan.clicks,
            lambda clicks: attrs.evolve(self.best.plan, clicks=tuple(clicks)),
        )

    def leave_out_strikes(self) -> None:
        self._reduce(
            lambda: self.best.plan.strikes or (),
            lambda strikes: attrs.evolve(self.best.plan, strikes=tuple(strikes)),
        )

    def _reduce(
        self, parts: Callable[[], Sequence[T]], without: Callable[[Sequence[T]], Plan]
    ) -> None:
        size = len(parts())
        while size:
            start = 0
            while start < len(parts()):
                kept = (*parts()[:start], *parts()[start + size :])
                if not self._try(without(kept)):
                    start += size
            size //= 2

    def _try(self, plan: Plan) -> bool:
        if not self.left:
            return False
        self.left -= 1
        history = self._run(plan)
        if all(violation.invariant != self._broken for violation in history.violations):
            return False
        # What did not strike any more is no part of it.
        struck = attrs.evolve(plan, strikes=history.strikes)
        self.best = attrs.evolve(history, plan=struck)
        return True
