"""What each answer means: an effect, a refusal, nothing done, or nobody knows."""

from typing import Any

import pytest

from markethub.adapters.stripe import outcomes, translate
from markethub.adapters.stripe.outcomes import Answer, NoAnswer
from markethub.domain.errors import GatewayRejected, GatewayUnavailable, NotFound
from markethub.domain.ports.gateway import Declined, Done, NotTaken, Unknown
from tests.support import stripe_objects as objects

ODD_BODIES: list[Any] = [None, [], "busy", {}, {"object": "payment_intent"}, objects.charge()]


@pytest.mark.parametrize("replayed", [True, False])
def test_an_intent_in_return_means_done(replayed: bool) -> None:
    expected = Done(intent=translate.intent(objects.intent()), replayed=replayed)

    assert expected == outcomes.outcome(
        Answer(status=200, body=objects.intent(), replayed=replayed)
    )


@pytest.mark.parametrize("body", ODD_BODIES, ids=str)
def test_a_success_that_shows_no_intent_leaves_it_unknown(body: Any) -> None:
    assert isinstance(outcomes.outcome(Answer(status=200, body=body)), Unknown)


def test_no_answer_leaves_it_unknown() -> None:
    assert Unknown(reason="ReadTimeout") == outcomes.outcome(NoAnswer(reason="ReadTimeout"))


@pytest.mark.parametrize("status", [400, 402, 404])
def test_a_refusal_of_stripes_has_its_code(status: int) -> None:
    body = objects.error(code="amount_too_small")

    assert Declined(code="amount_too_small") == outcomes.outcome(Answer(status=status, body=body))


def test_a_refusal_without_a_code_is_named_by_its_type() -> None:
    assert Declined(code="invalid_request_error") == outcomes.outcome(
        Answer(status=400, body=objects.error())
    )


def test_a_refusal_shows_the_intent_as_it_stands() -> None:
    body = objects.error(
        code="payment_intent_unexpected_state", payment_intent=objects.intent(status="canceled")
    )
    expected = Declined(
        code="payment_intent_unexpected_state",
        intent=translate.intent(objects.intent(status="canceled")),
    )

    assert expected == outcomes.outcome(Answer(status=400, body=body))


@pytest.mark.parametrize("status", [400, 402, 404])
@pytest.mark.parametrize(
    "body",
    [*ODD_BODIES, {"error": "no"}, {"error": {}}, objects.error("api_error"), objects.error("new")],
    ids=str,
)
def test_a_refusal_that_is_not_stripes_leaves_it_unknown(status: int, body: Any) -> None:
    assert isinstance(outcomes.outcome(Answer(status=status, body=body)), Unknown)


def test_a_key_used_for_something_else_leaves_it_unknown_and_is_not_sent_again() -> None:
    outcome = outcomes.outcome(Answer(status=400, body=objects.error("idempotency_error")))

    assert Unknown(reason="idempotency_error", stored=True) == outcome


@pytest.mark.parametrize("type", ["idempotency_error", "invalid_request_error"])
def test_the_same_key_in_flight_is_not_taken(type: str) -> None:
    body = objects.error(type, code="idempotency_key_in_use")

    assert NotTaken(reason="conflict", in_flight=True) == outcomes.outcome(
        Answer(status=409, body=body)
    )


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, objects.error(), "credentials refused"),
        (403, None, "credentials refused"),
        (409, objects.error(), "conflict"),
        (429, objects.error(code="lock_timeout"), "lock_timeout"),
        (429, objects.error(code="rate_limit"), "rate_limit"),
        (429, None, "rate limit"),
        (400, objects.error(code="rate_limit"), "rate limit"),
    ],
)
def test_what_stripe_did_not_execute_is_not_taken(status: int, body: Any, reason: str) -> None:
    assert NotTaken(reason=reason) == outcomes.outcome(Answer(status=status, body=body))


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 408, 424, 418, 302, 100])
@pytest.mark.parametrize("replayed", [True, False])
def test_any_other_answer_leaves_it_unknown_and_a_replayed_one_stays_so(
    status: int, replayed: bool
) -> None:
    body = objects.error(code="card_declined")
    outcome = outcomes.outcome(Answer(status=status, body=body, replayed=replayed))

    assert Unknown(reason=f"status {status}", stored=replayed) == outcome


@pytest.mark.parametrize(
    "reply",
    [NoAnswer(reason="ConnectError"), Answer(status=403, body=objects.error())],
    ids=["no answer", "not allowed"],
)
def test_an_intent_is_not_lost_because_the_lines_of_its_charge_cannot_be_read(
    reply: outcomes.Reply,
) -> None:
    intent = translate.intent(objects.with_charge_inline(objects.intent()))

    assert intent is outcomes.with_released(intent, reply)


class TestARead:
    def test_returns_the_intent(self) -> None:
        expected = translate.intent(objects.intent())

        assert expected == outcomes.intent(Answer(status=200, body=objects.intent()))

    def test_of_what_stripe_does_not_have_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            outcomes.intent(Answer(status=404, body=objects.error(code="resource_missing")))

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (401, objects.error()),
            (403, None),
            (400, objects.error(code="parameter_unknown")),
            (
                404,
                objects.error(),
            ),  # "Unrecognized request URL": a wrong address, not a lost intent
        ],
        ids=str,
    )
    def test_that_stripe_refuses_tells_nothing_of_the_object(self, status: int, body: Any) -> None:
        with pytest.raises(GatewayUnavailable):
            outcomes.intent(Answer(status=status, body=body))

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            *((200, body) for body in ODD_BODIES),
            (404, None),  # from a proxy: says nothing about the intent
            (404, {"code": "resource_missing"}),
            (409, objects.error()),
            (429, objects.error()),
            (500, objects.error()),
            (302, None),
        ],
        ids=str,
    )
    def test_that_tells_nothing_is_unavailable(self, status: int, body: Any) -> None:
        with pytest.raises(GatewayUnavailable):
            outcomes.intent(Answer(status=status, body=body))

    def test_without_an_answer_is_unavailable(self) -> None:
        with pytest.raises(GatewayUnavailable):
            outcomes.intent(NoAnswer(reason="ConnectError"))

    @pytest.mark.parametrize("status", [401, 403])
    def test_of_the_account_by_a_key_that_may_not_is_rejected(self, status: int) -> None:
        with pytest.raises(GatewayRejected):
            outcomes.account_id(Answer(status=status, body=objects.error()))

    def test_of_the_account_returns_its_id(self) -> None:
        body = {"id": "acct_1", "object": "account"}

        assert outcomes.account_id(Answer(status=200, body=body)) == "acct_1"
