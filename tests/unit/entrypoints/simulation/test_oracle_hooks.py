"""What the oracle hears is spoilt in one thing, and it alone is reported."""

from typing import Any

import attrs
import pytest

from markethub.adapters.fake.store import JsonObject
from markethub.domain.delivery import DeliveryStatus, Message
from markethub.domain.ids import CustomerId, OrderId, PaymentId, RefundId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.operation import OperationStatus
from markethub.domain.order import OrderStatus
from markethub.domain.payment import Payment, PaymentStatus, Quarantine
from markethub.domain.refund import RefundStatus
from markethub.entrypoints.simulation.checks import Oracle
from markethub.entrypoints.simulation.faults import POISON
from markethub.entrypoints.simulation.model import ORDER_ID, PAYMENT_ID, REFUND_ID, Truth
from markethub.entrypoints.simulation.outcome import Violation
from markethub.entrypoints.simulation.plan import Paths
from markethub.entrypoints.simulation.ports import START
from tests.support.lived import Lived, some, some_object

AT_S = 12.5


class Seen:
    """An oracle that looks at a world of its own."""

    def __init__(self, lived: Lived, *, paths: Paths = Paths.BOTH) -> None:
        self.database = lived.copy()
        self.oracle = Oracle(self.database, paths=paths)
        self.oracle.truth = lived.truth_copy()
        self.oracle.now_s = AT_S

    @property
    def truth(self) -> Truth:
        return self.oracle.truth

    @property
    def reported(self) -> list[tuple[str, str]]:
        """Return what was reported since the last time."""
        found = [(each.invariant, each.what) for each in self.oracle.violations]
        self.oracle.violations.clear()
        return found

    def row(self, table: str, before: Any, after: Any) -> None:
        """Let a commit of one row be heard of, and its end."""
        tables = {"payment_methods": "methods"}
        getattr(self.database, tables.get(table, table)).rows[after.id] = after
        self.oracle.committed(table, before, after)
        self.oracle.commit_ended()


def saved(row: Any, **fields: Any) -> Any:
    return attrs.evolve(row, version=row.version + 1, **fields)


def paid_charge(_: Lived, charge: JsonObject) -> bool:
    return bool(
        charge["captured"] and charge["status"] == "succeeded" and charge["metadata"].get(ORDER_ID)
    )


# --- the provider


def test_an_order_is_charged_twice() -> None:
    lived, charge = some_object("charge", paid_charge)
    seen = Seen(lived)
    seen.oracle.provider_put("charge", charge["id"], charge)
    once = seen.reported
    seen.oracle.provider_put("charge", "ch_more", {**charge, "id": "ch_more"})

    assert once == []
    assert seen.reported == [("I1", f"order {charge['metadata'][ORDER_ID]} was charged 2 times")]


def test_a_second_charge_that_takes_nothing_is_none() -> None:
    lived, charge = some_object("charge", paid_charge)
    seen = Seen(lived)
    for more in ({"captured": False}, {"status": "failed"}):
        seen.oracle.provider_put("charge", "ch_more", {**charge, "id": "ch_more", **more})

    assert seen.reported == []


def test_charges_of_no_order_of_ours_are_no_second_charges() -> None:
    lived, charge = some_object("charge", paid_charge)
    seen = Seen(lived)
    for id_ in ("ch_more", "ch_yet_more"):
        seen.oracle.provider_put("charge", id_, {**charge, "id": id_, "metadata": {}})

    assert seen.reported == []


def test_what_was_told_to_have_failed_takes_money() -> None:
    lived, charge = some_object("charge", paid_charge)
    payment_id = charge["metadata"][PAYMENT_ID]
    seen = Seen(lived)
    for intent in list(seen.truth.intents.values()):
        unpaid = {**intent, "status": "requires_payment_method"}
        seen.truth.put("payment_intent", intent["id"], unpaid)
    seen.oracle.told(payment_id, "failed")
    at_first = seen.reported
    seen.oracle.provider_put("charge", charge["id"], charge)

    assert at_first == []
    assert seen.reported == [
        ("I8", f"payment {payment_id} was told to have failed, and took money afterwards")
    ]


def test_what_is_tried_again_after_it_failed_may_take_money() -> None:
    lived, charge = some_object("charge", paid_charge)
    payment_id = charge["metadata"][PAYMENT_ID]
    seen = Seen(lived)
    for intent in list(seen.truth.intents.values()):
        unpaid = {**intent, "status": "requires_payment_method"}
        seen.truth.put("payment_intent", intent["id"], unpaid)
    seen.oracle.told(payment_id, "canceled")
    seen.oracle.tries(payment_id)
    seen.oracle.provider_put("charge", charge["id"], charge)

    assert seen.reported == []


def test_more_is_refunded_than_was_captured() -> None:
    lived, refund = some_object(
        "refund",
        lambda lived, refund: (
            refund["status"] == "succeeded"
            and len(lived.truth.refunds_of_charge[refund["charge"]]) == 1
        ),
    )
    seen = Seen(lived)
    charge = seen.truth.charges[refund["charge"]]
    seen.truth.put("charge", charge["id"], {**charge, "amount_captured": refund["amount"]})
    seen.oracle.provider_put("refund", refund["id"], refund)
    exact = seen.reported
    seen.truth.put("charge", charge["id"], {**charge, "amount_captured": refund["amount"] - 1})
    seen.oracle.provider_put("refund", refund["id"], refund)

    assert exact == []
    assert seen.reported == [
        ("I2", f"{refund['amount']} refunded of {refund['amount'] - 1} ({charge['id']})")
    ]


@pytest.mark.parametrize(
    ("status", "counts"),
    [("pending", True), ("requires_action", True), ("failed", False), ("canceled", False)],
)
def test_a_refund_is_made_twice(status: str, counts: bool) -> None:
    lived, refund = some_object(
        "refund",
        lambda lived, refund: (
            refund["status"] == "succeeded"
            and REFUND_ID in (refund["metadata"] or {})
            and lived.truth.charges[refund["charge"]]["amount_captured"] >= 2 * refund["amount"]
            and len(lived.truth.refunds_of_charge[refund["charge"]]) == 1
        ),
    )
    seen = Seen(lived)
    seen.oracle.provider_put("refund", "re_more", {**refund, "id": "re_more", "status": status})

    row = refund["metadata"][REFUND_ID]
    assert seen.reported == (
        [("I10", f"refund {row} was made twice at the provider")] if counts else []
    )


def test_refunds_of_nobody_are_no_second_refunds() -> None:
    lived, refund = some_object(
        "refund",
        lambda lived, refund: (
            lived.truth.charges[refund["charge"]]["amount_captured"] >= 2 * refund["amount"]
            and len(lived.truth.refunds_of_charge[refund["charge"]]) == 1
        ),
    )
    seen = Seen(lived)
    nothing: JsonObject = {}
    for metadata in (nothing, None):
        seen.oracle.provider_put("refund", refund["id"], {**refund, "metadata": metadata})
        seen.oracle.provider_put("refund", "re_x", {**refund, "id": "re_x", "metadata": metadata})

    assert seen.reported == []


def test_what_is_no_money_or_is_gone_says_nothing() -> None:
    lived, charge = some_object("charge", paid_charge)
    seen = Seen(lived)
    seen.oracle.provider_put("customer", "cus_1", {"id": "cus_1"})
    seen.oracle.provider_put("charge", charge["id"], None)

    assert seen.reported == []
    assert seen.truth.charges == lived.truth.charges


# --- our rows


def test_a_rule_about_rows_is_asked_and_the_time_is_told() -> None:
    lived, order = some("orders", lambda _, row: row.status is OrderStatus.OPEN)
    seen = Seen(lived)
    seen.row("orders", order, attrs.evolve(order))

    assert seen.oracle.violations == [
        Violation("I7", f"order {order.id} was saved with version {order.version} again", AT_S)
    ]


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


def authorized(_: Lived, row: Payment) -> bool:
    return row.status is PaymentStatus.AUTHORIZED


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


# --- what a commit leaves


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


# --- deliveries and messages


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


def message(delivery: Any) -> Message:
    return Message(id=delivery.message_id, type=delivery.event.type, body="{}", at=START)


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


# --- what people are told


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
    seen.oracle.answered("key", "200", "re_1")

    assert same == []
    assert other == [("I10", "key key was answered 're_1', and then 're_2'")]
    assert seen.reported == [("I10", "key key was answered for another body")]


# --- rest


def at_rest(lived: Lived) -> Seen:
    """Return an oracle that has heard all that was told to the storefront."""
    seen = Seen(lived)
    for delivery in lived.rows("deliveries"):
        seen.oracle.consumed(message(delivery))
    return seen


def with_refunds_and_messages(lived: Lived, _: Any) -> bool:
    return bool(lived.database.refunds.rows) and len(lived.database.deliveries.rows) > 1


def test_what_is_spoilt_at_rest_is_reported() -> None:
    lived, refund = some("refunds", with_refunds_and_messages)
    seen = at_rest(lived)
    seen.oracle.at_rest()
    clean = seen.reported
    del seen.database.refunds.rows[refund.id]
    seen.oracle.at_rest()

    assert clean == []
    assert ("I5", f"refund {refund.provider_id} is known 0 times") in seen.reported


def test_what_another_reading_of_the_rows_shows_is_reported() -> None:
    lived, refund = some("refunds", with_refunds_and_messages)
    seen = at_rest(lived)
    seen.oracle.at_rest(lived.copy())
    same = seen.reported
    reread = lived.copy()
    del reread.refunds.rows[refund.id]
    seen.oracle.at_rest(reread)

    assert same == []
    assert seen.reported[:2] == [
        ("I7", f"refunds {refund.id} is not as it was committed"),
        ("I5", f"refund {refund.provider_id} is known 0 times"),
    ]


def test_a_row_is_changed_behind_the_commits() -> None:
    lived, order = some("orders")
    seen = at_rest(lived)
    reread = lived.copy()
    reread.orders.rows[order.id] = saved(order)
    seen.oracle.at_rest(reread)

    assert seen.reported == [("I7", f"orders {order.id} is not as it was committed")]


def test_a_row_comes_in_behind_the_commits() -> None:
    lived, order = some("orders")
    seen = at_rest(lived)
    reread = lived.copy()
    reread.orders.rows[OrderId("o-9")] = order
    seen.oracle.at_rest(reread)

    assert seen.reported == [("I7", "orders o-9 is not as it was committed")]


def test_an_event_that_was_told_is_gone() -> None:
    lived, _ = some("deliveries")
    seen = at_rest(lived)
    reread = lived.copy()
    seen.database.outbox.append(reread.outbox[-1])
    seen.oracle.at_rest(reread)

    assert seen.reported == [("I7", "the outbox is not as it was committed")]


def test_a_message_is_not_delivered() -> None:
    lived, delivery = some("deliveries")
    seen = at_rest(lived)
    seen.database.deliveries.rows[delivery.sequence] = attrs.evolve(
        delivery, status=DeliveryStatus.DEAD
    )
    seen.oracle.at_rest()

    assert seen.reported == [("I14", f"message {delivery.sequence} is dead")]


def test_a_message_is_delivered_that_nobody_heard() -> None:
    lived, delivery = some("deliveries")
    seen = Seen(lived)
    for other in lived.rows("deliveries"):
        if other is not delivery:
            seen.oracle.consumed(message(other))
    seen.oracle.at_rest()

    assert seen.reported == [
        ("I14", f"message {delivery.sequence} is delivered, and nobody heard it")
    ]


def test_an_event_is_told_without_a_message() -> None:
    lived, delivery = some("deliveries")
    seen = at_rest(lived)
    seen.database.outbox.append(delivery.event)
    seen.oracle.at_rest()

    messages = len(lived.rows("deliveries"))
    assert seen.reported == [("I14", f"{messages + 1} public events, {messages} messages")]


def spoil_indexed(seen: Seen, table: str, row: Any, **fields: Any) -> None:
    """Change a row as a commit does: with its indexes."""
    rows = getattr(seen.database, table)
    id_ = next(id_ for id_, each in rows.rows.items() if each is row)
    rows.put(id_, attrs.evolve(row, **fields))


def test_there_is_quiet_when_nothing_is_left_to_do() -> None:
    lived, _ = some("submissions")

    assert Seen(lived).oracle.is_quiet()


@pytest.mark.parametrize(
    ("table", "fields", "without_recovery"),
    [
        ("operations", {"status": OperationStatus.UNRESOLVED}, True),
        ("submissions", {"status": OperationStatus.UNRESOLVED}, True),
        ("inbox", {"status": InboxStatus.PENDING}, False),
        ("inbox", {"status": InboxStatus.PARKED}, False),
        ("deliveries", {"status": DeliveryStatus.PENDING}, False),
        ("payments", {"holds_slot": False, "status": PaymentStatus.PROCESSING}, True),
    ],
)
def test_there_is_no_quiet_while_something_is_left_to_do(
    table: str,
    fields: dict[str, Any],
    without_recovery: bool,
) -> None:
    lived, row = some(table)
    quiet = []
    for paths in (Paths.BOTH, Paths.RECOVERY, Paths.WEBHOOKS):
        seen = Seen(lived, paths=paths)
        spoil_indexed(seen, table, row, **fields)
        quiet.append(seen.oracle.is_quiet())

    assert quiet == [False, False, without_recovery]


def test_what_nobody_can_read_is_not_waited_for() -> None:
    lived, row = some("inbox")
    seen = Seen(lived)
    poison = attrs.evolve(row.event, id=row.event.id + POISON)
    waiting = attrs.evolve(row, event=poison, status=InboxStatus.PENDING)
    seen.database.inbox.put(poison.id, waiting)

    assert seen.oracle.is_quiet()


# --- domain events


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


def test_a_refund_that_was_refused_may_be_told_to_have_failed() -> None:
    lived, refund = some("refunds", lambda _, row: row.provider_id is not None)
    seen = Seen(lived)
    seen.database.refunds.rows[refund.id] = attrs.evolve(refund, provider_id=None)
    told: Any = Told("refund.failed", refund_id=refund.id)
    seen.oracle.told_outbox(told)

    assert seen.reported == []


# --- what nobody may hear, and nobody may be believed


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
