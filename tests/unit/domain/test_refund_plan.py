"""Refund plans: decided once, recognised by their hash, and refused when changed."""

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import PlanChanged, ValidationFailed
from markethub.domain.ids import PaymentId
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.refund import RefundReason
from markethub.domain.refund_plan import LeftOut, Precondition, RefundPlan, plan_refunds
from tests.unit.domain.values import REACHED, START, usd


def paid(id: str = "pay_1", *, refunded: int = 0, chargeback_open: bool = False) -> Payment:
    return attrs.evolve(
        REACHED[PaymentStatus.SUCCEEDED](),
        id=PaymentId(id),
        refunded=usd(refunded),
        chargeback_open=chargeback_open,
    )


def plan(*payments: Payment, note: str | None = None) -> RefundPlan:
    made, _ = plan_refunds(payments, reason=RefundReason.GOODWILL, note=note, now=START)
    return made


def as_read(document: object) -> Any:
    """Return a document as it is after a file."""
    return json.loads(json.dumps(document, indent=2))


def test_a_plan_gives_back_all_that_is_left_of_each_payment() -> None:
    made = plan(paid("pay_1"), paid("pay_2", refunded=1500))

    assert [("pay_1", usd(5000)), ("pay_2", usd(3500))] == [
        (line.payment_id, line.amount) for line in made.lines
    ]
    assert {"usd": usd(8500)} == made.totals


def test_what_cannot_be_refunded_is_left_out_and_named() -> None:
    _, left_out = plan_refunds(
        [
            paid("pay_1", refunded=5000),
            paid("pay_2", chargeback_open=True),
            REACHED[PaymentStatus.AUTHORIZED](),
        ],
        reason=RefundReason.OTHER,
        note=None,
        now=START,
    )

    assert [
        LeftOut(payment_id=PaymentId("pay_1"), reason="payment_not_refundable"),
        LeftOut(payment_id=PaymentId("pay_2"), reason="payment_disputed"),
        LeftOut(payment_id=PaymentId("pay_1"), reason="payment_not_refundable"),
    ] == left_out


def test_a_payment_that_is_named_twice_is_refunded_once() -> None:
    assert 1 == len(plan(paid("pay_1"), paid("pay_1")).lines)


@given(
    amounts=st.lists(st.integers(0, 5000), max_size=5),
    note=st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
)
def test_a_plan_is_read_as_it_was_written(amounts: list[int], note: str | None) -> None:
    made = plan(*(paid(f"pay_{n}", refunded=amount) for n, amount in enumerate(amounts)), note=note)

    assert made == RefundPlan.read(as_read(made.document()))
    assert made.hash == RefundPlan.read(as_read(made.document())).hash


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("lines", 0, "amount"), 4999),
        (("lines", 0, "payment_id"), "pay_9"),
        (("lines", 0, "captured"), 6000),
        (("lines", 0, "given_back"), 1),
        (("lines", 0, "extra"), 1),
        (("totals", "usd"), 1),
        (("reason",), "other"),
        (("note",), "changed"),
        (("hash",), "0" * 64),
        (("version",), 2),
        (("extra",), True),
        (("created_at",), "2026-11-02T12:00:00+00:00"),
    ],
)
def test_a_plan_that_was_changed_anywhere_is_refused(where: tuple[Any, ...], value: Any) -> None:
    document = as_read(plan(paid()).document())
    inner = document
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value

    with pytest.raises(PlanChanged):
        RefundPlan.read(document)


LINE = {"payment_id": "pay_1", "currency": "usd", "amount": 1, "captured": 1, "given_back": 0}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"lines": 3},
        {"created_at": 1, "reason": "x", "lines": []},
        {**plan().document(), "note": 5},
        {**plan().document(), "lines": [{**LINE, "payment_id": ["pay_1"]}]},
    ],
)
def test_what_is_no_plan_is_refused(document: object) -> None:
    with pytest.raises(ValidationFailed):
        RefundPlan.read(document)


def test_a_precondition_holds_until_money_moves() -> None:
    before = paid()
    known = Precondition.of(before)

    assert known.holds_for(attrs.evolve(before, declines=3))
    assert not known.holds_for(paid(refunded=1))
    assert not known.holds_for(attrs.evolve(before, refund_reserved=usd(1)))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (paid(), ""),
        (paid(refunded=500), "5.00 USD is given back, not 0.00 USD"),
        (
            attrs.evolve(paid(refunded=500), captured=usd(6000)),
            "60.00 USD is captured, not 50.00 USD, 5.00 USD is given back, not 0.00 USD",
        ),
    ],
)
def test_a_precondition_says_what_has_changed(now: Payment, said: str) -> None:
    assert said == Precondition.of(paid()).changes_of(now)
