"""Many histories on all cores, and what they came to together.

The only part of the simulation that knows of processes and of real time.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from multiprocessing import get_context
from typing import Any, Final, Self

import attrs

from markethub.entrypoints.simulation.drawing import drawn
from markethub.entrypoints.simulation.faults import Fault
from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.outcome import History, Violation
from markethub.entrypoints.simulation.plan import Paths, Plan, StoreKind
from markethub.entrypoints.simulation.scenarios import SCENARIOS
from markethub.entrypoints.simulation.sweep import IN_PAIRS, missed, pairs, pairs_count, singles

CHUNK: Final = 20
"""Seeds that a process takes at once: a second's work, so that a progress bar moves."""
KEPT_FAILURES: Final = 20
"""Failing histories that are kept in full; the others are counted."""

Progress = Callable[[int], None]
"""Hears how many more histories are done."""


@attrs.frozen
class Slice:
    """A configuration in which histories run."""

    name: str
    paths: Paths
    store: StoreKind = StoreKind.MEMORY


BOTH: Final = Slice("both", Paths.BOTH)
WEBHOOKS: Final = Slice("webhooks", Paths.WEBHOOKS)
RECOVERY: Final = Slice("recovery", Paths.RECOVERY)
SQLITE: Final = Slice("sqlite", Paths.BOTH, StoreKind.SQLITE)
SLICES: Final = {each.name: each for each in (BOTH, WEBHOOKS, RECOVERY, SQLITE)}
_MIX: Final = (BOTH,) * 7 + (WEBHOOKS,) * 2 + (RECOVERY,)
"""Paths that repair hide each other's bugs, so some histories have one of them only."""
ON_SQLITE: Final = 50
"""One seed in so many runs on the real store, which takes some ten times as long."""


def slice_of(seed: int) -> Slice:
    """Say in which configuration a seed runs, where nobody asks for another."""
    if seed % ON_SQLITE == ON_SQLITE // 2:
        return SQLITE
    return _MIX[seed % len(_MIX)]


def plan_of(seed: int, *, only: Slice | None = None, bug: str | None = None) -> Plan:
    """Draw the plan of a seed."""
    chosen = only or slice_of(seed)
    return attrs.evolve(drawn(seed, paths=chosen.paths, bug=bug), store=chosen.store)


@attrs.frozen(kw_only=True)
class Tally:
    """What some histories came to."""

    histories: int = 0
    clicks: int = 0
    struck: Counter[Fault] = attrs.field(factory=Counter)
    sites: frozenset[str] = frozenset()
    violations: Counter[str] = attrs.field(factory=Counter)
    """By invariant: histories in which it did not hold."""
    failed: tuple[History, ...] = ()
    """In the order of their seeds; the first of them in full."""

    @classmethod
    def of(cls, history: History) -> Self:
        """Begin with one."""
        broken = {violation.invariant for violation in history.violations}
        return cls(
            histories=1,
            clicks=history.clicks,
            struck=Counter(history.struck),
            sites=frozenset(history.calls),
            violations=Counter(sorted(broken)),
            failed=(attrs.evolve(history, trace=(), calls={}),) if broken else (),
        )

    def __add__(self, other: Self) -> Self:
        """Put two together; the other's histories came later."""
        return attrs.evolve(
            self,
            histories=self.histories + other.histories,
            clicks=self.clicks + other.clicks,
            struck=self.struck + other.struck,
            sites=self.sites | other.sites,
            violations=self.violations + other.violations,
            failed=(*self.failed, *other.failed)[:KEPT_FAILURES],
        )

    @property
    def faults(self) -> int:
        """How many faults struck."""
        return self.struck.total()

    @property
    def is_clean(self) -> bool:
        """Tell whether everything held."""
        return not self.violations


class Lost(Exception):
    """A process of the campaign died: what it was at is named."""


def tally(plans: Iterable[Plan]) -> Tally:
    """Live through plans, one after the other, in this process."""
    total = Tally()
    for plan in plans:
        total += Tally.of(run_history(plan))
    return total


def _chunk(seeds: Sequence[int], only: Slice | None, bug: str | None) -> Tally:
    return tally(plan_of(seed, only=only, bug=bug) for seed in seeds)


def campaign(
    seeds: Sequence[int],
    *,
    only: Slice | None = None,
    bug: str | None = None,
    jobs: int | None = None,
    progress: Progress = lambda _: None,
) -> Tally:
    """Live through the histories of ``seeds`` on all cores (or ``jobs`` of them).

    The same seeds give the same tally, on however many. Raises Lost where a process dies.
    """
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    return _together(partial(_chunk, only=only, bug=bug), chunks, jobs, progress)


@attrs.frozen
class Part:
    """Some of a scenario's histories, by their numbers."""

    scenario: str
    in_pairs: bool
    begin: int
    end: int


def sweep_parts() -> Sequence[Part]:
    """Divide the sweep: all that strikes once in every scenario, and all pairs of crashes."""
    whole = [
        *(Part(name, in_pairs=False, begin=0, end=len(_singles(name))) for name in SCENARIOS),
        *(
            Part(name, in_pairs=True, begin=0, end=pairs_count(SCENARIOS[name]))
            for name in IN_PAIRS
        ),
    ]
    return [
        attrs.evolve(part, begin=begin, end=min(begin + CHUNK, part.end))
        for part in whole
        for begin in range(0, part.end, CHUNK)
    ]


def sweep(
    parts: Sequence[Part], *, jobs: int | None = None, progress: Progress = lambda _: None
) -> Tally:
    """Live through the histories of ``parts`` as ``campaign`` does. Raises Lost likewise."""
    return _together(_swept, parts, jobs, progress)


def _swept(part: Part) -> Tally:
    wanted = slice(part.begin, part.end)
    total = Tally()
    for plan in (
        pairs(SCENARIOS[part.scenario], wanted)
        if part.in_pairs
        else _singles(part.scenario)[wanted]
    ):
        history = run_history(plan)
        if not part.in_pairs and missed(history):
            never = Violation("missed", "what was planned did not strike", 0.0)
            history = attrs.evolve(history, violations=(*history.violations, never))
        total += Tally.of(history)
    return total


@cache
def _singles(name: str) -> Sequence[Plan]:
    return tuple(singles(SCENARIOS[name]))


def _together(
    work: Callable[[Any], Tally], chunks: Sequence[Any], jobs: int | None, progress: Progress
) -> Tally:
    tallies: dict[int, Tally] = {}
    for number, found in _on_all_cores(work, chunks, jobs or os.cpu_count() or 1):
        tallies[number] = found
        progress(found.histories)
    total = Tally()
    for number in range(len(chunks)):
        total += tallies[number]
    return total


def _on_all_cores(
    work: Callable[[Any], Tally], chunks: Sequence[Any], jobs: int
) -> Iterator[tuple[int, Tally]]:
    # Spawned: a child has nothing of its parent but what it is given.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        asked: dict[Future[Tally], int] = {
            pool.submit(work, chunk): number for number, chunk in enumerate(chunks)
        }
        try:
            for done in as_completed(asked):
                yield asked[done], done.result()
        except BrokenProcessPool as error:
            begun = [chunks[number] for future, number in asked.items() if future.exception()]
            first = begun[0] if begun else "the first"
            raise Lost(f"a process died, at {first} or later") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
