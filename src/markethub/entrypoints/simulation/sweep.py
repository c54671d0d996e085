"""Every call of a port in every scenario struck in turn: by a crash before it and after it.

Random histories meet a call as often as it is made. The sweep meets each call once, also those
that hardly ever happen, and each with everything that can strike there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from markethub.entrypoints.simulation.faults import CRASH, Fault, Strike
from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.outcome import Violation
from markethub.entrypoints.simulation.plan import Plan
from markethub.entrypoints.simulation.scenarios import BEGIN, DONE, END, Scenario

_AT_GATEWAY: Final = (
    Fault.REQUEST_LOST,
    Fault.REPLY_LOST,
    Fault.STORED_500,
    Fault.KEY_IN_USE,
    Fault.RATE_LIMITED,
)
_AT_COMMIT: Final = (
    Fault.SERIALIZATION_FAILURE,
    Fault.COMMIT_LOST,
    Fault.COMMIT_UNSEEN,
)
_FAULTS: Final = {
    "tx.begin": (Fault.STORE_LOCKED,),
    "tx.commit": _AT_COMMIT,
    "inbox.store": (Fault.INBOX_REFUSES, Fault.INBOX_UNSEEN),
    "publisher.publish": (Fault.RECEIVER_DOWN, Fault.RECEIVER_UNHEARD),
}
_WAIT_S: Final = 30.0
"""For how long a fault lasts that lasts."""
_NOTE_FROM: Final = 12
"""Where the text begins in a line of a trace, behind the time."""


@attrs.frozen
class Place:
    """One call of a port."""

    site: str
    nth: int

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What else can strike here, beside crashes."""
        is_gateway = self.site.startswith("gateway ")
        return _AT_GATEWAY if is_gateway else _FAULTS.get(self.site, ())

    def struck_by(self, fault: Fault) -> Strike:
        """Return the strike of a fault here."""
        return Strike(self.site, self.nth, fault, _WAIT_S if fault is Fault.RECEIVER_DOWN else 0.0)


class BrokenScenario(Exception):
    """A scenario does not come to its end, or breaks a rule, with nothing struck."""


@attrs.frozen(kw_only=True)
class Swept:
    """What a sweep came to."""

    histories: int
    missed: Sequence[Plan]
    """Whose strikes did not all strike."""
    violations: Sequence[tuple[Plan, Violation]]


def places(scenario: Scenario) -> Sequence[Place]:
    """Run a scenario, and return every call of a port that was made, in their order.

    Raises BrokenScenario.
    """
    return _lived(scenario)[0]


def places_in_question(scenario: Scenario) -> Sequence[Place]:
    """Return as ``places`` those that come after the scenario's prologue. Raises likewise."""
    all_, prologue = _lived(scenario)
    return all_[prologue:]


def _lived(scenario: Scenario) -> tuple[Sequence[Place], int]:
    history = run_history(scenario.plan(), traced=True)
    if history.violations:
        raise BrokenScenario(str(history.violations[0]))
    if len(history.strikes) != len(scenario.strikes):
        raise BrokenScenario("not all that belongs to it struck")
    counts: Counter[str] = Counter()
    met: list[Place] = []
    prologue, done = 0, 0
    for line in history.trace:
        text = line[_NOTE_FROM:]
        if text in history.calls:
            counts[text] += 1
            met.append(Place(text, counts[text]))
        elif text == BEGIN:
            prologue = len(met)
        elif text == DONE:
            done += 1
        elif text == END:
            break
    if done < len(scenario.acts):
        raise BrokenScenario("it does not come to its end")
    taken = {(strike.site, strike.nth) for strike in scenario.strikes}
    return [place for place in met if (place.site, place.nth) not in taken], prologue


def single(scenario: Scenario) -> Iterator[Plan]:
    """Plan every history of a scenario in which one more thing strikes."""
    for place in places(scenario):
        for fault in (*CRASH, *place.faults):
            yield _struck(scenario, place.struck_by(fault))


def pairs(scenario: Scenario) -> Iterator[Plan]:
    """Plan every history of a scenario with two crashes, each before or after a call.

    After the first the story goes another way, so the second may find nothing to strike.
    """
    met = places_in_question(scenario)
    for later, second in enumerate(met):
        for first in met[:later]:
            for one in CRASH:
                for other in CRASH:
                    yield _struck(scenario, first.struck_by(one), second.struck_by(other))


def _struck(scenario: Scenario, *strikes: Strike) -> Plan:
    return attrs.evolve(scenario.plan(), strikes=(*scenario.strikes, *strikes))


def sweep(plans: Iterable[Plan]) -> Swept:
    """Live through the histories."""
    histories = 0
    missed: list[Plan] = []
    violations: list[tuple[Plan, Violation]] = []
    for plan in plans:
        histories += 1
        history = run_history(plan)
        if set(history.strikes) != set(plan.strikes or ()):
            missed.append(plan)
        violations += [(plan, violation) for violation in history.violations]
    return Swept(histories=histories, missed=missed, violations=violations)
