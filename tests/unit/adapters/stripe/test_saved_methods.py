"""What Stripe's answers and events say of customers and saved methods."""

import pytest

from markethub.adapters.stripe import saved_methods
from markethub.adapters.stripe.outcomes import Answer, NoAnswer
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    NotFound,
    PaymentsError,
    RequestInProgress,
)
from markethub.domain.facts import CustomerDeleted, MethodReported, Unrecognised
from markethub.domain.ids import ProviderCustomerId
from markethub.domain.secret import Secret


def refusal(code: str | None, type: str = "invalid_request_error") -> dict[str, object]:
    return {"error": {"type": type, "code": code}}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (NoAnswer(reason="timeout"), GatewayUnavailable),
        (Answer(status=200, body={"object": "odd"}), GatewayUnavailable),
        (Answer(status=404, body=refusal("resource_missing")), NotFound),
        (Answer(status=400, body=refusal("resource_missing")), NotFound),
        (Answer(status=409, body=refusal("idempotency_key_in_use")), RequestInProgress),
        (Answer(status=409, body=refusal("lock_timeout")), GatewayUnavailable),
        (Answer(status=429, body=refusal("rate_limit")), GatewayUnavailable),
        (Answer(status=400, body=refusal("rate_limit")), GatewayUnavailable),
        (Answer(status=400, body=refusal(None)), GatewayRejected),
        (Answer(status=402, body=refusal("card_declined", "card_error")), GatewayRejected),
        (Answer(status=400, body="<html>"), GatewayUnavailable),
        (Answer(status=401, body=refusal(None)), GatewayUnavailable),
        (Answer(status=500, body=refusal(None, "api_error")), GatewayUnavailable),
    ],
)
def test_every_answer_means_something(reply: Answer | NoAnswer, error: type[PaymentsError]) -> None:
    with pytest.raises(error) as raised:
        saved_methods.value(reply, saved_methods.method)

    assert error is type(raised.value)


TOKEN = Secret("pm_1")
METHOD = {"object": "payment_method", "id": "pm_1", "customer": "cus_1"}
SETUP = {"object": "setup_intent", "id": "seti_1", "payment_method": "pm_1"}
CUSTOMER = {"object": "customer", "id": "cus_1"}


@pytest.mark.parametrize(
    ("type", "obj", "fact"),
    [
        ("payment_method.attached", METHOD, MethodReported(token=TOKEN, is_detached=False)),
        ("payment_method.updated", METHOD, MethodReported(token=TOKEN, is_detached=False)),
        (
            "payment_method.automatically_updated",
            METHOD,
            MethodReported(token=TOKEN, is_detached=False),
        ),
        (
            "payment_method.detached",
            {**METHOD, "customer": None},
            MethodReported(token=TOKEN, is_detached=True),
        ),
        # It says two things: neither settles anything.
        ("payment_method.detached", METHOD, MethodReported(token=TOKEN, is_detached=False)),
        ("setup_intent.succeeded", SETUP, MethodReported(token=TOKEN, is_detached=False)),
        (
            "setup_intent.succeeded",
            {**SETUP, "payment_method": None},
            Unrecognised(type="setup_intent.succeeded"),
        ),
        (
            "customer.deleted",
            CUSTOMER,
            CustomerDeleted(customer_id=ProviderCustomerId("cus_1")),
        ),
    ],
)
def test_every_event_says_something(type: str, obj: dict[str, object], fact: object) -> None:
    assert fact == saved_methods.event_fact(type, obj)


def test_whatever_is_no_card_shows_none() -> None:
    link = {"object": "payment_method", "id": "pm_1", "type": "link", "created": 1, "link": {}}

    assert (None, None) == (
        saved_methods.method(link).card,
        saved_methods.method(link).fingerprint,
    )
