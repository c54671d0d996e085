"""Each thing that a kill may break is seen where it is broken."""

from typing import Any

import pytest

from tests.kills import books
from tests.kills.people import Memory

PAYMENT: dict[str, Any] = {
    "id": "pay_1",
    "order_id": "o-1",
    "status": "succeeded",
    "captured_minor": 1000,
    "refunded_minor": 300,
    "refund_reserved_minor": 200,
}
REFUNDS: list[dict[str, Any]] = [
    {"id": "ref_1", "payment_id": "pay_1", "amount_minor": 300, "status": "succeeded"},
    {"id": "ref_2", "payment_id": "pay_1", "amount_minor": 200, "status": "pending"},
    {"id": "ref_3", "payment_id": "pay_1", "amount_minor": 900, "status": "failed"},
]
ORDER: dict[str, Any] = {"id": "o-1", "status": "paid"}
MEMORY = Memory(
    paid={"pay_1": "succeeded"}, failed={"pay_2": "canceled"}, refunds={"ref_1": 300, "ref_2": 200}
)
OTHER: dict[str, Any] = {**PAYMENT, "id": "pay_2", "status": "canceled"}


def test_what_fits_is_passed_over() -> None:
    inbox = [{"id": "evt_1", "status": "processed"}, {"id": "evt_2", "status": "ignored"}]

    assert [] == [
        *books.events(["evt_1", "evt_2"], inbox),
        *books.told(MEMORY, [PAYMENT, OTHER], REFUNDS),
        *books.sums([PAYMENT], REFUNDS),
        *books.paid([ORDER], [PAYMENT, OTHER]),
    ]


@pytest.mark.parametrize("status", ["pending", "parked", "dead"])
def test_an_event_that_came_to_no_end_is_named(status: str) -> None:
    assert [f"I6 event evt_1 is {status}"] == [
        *books.events(["evt_1"], [{"id": "evt_1", "status": status}])
    ]


def test_an_event_that_was_acknowledged_and_lost_is_named() -> None:
    assert ["I6 event evt_1 was acknowledged, and is not in the inbox"] == [
        *books.events(["evt_1"], [])
    ]


def test_a_payment_that_was_told_to_have_failed_and_is_paid_is_named() -> None:
    paid = {**OTHER, "status": "succeeded"}

    assert ["I8 payment pay_2 was told to be canceled, and is paid"] == [
        *books.told(MEMORY, [PAYMENT, paid], REFUNDS)
    ]


def test_a_payment_that_was_told_to_be_paid_and_is_not_is_named() -> None:
    lost = {**PAYMENT, "status": "processing"}

    assert ["I8 payment pay_1 was told to be paid, and is processing"] == [
        *books.told(MEMORY, [lost, OTHER], REFUNDS)
    ]


def test_a_refund_that_was_promised_and_is_gone_is_named() -> None:
    assert ["I8 refund ref_1 of 300 was promised: None"] == [
        *books.told(MEMORY, [PAYMENT, OTHER], REFUNDS[1:])
    ]


def test_more_given_back_than_was_taken_is_named() -> None:
    assert "I2 payment pay_1: 500 of 400 given" in [
        *books.sums([{**PAYMENT, "captured_minor": 400}], REFUNDS)
    ]


def test_a_reservation_without_its_refund_is_named() -> None:
    assert ["I2 payment pay_1: 501 noted, 500 given back"] == [
        *books.sums([{**PAYMENT, "refund_reserved_minor": 201}], REFUNDS)
    ]


def test_an_order_that_is_paid_twice_is_named() -> None:
    assert "I1 order o-1 is paid 2 times" in [
        *books.paid([ORDER], [PAYMENT, {**OTHER, "status": "succeeded"}])
    ]


@pytest.mark.parametrize(("order", "count"), [("paid", 0), ("open", 1)])
def test_an_order_that_does_not_know_whether_it_is_paid_is_named(order: str, count: int) -> None:
    assert [f"I9 order o-1 is {order}, with {count} payments"] == [
        *books.paid([{**ORDER, "status": order}], [PAYMENT] * count)
    ]
