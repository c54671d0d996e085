"""Amounts that cannot be: every store refuses to save them."""

from typing import Any

import attrs
import pytest
from sqlalchemy import CheckConstraint, Table

from markethub.adapters.memory import rules
from markethub.adapters.memory.tables import Rule
from markethub.adapters.sqlalchemy.dispute_tables import disputes
from markethub.adapters.sqlalchemy.refund_tables import refunds
from markethub.adapters.sqlalchemy.tables import operations, orders, payments
from markethub.domain.errors import PaymentsError
from markethub.domain.money import Money
from markethub.domain.payment import Payment
from tests.support.stores import Store, order, payment, put

pytestmark = pytest.mark.anyio

KNOWN: list[tuple[Table, tuple[Rule[Any], ...]]] = [
    (orders, rules.OF_ORDERS),
    (payments, rules.OF_PAYMENTS),
    (operations, rules.OF_OPERATIONS),
    (refunds, rules.OF_REFUNDS),
    (disputes, rules.OF_DISPUTES),
]


def usd(minor: int) -> Money:
    return Money.of(minor, "usd")


def captured(**changes: Money) -> Payment:
    """Return a payment of 50.00 of which 40.00 were captured, and ``changes`` to it."""
    amounts = {"authorized": usd(5000), "captured": usd(4000), **changes}
    return attrs.evolve(payment(), **amounts)  # type: ignore[arg-type]  # names of amounts only


@pytest.mark.parametrize(("table", "known"), KNOWN, ids=[table.name for table, _ in KNOWN])
def test_the_memory_store_knows_every_rule_of_the_schema_about_amounts(
    table: Table, known: tuple[Rule[Any], ...]
) -> None:
    in_sql = {
        str(rule.name).removeprefix(f"ck_{table.name}_")
        for rule in table.constraints
        if isinstance(rule, CheckConstraint)
        and "_minor" in str(rule.sqltext)
        and "IS NULL" not in str(rule.sqltext)
    }

    assert in_sql == {rule.name for rule in known}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"refunded": usd(4000)},
        {"refunded": usd(1000), "refund_reserved": usd(3000)},
        {"capture_asked": usd(1), "disputed": usd(9000)},
    ],
)
async def test_sound_amounts_are_saved(store: Store, changes: dict[str, Money]) -> None:
    await put(store, order(), captured(**changes))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("amount_positive", {"amount": usd(0), "authorized": usd(0), "captured": usd(0)}),
        ("authorized_bounded", {"authorized": usd(5001)}),
        ("authorized_bounded", {"authorized": usd(-1)}),
        ("captured_bounded", {"captured": usd(5001)}),
        ("refunded_bounded", {"refunded": usd(4001)}),
        ("refunded_bounded", {"refunded": usd(-1)}),
        ("refund_reserved_bounded", {"refund_reserved": usd(4001)}),
        ("refund_reserved_bounded", {"refunded": usd(1001), "refund_reserved": usd(3000)}),
        ("refund_reserved_bounded", {"refund_reserved": usd(-1)}),
        ("disputed_not_negative", {"disputed": usd(-1)}),
        ("capture_asked_positive", {"capture_asked": usd(0)}),
    ],
)
async def test_what_cannot_be_is_refused_and_is_no_answer_of_the_core(
    store: Store, rule: str, changes: dict[str, Money]
) -> None:
    with pytest.raises(Exception, match=rule) as told:
        await put(store, order(), captured(**changes))

    assert not isinstance(told.value, PaymentsError)
    assert await store.queries.order(order().id) is None
