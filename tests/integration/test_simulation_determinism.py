"""A seed decides everything."""

import os
import subprocess
import sys
from collections.abc import Sequence

import attrs
import pytest

from markethub.entrypoints.simulation.campaign import SLICES, Slice, plan_of
from markethub.entrypoints.simulation.history import run_history

SEEDS = range(9_000, 9_004)
TOLD = """
import sys
from markethub.entrypoints.simulation.campaign import SLICES, plan_of
from markethub.entrypoints.simulation.history import run_history

for seed in map(int, sys.argv[1:]):
    for only in SLICES.values():
        history = run_history(plan_of(seed, only=only), traced=True)
        print(seed, only.name, history.digest, *history.trace, sep="\\n")
"""


def told(seeds: Sequence[int], *, hash_seed: str) -> str:
    """Return the traces of ``seeds`` as a process of its own tells them."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", TOLD, *map(str, seeds)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_the_same_seeds_give_the_same_traces_whatever_strings_hash_to() -> None:
    traces = told(SEEDS, hash_seed="1")

    assert traces == told(SEEDS, hash_seed="4242")
    assert traces.count("the faults stop") == len(SEEDS) * len(SLICES)


@pytest.mark.parametrize("only", SLICES.values(), ids=SLICES)
def test_no_history_leaves_anything_behind_for_the_next(only: Slice) -> None:
    digests = [run_history(plan_of(seed, only=only)).digest for seed in SEEDS]

    backwards = [run_history(plan_of(seed, only=only)).digest for seed in reversed(SEEDS)]

    assert digests == backwards[::-1]
    assert len(set(digests)) == len(SEEDS)


@pytest.mark.parametrize("only", SLICES.values(), ids=SLICES)
def test_what_was_drawn_can_be_planned(only: Slice) -> None:
    for seed in SEEDS:
        history = run_history(plan_of(seed, only=only))

        again = run_history(attrs.evolve(history.plan, strikes=history.strikes), traced=True)

        assert (history.digest, history.strikes) == (again.digest, again.strikes)
