"""The event types that are subscribed to are those that handlers exist for."""

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from markethub.adapters.stripe.event_types import EVENT_TYPES
from markethub.adapters.stripe.webhooks import StripeEventTranslator, listed_event
from markethub.domain.errors import ValidationFailed
from markethub.domain.facts import IntentHinted, Unrecognised
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support import stripe_objects as objects
from tests.support.stores import event
from tests.support.stripe_params import problems

TRANSLATOR = StripeEventTranslator([])

REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 1,
    "created": 1,
    "currency": "usd",
    "status": "succeeded",
}
SAMPLES: dict[str, dict[str, Any]] = {
    "charge.dispute.": {"id": "dp_1", "object": "dispute", "charge": "ch_1"},
    "charge.refund.": REFUND,
    "charge.": objects.charge(),
    "customer.": {"id": "cus_1", "object": "customer"},
    "payment_intent.": objects.intent(),
    "payment_method.": {"id": "pm_1", "object": "payment_method", "customer": "cus_1"},
    "radar.": {"id": "issfr_1", "object": "radar.early_fraud_warning", "charge": "ch_1"},
    "refund.": REFUND,
    "setup_intent.": {
        "id": "seti_1",
        "object": "setup_intent",
        "customer": "cus_1",
        "payment_method": "pm_1",
        "usage": "off_session",
    },
}


def sample(type_: str) -> dict[str, Any]:
    """Return an object that an event of a type may be about."""
    return next(obj for prefix, obj in SAMPLES.items() if type_.startswith(prefix))


def handled() -> Iterator[type]:
    container = build_container(Settings(database=Database(url="memory://")))
    yield from container.process_inbox().handlers


@pytest.mark.parametrize("type_", EVENT_TYPES)
def test_every_declared_type_has_a_handler(type_: str) -> None:
    payload = json.dumps({"data": {"object": sample(type_)}})
    received = attrs.evolve(event(payload=payload).event, type=type_)

    assert type(TRANSLATOR.translate(received)) in set(handled())


def test_every_handler_has_a_declared_type() -> None:
    facts = set()
    for type_ in EVENT_TYPES:
        payload = json.dumps({"data": {"object": sample(type_)}})
        received = attrs.evolve(event(payload=payload).event, type=type_)
        facts.add(type(TRANSLATOR.translate(received)))

    # What an intent that cannot be read, or a thin event, leaves to be read.
    assert set(handled()) == facts | {IntentHinted}


@pytest.mark.parametrize("type_", ["invoice.paid", "charge.dispute.imagined", "refund.imagined"])
def test_what_is_not_declared_means_nothing_to_us(type_: str) -> None:
    payload = json.dumps({"data": {"object": sample("charge.")}})
    received = attrs.evolve(event(payload=payload).event, type=type_)

    assert isinstance(TRANSLATOR.translate(received), Unrecognised)


def test_they_are_declared_once_and_in_order() -> None:
    assert sorted(set(EVENT_TYPES)) == list(EVENT_TYPES)


def test_a_listed_event_is_checked_and_masked_like_one_that_was_pushed() -> None:
    obj = {"id": "pi_1", "object": "payment_intent", "client_secret": "pi_1_secret_x"}
    listed = objects.event(obj)

    payload = json.loads(listed_event(listed).payload)
    assert "***" == payload["data"]["object"]["client_secret"]
    for broken in ({**listed, "object": "charge"}, {**listed, "id": None}, [listed], None):
        with pytest.raises(ValidationFailed):
            listed_event(broken)


def test_stripe_knows_every_declared_type() -> None:
    listed = "&".join(f"enabled_events[{place}]={name}" for place, name in enumerate(EVENT_TYPES))
    form = f"url=https://shop.example.com&{listed}"

    assert [] == problems("POST", "/v1/webhook_endpoints", form)
    assert [] != problems("POST", "/v1/webhook_endpoints", f"{form}&enabled_events[99]=refund.made")
