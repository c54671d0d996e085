"""Events in the inbox: kept, retried, parked for three days, never lost."""

from datetime import timedelta

import pytest

from markethub.domain.inbox_event import InboxEvent, InboxStatus
from tests.unit.domain.values import START, later, received_event

LAST_MOMENT = START + timedelta(hours=72) - timedelta(microseconds=1)


def taken() -> InboxEvent:
    return InboxEvent.receive(received_event(), livemode=False, now=START)


def test_a_received_event_is_due_at_once() -> None:
    event = taken()

    assert (InboxStatus.PENDING, True, START, 0) == (
        event.status,
        event.is_waiting,
        event.next_attempt_at,
        event.attempts,
    )


@pytest.mark.parametrize(("livemode", "ours"), [(True, False), (False, True)])
def test_an_event_of_the_other_mode_is_kept_and_ignored(livemode: bool, ours: bool) -> None:
    event = InboxEvent.receive(received_event(livemode=livemode), livemode=ours, now=START)

    assert (InboxStatus.IGNORED, "wrong_mode", False) == (
        event.status,
        event.reason,
        event.is_waiting,
    )


def test_an_event_of_our_own_live_mode_is_taken() -> None:
    event = InboxEvent.receive(received_event(livemode=True), livemode=True, now=START)

    assert event.is_waiting


def test_a_processed_event_has_no_reason_left() -> None:
    event = taken().retry("gateway_unavailable", now=later(seconds=1)).process(now=later(seconds=9))

    assert (InboxStatus.PROCESSED, None, later(seconds=9), False) == (
        event.status,
        event.reason,
        event.updated_at,
        event.is_waiting,
    )


def test_a_retried_event_waits_five_seconds_and_says_why() -> None:
    event = taken().retry("gateway_unavailable", now=later(seconds=1))

    assert (InboxStatus.PENDING, "gateway_unavailable", 1, later(seconds=6)) == (
        event.status,
        event.reason,
        event.attempts,
        event.next_attempt_at,
    )


def test_every_retry_is_counted() -> None:
    event = taken()
    for second in range(3):
        event = event.retry("stale_write", now=later(seconds=second))

    assert 3 == event.attempts


@pytest.mark.parametrize("ours", [True, False])
def test_a_parked_event_waits_and_is_retried(*, ours: bool) -> None:
    event = taken().park("unknown_object", ours=ours, now=LAST_MOMENT)

    assert (InboxStatus.PARKED, "unknown_object", True, LAST_MOMENT + timedelta(seconds=5)) == (
        event.status,
        event.reason,
        event.is_waiting,
        event.next_attempt_at,
    )


def test_after_three_days_an_event_of_others_is_ignored_as_foreign() -> None:
    event = taken().park("unknown_object", ours=False, now=later(hours=72))

    assert (InboxStatus.IGNORED, "foreign") == (event.status, event.reason)


def test_after_three_days_an_event_with_our_id_is_dead_and_not_forgotten() -> None:
    event = taken().park("unknown_object", ours=True, now=later(hours=72))

    assert (InboxStatus.DEAD, "unknown_object", False) == (
        event.status,
        event.reason,
        event.is_waiting,
    )


def test_being_parked_again_does_not_begin_the_three_days_anew() -> None:
    event = (
        taken()
        .park("unknown_object", ours=True, now=later(hours=71))
        .park("unknown_object", ours=True, now=later(hours=72))
    )

    assert InboxStatus.DEAD is event.status


def test_nothing_changes_what_was_received() -> None:
    event = taken()
    moment = later(hours=1)
    after = [
        event.process(now=moment),
        event.ignore("unhandled_type", now=moment),
        event.retry("stale_write", now=moment),
        event.park("unknown_object", ours=True, now=moment),
    ]

    assert {(event.event, event.received_at)} == {(each.event, each.received_at) for each in after}
