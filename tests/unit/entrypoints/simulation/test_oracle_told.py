"""What is told, to us and by us, is spoilt in one thing, and it alone is reported."""

from typing import Any

import attrs
import pytest

from markethub.entrypoints.simulation.model import PAYMENT_ID
from tests.support.lived import Lived, some, some_object
from tests.support.seen import Seen, at_rest, authorized, message, paid_charge


def test_an_event_is_acknowledged_that_is_not_stored() -> None:
    lived, stored = some("inbox")
    seen = Seen(lived)
    seen.oracle.acknowledged(stored.event.id)
    durable = seen.reported
    seen.oracle.acknowledged("evt_9")

    assert durable == []
    assert seen.reported == [("I6", "event evt_9 was acknowledged, and is not stored")]


def test_an_event_is_lost_that_was_acknowledged() -> None:
    lived, stored = some("inbox")
    seen = at_rest(lived)
    seen.oracle.acknowledged(stored.event.id)
    seen.oracle.at_rest()
    durable = seen.reported
    del seen.database.inbox.rows[stored.event.id]
    seen.oracle.at_rest()

    assert durable == []
    assert seen.reported == [("I6", f"event {stored.event.id} was acknowledged, and is lost")]


def two_of_one(lived: Lived, row: Any) -> bool:
    return any(
        other.aggregate_id == row.aggregate_id and other.sequence > row.sequence
        for other in lived.database.deliveries.rows.values()
    )


def test_messages_come_in_the_wrong_order() -> None:
    lived, first = some("deliveries", two_of_one)
    second = next(
        row
        for row in lived.rows("deliveries")
        if row.aggregate_id == first.aggregate_id and row.sequence > first.sequence
    )
    seen, right = Seen(lived), Seen(lived)
    for each in (first, second, first):
        right.oracle.consumed(message(each))
    seen.oracle.consumed(message(second))
    seen.oracle.consumed(message(first))

    assert right.reported == []
    assert seen.reported == [
        ("I14", f"{first.aggregate_id}: message {first.sequence} came too late")
    ]


def test_messages_of_different_things_may_come_in_any_order() -> None:
    lived, first = some(
        "deliveries",
        lambda lived, row: any(
            other.aggregate_id != row.aggregate_id and other.sequence > row.sequence
            for other in lived.database.deliveries.rows.values()
        ),
    )
    other = next(
        row
        for row in lived.rows("deliveries")
        if row.aggregate_id != first.aggregate_id and row.sequence > first.sequence
    )
    seen = Seen(lived)
    seen.oracle.consumed(message(other))
    seen.oracle.consumed(message(first))

    assert seen.reported == []


def test_a_message_tells_what_was_never_committed() -> None:
    lived, delivery = some("deliveries")
    seen = Seen(lived)
    del seen.database.deliveries.rows[delivery.sequence]
    seen.oracle.consumed(message(delivery))

    assert seen.reported == [
        ("I14", f"message {delivery.message_id} tells what was never committed")
    ]


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_somebody_is_told_of_a_failure_that_took_money(status: str) -> None:
    lived, charge = some_object("charge", paid_charge)
    payment_id = charge["metadata"][PAYMENT_ID]
    seen = Seen(lived)
    seen.oracle.told(payment_id, "succeeded")
    true = seen.reported
    seen.oracle.told(payment_id, status)

    assert true == []
    assert seen.reported == [
        ("I8", f"payment {payment_id} was told to have failed, and took money")
    ]


def test_somebody_is_told_to_have_paid_who_has_not() -> None:
    lived, payment = some("payments", authorized)
    seen = Seen(lived)
    for status in ("failed", "canceled", "authorized"):
        seen.oracle.told(payment.id, status)
    true = seen.reported
    seen.oracle.told(payment.id, "succeeded")

    assert true == []
    assert seen.reported == [("I9", f"payment {payment.id} was told to be paid, and is not")]


def test_a_key_is_answered_in_two_ways() -> None:
    lived, _ = some("orders")
    seen = Seen(lived)
    seen.oracle.answered("key", "100", "re_1")
    seen.oracle.answered("key", "100", "re_1")
    seen.oracle.answered("another key", "100", "re_2")
    same = seen.reported
    seen.oracle.answered("key", "100", "re_2")
    other = seen.reported
    seen.oracle.answered("key", "200", "re_9")

    assert same == []
    assert other == [("I10", "key key was answered 're_1', and then 're_2'")]
    assert seen.reported == [("I10", "key key was answered for another body")]


@attrs.frozen
class Told:
    """What the oracle looks at of a domain event."""

    type: str
    payment_id: str | None = None
    refund_id: str | None = None
    dispute_id: str | None = None


def test_an_order_is_told_to_be_paid_twice() -> None:
    lived, charge = some_object("charge", paid_charge)
    payment_id = charge["metadata"][PAYMENT_ID]
    seen = Seen(lived)
    told: Any = Told("order.paid", payment_id=payment_id)
    seen.oracle.told_outbox(told)
    once = seen.reported
    seen.oracle.told_outbox(told)

    [(invariant, what)] = seen.reported

    assert once == []
    assert invariant == "I14"
    assert f"order.paid of {payment_id} was told 2 times" in what


def test_an_order_is_told_to_be_paid_that_is_not() -> None:
    lived, payment = some("payments", authorized)
    seen = Seen(lived)
    told: Any = Told("order.paid", payment_id=payment.id)
    seen.oracle.told_outbox(told)

    [(invariant, what)] = seen.reported

    assert invariant == "I14"
    assert f"order.paid of {payment.id} was told 1 times" in what


@pytest.mark.parametrize(
    ("kind", "status"), [("succeeded", "succeeded"), ("failed", "failed"), ("failed", "canceled")]
)
def test_a_refund_is_told_to_be_what_it_never_was(kind: str, status: str) -> None:
    lived, refund = some("refunds", lambda _, row: row.provider_id is not None)
    seen = Seen(lived)
    seen.truth.statuses[refund.provider_id] = ["pending", status, "pending", status]
    told: Any = Told(f"refund.{kind}", refund_id=refund.id)
    seen.oracle.told_outbox(told)
    seen.oracle.told_outbox(told)
    true = seen.reported
    seen.oracle.told_outbox(told)

    assert true == []
    assert [invariant for invariant, _ in seen.reported] == ["I14"]


@pytest.mark.parametrize("kind", ["won", "lost"])
def test_a_dispute_is_told_to_be_what_it_never_was(kind: str) -> None:
    lived, dispute = some("disputes")
    seen = Seen(lived)
    seen.truth.statuses[dispute.provider_id] = ["under_review", kind]
    told: Any = Told(f"dispute.{kind}", dispute_id=dispute.id)
    seen.oracle.told_outbox(told)
    true = seen.reported
    seen.oracle.told_outbox(told)

    assert true == []
    assert [invariant for invariant, _ in seen.reported] == ["I14"]


def test_what_else_is_told_is_not_judged() -> None:
    lived, payment = some("payments", authorized)
    seen = Seen(lived)
    told: Any = Told("payment.authorized", payment_id=payment.id)
    seen.oracle.told_outbox(told)

    assert seen.reported == []


def test_a_refund_that_was_refused_may_be_told_to_have_failed() -> None:
    lived, refund = some("refunds", lambda _, row: row.provider_id is not None)
    seen = Seen(lived)
    seen.database.refunds.rows[refund.id] = attrs.evolve(refund, provider_id=None)
    told: Any = Told("refund.failed", refund_id=refund.id)
    seen.oracle.told_outbox(told)

    assert seen.reported == []


def test_an_event_is_taken_that_had_to_be_refused() -> None:
    lived, _ = some("orders")
    seen = Seen(lived)
    seen.oracle.believed("evt_9", "nobody signed it")

    assert seen.reported == [("I12", "event evt_9 was taken, and nobody signed it")]


def test_a_customer_gets_at_what_is_anothers() -> None:
    lived, _ = some("orders")
    seen = Seen(lived)
    seen.oracle.served("c-2", "pay_1")

    assert seen.reported == [("I13", "customer c-2 got at pay_1, which is another's")]


def test_a_secret_is_said() -> None:
    lived, _ = some("orders")
    seen = Seen(lived)
    seen.oracle.said("nothing of interest")
    harmless = seen.reported
    seen.oracle.said("pi_1_secret_2")

    assert harmless == []
    assert seen.reported == [("I15", "a secret (_secret_...) was said: pi_1_secret_2")]
