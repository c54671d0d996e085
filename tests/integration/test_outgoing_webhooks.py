"""A payment becomes a webhook that the storefront can trust, over real HTTP."""

import json

import pytest
from dependency_injector import providers
from standardwebhooks.webhooks import Webhook

from markethub.adapters.outgoing.publisher import WebhookPublisher
from markethub.domain.secret import Secret
from markethub.domain.target import Target
from tests.support.storefront import receiving
from tests.support.world import World

pytestmark = pytest.mark.anyio

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def test_a_charged_order_is_told_to_the_storefront_signed_and_once(world: World) -> None:
    paid = await world.paid("o-1", total=5000)
    async with receiving() as receiver:
        target = Target.parse(receiver.url, allow_loopback=True)
        publisher = WebhookPublisher(target, [Secret(SECRET)])
        world.container.publisher.override(providers.Object(publisher))
        relay = world.container.relay_outbox()
        relayed = [await relay(), await relay()]
        await publisher.close()

    assert [1, 0] == [each.delivered for each in relayed]
    [request] = receiver.received
    body = json.loads(request.body)
    assert body["id"] == request.headers["webhook-id"]
    assert "order.paid" == body["type"]
    assert {
        "order_id": "o-1",
        "payment_id": paid.id,
        "amount": 5000,
        "currency": "usd",
    } == body["data"]
    webhook = Webhook(SECRET)
    stamp = int(request.headers["webhook-timestamp"])
    assert int(world.clock.now().timestamp()) == stamp
    assert request.headers["webhook-signature"] == webhook.sign(
        body["id"], world.clock.now(), request.body.decode()
    )
