"""Whether something strikes, at each call of a port: drawn from the seed, or as a plan says."""

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random
from typing import Final

from markethub.entrypoints.simulation import faults
from markethub.entrypoints.simulation.faults import Fault, Strike

FAMILIES: Final[Mapping[str, tuple[Fault, ...]]] = {
    "gateway": faults.GATEWAY,
    "begin": faults.BEGIN,
    "statement": faults.STATEMENT,
    "commit": faults.COMMIT,
    "inbox": faults.INBOX,
    "delivery": faults.DELIVERY,
    "publisher": faults.PUBLISHER,
    "tick": faults.PROCESS,
    "call": faults.CALL,
    "end": faults.END,
}
"""What can strike which kind of site."""

EXPECTED: Final[Mapping[str, tuple[float, float]]] = {
    "gateway": (3.0, 35.0),
    "begin": (0.3, 150.0),
    "statement": (0.8, 400.0),
    "commit": (1.0, 150.0),
    "inbox": (0.5, 25.0),
    "delivery": (2.5, 25.0),
    "publisher": (0.5, 7.0),
    "tick": (0.7, 9.0),
    "call": (0.3, 20.0),
    "end": (0.15, 1.0),
}
"""How many faults of the family a history of middling luck meets, in how many calls."""
INSIDE: Final = frozenset({"gateway", "begin", "statement", "commit", "inbox", "publisher"})
"""The families whose sites are calls of a process, which may die there."""
CRASHES: Final = 1.0
"""How many crashes it meets, at any call of a port."""
CALLS: Final = 750.0
"""In so many calls."""
LUCK: Final = (0.0, 0.3, 1.0, 1.0, 1.0, 2.0, 4.0)
"""Histories differ: some meet nothing of a family, some meet it all the time."""
KIND_IS_ON: Final = 0.7
"""How many kinds of fault a history knows at all: where everything happens, nothing stands out."""

_NOTHING: Final[tuple[tuple[float, Fault], ...]] = ()


class Striker:
    """Counts the calls of every site, and says what strikes them."""

    def __init__(self, dice: Random, strikes: Iterable[Strike] | None) -> None:
        """Draw this history's rates; given ``strikes``, exactly these will strike."""
        self.calls: Counter[str] = Counter()
        self.struck: list[Strike] = []
        self.is_on = True
        self._dice = dice
        self._planned: dict[tuple[str, int], Strike] | None = None
        if strikes is not None:
            self._planned = {(strike.site, strike.nth): strike for strike in strikes}
        self._rates: dict[str, tuple[float, tuple[tuple[float, Fault], ...]]] = {}
        crash_rate = dice.choice(LUCK) * CRASHES / CALLS
        for family, kinds in FAMILIES.items():
            wanted, calls = EXPECTED[family]
            on = [kind for kind in kinds if dice.random() < KIND_IS_ON]
            rate = dice.choice(LUCK) * wanted / calls if on else 0.0
            steps = [(rate * (n + 1) / len(on), kind) for n, kind in enumerate(on)]
            if family in INSIDE:
                steps += [
                    (rate + crash_rate / 2, Fault.CRASH_BEFORE),
                    (rate + crash_rate, Fault.CRASH_AFTER),
                ]
            self._rates[family] = (steps[-1][0] if steps else 0.0, tuple(steps))

    @property
    def rates(self) -> str:
        """Say what this history is like."""
        return ", ".join(f"{family} {rate:.4f}" for family, (rate, _) in self._rates.items())

    def look(self, site: str, family: str) -> Strike | None:
        """Count a call of ``site`` and return what strikes it, if anything does."""
        self.calls[site] += 1
        if not self.is_on:
            return None
        if self._planned is not None:
            strike = self._planned.get((site, self.calls[site]))
        else:
            total, steps = self._rates[family]
            roll = self._dice.random()
            if roll >= total:
                return None
            fault = next(kind for rate, kind in steps if roll < rate)
            strike = Strike(site, self.calls[site], fault, self._amount(fault))
        if strike is not None:
            self.struck.append(strike)
        return strike

    def _amount(self, fault: Fault) -> float:
        longest = LONGEST_S.get(fault)
        # Short ones are as frequent as long ones: seconds, minutes, hours.
        return 0.0 if longest is None else round(longest ** self._dice.random(), 3)


LONGEST_S: Final[Mapping[Fault, float]] = {
    Fault.REQUEST_LATE: 300.0,
    Fault.STORED_500_LATE: 1800.0,
    Fault.SLOW_REPLY: 25.0,
    Fault.OUTAGE: 7200.0,
    Fault.STORE_SLOW: 20.0,
    Fault.DELIVERY_LATE: 90_000.0,
    Fault.DELIVERY_REORDERED: 30.0,
    Fault.DELIVERY_REPLAYED: 3600.0,
    Fault.DELIVERY_DUPLICATED: 60.0,
    Fault.DELIVERY_TWIN: 60.0,
    Fault.PAUSED: 120.0,
    Fault.CLOCK_FORWARD: 7200.0,
    Fault.CLOCK_BACK: 7200.0,
    Fault.RECEIVER_DOWN: 3600.0,
    Fault.CALLER_GONE: 2.0,
    Fault.POWER_CUT: 60.0,
    Fault.NIGHT: 36_000.0,
}
"""Seconds, for what lasts."""
