"""How soon histories find the mistakes that are planted: what the simulation is worth.

A check that nothing ever trips over proves nothing. Each mistake is looked for in the
configuration in which nothing else heals what it breaks.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import attrs

from markethub.entrypoints.simulation.bugs import BUGS
from markethub.entrypoints.simulation.drawing import drawn
from markethub.entrypoints.simulation.history import run_history

BUDGET: Final = 2_000
"""The histories of a pull request: by then a mistake must have been found."""
ENOUGH: Final = 5
"""Found so often, its rate is known well enough to go on with the next."""
BEGIN: Final = "<!-- power: written by markethub simulate --power -->"
END: Final = "<!-- power: end -->"
"""Between these two lines of a document the table is written."""


@attrs.frozen(kw_only=True)
class Power:
    """How soon a planted mistake was found."""

    bug: str
    histories: int
    """How many were lived through: until it was found often enough, or the budget was spent."""
    found: int
    """In how many of them something did not hold."""
    first_seed: int | None
    """The first of these; None where it was never found."""
    invariants: tuple[str, ...]
    """What did not hold, the most frequent first."""

    @property
    def per_hundred(self) -> float:
        """In how many of a hundred seeds it is found."""
        return 100 * self.found / self.histories


def measured(bug: str, *, budget: int = BUDGET, enough: int = ENOUGH) -> Power:
    """Look for a planted mistake, from seed 0 on."""
    paths = BUGS[bug].paths
    seeds: list[int] = []
    broken: Counter[str] = Counter()
    histories = 0
    while histories < budget and len(seeds) < enough:
        history = run_history(drawn(histories, paths=paths, bug=bug))
        if history.violations:
            seeds.append(histories)
            broken.update({violation.invariant for violation in history.violations})
        histories += 1
    return Power(
        bug=bug,
        histories=histories,
        found=len(seeds),
        first_seed=seeds[0] if seeds else None,
        invariants=tuple(name for name, _ in sorted(broken.items(), key=_by_frequency)),
    )


def _by_frequency(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def power(
    bugs: Iterable[str] = tuple(BUGS),
    *,
    budget: int = BUDGET,
    jobs: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Sequence[Power]:
    """Look for planted mistakes on all cores (or ``jobs`` of them); in the order given."""
    asked = list(bugs)
    found: dict[str, Power] = {}
    # Spawned: a child has nothing of its parent but what it is given.
    with ProcessPoolExecutor(jobs or os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(measured, bug, budget=budget) for bug in asked]):
            found[done.result().bug] = done.result()
            progress(1)
    return [found[bug] for bug in asked]


def table(rows: Iterable[Power]) -> Iterator[str]:
    """Yield the lines of a table in Markdown, what is found most rarely last."""
    yield "| planted mistake | what it does | paths | found in 100 seeds | first seed | seen by |"
    yield "|---|---|---|---:|---:|---|"
    for row in sorted(rows, key=lambda row: (-row.per_hundred, row.bug)):
        bug = BUGS[row.bug]
        rate = f"{row.per_hundred:.3g}" if row.found else f"none in {row.histories:,}"
        first = "" if row.first_seed is None else str(row.first_seed)
        seen = ", ".join(row.invariants)
        yield f"| `{bug.name}` | {bug.what} | {bug.paths} | {rate} | {first} | {seen} |"


def write_table(document: Path, rows: Iterable[Power]) -> None:
    """Write the table between its two lines of a document. Raises ValueError without them."""
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document} has no place for the table")
    lines = "\n".join(table(rows))
    document.write_text(f"{before}{begin}\n\n{lines}\n\n{end}{after}", encoding="utf-8")
