"""A list is handed out page by page, and says where it was cut."""

import csv
from collections.abc import Sequence

import attrs
import pytest

from markethub.entrypoints.console.exports import ROWS_AT_ONCE, Table

pytestmark = pytest.mark.anyio

NUMBERS = Table[int]("numbers", (("number", lambda each: each), ("word", lambda each: f"={each}")))


@attrs.frozen
class PageOfNumbers:
    items: Sequence[int]
    next_cursor: str | None


class Numbers:
    """A read port over so many numbers, that remembers how many were asked for at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.limits: list[int] = []

    async def read(self, cursor: str | None, limit: int) -> PageOfNumbers:
        self.limits.append(limit)
        first = int(cursor or 0)
        last = min(first + limit, self._count)
        return PageOfNumbers(range(first, last), str(last) if last < self._count else None)


async def rows(numbers: Numbers, rows_maximum: int = 10_000) -> list[list[str]]:
    pieces = [piece async for piece in NUMBERS.lines(numbers.read, rows_maximum=rows_maximum)]
    text = b"".join(pieces).decode("utf-8-sig")
    return list(csv.reader(text.splitlines()))


@pytest.mark.parametrize("count", [0, 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 3 * ROWS_AT_ONCE])
async def test_all_pages_are_handed_out_under_one_heading(count: int) -> None:
    expected = [[str(number), f"'={number}"] for number in range(count)]

    assert [["number", "word"], *expected] == await rows(Numbers(count))


async def test_never_more_than_a_page_is_read_at_once() -> None:
    numbers = Numbers(3 * ROWS_AT_ONCE)
    await rows(numbers)

    assert {ROWS_AT_ONCE} == set(numbers.limits)


async def test_a_list_that_is_too_long_is_cut_and_says_so_in_its_last_line() -> None:
    [_, *found] = await rows(Numbers(8), rows_maximum=7)

    assert [*map(str, range(7))] == [number for number, _ in found[:-1]]
    assert ["Not all: only the first 7 rows are here. Narrow the filter.", ""] == found[-1]


async def test_a_list_that_just_fits_is_whole() -> None:
    [_, *found] = await rows(Numbers(7), rows_maximum=7)

    assert [*map(str, range(7))] == [number for number, _ in found]


async def test_what_cannot_be_read_breaks_the_file_off() -> None:
    async def read(cursor: str | None, limit: int) -> PageOfNumbers:
        if cursor is not None:
            raise ConnectionError
        return PageOfNumbers([1], "2")

    lines = NUMBERS.lines(read)
    begun = [await anext(lines), await anext(lines)]

    assert b'1,"\'=1"\r\n' == begun[1]
    with pytest.raises(ConnectionError):
        await anext(lines)
