"""``make kill-test``: as many kills as one likes, on both databases in turn."""

import asyncio
import sys

import click

from tests.kills.killing import Outcome, run

PER_RUN = 250
"""Kills in one run; then the books are compared, and another shop opens."""


def told(outcome: Outcome) -> str:
    """Say what came of a run."""
    people = outcome.people
    kills = ", ".join(
        f"{count} {name} ({outcome.caught[name]} at work)"
        for name, count in sorted(outcome.kills.items())
    )
    return (
        f"{outcome.kills.total()} kills in {outcome.seconds:.0f} s "
        f"({outcome.healing_s:.0f} s to heal), "
        f"{outcome.caught_share:.0%} of them caught work in flight: {kills}; "
        f"{outcome.stops} stops, {outcome.restarts} vain starts; "
        f"{people.asked} requests answered of {people.tries} sent, "
        f"{people.given_up} given up; {outcome.events} events; "
        f"{len(outcome.violations)} violations"
    )


@click.command()
@click.option("--kills", default=2000, show_default=True, help="How many in all.")
@click.option("--seed", default=1, show_default=True, help="Of the first run.")
@click.option("--only", type=click.Choice(["postgresql", "sqlite"]), help="Not both in turn.")
def main(kills: int, seed: int, only: str | None) -> None:
    """Kill servers, workers and databases while people go on, and say whether everything held."""
    is_clean = True
    for begun in range(0, kills, PER_RUN):
        on_postgres = only != "sqlite" if only else seed % 2 == 1
        store = "PostgreSQL" if on_postgres else "SQLite"

        def progress(number: int, seed: int = seed, store: str = store) -> None:
            if sys.stderr.isatty():
                click.echo(f"\rseed {seed} on {store}: {number} kills ", nl=False, err=True)

        outcome = asyncio.run(
            run(
                kills=min(PER_RUN, kills - begun),
                on_postgres=on_postgres,
                seed=seed,
                progress=progress,
            )
        )
        click.echo(f"seed {seed} on {store}: {told(outcome)}")
        for violation in outcome.violations:
            click.echo(f"  {violation}")
        is_clean &= not outcome.violations
        seed += 1
    sys.exit(0 if is_clean else 1)


if __name__ == "__main__":
    main()
