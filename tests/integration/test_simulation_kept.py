"""Histories that once failed, replayed for good.

Each was made as small as it could be when it failed. Where the mistake that it found can be
planted, the history is also lived through with it: one that no longer tells has grown stale.
"""

from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from markethub.entrypoints.cli.simulate import KEPT
from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.plan import Plan

SEEDS = Path(__file__).parents[2] / KEPT

FOUND: Mapping[str, str | None] = {
    # A claim of events whose COMMIT was never confirmed was renewed with all the other leases of
    # its process, so its events waited for as long as the process lived.
    "lease-of-nobody": "lease_of_nobody",
}
"""What each found, and the planted mistake that is the same."""


def kept(name: str) -> Plan:
    return Plan.from_json((SEEDS / f"{name}.json").read_bytes())


def test_every_kept_history_is_replayed() -> None:
    assert {path.stem for path in SEEDS.glob("*.json")} == set(FOUND)


@pytest.mark.parametrize("name", FOUND)
def test_what_once_failed_holds(name: str) -> None:
    assert run_history(kept(name)).violations == ()


@pytest.mark.parametrize(("name", "bug"), [each for each in FOUND.items() if each[1] is not None])
def test_a_kept_history_still_finds_its_mistake(name: str, bug: str) -> None:
    assert run_history(attrs.evolve(kept(name), bug=bug)).violations != ()
