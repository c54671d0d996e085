"""A delivery's states, its message, and when it is tried again."""

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import attrs
import pytest

from markethub.domain.delivery import (
    ATTEMPTS_MAXIMUM,
    Answer,
    Delivery,
    DeliveryStatus,
    sequence_of,
)
from markethub.domain.errors import InvalidTransition
from markethub.domain.events import OrderPaid
from markethub.domain.ids import OrderId, PaymentId

START = datetime(2026, 11, 2, 9, 0, 0, 5, tzinfo=UTC)
PAID = OrderPaid(
    order_id=OrderId("o-1"),
    payment_id=PaymentId("pay_1"),
    amount_minor=5000,
    currency="usd",
    occurred_at=START,
)
TAKEN = Answer(status=204, duration_ms=3)
REFUSED = Answer(status=500, duration_ms=3)


def delivery(sequence: int = 7, event: OrderPaid = PAID) -> Delivery:
    return Delivery.of(event, sequence=sequence, aggregate_id="o-1")


def tried(times: int) -> Delivery:
    """Return one that was refused so often, each time when it was due."""
    each = delivery()
    for _ in range(times):
        each = each.settle(REFUSED, now=each.next_attempt_at)
    return each


# --- the message ------------------------------------------------------------------------------


def test_the_body_is_what_the_storefront_was_promised() -> None:
    message = delivery().message(at=START)

    assert {
        "id": message.id,
        "type": "order.paid",
        "created_at": "2026-11-02T09:00:00.000005Z",
        "sequence": 7,
        "data": {"order_id": "o-1", "payment_id": "pay_1", "amount": 5000, "currency": "usd"},
    } == json.loads(message.body)


def test_id_and_body_are_the_same_at_each_attempt() -> None:
    first = delivery().message(at=START)
    again = tried(5).replay(now=START).message(at=START + timedelta(days=9))

    assert (first.id, first.body) == (again.id, again.body)


def test_an_id_does_not_depend_on_the_time_zone_that_a_database_answers_in() -> None:
    east = attrs.evolve(PAID, occurred_at=START.astimezone(timezone(timedelta(hours=5))))

    assert delivery().message_id == delivery(event=east).message_id


@pytest.mark.parametrize(
    "other",
    [
        delivery(sequence=8),
        delivery(event=attrs.evolve(PAID, occurred_at=START + timedelta(microseconds=1))),
        attrs.evolve(delivery(), aggregate_id="o-2"),
    ],
)
def test_two_events_never_share_an_id(other: Delivery) -> None:
    assert delivery().message_id != other.message_id


def test_an_id_tells_its_sequence() -> None:
    assert 7 == sequence_of(delivery().message_id)


@pytest.mark.parametrize(
    "text", ["", "msg", "msg_", "msg_7", "msg_7_", "msg__a", "evt_7_a", "msg_x_a", "msg_²_a"]
)
def test_what_is_no_message_id_tells_none(text: str) -> None:
    assert sequence_of(text) is None


def test_a_number_beyond_the_database_is_no_sequence() -> None:
    assert sequence_of(f"msg_{10**18}0_a") is None


# --- states -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_success(status: int) -> None:
    settled = delivery().settle(Answer(status=status, duration_ms=0), now=START)

    assert DeliveryStatus.DELIVERED is settled.status


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status=each, duration_ms=0) for each in (100, 199, 300, 301, 307, 400, 410, 500)),
        Answer(error="timeout", duration_ms=5000),
    ],
)
def test_everything_else_is_tried_again(answer: Answer) -> None:
    settled = delivery().settle(answer, now=START)

    assert DeliveryStatus.PENDING is settled.status
    assert answer.reason == settled.reason
    assert START < settled.next_attempt_at


def test_waits_grow_from_seconds_to_hours_and_end_after_three_days() -> None:
    due = [tried(times).next_attempt_at for times in range(ATTEMPTS_MAXIMUM)]
    waits = [after - before for before, after in pairwise(due)]

    assert timedelta(seconds=5) <= waits[0] <= timedelta(seconds=6)
    assert timedelta(hours=6) <= waits[-1] <= timedelta(hours=7)
    assert timedelta(days=3) <= due[-1] - due[0] <= timedelta(days=4)


def test_waits_of_different_messages_differ_and_each_is_the_same_in_every_run() -> None:
    refused = [delivery(sequence).settle(REFUSED, now=START) for sequence in range(1, 21)]
    again = [delivery(sequence).settle(REFUSED, now=START) for sequence in range(1, 21)]

    assert refused == again
    assert 15 < len({each.next_attempt_at for each in refused})


def test_a_delivery_is_given_up_after_the_last_attempt() -> None:
    assert DeliveryStatus.PENDING is tried(ATTEMPTS_MAXIMUM - 1).status
    assert DeliveryStatus.DEAD is tried(ATTEMPTS_MAXIMUM).status
    assert "http_500" == tried(ATTEMPTS_MAXIMUM).reason


def test_an_endpoint_that_is_gone_is_no_fault_of_the_message() -> None:
    gone = tried(ATTEMPTS_MAXIMUM - 1).settle(Answer(status=410, duration_ms=1), now=START)

    assert DeliveryStatus.PENDING is gone.status


def test_what_was_given_up_begins_anew_when_it_is_replayed() -> None:
    later = START + timedelta(days=9)
    replayed = tried(ATTEMPTS_MAXIMUM).replay(now=later)

    assert replayed.is_due(later)
    assert (0, None) == (replayed.attempts, replayed.reason)


def test_what_is_being_sent_is_not_replayed() -> None:
    claimed = delivery().claim("lse_1", until=START + timedelta(seconds=30))

    with pytest.raises(InvalidTransition):
        claimed.replay(now=START + timedelta(seconds=29))


def test_what_is_claimed_is_due_again_when_the_claim_has_ended() -> None:
    claimed = delivery().claim("lse_1", until=START + timedelta(seconds=30))

    assert not claimed.is_due(START + timedelta(seconds=29))
    assert claimed.is_due(START + timedelta(seconds=30))


@pytest.mark.parametrize("answer", [TAKEN, REFUSED])
def test_what_is_settled_is_held_by_nobody(answer: Answer) -> None:
    settled = delivery().claim("lse_1", until=START + timedelta(hours=1)).settle(answer, now=START)

    assert (None, None) == (settled.lease, settled.leased_until)
