"""Events in the inbox: kept, retried, parked for three days, never lost."""

from datetime import timedelta

import attrs
import pytest

from markethub.domain.errors import InvalidTransition
from markethub.domain.inbox_event import (
    ERROR_CHARACTERS_MAXIMUM,
    FAILURES_MAXIMUM,
    RETRY_MAXIMUM,
    InboxEvent,
    InboxStatus,
)
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
    event = (
        taken().fail("KeyError", error="trace", now=later(seconds=1)).process(now=later(seconds=9))
    )

    assert (InboxStatus.PROCESSED, None, later(seconds=9), False) == (
        event.status,
        event.reason,
        event.updated_at,
        event.is_waiting,
    )


# --- in others' way ------------------------------------------------------------------------------


def test_an_event_that_meets_an_outage_is_tried_again_within_five_seconds() -> None:
    event = taken().postpone("gateway_unavailable", now=START)

    assert (InboxStatus.PENDING, "gateway_unavailable", 1, 0) == (
        event.status,
        event.reason,
        event.attempts,
        event.failures,
    )
    assert timedelta(seconds=2.5) <= event.next_attempt_at - START <= timedelta(seconds=5)


def test_the_waits_grow_up_to_ten_minutes() -> None:
    event, waits = taken(), []
    for _ in range(12):
        event = event.postpone("gateway_unavailable", now=START)
        waits.append(event.next_attempt_at - START)

    assert timedelta(minutes=5) <= waits[-1] <= RETRY_MAXIMUM
    assert all(later > earlier for earlier, later in zip(waits[:6:2], waits[2:8:2], strict=True))


def test_an_outage_of_less_than_three_days_kills_no_event() -> None:
    event = taken()
    for _ in range(1000):
        event = event.postpone("gateway_unavailable", now=LAST_MOMENT)

    assert event.is_waiting


def test_after_three_days_of_outage_an_event_is_dead_with_its_reason() -> None:
    event = taken().postpone("gateway_unavailable", now=later(hours=72))

    assert (InboxStatus.DEAD, "gateway_unavailable") == (event.status, event.reason)


# --- poison --------------------------------------------------------------------------------------


def test_an_event_that_we_stumble_over_keeps_the_traceback() -> None:
    event = taken().fail("KeyError", error="Traceback: 'id'", now=START)

    assert (InboxStatus.PENDING, "KeyError", "Traceback: 'id'", 1, 1) == (
        event.status,
        event.reason,
        event.error,
        event.attempts,
        event.failures,
    )


def test_of_a_long_traceback_the_end_is_kept() -> None:
    event = taken().fail("KeyError", error="x" * 10_000 + "the end", now=START)

    assert event.error is not None
    assert ERROR_CHARACTERS_MAXIMUM == len(event.error)
    assert event.error.endswith("the end")


def test_an_event_that_we_stumbled_over_too_often_is_dead() -> None:
    event = taken()
    for _ in range(FAILURES_MAXIMUM - 1):
        event = event.fail("KeyError", error="trace", now=START)
    was_waiting = event.is_waiting
    event = event.fail("ValueError", error="the last", now=START)

    assert was_waiting
    assert (InboxStatus.DEAD, "ValueError", "the last") == (event.status, event.reason, event.error)


def test_outages_do_not_count_as_our_own_failures() -> None:
    event = taken()
    for _ in range(3 * FAILURES_MAXIMUM):
        event = event.postpone("gateway_unavailable", now=START)
    event = event.fail("KeyError", error="trace", now=START)

    assert (True, 1) == (event.is_waiting, event.failures)


# --- replay --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ended",
    [
        taken().bury("KeyError", now=START),
        taken().ignore("unhandled_type", now=START),
        taken().process(now=START),
        taken().park("unknown_object", ours=True, now=START),
        taken().fail("KeyError", error="trace", now=START),
    ],
    ids=lambda event: event.status,
)
def test_a_replayed_event_begins_anew(ended: InboxEvent) -> None:
    moment = later(hours=100)

    assert attrs.evolve(
        taken(), next_attempt_at=moment, replayed_at=moment, updated_at=moment
    ) == ended.replay(now=moment)


def test_a_replayed_event_has_three_days_again() -> None:
    event = taken().bury("unknown_object", now=START).replay(now=later(hours=100))

    assert event.postpone("gateway_unavailable", now=later(hours=171)).is_waiting
    assert not event.postpone("gateway_unavailable", now=later(hours=172)).is_waiting


def test_an_event_of_the_other_mode_is_never_replayed() -> None:
    event = InboxEvent.receive(received_event(livemode=True), livemode=False, now=START)

    with pytest.raises(InvalidTransition):
        event.replay(now=START)


# --- parked --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ours", [True, False])
def test_a_parked_event_waits_and_is_tried_again(*, ours: bool) -> None:
    event = taken().park("unknown_object", ours=ours, now=LAST_MOMENT)

    assert (InboxStatus.PARKED, "unknown_object", True, 0) == (
        event.status,
        event.reason,
        event.is_waiting,
        event.failures,
    )
    assert LAST_MOMENT < event.next_attempt_at <= LAST_MOMENT + timedelta(seconds=5)


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
        event.postpone("stale_write", now=moment),
        event.fail("KeyError", error="trace", now=moment),
        event.replay(now=moment),
        event.park("unknown_object", ours=True, now=moment),
    ]

    assert {(event.event, event.received_at)} == {(each.event, each.received_at) for each in after}


def test_an_event_prints_without_its_payload() -> None:
    event = attrs.evolve(received_event(), payload='{"payment_method": "pm_1NabcDEFgh"}')

    assert "pm_1NabcDEFgh" not in repr(attrs.evolve(taken(), event=event))


def test_an_error_is_kept_as_text_that_every_database_takes() -> None:
    failed = taken().fail("ValueError", error="ü \udc80 \0", now=START)

    assert "ü \\udc80 \\x00" == failed.error
