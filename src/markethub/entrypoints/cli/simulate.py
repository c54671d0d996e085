"""``markethub simulate``: live through thousands of histories in which everything goes wrong."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs
import click

from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.failure import REFUSED
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.simulation import power, report
from markethub.entrypoints.simulation.bugs import BUGS
from markethub.entrypoints.simulation.campaign import (
    SLICES,
    Progress,
    Tally,
    campaign,
    plan_of,
    sweep,
    sweep_parts,
)
from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.outcome import History
from markethub.entrypoints.simulation.plan import Plan
from markethub.entrypoints.simulation.shrink import shrunken

DOCUMENT: Final = Path("docs/simulation.md")
"""Where the table of ``--power`` is published, in a checkout."""
SEEDS: Final = 1_000
"""How many histories, if nobody says."""
KEPT: Final = "tests/seeds"
"""Where histories that ever failed are kept, to be replayed for good."""


@click.command()
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    help=f"How many histories: {SEEDS:,}, or with --power at most {power.BUDGET:,} a mistake.",
)
@click.option("--from-seed", default=0, show_default=True, help="The first seed.")
@click.option("--seed", type=int, help="One history, told step by step.")
@click.option(
    "--plan",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A kept history, told step by step.",
)
@click.option("--only", type=click.Choice([*SLICES]), help="One configuration, not the mix.")
@click.option("--bug", type=click.Choice([*BUGS]), help="Plant a known mistake.")
@click.option(
    "--power",
    "measures_power",
    is_flag=True,
    help="How soon is each known mistake found?",
)
@click.option(
    "--sweep",
    "is_sweep",
    is_flag=True,
    help="Fixed stories instead, with every call struck in turn, and every two crashes.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="How many processes; as many as cores, if not given.",
)
@click.pass_obj
def simulate(
    invocation: Invocation,
    *,
    seeds: int | None,
    from_seed: int,
    seed: int | None,
    plan: Path | None,
    only: str | None,
    bug: str | None,
    measures_power: bool,
    is_sweep: bool,
    jobs: int | None,
) -> None:
    """Live through histories in which requests, commits, deliveries and processes are lost.

    Everything is decided by the seed: the same seed gives the same history. Exits with 1 if an
    invariant did not hold; the first failing history is then made as small as it can be. With
    --power, exits with 1 if a planted mistake was not found.
    """
    chosen = None if only is None else SLICES[only]
    if plan is not None:
        _tell(invocation, Plan.from_json(plan.read_bytes()))
    elif measures_power:
        bugs = [*BUGS] if bug is None else [bug]
        _measure(invocation, bugs, budget=seeds or power.BUDGET, jobs=jobs)
    elif is_sweep:
        _sweep(invocation, jobs=jobs)
    elif seed is not None:
        _tell(invocation, plan_of(seed, only=chosen, bug=bug))
    else:
        begun = time.monotonic()
        count = seeds or SEEDS
        with _bar(count) as progress:
            found = campaign(
                range(from_seed, from_seed + count),
                only=chosen,
                bug=bug,
                jobs=jobs,
                progress=progress,
            )
        _sum_up(invocation, found, seconds=time.monotonic() - begun)


def _sweep(invocation: Invocation, *, jobs: int | None) -> None:
    begun = time.monotonic()
    parts = sweep_parts()
    with _bar(sum(part.end - part.begin for part in parts)) as progress:
        found = sweep(parts, jobs=jobs, progress=progress)
    _sum_up(invocation, found, seconds=time.monotonic() - begun)


def _measure(invocation: Invocation, bugs: Sequence[str], *, budget: int, jobs: int | None) -> None:
    """Look for planted mistakes; where all were, thoroughly, the documentation has the table."""
    with _bar(len(bugs), "mistakes") as progress:
        rows = power.power(bugs, budget=budget, jobs=jobs, progress=progress)
    if invocation.as_json:
        output.print_json([attrs.asdict(row) for row in rows])
    else:
        for line in power.table(rows):
            click.echo(line)
    if len(bugs) == len(BUGS) and budget >= power.BUDGET and DOCUMENT.exists():
        power.write_table(DOCUMENT, rows)
    if not all(row.found for row in rows):
        click.get_current_context().exit(REFUSED)


def _tell(invocation: Invocation, plan: Plan) -> None:
    history = run_history(plan, traced=True)
    if invocation.as_json:
        output.print_json(_document(history))
    else:
        for line in report.story(history):
            click.echo(line)
    if history.violations:
        click.get_current_context().exit(REFUSED)


def _sum_up(invocation: Invocation, found: Tally, *, seconds: float) -> None:
    if invocation.as_json:
        output.print_json(
            {
                "histories": found.histories,
                "seconds": round(seconds, 3),
                "clicks": found.clicks,
                "faults": {fault.value: count for fault, count in found.struck.items()},
                "violations": dict(found.violations),
                "failed": [_document(history) for history in found.failed],
            }
        )
    else:
        for line in report.summary(found, seconds=seconds):
            click.echo(line)
        if found.failed:
            _explain(found.failed[0])
    if not found.is_clean:
        click.get_current_context().exit(REFUSED)


def _explain(failed: History) -> None:
    click.echo(f"\nTo see it again: {report.again(failed)}\n")
    smallest = shrunken(failed)
    for line in report.story(run_history(smallest.plan, traced=True)):
        click.echo(line)
    name = f"seed-{failed.plan.seed}-{failed.violations[0].invariant.lower()}.json"
    Path(name).write_bytes(smallest.plan.to_json())
    click.echo(f"\nWritten to {name}: keep it in {KEPT}/ when it is mended.")


def _document(history: History) -> dict[str, object]:
    return {
        "again": report.again(history),
        "digest": history.digest,
        "violations": [attrs.asdict(violation) for violation in history.violations],
        "trace": history.trace,
    }


@contextmanager
def _bar(total: int, of: str = "histories") -> Iterator[Progress]:
    """Show how far it is, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that only a terminal pays
    from rich.progress import Progress as Bar  # noqa: PLC0415 - as above

    with Bar(console=Console(stderr=True)) as bar:
        task = bar.add_task(of, total=total)
        yield lambda more: bar.advance(task, more)
