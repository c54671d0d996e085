"""The same event in API versions from 2017 to today: one fact, and one final state."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from markethub.adapters.stripe.webhooks import StripeEventTranslator
from markethub.domain.facts import (
    DisputeReported,
    ProviderFact,
    ProviderRefund,
    RefundReported,
    WarningReported,
)
from markethub.domain.secret import Secret
from tests.support import stripe_objects as objects
from tests.support.api_versions import VERSIONS
from tests.support.final_state import final_state
from tests.support.histories import HISTORIES, played
from tests.support.thin_events import as_thin
from tests.support.world import World, signed

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
TRANSLATOR = StripeEventTranslator([Secret("whsec_dev")])


def fact(event: Mapping[str, Any]) -> ProviderFact:
    body = json.dumps(event).encode()
    received = TRANSLATOR.verify(body, signature=signed(body, at=NOW), now=NOW)
    return TRANSLATOR.translate(received)


METHOD = {"id": "pm_1", "object": "payment_method", "customer": "cus_1", "type": "card"}
SETUP = {"id": "seti_1", "object": "setup_intent", "payment_method": "pm_1", "customer": "cus_1"}
METHODS = (
    objects.event(METHOD, "payment_method.attached"),
    objects.event(METHOD, "payment_method.automatically_updated"),
    objects.event(METHOD | {"customer": None}, "payment_method.detached"),
    objects.event(SETUP, "setup_intent.succeeded"),
    objects.event({"id": "cus_1", "object": "customer"}, "customer.deleted"),
)


def told(fact: ProviderFact) -> ProviderFact:
    """Leave out the intent of what names its charge: events of old times do not tell it."""
    match fact:
        case RefundReported(refund=None):
            return fact
        case RefundReported(refund=ProviderRefund() as refund):
            return attrs.evolve(fact, intent_id=None, refund=attrs.evolve(refund, intent_id=None))
        case DisputeReported() | WarningReported():
            return attrs.evolve(fact, intent_id=None)
        case _:
            return fact


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("version", VERSIONS)
async def test_the_final_state_is_the_same(version: str, name: str) -> None:
    modern, events = await played(HISTORIES[name])
    for event in events:
        await modern.deliver(event)
    await modern.rest()
    world, events = await played(HISTORIES[name])

    for event in events:
        await world.deliver(VERSIONS[version](event))
    await world.rest()

    assert await final_state(modern) == await final_state(world)


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_fact_is_the_same(version: str) -> None:
    events = [event for play in HISTORIES.values() for event in (await played(play))[1]]

    different = [
        event["type"]
        for event in [*events, *METHODS]
        if told(fact(VERSIONS[version](event))) != told(fact(event))
    ]

    assert [] == different


async def settled(world: World) -> object:
    """Return the final state but for what waits.

    A thin event names the charge of a declined attempt, of which we never hear otherwise.
    """
    return await final_state(world) | {"waiting": None}


@pytest.mark.parametrize("name", HISTORIES)
async def test_the_final_state_is_the_same_where_all_events_are_thin(name: str) -> None:
    snapshots, events = await played(HISTORIES[name])
    for event in events:
        await snapshots.deliver(event)
    await snapshots.rest()
    world, events = await played(HISTORIES[name])

    for event in events:
        await world.deliver(as_thin(event))
    await world.rest()

    # A success that is shown is settled without a read, which alone tells the card and the fee.
    await world.refresh()
    await snapshots.refresh()
    assert await settled(snapshots) == await settled(world)


@pytest.mark.parametrize("name", HISTORIES)
async def test_both_kinds_of_event_beside_each_other_have_one_effect(name: str) -> None:
    snapshots, events = await played(HISTORIES[name])
    for event in events:
        await snapshots.deliver(event)
    await snapshots.rest()
    world, events = await played(HISTORIES[name])

    for event in events:
        await world.deliver(as_thin(event))
        await world.deliver(event)
    await world.rest()

    assert await settled(snapshots) == await settled(world)
