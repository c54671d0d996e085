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


@pytest.mark.parametrize("theirs", [{}, {"uncategorized_text": "another proof"}])
async def test_evidence_that_somebody_else_submitted_is_not_taken_for_ours(
    disputed: Disputed, theirs: dict[str, str]
) -> None:
    """Our request never arrived; a colleague's submission in the dashboard did."""
    opened = await disputed.open()
    await disputed.draft(opened.id, uncategorized_text="the proof")
    disputed.bank.faults.append(Fault.LOST_REQUEST)
    with pytest.raises(GatewayUnavailable):
        await disputed.submit(opened.id)
    disputed.bank.change(
        status="under_review",
        evidence=theirs,
        evidence_details={"due_by": None, "has_evidence": True, "submission_count": 1},
    )
    disputed.bank.declines_with = "dispute_already_submitted"

    with pytest.raises(GatewayRejected):
        await disputed.submit(opened.id)

    assert DisputeStatus.UNDER_REVIEW is (await disputed.dispute()).status


async def test_evidence_is_known_again_whatever_became_of_its_white_space(
    disputed: Disputed,
) -> None:
    opened = await disputed.open()
    await disputed.draft(opened.id, uncategorized_text="sent on Monday,\r\nby post\n")
    disputed.bank.faults.append(Fault.LOST_REPLY)
    with pytest.raises(GatewayUnavailable):
        await disputed.submit(opened.id)
    disputed.bank.change(evidence={"uncategorized_text": "sent on Monday,\nby post"})
    disputed.world.clock.advance(seconds=KEY_LIFE.total_seconds() + 60)

    submitted = await disputed.submit(opened.id)

    assert 1 == submitted.submission_count
