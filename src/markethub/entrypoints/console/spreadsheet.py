"""CSV that a spreadsheet may open: RFC 4180, and no text in it becomes a formula.

What somebody else wrote, an order's number or the note of a refund, is read by staff in programs
that compute what looks like a formula (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from markethub.domain.money import Money

Cell: TypeAlias = str | int | Decimal | datetime | None
"""A number is one that we computed; whatever anybody wrote is a text, also if it has digits."""

BYTE_ORDER_MARK: Final = "\ufeff"
"""Begins the file: without it Excel takes UTF-8 for the machine's old code page."""

_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
"""What begins a formula, also full width, small, and as a minus sign."""
# Programs drop these, and then look at what follows.
_DROPPED: Final = (
    r"\s\x00-\x1f\x7f-\x9f\"\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
)
# In many countries Excel splits a line at semicolons, and none of our quotes holds it back: what
# follows a separator within a text is then a cell.
_SEPARATORS: Final = r",;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
_DANGEROUS: Final = re.compile(
    rf"\A(?=[\t\r\n])|(?:\A|(?<=[{_SEPARATORS}]))(?=[{_DROPPED}]*[{_FORMULA}])"
)


def is_dangerous(text: str) -> bool:
    """Tell whether a spreadsheet might take the text, or a part of it, for a formula."""
    return _DANGEROUS.search(text) is not None


def harmless(text: str) -> str:
    """Return the text with an apostrophe before whatever might be taken for a formula."""
    return _DANGEROUS.sub("'", text)


def major(money: Money) -> Decimal:
    """Return an amount in major units, with as many decimals as its currency has."""
    return Decimal(money.major)


def encoded(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return lines of the file: texts quoted and harmless, numbers bare, moments in UTC."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return lines.getvalue().encode()


def _written(cell: Cell) -> str | int | Decimal:
    match cell:
        case None:
            return ""
        case str():
            return harmless(cell)
        case datetime():
            return cell.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case _:
            return cell
