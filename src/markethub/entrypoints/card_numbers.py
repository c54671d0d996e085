"""Finding payment card numbers in text: they must reach neither a table nor a log.

A card number is 14 to 19 digits, with single spaces or hyphens between, that passes the Luhn
check and begins as an issuer's numbers begin. Digits inside an identifier are none: a word that
holds letters *and* further digits is a hash, a typed id or a provider's id.
"""

import re
from collections.abc import Container, Iterator
from functools import cache
from itertools import accumulate
from typing import Final

MASK: Final = "[card number]"

_DIGITS_MINIMUM: Final = 14
"""Shorter runs are telephone numbers and timestamps more often than the few old 13-digit cards."""
_DIGITS_MINIMUM_IN_LOGS: Final = 13
"""ISO/IEC 7812's shortest still issued; in a log a needless mask does no harm."""
_PREFIX_DIGITS: Final = 4
"""No range below is told by more."""

_WORD: Final = re.compile(r"[0-9A-Za-z_]+")
_NUMBER_IN_WORD: Final = re.compile(r"([A-Za-z_]*)([0-9]+)([A-Za-z_]*)")

_ISSUERS: Final = (
    ((4, 4), (13, 16, 19)),  # Visa
    ((51, 55), (16,)),  # Mastercard
    ((2221, 2720), (16,)),  # Mastercard
    ((34, 34), (15,)),  # American Express
    ((37, 37), (15,)),  # American Express
    ((300, 305), range(14, 20)),  # Diners Club
    ((3095, 3095), range(14, 20)),  # Diners Club
    ((36, 36), range(14, 20)),  # Diners Club
    ((38, 39), range(14, 20)),  # Diners Club
    ((3528, 3589), range(16, 20)),  # JCB
    ((6011, 6011), range(16, 20)),  # Discover
    ((644, 649), range(16, 20)),  # Discover
    ((65, 65), range(16, 20)),  # Discover
    ((62, 62), range(16, 20)),  # UnionPay
    ((81, 81), range(16, 20)),  # UnionPay
    ((5018, 5018), range(13, 20)),  # Maestro
    ((5020, 5020), range(13, 20)),  # Maestro
    ((5038, 5038), range(13, 20)),  # Maestro
    ((5893, 5893), range(13, 20)),  # Maestro
    ((6304, 6304), range(13, 20)),  # Maestro
    ((6759, 6759), range(13, 20)),  # Maestro
    ((6761, 6763), range(13, 20)),  # Maestro
    ((508, 508), (16,)),  # RuPay
    ((60, 60), (16,)),  # RuPay
    ((82, 82), (16,)),  # RuPay
    ((2200, 2204), range(16, 20)),  # Mir
)
"""First and last prefix of each issuer's ranges (ISO/IEC 7812), and how many digits they have."""


def contains_card_number(text: str) -> bool:
    """Tell whether a card number stands anywhere in ``text``."""
    return any(_spans(text, _DIGITS_MINIMUM))


def mask_card_numbers(text: str) -> str:
    """Return ``text`` with each card number replaced by a mask, those of 13 digits too."""
    parts: list[str] = []
    end = 0
    for start, stop in _spans(text, _DIGITS_MINIMUM_IN_LOGS):
        parts += [text[end:start], MASK]
        end = stop
    return "".join([*parts, text[end:]]) if parts else text


def _spans(text: str, digits_minimum: int) -> Iterator[tuple[int, int]]:
    """Find where card numbers begin and end."""
    for run in _runs(text):
        digits = "".join(number[2] for number in run)
        if len(digits) < digits_minimum:
            continue
        sums = _luhn_sums(digits)
        begin, ends = 0, dict(zip(accumulate(len(number[2]) for number in run), run, strict=True))
        taken = 0
        for number in run:
            end = _end_of_card(digits, begin, sums, ends, digits_minimum) if begin >= taken else 0
            if end:
                yield number.start(2), ends[end].end(2)
                taken = end
            begin += len(number[2])


def _runs(text: str) -> Iterator[list[re.Match[str]]]:
    """Split ``text`` into runs of numbers that a single space or hyphen joins."""
    run: list[re.Match[str]] = []
    for word in _WORD.finditer(text):
        number = _NUMBER_IN_WORD.fullmatch(text, word.start(), word.end())
        if run and (number is None or not _joined(text, run[-1], number)):
            yield run
            run = []
        if number is not None:
            run.append(number)
    if run:
        yield run


def _joined(text: str, left: re.Match[str], right: re.Match[str]) -> bool:
    between = text[left.end() : right.start()]
    return between in {" ", "-"} and not left[3] and not right[1]


def _end_of_card(
    digits: str,
    begin: int,
    sums: tuple[list[int], list[int]],
    ends: Container[int],
    digits_minimum: int,
) -> int:
    """Return where the longest card number that begins at ``begin`` ends; 0 if there is none."""
    for length in _lengths_issued(digits[begin : begin + _PREFIX_DIGITS]):
        end = begin + length
        doubled = sums[end % 2]
        if length >= digits_minimum and end in ends and (doubled[end] - doubled[begin]) % 10 == 0:
            return end
    return 0


@cache
def _lengths_issued(prefix: str) -> tuple[int, ...]:
    """Return how many digits the cards may have that begin with ``prefix``, longest first."""
    lengths = {
        length
        for (low, high), lengths in _ISSUERS
        if low <= int(prefix[: len(str(low))]) <= high
        for length in lengths
    }
    return tuple(sorted(lengths, reverse=True))


def _luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Sum the digits up to each position, with those at even (odd) positions doubled.

    Two subtractions then tell the Luhn sum (ISO/IEC 7812-1, annex B) of any stretch, which keeps
    the search linear: input is hostile. A stretch that ends before ``end`` doubles the positions
    of ``end``'s parity.
    """
    plain = [int(digit) for digit in digits]
    doubled = [2 * value - 9 if value > 4 else 2 * value for value in plain]
    even, odd = plain.copy(), plain.copy()
    even[::2], odd[1::2] = doubled[::2], doubled[1::2]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))
