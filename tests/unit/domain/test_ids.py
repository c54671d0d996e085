"""Ids from outside: what is accepted."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.errors import ValidationFailed
from markethub.domain.ids import customer_id, order_id

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-"

pytestmark = pytest.mark.parametrize("accept", [order_id, customer_id])

Accept = Callable[[str], str]


@given(text=st.text(ALPHABET, min_size=1, max_size=64))
def test_up_to_64_of_these_characters_are_accepted(accept: Accept, text: str) -> None:
    assert text == accept(text)


@given(text=st.text(max_size=70))
def test_nothing_else_is(accept: Accept, text: str) -> None:
    fits = 1 <= len(text) <= 64 and set(text) <= set(ALPHABET)
    try:
        accepted = accept(text)
    except ValidationFailed:
        accepted = None

    assert (text if fits else None) == accepted


@pytest.mark.parametrize(
    "text",
    ["", "a" * 65, "a b", "a\n", "\na", "a/b", "a\x00", "é", "\u0661", "a?b", "a%20", "\ud800"],
)
def test_what_could_mean_something_else_is_refused(accept: Accept, text: str) -> None:
    with pytest.raises(ValidationFailed):
        accept(text)


def test_the_refusal_names_its_field(accept: Accept) -> None:
    with pytest.raises(ValidationFailed) as raised:
        accept("")

    assert accept.__name__ == raised.value.field
