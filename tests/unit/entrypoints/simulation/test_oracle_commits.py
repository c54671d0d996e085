"""What is committed is spoilt in one thing, and it alone is reported."""

from typing import Any

import attrs
import pytest

from markethub.domain.ids import (
    CustomerId,
    DisputeId,
    OrderId,
    PaymentId,
    RefundId,
    SubmissionId,
)
from markethub.domain.operation import OperationStatus
from markethub.domain.order import OrderStatus
from markethub.domain.payment import Payment, PaymentStatus, Quarantine
from markethub.domain.refund import RefundStatus
from markethub.domain.submission import Submission, SubmissionKind
from markethub.entrypoints.simulation.outcome import Violation
from tests.support.lived import Lived, some
from tests.support.seen import AT_S, Seen, authorized, saved


def test_a_rule_about_rows_is_asked_and_the_time_is_told() -> None:
    lived, order = some("orders", lambda _, row: row.status is OrderStatus.OPEN)
    seen = Seen(lived)
    seen.row("orders", order, attrs.evolve(order))

    assert seen.oracle.violations == [
        Violation("I7", f"order {order.id} was saved with version {order.version} again", AT_S)
    ]


def test_a_table_without_a_rule_is_not_judged() -> None:
    lived, customer = some("customers")
    seen = Seen(lived)
    seen.row("customers", None, customer)

    assert seen.reported == []


@pytest.mark.parametrize("code", ["expired", "never_created"])
def test_an_operation_is_left_until_its_key_was_too_old(code: str) -> None:
    lived, operation = some("operations", lambda lived, row: not lived.truth.has_effect(row))
    before = attrs.evolve(operation, status=OperationStatus.UNRESOLVED)
    after = saved(operation, status=OperationStatus.NEVER_HAPPENED, error_code=code)
    seen = Seen(lived)
    seen.row("operations", before, after)
    awake = seen.reported
    seen.oracle.is_rested = True
    seen.row("operations", before, after)

    assert awake == [("I11", f"{after.kind} {after.id} was left until its key was too old")]
    assert seen.reported == []


def test_an_operation_may_be_refused() -> None:
    lived, operation = some("operations", lambda lived, row: not lived.truth.has_effect(row))
    before = attrs.evolve(operation, status=OperationStatus.UNRESOLVED)
    seen = Seen(lived)
    seen.row("operations", before, saved(operation, status=OperationStatus.REFUSED))

    assert seen.reported == []


def submitted(_: Lived, row: Submission) -> bool:
    return row.status is OperationStatus.DONE and row.kind is SubmissionKind.SUBMIT


def test_evidence_is_submitted_that_was_submitted_before() -> None:
    lived, first = some("submissions", submitted)
    second = attrs.evolve(first, id=SubmissionId("sub_second"), version=1)
    asked = attrs.evolve(second, status=OperationStatus.UNRESOLVED)
    seen = Seen(lived)
    seen.row("submissions", None, asked)
    unresolved = seen.reported
    seen.row("submissions", asked, saved(second))

    assert unresolved == []
    assert seen.reported == [("I10", f"submit sub_second was done before, as {first.id}")]


@pytest.mark.parametrize(
    "apart",
    [
        {"count_before": 7},
        {"dispute_id": DisputeId("dsp_another")},
        {"kind": SubmissionKind.ACCEPT},
    ],
)
def test_what_is_asked_of_a_dispute_may_be_another_thing(apart: dict[str, Any]) -> None:
    lived, first = some("submissions", submitted)
    second = attrs.evolve(first, id=SubmissionId("sub_second"), version=1, **apart)
    seen = Seen(lived)
    seen.row("submissions", attrs.evolve(second, status=OperationStatus.UNRESOLVED), saved(second))

    assert seen.reported == []


def test_a_status_comes_again_that_the_provider_has_left() -> None:
    lived, payment = some("payments", authorized)
    seen = Seen(lived)
    past = ["requires_payment_method", "requires_action", "requires_capture"]
    seen.truth.statuses[str(payment.intent_id)] = past
    action = saved(payment, status=PaymentStatus.REQUIRES_ACTION)
    held = saved(action, status=PaymentStatus.AUTHORIZED)
    seen.row("payments", attrs.evolve(payment, status=PaymentStatus.PROCESSING), action)
    seen.row("payments", action, held)
    forward = seen.reported
    seen.row("payments", held, saved(held, status=PaymentStatus.REQUIRES_ACTION))

    assert forward == []
    assert seen.reported == [
        (
            "I7",
            f"{payment.id} became requires_action again, and {payment.intent_id} did not",
        )
    ]


def test_a_status_comes_again_that_the_provider_has_come_to_again() -> None:
    lived, payment = some("payments", authorized)
    seen = Seen(lived)
    past = ["requires_action", "requires_confirmation", "requires_action"]
    seen.truth.statuses[str(payment.intent_id)] = past
    first = saved(payment, status=PaymentStatus.REQUIRES_ACTION)
    second = saved(first, status=PaymentStatus.REQUIRES_PAYMENT_METHOD)
    seen.row("payments", payment, first)
    seen.row("payments", first, second)
    seen.row("payments", second, saved(second, status=PaymentStatus.REQUIRES_ACTION))

    assert seen.reported == []


def test_a_refund_has_a_status_that_the_provider_never_had() -> None:
    lived, refund = some("refunds", lambda _, row: row.status is RefundStatus.SUCCEEDED)
    seen = Seen(lived)
    seen.truth.statuses[str(refund.provider_id)] = ["succeeded"]
    seen.row("refunds", refund, saved(refund, status=RefundStatus.FAILED))

    assert seen.reported == [
        ("I7", f"{refund.id} became failed again, and {refund.provider_id} did not")
    ]


def test_a_refund_is_pending_that_never_was_at_the_provider() -> None:
    lived, refund = some("refunds", lambda _, row: row.status is RefundStatus.SUCCEEDED)
    seen = Seen(lived)
    seen.truth.statuses[str(refund.provider_id)] = ["succeeded"]
    seen.row("refunds", refund, saved(refund, status=RefundStatus.PENDING))

    assert seen.reported == [
        ("I7", f"{refund.id} became pending again, and {refund.provider_id} did not")
    ]


def test_a_row_that_is_new_has_a_status_that_the_provider_never_had() -> None:
    lived, dispute = some("disputes")
    seen = Seen(lived)
    seen.truth.statuses[str(dispute.provider_id)] = ["charge_refunded"]
    seen.row("disputes", None, dispute)

    assert seen.reported == [
        ("I7", f"{dispute.id} became {dispute.status} again, and {dispute.provider_id} did not")
    ]


def test_a_payment_that_is_pending_follows_nothing_yet() -> None:
    lived, payment = some("payments", authorized)
    seen = Seen(lived)
    seen.row("payments", None, attrs.evolve(payment, status=PaymentStatus.PENDING))
    seen.row("payments", None, attrs.evolve(payment, intent_id=None))

    assert seen.reported == []


def test_a_row_whose_status_stays_follows_nothing() -> None:
    lived, payment = some("payments", authorized)
    seen = Seen(lived)
    seen.truth.statuses[str(payment.intent_id)] = []
    seen.row("payments", payment, saved(payment))

    assert seen.reported == []


def refundable(lived: Lived, row: Payment) -> bool:
    return (
        row.status is PaymentStatus.SUCCEEDED
        and not row.disputed.minor
        and not row.chargeback_open
        and all(refund.payment_id != row.id for refund in lived.database.refunds.rows.values())
    )


def asked_for(lived: Lived, payment: Payment, *amounts: int) -> Seen:
    """Let refunds of a payment be asked for, one after the other."""
    seen = Seen(lived)
    _, refund = some("refunds", lambda _, row: row.actor is not None)
    for number, minor in enumerate(amounts):
        row = attrs.evolve(
            refund,
            id=RefundId(f"re_{number}"),
            payment_id=payment.id,
            amount=attrs.evolve(payment.captured, minor=minor),
            status=RefundStatus.PENDING,
            provider_id=None,
        )
        seen.row("refunds", None, row)
    return seen


def test_more_is_asked_back_than_was_captured() -> None:
    lived, payment = some("payments", refundable)
    captured = payment.captured.minor
    seen = asked_for(lived, payment, 1, captured - 1, 1)

    assert seen.reported == [("I2", f"refund re_2 makes it {captured + 1} of {captured}")]


def test_more_is_asked_back_than_a_dispute_left() -> None:
    lived, payment = some("payments", refundable)
    captured = payment.captured
    lived_row = attrs.evolve(payment, disputed=attrs.evolve(captured, minor=1))
    seen = Seen(lived)
    seen.database.payments.rows[payment.id] = lived_row
    _, refund = some("refunds", lambda _, row: row.actor is not None)
    row = attrs.evolve(
        refund,
        payment_id=payment.id,
        amount=captured,
        status=RefundStatus.PENDING,
        provider_id=None,
    )
    seen.row("refunds", None, row)

    assert seen.reported == [
        ("I2", f"refund {row.id} makes it {captured.minor} of {captured.minor - 1}")
    ]


def test_a_refund_is_asked_for_while_a_chargeback_is_open() -> None:
    lived, payment = some("payments", refundable)
    seen = asked_for(lived, payment)
    seen.database.payments.rows[payment.id] = attrs.evolve(payment, chargeback_open=True)
    _, refund = some("refunds", lambda _, row: row.actor is not None)
    row = attrs.evolve(
        refund,
        payment_id=payment.id,
        amount=attrs.evolve(payment.captured, minor=1),
        status=RefundStatus.PENDING,
        provider_id=None,
    )
    seen.row("refunds", None, row)

    assert seen.reported == [("I2", f"refund {row.id} is asked for while a chargeback is open")]


def test_a_refund_that_waits_is_not_asked_for_again_when_it_is_saved() -> None:
    lived, payment = some("payments", refundable)
    seen = asked_for(lived, payment, 1)
    seen.database.payments.rows[payment.id] = attrs.evolve(payment, chargeback_open=True)
    row = seen.database.refunds.rows[RefundId("re_0")]
    seen.row("refunds", row, saved(row))

    assert seen.reported == []


def test_what_came_back_may_be_asked_for_again() -> None:
    lived, payment = some("payments", refundable)
    seen = asked_for(lived, payment, payment.captured.minor)
    row = seen.database.refunds.rows[RefundId("re_0")]
    seen.row("refunds", row, saved(row, status=RefundStatus.FAILED))
    seen.row("refunds", None, attrs.evolve(row, id=RefundId("re_1")))

    assert seen.reported == []


def test_what_others_gave_back_is_not_asked_for() -> None:
    lived, refund = some("refunds", lambda _, row: row.status is RefundStatus.SUCCEEDED)
    seen = Seen(lived)
    payment = seen.database.payments.rows[refund.payment_id]
    seen.database.payments.rows[payment.id] = attrs.evolve(payment, chargeback_open=True)
    seen.row("refunds", None, refund)
    seen.row("refunds", refund, saved(refund))

    assert seen.reported == []


def paid_by_somebody(lived: Lived, row: Any) -> bool:
    if row.paid_by is None:
        return False
    return lived.database.payments.rows[row.paid_by].capture_asked is None


@pytest.mark.parametrize(
    ("spoilt", "invariant", "says"),
    [
        ({"status": PaymentStatus.PROCESSING}, "I9", "which has not succeeded"),
        ({"quarantine": Quarantine.AMOUNT_MISMATCH}, "I9", "is paid by money in quarantine"),
        ({"order_id": OrderId("o-9")}, "I13", "is paid by the payment of another"),
        ({"customer_id": CustomerId("c-9")}, "I13", "is paid by the payment of another"),
    ],
)
def test_an_order_is_paid_by_what_it_must_not(
    spoilt: dict[str, Any], invariant: str, says: str
) -> None:
    lived, order = some("orders", paid_by_somebody)
    seen = Seen(lived)
    seen.row("orders", order, saved(order))
    before = seen.reported
    payment = seen.database.payments.rows[order.paid_by]
    seen.database.payments.rows[payment.id] = attrs.evolve(payment, **spoilt)
    seen.row("orders", order, saved(order))

    [(reported, what)] = seen.reported

    assert before == []
    assert reported == invariant
    assert f"order {order.id} is paid by" in what
    assert says in what


def test_an_order_is_paid_by_a_payment_that_there_is_not() -> None:
    lived, order = some("orders", paid_by_somebody)
    seen = Seen(lived)
    seen.row("orders", order, saved(order, paid_by=PaymentId("pay_9")))

    assert seen.reported == [("I9", f"order {order.id} is paid by pay_9, which has not succeeded")]


def test_an_order_costs_something_else_than_was_paid() -> None:
    lived, order = some("orders", paid_by_somebody)
    seen = Seen(lived)
    payment = seen.database.payments.rows[order.paid_by]
    cart = attrs.evolve(order.cart, shipping=order.cart.shipping + 1)
    seen.row("orders", None, saved(order, cart=cart))

    paid = payment.captured.minor
    assert seen.reported == [("I9", f"order {order.id} costs {paid + 1}, paid {paid}")]


def test_a_payment_that_captured_less_on_purpose_pays_its_order() -> None:
    lived, order = some("orders", paid_by_somebody)
    seen = Seen(lived)
    payment = seen.database.payments.rows[order.paid_by]
    seen.database.payments.rows[payment.id] = attrs.evolve(payment, capture_asked=payment.captured)
    cart = attrs.evolve(order.cart, shipping=order.cart.shipping + 1)
    seen.row("orders", None, saved(order, cart=cart))

    assert seen.reported == []


def test_a_payment_changes_under_an_order_that_it_paid() -> None:
    lived, order = some("orders", paid_by_somebody)
    seen = Seen(lived)
    payment = seen.database.payments.rows[order.paid_by]
    seen.row("payments", payment, saved(payment, quarantine=Quarantine.CUSTOMER_MISMATCH))

    assert seen.reported == [("I9", f"order {order.id} is paid by money in quarantine")]


def test_a_payment_is_of_an_order_that_there_is_not() -> None:
    lived, payment = some("payments", authorized)
    seen = Seen(lived)
    del seen.database.orders.rows[payment.order_id]
    seen.row("payments", payment, saved(payment))

    assert seen.reported == [("I9", f"a payment of order {payment.order_id}, which there is not")]
