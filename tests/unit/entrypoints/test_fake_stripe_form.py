"""Stripe's bracket notation becomes nested parameters."""

from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from markethub.entrypoints.fake_stripe.form import DEPTH_MAXIMUM, FIELDS_MAXIMUM, FormError, decode


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&a=2", {"a": "2"}),
        (b"a", {"a": ""}),
        (b"a=x%3Dy+z%26", {"a": "x=y z&"}),
        (b"caf%C3%A9=%E2%82%AC", {"café": "€"}),
        (b"a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        (b"a%5Bb%5D=1", {"a": {"b": "1"}}),
        (b"expand[]=x&expand[]=y", {"expand": ["x", "y"]}),
        (b"expand[0]=x&expand[1]=y", {"expand": {"0": "x", "1": "y"}}),
        (b"a[][b]=1&a[][c]=2&a[][b]=3", {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        (b"a[][t][]=1&a[][t][]=2", {"a": [{"t": ["1", "2"]}]}),
    ],
)
def test_the_bracket_notation_is_read_as_nested_parameters(
    encoded: bytes, expected: object
) -> None:
    assert expected == decode(encoded)


def test_the_query_string_and_the_body_are_read_as_one_form() -> None:
    assert {"a": {"b": "1", "c": "2"}} == decode(b"a[b]=1", b"a[c]=2")


@pytest.mark.parametrize(
    "encoded",
    [
        b"a=%FF",
        b"a=%ED%A0%80",
        b"a=%zz",
        b"a=%4",
        b"a=x%00y",
        b"a[b=1",
        b"a]b=1",
        b"a[b]c=1",
        b"[a]=1",
        b"=1",
        b"a=1&a[b]=2",
        b"a[b]=1&a=2",
        b"a[]=1&a[b]=2",
        b"a[b]=1&a[]=2",
        b"a[][]=1",
    ],
)
def test_an_encoding_that_means_nothing_is_refused(encoded: bytes) -> None:
    with pytest.raises(FormError):
        decode(encoded)


def test_as_many_fields_as_the_limit_are_read_and_one_more_is_refused() -> None:
    fields = [b"a[]=1"] * FIELDS_MAXIMUM

    assert FIELDS_MAXIMUM == len(decode(b"&".join(fields))["a"])
    with pytest.raises(FormError, match="Too many"):
        decode(b"&".join([*fields, b"a[]=1"]))


def test_nesting_as_deep_as_the_limit_is_read_and_deeper_is_refused() -> None:
    decode(b"a" + b"[b]" * (DEPTH_MAXIMUM - 1) + b"=1")

    with pytest.raises(FormError, match="deep"):
        decode(b"a" + b"[b]" * DEPTH_MAXIMUM + b"=1")


@pytest.mark.parametrize("hostile", [b"[" * 100_000, b"a" + b"[" * 100_000, b"a[" + b"]" * 100_000])
def test_a_hostile_name_is_refused_at_once(hostile: bytes) -> None:
    with pytest.raises(FormError):
        decode(hostile)


_texts = st.text(
    alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8
)
_names = st.text(alphabet="abcdefgh_", min_size=1, max_size=6)


def _containers(below: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(below, min_size=1, max_size=3) | st.dictionaries(
        _names, below, min_size=1, max_size=3
    )


# Two containers inside each other at most three times stay under the limit of the depth.
_values = _containers(_containers(_containers(_texts) | _texts) | _texts) | _texts


@given(st.dictionaries(_names, _values, max_size=4))
def test_what_the_sdk_encodes_is_read_as_it_was_meant(params: dict[str, object]) -> None:
    pairs = _api_encode(params)
    encoded = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)

    assert _numbered(params) == decode(encoded.encode())


def _numbered(value: object) -> object:
    """Write lists as the SDK does: as maps of their indexes."""
    if isinstance(value, list):
        value = {str(index): item for index, item in enumerate(value)}
    if isinstance(value, dict):
        return {name: _numbered(item) for name, item in value.items()}
    return value
