"""How the storefront's address is judged by its answers."""

from datetime import UTC, datetime, timedelta

from markethub.domain.delivery import ATTEMPTS_MAXIMUM, Answer, Delivery
from markethub.domain.endpoint import BRAKE_AFTER, FAILING_MAXIMUM, REST_MAXIMUM, Endpoint
from tests.unit.domain.test_delivery import PAID

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def failed(times: int, *, now: datetime = START) -> Endpoint:
    endpoint = Endpoint(id="e", since=START)
    for _ in range(times):
        endpoint = endpoint.fail(gone=False, now=now)
    return endpoint


def test_an_endpoint_takes_whole_batches_while_it_answers() -> None:
    assert 20 == failed(BRAKE_AFTER - 1).takes(20, now=START)


def test_an_endpoint_that_fails_on_and_on_rests_and_is_then_tried_with_one() -> None:
    braked = failed(BRAKE_AFTER)

    assert 0 == braked.takes(20, now=START)
    assert 1 == braked.takes(20, now=START + timedelta(seconds=1))


def test_rests_grow_to_minutes_and_no_further() -> None:
    assert START + REST_MAXIMUM == failed(BRAKE_AFTER + 1000).rest_until


def test_one_success_lets_all_through_again() -> None:
    assert 20 == failed(BRAKE_AFTER + 5).succeed().takes(20, now=START)


def test_an_endpoint_that_has_failed_everything_for_three_days_is_disabled() -> None:
    before = failed(1).fail(gone=False, now=START + FAILING_MAXIMUM - timedelta(seconds=1))
    after = failed(1).fail(gone=False, now=START + FAILING_MAXIMUM)

    assert before.disabled_at is None
    assert ("failing", START + FAILING_MAXIMUM) == (after.disabled_reason, after.disabled_at)
    assert 0 == after.takes(20, now=START + timedelta(days=99))


def test_one_success_in_three_days_keeps_it_enabled() -> None:
    answered = failed(5).succeed().fail(gone=False, now=START + FAILING_MAXIMUM)

    assert answered.disabled_at is None


def test_an_endpoint_that_is_gone_is_disabled_at_once() -> None:
    assert "gone" == Endpoint(id="e", since=START).fail(gone=True, now=START).disabled_reason


def test_a_disabled_endpoint_stays_disabled_since_the_first_time() -> None:
    gone = Endpoint(id="e", since=START).fail(gone=True, now=START)

    assert START == gone.fail(gone=False, now=START + timedelta(days=9)).disabled_at


def test_an_enabled_endpoint_begins_anew() -> None:
    gone = failed(BRAKE_AFTER + 3).fail(gone=True, now=START)

    assert Endpoint(id="e", since=START) == gone.enable()


def test_an_endpoint_that_fails_everything_is_disabled_before_any_message_is_given_up() -> None:
    endpoint = Endpoint(id="e", since=START)
    refused = Answer(status=503, duration_ms=1)
    spent = []
    for sequence in range(1, 200):
        delivery = Delivery.of(PAID, sequence=sequence, aggregate_id="o-1")
        endpoint, attempts = Endpoint(id="e", since=START), 0
        while endpoint.disabled_at is None:
            now = delivery.next_attempt_at
            delivery, attempts = delivery.settle(refused, now=now), attempts + 1
            endpoint = endpoint.fail(gone=False, now=now)
        spent.append(attempts)
        assert delivery.is_pending

    assert max(spent) < ATTEMPTS_MAXIMUM
