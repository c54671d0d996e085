"""Every call of a port in every scenario struck in turn: by a crash before it and after it.

Random histories meet a call as often as it is made. The sweep meets each call once, also those
that hardly ever happen, and each with everything that can strike there.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from math import comb
from typing import Final

import attrs

from markethub.entrypoints.simulation.acts import END
from markethub.entrypoints.simulation.faults import CRASH, Fault, Strike
from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.outcome import History
from markethub.entrypoints.simulation.plan import Plan
from markethub.entrypoints.simulation.scenarios import DONE, Scenario
from markethub.entrypoints.simulation.script import BEGIN

_SILENCES: Final = (Fault.REQUEST_LOST, Fault.REQUEST_LATE, Fault.REPLY_LOST)
"""What the carrier meets by sending again at once: these strike that too."""
_SENT_AGAIN: Final = 2
_AT_GATEWAY: Final = (
    *_SILENCES,
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
_WRITES: Final = (".save", ".post", ".settle", ".log", ".save_endpoint", ".open_endpoint")
"""The ends of sites that write."""
_LASTS_S: Final = {Fault.RECEIVER_DOWN: 30.0, Fault.REQUEST_LATE: 30.0}
IN_PAIRS: Final = ("charge", "refund")
"""The scenarios of which all pairs of crashes are tried: where money goes, and comes back."""
_NOTE_FROM: Final = 12
"""Where the text begins in a line of a trace, behind the time."""


@attrs.frozen
class Place:
    """One call of a port."""

    site: str
    nth: int
    is_edge: bool
    """Something lasts from here on: a request, or a commit of what was written."""

    @property
    def is_at_gateway(self) -> bool:
        """Tell whether it is a request to the provider."""
        return self.site.startswith("gateway ")

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What else can strike here, beside crashes."""
        return _AT_GATEWAY if self.is_at_gateway else _FAULTS.get(self.site, ())

    def struck_by(self, fault: Fault) -> tuple[Strike, ...]:
        """Return the strikes of a fault here; the last of them is the one that has to strike."""
        again = _SENT_AGAIN if fault in _SILENCES else 0
        lasts_s = _LASTS_S.get(fault, 0.0)
        return tuple(
            Strike(self.site, self.nth + later, fault, lasts_s) for later in range(again, -1, -1)
        )


class BrokenScenario(Exception):
    """A scenario does not come to its end, or breaks a rule, with nothing struck."""


def places(scenario: Scenario) -> Sequence[Place]:
    """Run a scenario, and return every call of a port behind its prologue, in their order.

    Raises BrokenScenario.
    """
    history = run_history(scenario.plan(), traced=True)
    if history.violations:
        raise BrokenScenario(str(history.violations[0]))
    if len(history.strikes) < len(scenario.strikes):
        raise BrokenScenario("not all that belongs to it struck")
    taken = {(strike.site, strike.nth) for strike in scenario.strikes}
    counts: Counter[str] = Counter()
    met: list[Place] = []
    done, is_written = 0, False
    for line in history.trace:
        text = line[_NOTE_FROM:]
        if text in history.calls:
            counts[text] += 1
            is_written |= text.endswith(_WRITES)
            if (text, counts[text]) not in taken:
                met.append(Place(text, counts[text], _is_edge(text, is_written=is_written)))
            is_written &= text != "tx.commit"
        elif text == BEGIN:
            met.clear()
        elif text == DONE:
            done += 1
        elif text == END:
            break
    if done < len(scenario.acts):
        raise BrokenScenario("it does not come to its end")
    return met


def _is_edge(site: str, *, is_written: bool) -> bool:
    if site == "tx.commit":
        return is_written
    return site in _FAULTS.keys() - {"tx.begin"} or site.startswith(("gateway ", "keys."))


def singles(scenario: Scenario, *, stride: int = 1) -> Iterator[Plan]:
    """Plan every history of a scenario in which one more thing strikes.

    With a ``stride``: all crashes at edges and all that strikes at the gateway, and of the rest
    every so many. Wherever a process dies within a transaction, nothing of it is kept.
    """
    rest = 0
    for place in places(scenario):
        for fault in (*CRASH, *place.faults):
            if not (place.is_edge if fault in CRASH else place.is_at_gateway):
                rest += 1
                if rest % stride:
                    continue
            yield _struck(scenario, *place.struck_by(fault))


def pairs(scenario: Scenario, wanted: slice) -> Iterator[Plan]:
    """Plan histories of a scenario with two crashes, each before or after a call.

    They are numbered, and ``wanted`` says which. After the first crash the story goes another
    way, so the second may find nothing to strike.
    """
    met = places(scenario)
    every = (
        (*first.struck_by(one), *second.struck_by(other))
        for later, second in enumerate(met)
        for first in met[:later]
        for one in CRASH
        for other in CRASH
    )
    for strikes in islice(every, wanted.start, wanted.stop, wanted.step):
        yield _struck(scenario, *strikes)


def pairs_count(scenario: Scenario) -> int:
    """Count the pairs of a scenario."""
    return comb(len(places(scenario)), 2) * len(CRASH) ** 2


def _struck(scenario: Scenario, *strikes: Strike) -> Plan:
    return attrs.evolve(scenario.plan(), strikes=(*scenario.strikes, *strikes))


def missed(history: History) -> bool:
    """Tell whether the last strike of its plan did not strike: nothing was tried then."""
    planned = history.plan.strikes or ()
    return planned[-1:] != () and planned[-1] not in history.strikes
