"""Making a failing history small."""

from collections import Counter

import attrs

from markethub.entrypoints.simulation.faults import Fault, Strike
from markethub.entrypoints.simulation.outcome import History, Violation
from markethub.entrypoints.simulation.plan import Click, Plan
from markethub.entrypoints.simulation.shrink import REPLAYS_MAXIMUM, shrunken

CLICKS = tuple(Click(float(n), f"deed {n}", n) for n in range(16))
STRIKES = tuple(Strike("tx.commit", n, Fault.COMMIT_LOST) for n in range(10))
PLAN = Plan(seed=1, clicks=CLICKS, strikes=STRIKES)


def lived(plan: Plan, *, wrong: tuple[str, ...]) -> History:
    return History(
        plan=plan,
        strikes=plan.strikes or (),
        violations=tuple(Violation(invariant, "wrong", 0.0) for invariant in wrong),
        struck=Counter(strike.fault for strike in plan.strikes or ()),
        calls={},
        clicks=len(plan.clicks),
        digest="",
    )


class Wrong:
    """A world that breaks I4 where two clicks and one fault meet, and I6 where the clicks do."""

    def __init__(self) -> None:
        self.replays = 0

    def __call__(self, plan: Plan) -> History:
        self.replays += 1
        is_met = {CLICKS[3], CLICKS[11]} <= set(plan.clicks)
        is_struck = STRIKES[7] in (plan.strikes or ())
        wrong = (("I6",) if is_met else ()) + (("I4",) if is_met and is_struck else ())
        return lived(plan, wrong=wrong)


def test_only_what_it_takes_to_fail_is_left() -> None:
    smallest = shrunken(lived(PLAN, wrong=("I4",)), run=Wrong())

    assert (CLICKS[3], CLICKS[11]) == smallest.plan.clicks
    assert smallest.plan.strikes == (STRIKES[7],)


def test_a_history_that_breaks_something_else_is_not_taken_for_it() -> None:
    smallest = shrunken(lived(PLAN, wrong=("I6", "I4")), run=Wrong())

    assert smallest.plan.strikes == ()
    assert ["I6"] == [violation.invariant for violation in smallest.violations]


def test_faults_that_do_not_strike_any_more_are_dropped() -> None:
    def run(plan: Plan) -> History:
        return attrs.evolve(lived(plan, wrong=("I4",)), strikes=(plan.strikes or ())[:1])

    assert len(shrunken(lived(PLAN, wrong=("I4",)), run=run).plan.strikes or ()) <= 1


def test_the_search_gives_up_some_time() -> None:
    world = Wrong()
    plan = attrs.evolve(PLAN, clicks=CLICKS * 40)

    shrunken(
        lived(plan, wrong=("I4",)),
        run=lambda plan: attrs.evolve(world(plan), violations=()),
    )

    assert world.replays == REPLAYS_MAXIMUM
