"""An event of the other mode is answered as any other, so that Stripe stops sending it."""

import json

import pytest

from markethub.entrypoints.setting_values import Role
from tests.support import stripe_objects as objects
from tests.support.app import Api, ops
from tests.support.world import signed

pytestmark = pytest.mark.anyio


async def test_it_is_answered_and_counted(api: Api) -> None:
    for number in range(2):
        event = objects.event(objects.intent(), id=f"evt_{number}", livemode=True)
        body = json.dumps(event).encode()
        header = {"Stripe-Signature": signed(body, at=api.world.clock.now())}
        answer = await api.call("POST", "/api/stripe/webhook", raw=body, caller={}, headers=header)
        assert (200, {"received": True}) == (answer.status_code, answer.json())

    metrics = (await api.get("/metrics", caller=ops(Role.VIEWER))).text

    assert "markethub_inbox_wrong_mode_events 2.0" in metrics
