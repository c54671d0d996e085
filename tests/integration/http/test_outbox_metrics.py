"""What ``/metrics`` shows of outgoing webhooks."""

import attrs
import pytest
from dependency_injector import providers

from markethub.domain.delivery import Answer
from markethub.domain.target import Target
from markethub.entrypoints.setting_values import Role
from tests.support.app import SETTINGS, Api, ops
from tests.support.storefront import Storefront
from tests.support.told import paid, tell

pytestmark = pytest.mark.anyio

TARGET = Target.parse("https://shop.example/hooks", allow_loopback=False)


async def gauges(api: Api) -> dict[str, float]:
    text = (await api.get("/metrics", caller=ops(Role.VIEWER))).text
    lines = (line for line in text.splitlines() if line.startswith("markethub_outbox_"))
    pairs = (line.removeprefix("markethub_outbox_").split() for line in lines)
    return {name: float(value) for name, value in pairs}


async def test_metrics_show_what_waits_how_long_and_whether_anybody_listens(api: Api) -> None:
    container = api.world.container
    storefront = Storefront(endpoint_id=TARGET.id)
    storefront.answer = lambda message: Answer(status=410, duration_ms=1)
    container.settings.override(providers.Object(attrs.evolve(SETTINGS, out_webhook=TARGET)))
    container.publisher.override(providers.Object(storefront))
    await tell(container.store(), "o-1", paid("o-1", at=api.world.clock.now()))
    api.world.clock.advance(seconds=90)
    before = await gauges(api)
    await container.relay_outbox()()
    after = await gauges(api)

    silent = {
        "waiting_deliveries": 1,
        "oldest_delivery_age_seconds": 90,
        "dead_deliveries": 0,
        "endpoint_disabled": 0,
    }
    assert silent == before
    assert {**silent, "endpoint_disabled": 1} == after


async def test_nothing_is_counted_while_no_address_is_configured(api: Api) -> None:
    await tell(api.world.container.store(), "o-1", paid("o-1"))

    assert {0.0} == set((await gauges(api)).values())
