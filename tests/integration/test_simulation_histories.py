"""Two thousand histories in which everything goes wrong, and nothing is lost.

``make simulate`` lives through a hundred thousand.
"""

import pytest

from markethub.entrypoints.simulation import report
from markethub.entrypoints.simulation.campaign import plan_of, tally
from markethub.entrypoints.simulation.faults import Fault

HISTORIES = 2_000
PARTS = 16
"""So that workers share them."""
KINDS_MINIMUM = 40
"""Of those that there are: in a part, the rarest may not strike."""


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_every_invariant_holds(part: int) -> None:
    found = tally(plan_of(seed) for seed in range(part, HISTORIES, PARTS))

    assert [] == [(report.again(history), history.violations[0].what) for history in found.failed]
    # And much went wrong.
    assert HISTORIES // PARTS == found.histories
    assert len([fault for fault in Fault if found.struck[fault]]) >= KINDS_MINIMUM
    assert found.clicks >= 15 * found.histories
    assert found.faults >= 7 * found.histories
