"""The tree of errors: drawn as it is, each with a code of its own."""

import re

import pytest

from markethub.domain import errors
from markethub.domain.errors import (
    GatewayUnavailable,
    Misconfigured,
    PaymentsError,
    Refused,
    TooManyDeclines,
    TryAgain,
    ValidationFailed,
)


def descendants(root: type[PaymentsError]) -> list[type[PaymentsError]]:
    return [root, *(each for child in root.__subclasses__() for each in descendants(child))]


TREE = descendants(PaymentsError)
DRAWN = re.compile(r"(?P<branches>[ |`-]*)(?P<name>[A-Z]\w+)(?: +(?P<text>.+))?")


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in TREE]

    assert sorted(set(codes)) == sorted(codes)


def test_codes_are_lower_case_words() -> None:
    odd = [error.code for error in TREE if not re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)]

    assert [] == odd


def test_the_drawing_shows_every_error_under_its_parent() -> None:
    drawn: list[tuple[str, str]] = []
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        match = DRAWN.fullmatch(line)
        if match is None or not line.startswith("    "):
            continue
        depth = len(match["branches"])
        above = [(level, name) for level, name in above if level < depth]
        if above:
            drawn.append((above[-1][1], match["name"]))
        above.append((depth, match["name"]))
    real = [
        (parent.__name__, child.__name__) for parent in TREE for child in parent.__subclasses__()
    ]

    assert sorted(real) == sorted(drawn)


def test_the_drawing_shows_every_leafs_code() -> None:
    text = errors.__doc__ or ""
    leaves = [error for error in TREE if not error.__subclasses__()]
    missing = [
        error.code
        for error in leaves
        if not re.search(rf"\b{error.__name__} +{error.code}$", text, re.MULTILINE)
    ]

    assert [] == missing


def test_an_error_is_a_refusal_or_passing_or_keeps_the_process_down() -> None:
    assert {Refused, TryAgain, Misconfigured} == set(PaymentsError.__subclasses__())


@pytest.mark.parametrize(
    ("field", "text"), [("lines.0.tax", "lines.0.tax: is odd"), ("", "is odd")]
)
def test_a_refused_input_names_its_field(field: str, text: str) -> None:
    error = ValidationFailed(field, "is odd")

    assert (text, field, "is odd") == (str(error), error.field, error.message)


def test_what_may_pass_says_when() -> None:
    assert 60 == TooManyDeclines("wait", retry_after_s=60).retry_after_s
    assert 5 == GatewayUnavailable("wait").retry_after_s
    assert 7 == GatewayUnavailable("wait", retry_after_s=7).retry_after_s
