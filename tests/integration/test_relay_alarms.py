"""What the log says when nobody listens: read by whoever is woken by it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from dependency_injector import providers
from structlog.testing import capture_logs

from markethub.domain.delivery import ATTEMPTS_MAXIMUM, Answer
from tests.support.storefront import Storefront
from tests.support.told import paid, tell
from tests.support.world import World

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("store_url", ["memory"], indirect=True),
]


async def steps(world: World, storefront: Storefront, times: int) -> Sequence[Any]:
    """Let the loop run so often, hours apart, and return what it logged."""
    world.container.publisher.override(providers.Object(storefront))
    loop = world.container.relay_loop()
    with capture_logs() as logs:
        for _ in range(times):
            await loop.step()
            world.clock.advance(hours=7)
    return logs


async def test_a_disabled_endpoint_is_an_error_in_the_log_once(world: World) -> None:
    storefront = Storefront(answer=lambda message: Answer(status=410, duration_ms=1))
    await tell(world.container.store(), "o-1", paid("o-1", at=world.clock.now()))
    logs = await steps(world, storefront, 3)

    assert [("relay.endpoint_disabled", "gone")] == [
        (line["event"], line["reason"]) for line in logs if line["log_level"] == "error"
    ]


async def test_a_delivery_that_is_given_up_is_an_error_in_the_log(world: World) -> None:
    def answer(message: Any) -> Answer:
        refused = json.loads(message.body)["data"]["order_id"] == "o-1"
        return Answer(status=400 if refused else 200, duration_ms=1)

    store = world.container.store()
    await tell(store, "o-1", paid("o-1", at=world.clock.now()))
    logs: list[Any] = []
    for number in range(ATTEMPTS_MAXIMUM):
        await tell(store, f"y-{number}", paid(f"y-{number}", at=world.clock.now()))
        logs += await steps(world, Storefront(answer=answer), 1)

    assert ["relay.given_up"] == [line["event"] for line in logs if line["log_level"] == "error"]


async def test_the_log_shows_nothing_of_what_was_said(world: World) -> None:
    await tell(world.container.store(), "o-secret", paid("o-secret", at=world.clock.now()))
    logs = await steps(world, Storefront(), 1)

    assert ["relay.round"] == [line["event"] for line in logs]
    assert "o-secret" not in str(logs)
