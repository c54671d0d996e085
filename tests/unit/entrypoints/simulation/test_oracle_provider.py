"""What happens at the provider is spoilt in one thing, and it alone is reported."""

import pytest

from markethub.adapters.fake.store import JsonObject
from markethub.entrypoints.simulation.model import ORDER_ID, PAYMENT_ID, REFUND_ID
from tests.support.lived import some_object
from tests.support.seen import Seen, paid_charge


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


def test_what_was_told_to_have_failed_may_be_declined() -> None:
    lived, charge = some_object("charge", paid_charge)
    seen = Seen(lived)
    for intent in list(seen.truth.intents.values()):
        unpaid = {**intent, "status": "requires_payment_method"}
        seen.truth.put("payment_intent", intent["id"], unpaid)
    seen.oracle.told(charge["metadata"][PAYMENT_ID], "failed")
    seen.oracle.provider_put("charge", "ch_more", {**charge, "id": "ch_more", "status": "failed"})

    assert seen.reported == []


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
