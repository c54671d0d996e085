"""Eight processes at once on one PostgreSQL: nothing is lost, doubled or given back twice."""

import pytest

from tests.storm.storm import storm

pytestmark = pytest.mark.anyio

OPERATIONS = 600


async def test_money_is_safe_in_a_storm(postgres_url: str) -> None:
    found = await storm(postgres_url, operations=OPERATIONS)

    assert () == found.violations
    assert found.operations >= OPERATIONS
    # A storm in which nobody met anybody would prove nothing.
    assert min(found.samples, found.conflicts, found.charged, found.refunds) >= 10
