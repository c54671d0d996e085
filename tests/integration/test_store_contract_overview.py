"""What every store promises of the front page's figures."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest

from markethub.domain.delivery import Answer
from markethub.domain.dispute import DisputeStatus
from markethub.domain.facts import Card, Failure, FraudWarning
from markethub.domain.ids import PaymentId, WarningId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.money import Money
from markethub.domain.operation import OperationKind
from markethub.domain.payment import PaymentStatus, Quarantine
from markethub.domain.ports.overview import (
    HOLD_ENDS_SOON,
    Declined,
    DueDispute,
    EndingHold,
    Figures,
    Lag,
    NetworkMonth,
    Period,
    Quarantined,
    Refunded,
    Sales,
    UnknownOperation,
    UnknownSubmission,
)
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import RefundStatus
from markethub.domain.submission import SubmissionKind
from tests.support.stored_disputes import dispute, save, submission
from tests.support.stored_refunds import refund
from tests.support.stores import (
    START,
    Store,
    event,
    later,
    operation,
    order,
    payment,
    put,
    receive,
)

pytestmark = pytest.mark.anyio

TODAY = START.date()
WEEK = Period.ending(TODAY, days=7)
VISA = Card(brand="visa", last4="4242", exp_month=12, exp_year=2030)


async def sold(store: Store, number: int, **changes: Any) -> None:
    """Save an order and its payment, begun ``at`` and paid unless ``changes`` say otherwise."""
    at = changes.pop("at", START)
    of = order(f"o-{number}", now=at)
    paid = {
        "status": PaymentStatus.SUCCEEDED,
        "captured": of.total,
        "authorized": of.total,
        "card": VISA,
    }
    made = attrs.evolve(payment(f"pay_{number}", of=of, now=at), **{**paid, **changes})
    await put(store, of, made)


def unpaid(code: str, decline_code: str | None = None, *, declines: int = 1) -> dict[str, Any]:
    return {
        "status": PaymentStatus.REQUIRES_PAYMENT_METHOD,
        "captured": Money.of(0, "usd"),
        "authorized": Money.of(0, "usd"),
        "card": None,
        "failure": Failure(code=code, decline_code=decline_code),
        "declines": declines,
    }


async def figures(store: Store, period: Period = WEEK) -> Figures:
    return await store.overview_queries.figures(period)


# --- a period -----------------------------------------------------------------------------------


def test_a_period_names_each_of_its_days() -> None:
    period = Period.ending(date(2026, 3, 1), days=3)

    assert [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)] == list(period.days)


async def test_an_empty_store_has_no_figures(store: Store) -> None:
    expected = Figures(sales=[], declined=[], refunded=[], lag=Lag(events=0))

    assert expected == await figures(store)


# --- sales --------------------------------------------------------------------------------------


async def test_a_days_payments_are_counted_by_what_came_of_them(store: Store) -> None:
    await sold(store, 1, declines=2)
    await sold(store, 2, **unpaid("card_declined", "insufficient_funds", declines=3))
    await sold(store, 3, status=PaymentStatus.AUTHORIZED, captured=Money.of(0, "usd"))
    await sold(store, 4, **{**unpaid("x", declines=0), "failure": None})

    expected = Sales(
        day=TODAY,
        begun=4,
        accepted=2,
        declined=1,
        declines=5,
        captured=1,
        volume=Money.of(5000, "usd"),
    )
    assert [expected] == list((await figures(store)).sales)


async def test_each_currency_of_a_day_is_counted_apart(store: Store) -> None:
    yen = Money.of(700, "jpy")
    nothing = Money.zero(yen.currency)
    in_yen = {
        "amount": yen,
        "authorized": yen,
        "captured": yen,
        "refunded": nothing,
        "refund_reserved": nothing,
        "disputed": nothing,
    }
    await sold(store, 1)
    await sold(store, 2, **in_yen)
    volumes = [each.volume for each in (await figures(store)).sales]

    assert [yen, Money.of(5000, "usd")] == volumes


async def test_a_days_volume_may_be_more_than_one_payment_can_be(store: Store) -> None:
    most = Money.of(99_999_999, "usd")
    for number in (1, 2, 3):
        await sold(store, number, amount=most, authorized=most, captured=most)

    assert [Money.of(299_999_997, "usd")] == [each.volume for each in (await figures(store)).sales]


async def test_a_day_begins_and_ends_at_midnight_in_utc(store: Store) -> None:
    midnight = datetime(2026, 11, 1, tzinfo=UTC)
    await sold(store, 1, at=midnight - timedelta(microseconds=1))
    await sold(store, 2, at=midnight)
    await sold(store, 3, at=midnight + timedelta(days=1, microseconds=-1))
    await sold(store, 4, at=midnight + timedelta(days=1))
    both = Period.ending(TODAY, days=2)

    assert [(date(2026, 10, 31), 1), (TODAY, 2)] == [
        (each.day, each.begun) for each in (await figures(store, both)).sales
    ]


# --- declines -----------------------------------------------------------------------------------


async def test_declined_payments_are_counted_by_the_last_reason_most_frequent_first(
    store: Store,
) -> None:
    await sold(store, 1, **unpaid("card_declined", "lost_card"))
    await sold(store, 2, **unpaid("card_declined", "insufficient_funds"))
    await sold(store, 3, **unpaid("card_declined", "insufficient_funds"))
    await sold(store, 4, **unpaid("expired_card"))

    expected = [
        Declined(reason="insufficient_funds", payments=2),
        Declined(reason="expired_card", payments=1),
        Declined(reason="lost_card", payments=1),
    ]
    assert expected == list((await figures(store)).declined)


async def test_a_payment_that_no_bank_declined_is_not_counted_as_declined(store: Store) -> None:
    closed = {**unpaid("never_created", declines=0), "status": PaymentStatus.CANCELED}
    await sold(store, 1, **closed, holds_slot=False)
    await sold(store, 2, at=later(days=-30), **unpaid("card_declined"))

    assert [] == list((await figures(store)).declined)


# --- refunds ------------------------------------------------------------------------------------


async def test_refunds_count_from_when_they_were_made_unless_they_failed(store: Store) -> None:
    await sold(store, 1, at=later(days=-30))
    await save(
        store,
        refund("ref_1"),
        refund("ref_2", status=RefundStatus.SUCCEEDED, amount=Money.of(500, "usd")),
        refund("ref_3", status=RefundStatus.FAILED),
        refund("ref_4", status=RefundStatus.CANCELED),
        refund("ref_5", created_at=later(days=-8)),
    )

    assert [Refunded(count=2, amount=Money.of(2500, "usd"))] == list(
        (await figures(store)).refunded
    )


# --- lag ----------------------------------------------------------------------------------------


def processed(number: int, *, after_s: float, received_at: datetime = START) -> InboxEvent:
    return event(f"evt_{number}", now=received_at).process(
        now=received_at + timedelta(seconds=after_s)
    )


async def keep(store: Store, *events: InboxEvent) -> None:
    """Store events as they are, whatever became of them."""
    for each in events:
        await receive(store, [event(each.event.id, now=each.received_at)])

    async def mark(tx: Transaction) -> None:
        for each in events:
            await tx.inbox.lock(each.event.id)
            await tx.inbox.save(each)

    await store.transactions.run(mark)


async def test_the_lag_is_that_of_processed_events_by_nearest_rank(store: Store) -> None:
    await keep(store, *(processed(each, after_s=each) for each in range(1, 21)))
    await receive(store, [event("evt_waiting")])

    expected = Lag(
        events=20,
        p50=timedelta(seconds=10),
        p95=timedelta(seconds=19),
        longest=timedelta(seconds=20),
    )
    assert expected == (await figures(store)).lag


async def test_what_was_replayed_or_received_before_the_period_has_no_part_in_the_lag(
    store: Store,
) -> None:
    replayed = processed(1, after_s=1).replay(now=later(days=5)).process(now=later(days=6))
    await keep(store, replayed, processed(2, after_s=9, received_at=later(days=-7)))

    assert Lag(events=0) == (await figures(store)).lag


# --- the card networks' months ------------------------------------------------------------------


async def test_a_network_counts_sales_chargebacks_fraud_and_warnings_in_their_own_months(
    store: Store,
) -> None:
    warned = FraudWarning(
        id=WarningId("issfr_1"), fraud_type="misc", is_actionable=True, created_at=later(days=1)
    )
    await sold(store, 1, at=later(days=-2), fraud_warnings=(warned,))
    await sold(store, 2)
    await sold(store, 3, card=attrs.evolve(VISA, brand="mastercard"))
    await sold(store, 4, card=None)
    other = {"payment_id": PaymentId("pay_2"), "order_id": order("o-2").id}
    await save(
        store,
        dispute("dsp_1"),
        dispute("dsp_2", reason="product_not_received", status=DisputeStatus.LOST, **other),
        dispute("dsp_3", status=DisputeStatus.WARNING_NEEDS_RESPONSE, **other),
        dispute("dsp_4", status=DisputeStatus.PREVENTED, **other),
    )
    months = Period(first=date(2026, 10, 1), last=date(2026, 11, 30))
    november = date(2026, 11, 1)

    expected = [
        NetworkMonth(month=date(2026, 10, 1), network="visa", sales=1),
        NetworkMonth(month=november, network="mastercard", sales=1),
        NetworkMonth(
            month=november,
            network="visa",
            sales=1,
            chargebacks=2,
            fraud_chargebacks=1,
            fraud_warnings=1,
        ),
    ]
    assert expected == list(await store.overview_queries.networks(months))


async def test_a_months_figures_leave_out_what_is_of_another_month(store: Store) -> None:
    await sold(store, 1, at=later(days=-2))
    await save(store, dispute("dsp_1", opened_at=later(days=-1)))
    november = Period(first=date(2026, 11, 1), last=date(2026, 11, 30))

    assert [] == list(await store.overview_queries.networks(november))


# --- what waits ---------------------------------------------------------------------------------


async def test_nothing_waits_in_an_empty_store(store: Store) -> None:
    waiting = await store.overview_queries.waiting(now=START)

    assert [0, 0, 0, 0, 0, 0] == [
        waiting.operations,
        waiting.submissions,
        waiting.disputes,
        waiting.holds,
        waiting.quarantined,
        waiting.failing_deliveries,
    ]


async def test_an_operation_left_behind_is_of_unknown_outcome_and_a_fresh_one_is_not(
    store: Store,
) -> None:
    await sold(store, 1)
    await sold(store, 2)
    await put(store, operation("op_1"), operation("op_2", payment_id="pay_2", now=later(seconds=5)))
    waiting = await store.overview_queries.waiting(now=later(seconds=10))

    known = UnknownOperation(payment_id=PaymentId("pay_1"), kind=OperationKind.CANCEL, since=START)
    assert (1, [known]) == (waiting.operations, list(waiting.oldest_operations))


async def test_a_submission_left_behind_is_of_unknown_outcome(store: Store) -> None:
    await sold(store, 1)
    await save(store, dispute(), submission())
    fresh = await store.overview_queries.waiting(now=later(seconds=9))
    left = await store.overview_queries.waiting(now=later(seconds=10))

    expected = UnknownSubmission(dispute_id=dispute().id, kind=SubmissionKind.SUBMIT, since=START)
    assert (0, 1) == (fresh.submissions, left.submissions)
    assert [expected] == list(left.oldest_submissions)


async def test_disputes_that_need_a_response_are_named_by_their_due_date(store: Store) -> None:
    await sold(store, 1)
    await save(
        store,
        dispute("dsp_1", evidence_due_by=None),
        dispute("dsp_2", evidence_due_by=later(days=9)),
        dispute("dsp_3", status=DisputeStatus.WARNING_NEEDS_RESPONSE),
        dispute("dsp_4", status=DisputeStatus.UNDER_REVIEW, evidence_due_by=later(days=1)),
    )
    waiting = await store.overview_queries.waiting(now=START)

    assert 3 == waiting.disputes
    assert ["dsp_3", "dsp_2", "dsp_1"] == [each.dispute_id for each in waiting.next_disputes]
    first = DueDispute(
        dispute_id=dispute("dsp_3").id, amount=Money.of(5000, "usd"), due_by=later(days=7)
    )
    assert first == waiting.next_disputes[0]


async def test_only_the_first_are_named_and_all_are_counted(store: Store) -> None:
    await sold(store, 1)
    await save(store, *(dispute(f"dsp_{each}") for each in range(7)))
    waiting = await store.overview_queries.waiting(now=START)

    assert (7, 5) == (waiting.disputes, len(waiting.next_disputes))


async def test_a_hold_is_named_once_its_end_is_near(store: Store) -> None:
    ends_at = later(days=5)
    held = {
        "status": PaymentStatus.AUTHORIZED,
        "captured": Money.of(0, "usd"),
        "capture_before": ends_at,
    }
    await sold(store, 1, **held)
    await sold(store, 2, **{**held, "capture_before": None})
    await sold(store, 3, capture_before=ends_at)
    early = await store.overview_queries.waiting(
        now=ends_at - HOLD_ENDS_SOON - timedelta(microseconds=1)
    )
    near = await store.overview_queries.waiting(now=ends_at - HOLD_ENDS_SOON)

    expected = EndingHold(
        payment_id=PaymentId("pay_1"), amount=Money.of(5000, "usd"), ends_at=ends_at
    )
    assert (0, 1) == (early.holds, near.holds)
    assert [expected] == list(near.next_holds)


async def test_quarantined_money_is_named_until_it_is_given_back(store: Store) -> None:
    wrong = {"quarantine": Quarantine.AMOUNT_MISMATCH}
    await sold(store, 1, **wrong, refunded=Money.of(2000, "usd"))
    await sold(store, 2, **wrong, refund_reserved=Money.of(5000, "usd"))
    await sold(store, 3)
    waiting = await store.overview_queries.waiting(now=START)

    expected = Quarantined(payment_id=PaymentId("pay_1"), amount=Money.of(3000, "usd"), since=START)
    assert (1, [expected]) == (waiting.quarantined, list(waiting.oldest_quarantined))


async def test_a_delivery_is_failing_once_it_was_tried_in_vain(store: Store) -> None:
    of = order()
    told = attrs.evolve(payment(of=of), status=PaymentStatus.PENDING)
    await put(store, of, told)
    await save(
        store, refund().refuse("declined", now=START), refund("ref_2").refuse("x", now=START)
    )

    async def try_first(tx: Transaction) -> None:
        first = await tx.deliveries.lock(1)
        assert first is not None
        await tx.deliveries.save(first.settle(Answer(status=500, duration_ms=3), now=START))

    await store.transactions.run(try_first)

    assert 1 == (await store.overview_queries.waiting(now=START)).failing_deliveries


# --- the list of disputes by their due date -----------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 50])
async def test_pages_of_answerable_disputes_go_by_due_date_and_hold_each_once(
    store: Store, limit: int
) -> None:
    await sold(store, 1)
    await save(
        store,
        dispute("dsp_1", evidence_due_by=None),
        dispute("dsp_2", evidence_due_by=later(days=9)),
        dispute("dsp_3", status=DisputeStatus.WARNING_NEEDS_RESPONSE),
        dispute("dsp_4", evidence_due_by=None),
        dispute("dsp_5", status=DisputeStatus.LOST),
    )
    found: list[str] = []
    cursor = None
    while True:
        page = await store.dispute_queries.answerable(cursor=cursor, limit=limit)
        found += [each.id for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert ["dsp_3", "dsp_2", "dsp_1", "dsp_4"] == found


async def test_what_was_asked_about_a_dispute_is_returned_oldest_first(store: Store) -> None:
    await sold(store, 1)
    done = submission("sub_2").done(now=START)
    newer = attrs.evolve(submission("sub_1"), created_at=later(seconds=1))
    await save(store, dispute(), dispute("dsp_2"), done, newer, submission("sub_3", of="dsp_2"))
    asked = await store.dispute_queries.submissions(dispute().id)

    assert ["sub_2", "sub_1"] == [each.id for each in asked]
