"""Operations: the durable intention, its key, and what a read says became of it."""

from datetime import timedelta
from itertools import product

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import InvalidTransition, RequestInProgress
from markethub.domain.facts import IntentStatus
from markethub.domain.ids import OperationId, RefundId
from markethub.domain.operation import (
    KEY_LIFE,
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    GatewayCommand,
    Operation,
    OperationKind,
    OperationStatus,
    RefundIntent,
    UpdateIntent,
    refuse_second,
)
from markethub.domain.secret import Secret
from tests.unit.domain.values import PAY1, PI1, START, intent, later, operation, usd

S, K = IntentStatus, OperationKind
UNRESOLVED, DONE, REFUSED, NEVER = (
    OperationStatus.UNRESOLVED,
    OperationStatus.DONE,
    OperationStatus.REFUSED,
    OperationStatus.NEVER_HAPPENED,
)
REF1 = RefundId("ref_1")
CREATE = CreateIntent(
    payment_id=PAY1, order_id="o-1", customer_id="c-1", amount=usd(5000), manual_capture=False
)
COMMANDS: dict[OperationKind, GatewayCommand] = {
    K.CREATE_INTENT: CREATE,
    K.UPDATE_INTENT: UpdateIntent(intent_id=PI1, amount=usd(6000)),
    K.CONFIRM: ConfirmIntent(intent_id=PI1, method=Secret("pm_1"), off_session=True),
    K.CAPTURE: CaptureIntent(intent_id=PI1, amount=usd(3000)),
    K.CANCEL: CancelIntent(intent_id=PI1),
    K.REFUND: RefundIntent(
        intent_id=PI1, refund_id=REF1, payment_id=PAY1, amount=usd(2000), reason="goodwill"
    ),
}


# --- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OperationKind)
def test_an_operation_begins_unresolved_and_is_left_to_its_request_at_first(
    kind: OperationKind,
) -> None:
    asked = operation(COMMANDS[kind])

    assert (kind, UNRESOLVED, True, later(seconds=10), 1, 0) == (
        asked.kind,
        asked.status,
        asked.is_unresolved,
        asked.next_attempt_at,
        asked.attempt,
        asked.version,
    )


def test_an_update_a_capture_or_a_refund_remembers_its_amount() -> None:
    amounts = {kind: operation(command).amount for kind, command in COMMANDS.items()}

    assert {
        K.CREATE_INTENT: None,
        K.UPDATE_INTENT: usd(6000),
        K.CONFIRM: None,
        K.CAPTURE: usd(3000),
        K.CANCEL: None,
        K.REFUND: usd(2000),
    } == amounts


def test_the_same_thing_is_of_the_same_kind_and_amount() -> None:
    capture = operation(COMMANDS[K.CAPTURE])

    assert capture.asks_the_same(K.CAPTURE, usd(3000))
    assert not capture.asks_the_same(K.CAPTURE, usd(2999))
    assert not capture.asks_the_same(K.UPDATE_INTENT, usd(3000))
    assert not capture.asks_the_same(K.CAPTURE, None)


def test_a_second_unresolved_operation_is_refused() -> None:
    refuse_second(None)

    with pytest.raises(RequestInProgress):
        refuse_second(operation(CREATE))


# --- the key ------------------------------------------------------------------------------------


def test_the_key_is_derived_from_the_row_and_the_attempt() -> None:
    assert "create_intent:op_1:1" == operation(CREATE).idempotency_key


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(OperationKind), st.integers(0, 9), st.integers(1, 30)),
        unique=True,
        max_size=20,
    )
)
def test_different_rows_or_attempts_have_different_keys(
    rows: list[tuple[OperationKind, int, int]],
) -> None:
    keys = {
        attrs.evolve(
            operation(COMMANDS[kind]), id=OperationId(f"op_{number}"), attempt=attempt
        ).idempotency_key
        for kind, number, attempt in rows
    }

    assert len(rows) == len(keys)


def test_nothing_but_another_attempt_changes_the_key() -> None:
    asked = operation(COMMANDS[K.CAPTURE])
    moment = later(minutes=5)
    after = [
        asked.postpone(now=moment),
        asked.missing(now=moment),
        asked.refuse("no", now=moment),
        asked.abandon(now=moment),
        asked.resolve(intent(S.SUCCEEDED), now=moment),
    ]

    assert {asked.idempotency_key} == {each.idempotency_key for each in after}
    assert "capture:op_1:2" == asked.try_again(now=moment).idempotency_key


def test_another_attempt_asks_for_the_same_thing() -> None:
    asked = operation(COMMANDS[K.CAPTURE])
    again = asked.try_again(now=later(minutes=5))
    changed = {"attempt", "next_attempt_at", "updated_at"}

    assert changed == {
        field.name
        for field in attrs.fields(Operation)
        if getattr(asked, field.name) != getattr(again, field.name)
    }


@pytest.mark.parametrize(
    ("age", "may_be_sent"),
    [
        (timedelta(), True),
        (timedelta(hours=23) - timedelta(microseconds=1), True),
        (timedelta(hours=23), False),
        (timedelta(hours=25), False),
    ],
)
def test_a_key_protects_for_23_hours(age: timedelta, *, may_be_sent: bool) -> None:
    assert may_be_sent == operation(CREATE).may_be_sent(START + age)


def test_another_attempt_does_not_prolong_what_an_operation_may_do() -> None:
    again = operation(COMMANDS[K.CAPTURE]).try_again(now=later(hours=22))

    assert not again.may_be_sent(START + KEY_LIFE)


@pytest.mark.parametrize("kind", [kind for kind in OperationKind if kind is not K.CREATE_INTENT])
def test_only_what_cannot_have_moved_money_is_superseded(kind: OperationKind) -> None:
    with pytest.raises(InvalidTransition):
        operation(COMMANDS[kind]).supersede(now=later(seconds=1))


# --- what a read says ---------------------------------------------------------------------------

# For every kind: in which statuses it has happened, and in which it can no longer happen.
# An update has happened when the intent asks for its amount, whatever the status.
HAPPENED = {
    K.CREATE_INTENT: set(IntentStatus),
    K.UPDATE_INTENT: set[IntentStatus](),
    K.CONFIRM: {S.REQUIRES_ACTION, S.PROCESSING, S.REQUIRES_CAPTURE, S.SUCCEEDED},
    K.CAPTURE: {S.SUCCEEDED},
    K.CANCEL: {S.CANCELED},
    K.REFUND: set[IntentStatus](),  # an intent does not show its refunds
}
IMPOSSIBLE = {
    K.CREATE_INTENT: set[IntentStatus](),
    K.UPDATE_INTENT: {S.PROCESSING, S.REQUIRES_CAPTURE, S.SUCCEEDED, S.CANCELED},
    K.CONFIRM: {S.CANCELED},
    K.CAPTURE: {
        S.CANCELED,
        S.REQUIRES_PAYMENT_METHOD,
        S.REQUIRES_CONFIRMATION,
        S.REQUIRES_ACTION,
    },
    K.CANCEL: {S.SUCCEEDED},
    K.REFUND: set[IntentStatus](),
}


@pytest.mark.parametrize(("kind", "status"), list(product(OperationKind, IntentStatus)))
def test_every_read_of_every_kind(kind: OperationKind, status: IntentStatus) -> None:
    asked = operation(COMMANDS[kind])
    resolved = asked.resolve(intent(status), now=later(seconds=1))
    expected: tuple[OperationStatus, str | None]
    if status in HAPPENED[kind]:
        expected = (DONE, None)
    elif status in IMPOSSIBLE[kind]:
        expected = (REFUSED, "superseded")
    else:
        expected = (UNRESOLVED, None)

    assert expected == (resolved.status, resolved.error_code)
    assert resolved.is_unresolved == (resolved is asked)


@pytest.mark.parametrize("status", IntentStatus)
def test_an_update_has_happened_when_the_intent_asks_for_its_amount(status: IntentStatus) -> None:
    asked = operation(COMMANDS[K.UPDATE_INTENT])

    assert DONE is asked.resolve(intent(status, amount=6000), now=later(seconds=1)).status


@pytest.mark.parametrize(("kind", "status"), list(product(OperationKind, IntentStatus)))
def test_what_is_resolved_stays_so(kind: OperationKind, status: IntentStatus) -> None:
    refused = operation(COMMANDS[kind]).refuse("no", now=later(seconds=1))

    assert refused is refused.resolve(intent(status), now=later(seconds=2))


def test_a_refusal_and_an_abandonment_end_it_with_their_reason() -> None:
    asked = operation(COMMANDS[K.CAPTURE])
    refused, abandoned = asked.refuse("no", now=later(hours=1)), asked.abandon(now=later(hours=24))

    assert (REFUSED, "no") == (refused.status, refused.error_code)
    assert (NEVER, "expired") == (abandoned.status, abandoned.error_code)


# --- waiting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "longest"),
    [
        (timedelta(seconds=10), timedelta(seconds=10)),
        (timedelta(minutes=1), timedelta(minutes=1)),
        (timedelta(minutes=8), timedelta(minutes=8)),
        (timedelta(hours=3), timedelta(minutes=15)),
        (timedelta(hours=22), timedelta(minutes=15)),
    ],
)
def test_an_unknown_outcome_is_asked_for_at_widening_intervals(
    age: timedelta, longest: timedelta
) -> None:
    postponed = operation(CREATE).postpone(now=START + age)

    assert UNRESOLVED is postponed.status
    assert longest / 2 <= postponed.next_attempt_at - START - age <= longest


def test_once_its_key_protects_no_more_it_is_looked_up_hourly() -> None:
    postponed = operation(CREATE).postpone(now=later(hours=23))

    assert later(hours=24) == postponed.next_attempt_at


def test_in_a_day_of_outage_it_is_asked_for_about_a_hundred_times() -> None:
    asked, times = operation(CREATE), 0
    while asked.next_attempt_at < later(hours=24):
        asked, times = asked.postpone(now=asked.next_attempt_at), times + 1

    assert 90 <= times <= 200


def test_what_a_request_has_just_begun_is_left_to_it() -> None:
    asked = operation(CREATE)

    assert not asked.is_left_behind(later(seconds=9.9))
    assert asked.is_left_behind(later(seconds=10))
    assert not asked.refuse("no", now=START).is_left_behind(later(seconds=10))


def test_two_empty_listings_an_hour_apart_end_it_as_never_created() -> None:
    once = operation(CREATE).missing(now=later(hours=24))
    twice = once.missing(now=later(hours=25))

    assert (UNRESOLVED, later(hours=24), later(hours=25)) == (
        once.status,
        once.missing_since,
        once.next_attempt_at,
    )
    assert (NEVER, "never_created") == (twice.status, twice.error_code)


def test_two_empty_listings_within_an_hour_prove_nothing() -> None:
    once = operation(CREATE).missing(now=later(hours=24))
    twice = once.missing(now=later(hours=24, minutes=59, seconds=59))

    assert (UNRESOLVED, later(hours=24)) == (twice.status, twice.missing_since)


@given(minutes=st.lists(st.integers(min_value=0, max_value=180), max_size=6))
def test_the_first_empty_listing_is_what_the_hour_counts_from(minutes: list[int]) -> None:
    current, listed = operation(CREATE), sorted(minutes)
    for minute in listed:
        if current.is_unresolved:
            current = current.missing(now=later(hours=24, minutes=minute))

    assert (bool(listed) and listed[-1] - listed[0] >= 60) == (current.status is NEVER)
