"""Histories that once failed, replayed for good.

Each was made as small as it could be when it failed. It is also lived through with the mistake that
it found: one that no longer tells has grown stale, for calls come in another order now.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from markethub.adapters.fake.account import Account
from markethub.domain.dispute import Dispute
from markethub.domain.facts import ProviderDispute
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.drive_submission import AskedOfDispute, SubmissionDriver
from markethub.domain.usecases.settlement import Settled
from markethub.entrypoints.cli.simulate import KEPT
from markethub.entrypoints.simulation import history
from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.plan import Plan

SEEDS = Path(__file__).parents[2] / KEPT


async def _ended_unseen(
    self: SubmissionDriver, asked: AskedOfDispute, view: ProviderDispute | None
) -> Dispute:
    """End the submission first, and read the dispute afterwards."""
    now = self.settlement.clock.now()
    await self._change(asked.submission, lambda current: current.done(now=now))
    return await self.settlement.refresh(asked.dispute)


@attrs.frozen(kw_only=True)
class Found:
    """How the mistake comes back: as a planted one, or by giving up what mended it."""

    bug: str | None = None
    given_up: tuple[object, str] | None = None
    instead: Any = None


FOUND: Mapping[str, Found] = {
    # A claim of events whose COMMIT was never confirmed was renewed with all the other leases of
    # its process, so its events waited for as long as the process lived.
    "lease-of-nobody": Found(bug="lease_of_nobody"),
    # A saved card was being charged, with no answer yet, while another tab tried a card that was
    # declined. A third was told of the decline, and then the charge went through.
    "declined-and-charged": Found(given_up=(Settled, "is_in_doubt"), instead=False),
    # Of two that looked for the effect of a cancelation, one began the next attempt, which had
    # it; the other, whose look was from before, began yet another.
    "look-from-before": Found(
        given_up=(Driver, "_unless_tried_since"),
        instead=lambda self, _: self._without_effect,
    ),
    # A submission whose reply was lost was repeated, and done by a replay; before the dispute was
    # read, a colleague found nothing unresolved and no evidence at the bank, and submitted again.
    "ended-unseen": Found(given_up=(SubmissionDriver, "_done"), instead=_ended_unseen),
    # A mistake of the simulation's own: a stored 500 that met a replay, which it does not strike,
    # waited for the next request that executes, and that came after the faults had stopped.
    "fault-that-lingered": Found(given_up=(Account, "calm"), instead=lambda _: None),
    # Another of its own: its operator fetched events from a process that was just finding out
    # whether an outage was over, was told to come again, and did not.
    "fetched-while-closed": Found(given_up=(history, "BACKFILL_TRIES"), instead=1),
    "fetched-while-closed-too": Found(given_up=(history, "BACKFILL_TRIES"), instead=1),
}
"""What each found."""


def kept(name: str) -> Plan:
    return Plan.from_json((SEEDS / f"{name}.json").read_bytes())


def test_every_kept_history_is_replayed() -> None:
    assert {path.stem for path in SEEDS.glob("*.json")} == set(FOUND)


@pytest.mark.parametrize("name", FOUND)
def test_what_once_failed_holds(name: str) -> None:
    assert run_history(kept(name)).violations == ()


@pytest.mark.parametrize("name", FOUND)
def test_a_kept_history_still_finds_its_mistake(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = FOUND[name]
    if found.given_up is not None:
        monkeypatch.setattr(*found.given_up, found.instead)

    assert run_history(attrs.evolve(kept(name), bug=found.bug)).violations != ()
