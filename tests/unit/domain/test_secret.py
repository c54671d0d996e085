"""Secrets: shown only when asked."""

import json
import pickle

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.domain.secret import Secret

TEXT = "whsec_0123456789abcdef"


@attrs.frozen
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "shown",
    [
        str(Secret(TEXT)),
        repr(Secret(TEXT)),
        f"{Secret(TEXT)}",
        f"{Secret(TEXT)!r}",
        "%s" % Secret(TEXT),  # noqa: UP031 - one of the ways to print
        repr([Secret(TEXT)]),
        repr({"key": Secret(TEXT)}),
        str(Holder(Secret(TEXT))),
    ],
)
def test_printing_it_in_any_way_does_not_show_it(shown: str) -> None:
    assert TEXT not in shown
    assert "***" in shown


def test_it_is_no_json() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(TEXT))


@given(text=st.text())
def test_asked_it_reveals_exactly_what_it_was_given(text: str) -> None:
    assert text == Secret(text).reveal()


@given(text=st.text())
def test_it_is_true_if_there_is_any_text(text: str) -> None:
    assert bool(text) == bool(Secret(text))


@given(one=st.text(), other=st.text())
def test_secrets_of_equal_text_are_equal(one: str, other: str) -> None:
    assert (one == other) == (Secret(one) == Secret(other))


def test_it_survives_being_copied() -> None:
    copied = pickle.loads(pickle.dumps(Secret(TEXT)))  # noqa: S301 - what we just made

    assert TEXT == copied.reveal()
