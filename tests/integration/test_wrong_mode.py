"""An event of the other mode: taken, kept, counted, and never applied."""

from collections.abc import Mapping
from typing import Any

import pytest

from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.order import OrderStatus
from tests.support.final_state import final_state
from tests.support.thin_events import as_thin
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def paid_at_stripe(world: World) -> Mapping[str, Any]:
    """Return the success of a payment of which we know nothing yet."""
    await world.register()
    world.pay(await world.charge())
    [event] = [e for e in world.pending_events() if e["type"] == "payment_intent.succeeded"]
    return event


async def kept(world: World, id: str) -> InboxEvent:
    found: InboxEvent | None = await world.container.transactions().run(
        lambda tx: tx.inbox.lock(EventId(id))
    )
    assert found is not None
    return found


@pytest.mark.parametrize("shape", [dict, as_thin], ids=["snapshot", "thin"])
async def test_it_is_kept_as_ignored_and_never_applied(world: World, shape: Any) -> None:
    event = shape(await paid_at_stripe(world)) | {"livemode": True}
    before = await final_state(world)

    assert await world.deliver(event)
    await world.container.process_inbox()()

    row = await kept(world, event["id"])
    assert (InboxStatus.IGNORED, "wrong_mode") == (row.status, row.reason)
    assert before == await final_state(world)
    assert (await world.order()).status is OrderStatus.OPEN


async def test_it_does_not_come_again_as_another(world: World) -> None:
    event = await paid_at_stripe(world)
    await world.deliver({**event, "livemode": True})

    assert not await world.deliver({**event, "livemode": True})
