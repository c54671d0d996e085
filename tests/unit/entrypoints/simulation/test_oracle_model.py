"""The oracle's own little books of the provider."""

from typing import Any

import attrs
import pytest

from markethub.domain.operation import Operation, OperationKind
from markethub.entrypoints.simulation.checks import Oracle
from markethub.entrypoints.simulation.model import (
    KINDS,
    ORDER_ID,
    PAYMENT_ID,
    REFUND_ID,
    Expected,
    Truth,
)
from markethub.entrypoints.simulation.plan import Paths
from tests.support.lived import some, some_object
from tests.support.seen import Seen, paid_charge


def object_of(kind: str, **fields: Any) -> dict[str, Any]:
    """Return as much of an object as the books read."""
    by_kind: dict[str, dict[str, Any]] = {
        "payment_intent": {"status": "processing", "metadata": {PAYMENT_ID: "pay_1"}},
        "charge": {
            "status": "succeeded",
            "captured": True,
            "metadata": {ORDER_ID: "o-1"},
            "amount_captured": 100,
            "currency": "usd",
        },
        "refund": {
            "status": "pending",
            "charge": "ch_1",
            "amount": 1,
            "metadata": {REFUND_ID: "ref_1"},
        },
        "dispute": {"status": "needs_response"},
        "balance_transaction": {},
        "payment_method": {},
    }
    return {"id": "id_1", **by_kind[kind], **fields}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_that_matters_is_kept(kind: str) -> None:
    lived, _ = some("orders")
    oracle = Oracle(lived.database, paths=Paths.BOTH)
    oracle.truth.put("charge", "ch_1", object_of("charge", id="ch_1"))
    oracle.provider_put(kind, "id_1", object_of(kind))

    assert oracle.truth.by_kind[kind]["id_1"] == object_of(kind)


@pytest.mark.parametrize("kind", ["payment_intent", "refund", "dispute"])
def test_what_an_object_has_been_is_kept_without_repeats(kind: str) -> None:
    truth = Truth()
    for status in ("one", "one", "two", "one"):
        truth.put(kind, "id_1", object_of(kind, status=status))

    assert truth.statuses["id_1"] == ["one", "two", "one"]


def test_what_never_took_money_is_no_charge_of_an_order() -> None:
    lived, charge = some_object("charge", paid_charge)
    seen = Seen(lived)
    declined = {**charge, "id": "ch_first", "status": "failed"}
    seen.oracle.provider_put("charge", "ch_first", declined)
    seen.oracle.provider_put("charge", charge["id"], charge)

    assert seen.reported == []


def operation(kind: OperationKind) -> Operation:
    """Return an operation on one payment and its one refund."""
    _, row = some("operations")
    fields: dict[str, Any] = {"payment_id": "pay_1", "kind": kind, "refund_id": "ref_1"}
    changed: Operation = attrs.evolve(row, **fields)
    return changed


@pytest.mark.parametrize(
    ("kind", "status", "has_effect"),
    [
        (OperationKind.CREATE_INTENT, "requires_payment_method", True),
        (OperationKind.UPDATE_INTENT, "requires_payment_method", False),
        (OperationKind.CAPTURE, "succeeded", True),
        (OperationKind.CAPTURE, "requires_capture", False),
        (OperationKind.CANCEL, "canceled", True),
        (OperationKind.CANCEL, "processing", False),
        (OperationKind.CONFIRM, "succeeded", True),
        (OperationKind.CONFIRM, "requires_capture", True),
        (OperationKind.CONFIRM, "processing", True),
        (OperationKind.CONFIRM, "requires_action", False),
    ],
)
def test_what_was_asked_of_an_intent_has_its_effect(
    kind: OperationKind,
    status: str,
    has_effect: bool,
) -> None:
    truth = Truth()
    before = truth.has_effect(operation(kind))
    truth.put("payment_intent", "pi_1", object_of("payment_intent", status=status))

    assert before is False
    assert truth.has_effect(operation(kind)) is has_effect


@pytest.mark.parametrize(
    ("status", "has_effect"),
    [
        ("pending", True),
        ("requires_action", True),
        ("succeeded", True),
        ("failed", False),
        ("canceled", False),
    ],
)
def test_a_refund_that_was_asked_for_has_its_effect(
    status: str,
    has_effect: bool,
) -> None:
    truth = Truth()
    before = truth.has_effect(operation(OperationKind.REFUND))
    truth.put("refund", "id_1", object_of("refund", status=status))

    assert before is False
    assert truth.has_effect(operation(OperationKind.REFUND)) is has_effect


def line(type: str, category: str, amount: int, fee: int = 0) -> dict[str, Any]:
    return {
        "id": "txn_1",
        "type": type,
        "reporting_category": category,
        "source": "ch_1",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": "usd",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (line("charge", "charge", 120, 3), {("charge", "ch_1"): 100, ("fee", "txn_1"): 3}),
        (
            line("charge", "charge", 120, -3),
            {("charge", "ch_1"): 100, ("fee_returned", "txn_1"): 3},
        ),
        (line("refund", "refund", -40), {("refund", "txn_1"): 40}),
        (line("refund", "partial_capture_reversal", -40), {}),
        (line("refund_failure", "refund_failure", 40), {("refund_returned", "txn_1"): 40}),
        (
            line("adjustment", "dispute", -40, 15),
            {("dispute_withdrawn", "txn_1"): 40, ("dispute_fee", "txn_1"): 15},
        ),
        (
            line("adjustment", "dispute_reversal", 40, -15),
            {("dispute_reinstated", "txn_1"): 40, ("dispute_fee_returned", "txn_1"): 15},
        ),
        (line("adjustment", "dispute", 0, 15), {("dispute_fee", "txn_1"): 15}),
    ],
)
def test_a_line_of_the_balance_is_expected_in_the_books(
    line: dict[str, Any], expected: dict[tuple[str, str], int]
) -> None:
    truth = Truth()
    truth.put("charge", "ch_1", object_of("charge", id="ch_1"))

    assert truth.expected(line) == {
        posting: Expected(minor, "usd") for posting, minor in expected.items()
    }


def test_the_cash_is_what_is_left_of_all_lines() -> None:
    truth = Truth()
    for number, amount in enumerate((100, -40)):
        value = {**line("charge", "charge", amount, 3), "id": f"txn_{number}"}
        truth.put("balance_transaction", value["id"], value)

    assert truth.cash() == {"usd": 54}
