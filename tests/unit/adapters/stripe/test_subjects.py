"""What orders an event among others, and tells nobody what can be charged with."""

from collections.abc import Mapping
from typing import Any

import pytest

from markethub.adapters.stripe.subjects import subject_of


def of(obj: object) -> str:
    return subject_of({"data": {"object": obj}}, "evt_1")


@pytest.mark.parametrize(
    "obj",
    [
        {"id": "pi_1", "object": "payment_intent"},
        {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"},
        {"id": "ch_1", "object": "charge", "payment_intent": {"id": "pi_1"}},
        {"id": "re_1", "object": "refund", "charge": "ch_1", "payment_intent": "pi_1"},
        {"id": "dp_1", "object": "dispute", "charge": "ch_1", "payment_intent": "pi_1"},
    ],
)
def test_what_names_a_payment_is_about_it(obj: Mapping[str, Any]) -> None:
    assert "pi_1" == of(obj)


def test_without_an_intent_it_is_about_the_charge() -> None:
    assert "ch_1" == of({"id": "re_1", "payment_intent": None, "charge": "ch_1"})
    assert "ch_1" == of({"id": "ch_1", "payment_intent": None})


@pytest.mark.parametrize("token", ["pm_1AbC", "cus_1AbC", "card_1AbC", "src_1AbC"])
def test_what_can_be_charged_with_is_not_told(token: str) -> None:
    subject = of({"id": token})

    assert token not in subject
    assert subject == of({"id": token})
    assert subject != of({"id": f"{token}2"})


@pytest.mark.parametrize("obj", [None, [], "pi_1", {}, {"id": 7}, {"id": ""}, {"id": "pi_\x00"}])
def test_what_names_nothing_stands_for_itself(obj: object) -> None:
    assert "evt_1" == of(obj)


def test_a_thin_event_is_about_what_it_names() -> None:
    assert "pi_1" == subject_of({"related_object": {"id": "pi_1"}}, "evt_1")
