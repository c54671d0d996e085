"""Each rule about a row of ours is broken once, by one thing, and it alone is reported."""

from collections.abc import Mapping
from copy import copy
from typing import Any

import pytest

from markethub.domain.ledger import EntryKind
from markethub.domain.money import Money
from markethub.entrypoints.simulation.row_rules import RULES
from tests.support.lived import some, worlds
from tests.unit.entrypoints.simulation import (
    row_cases_of_money_back,
    row_cases_of_news,
    row_cases_of_payments,
)
from tests.unit.entrypoints.simulation.row_case import Case, Change, nothing
from tests.unit.entrypoints.simulation.row_cases_allowed import ALLOWED

CASES: Mapping[str, Case] = {
    **row_cases_of_payments.CASES,
    **row_cases_of_money_back.CASES,
    **row_cases_of_news.CASES,
}


def changed(row: Any, *changes: Change) -> Any:
    """Return the row with changes that its class may forbid."""
    copied = copy(row)
    for change in changes:
        for name, value in change(row).items():
            object.__setattr__(copied, name, value)
    return copied


def stages(case: Case, row: Any, *, spoilt: bool) -> tuple[Any, Any]:
    """Return the row before and after."""
    spoils_before, spoils = (case.spoilt_before, case.spoilt) if spoilt else (nothing, nothing)
    after = changed(row, case.clean, spoils)
    if case.before is None and spoils_before is nothing:
        return None, after
    older: Change = (lambda row: {"version": row.version - 1}) if has_version(row) else nothing
    return changed(row, older, case.before or nothing, spoils_before), after


def has_version(row: Any) -> bool:
    return hasattr(row, "version")


def name_of(row: Any) -> str:
    for name in ("id", "reference", "sequence"):
        if hasattr(row, name):
            return str(getattr(row, name))
    return str(row.event.id)


@pytest.mark.parametrize("named", CASES)
def test_what_is_as_it_may_be_is_not_reported(named: str) -> None:
    case = CASES[named]
    lived, row = some(case.table, case.where)
    before, after = stages(case, row, spoilt=False)

    assert list(RULES[case.table](lived.truth, before, after)) == []


@pytest.mark.parametrize("named", CASES)
def test_one_thing_that_is_spoilt_is_reported(named: str) -> None:
    case = CASES[named]
    lived, row = some(case.table, case.where)
    before, after = stages(case, row, spoilt=True)

    [(invariant, what)] = RULES[case.table](lived.truth, before, after)

    assert invariant == case.invariant
    assert case.says in what
    assert name_of(after) in what


@pytest.mark.parametrize("named", ALLOWED)
def test_what_may_be_is_not_reported(named: str) -> None:
    allowed = ALLOWED[named]
    lived, row = some(allowed.table, allowed.where)
    older: Change = (lambda row: {"version": row.version - 1}) if has_version(row) else nothing
    before, after = changed(row, older, allowed.before), changed(row, allowed.after)

    assert list(RULES[allowed.table](lived.truth, before, after)) == []


@pytest.mark.parametrize("table", RULES)
def test_what_was_lived_through_is_not_reported_as_new(table: str) -> None:
    reported = [
        wrong
        for lived in list(worlds())[:30]
        for row in lived.rows(table)
        for wrong in RULES[table](lived.truth, None, row)
    ]

    assert reported == []


def test_an_entry_of_nothing_is_reported() -> None:
    lived, row = some("ledger")
    nothing_moved = changed(row, lambda row: {"amount": Money.zero(row.amount.currency)})

    assert ("I3", f"{row.kind} {row.reference} does not balance") in list(
        RULES["ledger"](lived.truth, None, nothing_moved)
    )


def test_an_entry_of_a_charge_that_took_nothing_is_reported() -> None:
    lived, row = some("ledger", lambda _, row: row.kind is EntryKind.CHARGE)
    truth = lived.truth_copy()
    truth.put("charge", row.reference, {**truth.charges[row.reference], "captured": False})

    assert list(RULES["ledger"](truth, None, row)) == [
        ("I5", f"charge {row.reference} is posted, and the provider knows nothing of it")
    ]
