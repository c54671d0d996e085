"""Requests about disputes that nobody finished in time are never answered as done."""

import pytest

from markethub.domain.dispute import DisputeStatus
from markethub.domain.errors import GatewayRejected, GatewayUnavailable
from markethub.domain.operation import KEY_LIFE
from tests.support.bank import movement
from tests.support.disputed import Disputed
from tests.support.faults import Fault
from tests.support.world import World

pytestmark = pytest.mark.anyio

TAKEN = movement("txn_taken", -5000, fee=1500)


@pytest.fixture
async def disputed(world: World) -> Disputed:
    """A paid order of 50.00 USD, on each store, and a bank that may dispute it."""
    disputed = Disputed(world)
    await disputed.pay()
    return disputed


async def test_evidence_whose_key_grew_too_old_is_not_answered_as_submitted(
    disputed: Disputed,
) -> None:
    opened = await disputed.open()
    await disputed.draft(opened.id, uncategorized_text="it was sent")
    disputed.bank.faults.append(Fault.LOST_REQUEST)
    with pytest.raises(GatewayUnavailable):
        await disputed.submit(opened.id)
    disputed.world.clock.advance(seconds=KEY_LIFE.total_seconds() + 60)

    with pytest.raises(GatewayRejected):
        await disputed.submit(opened.id)

    again = await disputed.submit(opened.id)
    assert (DisputeStatus.UNDER_REVIEW, 1) == (again.status, again.submission_count)


async def test_a_dispute_whose_key_grew_too_old_is_not_answered_as_accepted(
    disputed: Disputed,
) -> None:
    opened = await disputed.open(balance_transactions=[TAKEN])
    disputed.bank.faults.append(Fault.LOST_REQUEST)
    with pytest.raises(GatewayUnavailable):
        await disputed.accept(opened.id)
    disputed.world.clock.advance(seconds=KEY_LIFE.total_seconds() + 60)

    with pytest.raises(GatewayRejected):
        await disputed.accept(opened.id)

    assert DisputeStatus.LOST is (await disputed.accept(opened.id)).status
