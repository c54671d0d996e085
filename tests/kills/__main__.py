"""``python -m tests.kills``: as many kills as one likes, on both databases."""

import argparse
import asyncio
import sys

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


def main() -> int:
    """Kill, and return 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("postgresql", "sqlite"))
    asked = parser.parse_args()
    left, seed, is_clean = asked.kills, asked.seed, True
    while left > 0:
        on_postgres = asked.only == "postgresql" or (asked.only is None and seed % 2 == 1)
        store = "PostgreSQL" if on_postgres else "SQLite"

        def progress(number: int, seed: int = seed, store: str = store) -> None:
            if sys.stderr.isatty():
                sys.stderr.write(f"\rseed {seed} on {store}: {number} kills ")

        outcome = asyncio.run(
            run(kills=min(left, PER_RUN), on_postgres=on_postgres, seed=seed, progress=progress)
        )
        print(f"seed {seed} on {store}: {told(outcome)}", flush=True)  # noqa: T201 - a command
        for violation in outcome.violations:
            print(f"  {violation}")  # noqa: T201 - likewise
        is_clean &= not outcome.violations
        left -= PER_RUN
        seed += 1
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
