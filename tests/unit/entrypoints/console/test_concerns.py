"""What the front page says is wrong, and where that is mended."""

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from markethub.domain.approval import Approval
from markethub.domain.dispute import DUE_SOON
from markethub.domain.endpoint import Endpoint
from markethub.domain.ids import ApprovalId, DisputeId, OrderId, PaymentId
from markethub.domain.money import Money
from markethub.domain.operation import OperationKind
from markethub.domain.ports.approvals import ApprovalPage
from markethub.domain.ports.outbox import OutboxHealth
from markethub.domain.ports.overview import (
    DueDispute,
    EndingHold,
    Quarantined,
    UnknownOperation,
    UnknownSubmission,
    Waiting,
)
from markethub.domain.ports.queries import StoreHealth
from markethub.domain.refund import RefundReason
from markethub.domain.submission import SubmissionKind
from markethub.entrypoints.console.concerns import (
    LATE,
    LONG_UNKNOWN,
    Concern,
    Weight,
    age,
    concerns,
    verdict,
)
from markethub.entrypoints.console.networks import THRESHOLDS, Standing
from markethub.entrypoints.console.rates import Rate

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AMOUNT = Money.of(5000, "usd")
WELL = StoreHealth(
    schema_is_current=True,
    oldest_waiting_event_at=None,
    earliest_due_at=None,
    waiting_events=0,
    unresolved_operations=0,
)
CALM = Waiting(
    operations=0,
    oldest_operations=[],
    submissions=0,
    oldest_submissions=[],
    disputes=0,
    next_disputes=[],
    holds=0,
    next_holds=[],
    quarantined=0,
    oldest_quarantined=[],
    failing_deliveries=0,
)
TOLD = OutboxHealth(waiting=0, oldest_waiting_at=None, dead=0, endpoint=Endpoint(id="e", since=NOW))

NONE_WAITS = ApprovalPage(items=[], next_cursor=None)
APPROVAL = Approval(
    id=ApprovalId("apr_1"),
    payment_id=PaymentId("pay_1"),
    order_id=OrderId("o-1"),
    amount=Money.of(3000, "usd"),
    takes_the_rest=False,
    reason=RefundReason.OTHER,
    requested_by="ada",
    created_at=NOW,
    updated_at=NOW,
)


def found(
    health: StoreHealth = WELL,
    waiting: Waiting = CALM,
    outbox: OutboxHealth | None = TOLD,
    standing: Standing | None = None,
    approvals: ApprovalPage = NONE_WAITS,
) -> list[Concern]:
    standings = {} if standing is None else {standing.threshold.program: [standing]}
    return list(
        concerns(
            health=health,
            waiting=waiting,
            outbox=outbox,
            standings=standings,
            approvals=approvals,
            now=NOW,
        )
    )


def weighed(*each: Concern) -> list[tuple[Weight, str]]:
    return [(concern.weight, concern.path) for concern in each]


def test_what_waits_for_a_second_person_is_something_to_do() -> None:
    one = found(approvals=ApprovalPage(items=[APPROVAL], next_cursor=None))
    many = found(approvals=ApprovalPage(items=[APPROVAL] * 50, next_cursor="more"))

    assert [(Weight.TODO, "/ops/approvals")] == weighed(*one)
    assert ["1 refund waits for a second person."] == [each.text for each in one]
    assert ["At least 50 refunds wait for a second person."] == [each.text for each in many]


def test_nothing_is_wrong_where_nothing_waits() -> None:
    assert ([], "Nothing is wrong.") == (found(), verdict(found()))


@pytest.mark.parametrize(
    ("change", "weight", "path"),
    [
        ({"dead_events": 1}, Weight.BAD, "/ops/events?status=dead"),
        ({"failing_events": 1}, Weight.WARN, "/ops/events?status=pending"),
        ({"wrong_mode_events": 1}, Weight.WARN, "/ops/events?status=ignored"),
        (
            {"earliest_due_at": NOW - LATE - timedelta(seconds=1)},
            Weight.BAD,
            "/ops/events?status=pending",
        ),
    ],
)
def test_what_is_wrong_with_events_leads_to_the_inbox(
    change: dict[str, Any], weight: Weight, path: str
) -> None:
    assert [(weight, path)] == weighed(*found(health=attrs.evolve(WELL, **change)))


def test_an_event_that_has_only_just_become_due_is_no_concern() -> None:
    assert [] == found(health=attrs.evolve(WELL, earliest_due_at=NOW - LATE))


@pytest.mark.parametrize(
    ("change", "weight", "path"),
    [
        ({"dead": 2}, Weight.BAD, "/ops/deliveries?status=dead"),
        (
            {"endpoint": Endpoint(id="e", since=NOW, disabled_at=NOW, disabled_reason="gone")},
            Weight.BAD,
            "/ops/deliveries",
        ),
        (
            {"oldest_waiting_at": NOW - LATE - timedelta(seconds=1)},
            Weight.BAD,
            "/ops/deliveries?status=pending",
        ),
    ],
)
def test_what_is_wrong_with_deliveries_leads_to_them(
    change: dict[str, Any], weight: Weight, path: str
) -> None:
    assert [(weight, path)] == weighed(*found(outbox=attrs.evolve(TOLD, **change)))


def test_where_no_storefront_is_told_nothing_is_said_of_deliveries() -> None:
    assert [] == found(waiting=attrs.evolve(CALM, failing_deliveries=3), outbox=None)


@pytest.mark.parametrize(
    ("unknown_for", "weight"),
    [(timedelta(minutes=1), Weight.WARN), (LONG_UNKNOWN, Weight.BAD)],
)
def test_an_unknown_outcome_names_its_payment_and_grows_worse(
    unknown_for: timedelta, weight: Weight
) -> None:
    asked = UnknownOperation(
        payment_id=PaymentId("pay_1"), kind=OperationKind.CAPTURE, since=NOW - unknown_for
    )
    [concern] = found(waiting=attrs.evolve(CALM, operations=1, oldest_operations=[asked]))

    assert weight is concern.weight
    assert [("pay_1", "/ops/payments/pay_1")] == list(concern.examples)
    assert "failed" not in concern.text


def test_an_unknown_answer_to_a_dispute_names_it() -> None:
    asked = UnknownSubmission(
        dispute_id=DisputeId("dsp_1"), kind=SubmissionKind.SUBMIT, since=NOW - timedelta(minutes=1)
    )
    [concern] = found(waiting=attrs.evolve(CALM, submissions=1, oldest_submissions=[asked]))

    assert [("dsp_1", "/ops/disputes/dsp_1")] == list(concern.examples)


@pytest.mark.parametrize(
    ("due_by", "weight"),
    [
        (None, Weight.TODO),
        (NOW + DUE_SOON + timedelta(seconds=1), Weight.TODO),
        (NOW + DUE_SOON, Weight.WARN),
        (NOW, Weight.BAD),
    ],
)
def test_a_dispute_grows_more_urgent_as_its_time_runs_out(
    due_by: datetime | None, weight: Weight
) -> None:
    due = DueDispute(dispute_id=DisputeId("dsp_1"), amount=AMOUNT, due_by=due_by)

    assert [(weight, "/ops/disputes")] == weighed(
        *found(waiting=attrs.evolve(CALM, disputes=1, next_disputes=[due]))
    )


def test_what_only_waits_is_not_wrong() -> None:
    due = DueDispute(dispute_id=DisputeId("dsp_1"), amount=AMOUNT, due_by=None)
    waiting = attrs.evolve(CALM, disputes=1, next_disputes=[due])

    assert "Nothing is wrong." == verdict(found(waiting=waiting))


def test_money_in_quarantine_and_holds_that_end_name_their_payments() -> None:
    quarantined = Quarantined(payment_id=PaymentId("pay_1"), amount=AMOUNT, since=NOW)
    hold = EndingHold(
        payment_id=PaymentId("pay_2"), amount=AMOUNT, ends_at=NOW + timedelta(hours=5)
    )
    waiting = attrs.evolve(
        CALM, quarantined=1, oldest_quarantined=[quarantined], holds=1, next_holds=[hold]
    )
    said = found(waiting=waiting)

    assert [(Weight.BAD, "pay_1"), (Weight.WARN, "pay_2")] == [
        (each.weight, each.examples[0][0]) for each in said
    ]
    assert "ends in 5 hours" in said[1].text


@pytest.mark.parametrize(
    ("chargebacks", "weights"), [(100, [Weight.BAD]), (60, [Weight.WARN]), (9, [])]
)
def test_a_networks_limit_is_said_once_it_is_near(chargebacks: int, weights: list[Weight]) -> None:
    ecm = next(each for each in THRESHOLDS if each.program == "ECM")
    standing = Standing(threshold=ecm, month=NOW.date(), rate=Rate(chargebacks, 500))

    assert weights == [each.weight for each in found(standing=standing)]


def test_what_is_worst_is_said_first_and_counted() -> None:
    said = found(health=attrs.evolve(WELL, dead_events=1, failing_events=1, wrong_mode_events=1))

    assert [Weight.BAD, Weight.WARN, Weight.WARN] == [each.weight for each in said]
    assert "1 thing is wrong." == verdict(said)
    assert "Nothing is wrong, but 2 things need a look." == verdict(said[1:])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7_200, "2 hours"),
        (172_800, "2 days"),
    ],
)
def test_an_age_is_said_in_a_unit_that_fits(seconds: int, said: str) -> None:
    assert said == age(NOW - timedelta(seconds=seconds), NOW)
