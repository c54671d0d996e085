"""Twenty kills of real processes while people go on; ``make kill-test`` makes it 2,000."""

import pytest

from tests.kills.__main__ import told
from tests.kills.killing import run

pytestmark = pytest.mark.anyio

KILLS = 10
CAUGHT_MINIMUM = 0.6
"""Most kills catch work in flight; a kill of somebody idle proves little."""


@pytest.mark.parametrize("on_postgres", [True, False], ids=["postgresql", "sqlite"])
async def test_whoever_is_killed_nothing_is_lost_and_nothing_done_twice(
    *, on_postgres: bool
) -> None:
    outcome = await run(kills=KILLS, on_postgres=on_postgres, seed=11)

    assert [] == outcome.violations
    # And it was worth it.
    assert KILLS == outcome.kills.total()
    assert outcome.caught_share >= CAUGHT_MINIMUM, told(outcome)
    assert outcome.stops >= 1
    assert outcome.people.asked > 2 * KILLS
    assert outcome.events > KILLS
    assert any(name.startswith("database") for name in outcome.kills) == on_postgres
