"""Tokens within JSON texts are sealed where they stand, and nothing else changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.adapters.crypto import AesGcmCipher
from markethub.adapters.sqlalchemy.sealing import Sealing, Tokens
from markethub.domain.secret import Secret

OLD, NEW = Secret("the older key, 32 characters long"), Secret("the newer key, 32 characters long")
TOKENS = Tokens(AesGcmCipher([OLD]))
CONTEXT = "inbox.payload:evt_1"


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["pm_1", "cus_1", "sealed:", "sealed:00ff", 'a "pm_1" b', "pm_"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["id", "fingerprint", "pm_1"]), inner)
    ),
    max_leaves=20,
)


@given(value=values)
def test_what_is_sealed_is_opened_as_it_was(value: object) -> None:
    text = compact(value)

    assert text == TOKENS.open(TOKENS.seal(text, CONTEXT), CONTEXT)


@given(value=values)
def test_what_is_sealed_is_still_json_and_shows_no_token(value: object) -> None:
    sealed = TOKENS.seal(compact({"payment_method": "pm_1", "is": value}), CONTEXT)

    assert json.loads(sealed)["payment_method"].startswith("sealed:")


@pytest.mark.parametrize(
    "shown",
    [
        {"id": "pm_1AbC"},
        {"customer": "cus_1AbC"},
        {"data": {"object": {"card": {"fingerprint": "1AbC"}}}},
        {"ids": ["pm_1AbC", "cus_1AbC"]},
    ],
)
def test_every_kind_of_token_is_sealed(shown: object) -> None:
    assert "1AbC" not in TOKENS.seal(compact(shown), CONTEXT)


@pytest.mark.parametrize("text", ['{"id":"pi_1"}', '{"a":"pm_ is no token"}', '{"n":1}', "{}"])
def test_what_holds_no_token_is_left_as_it_is(text: str) -> None:
    assert text == TOKENS.seal(text, CONTEXT)


def test_what_was_moved_to_another_row_is_not_opened() -> None:
    sealed = TOKENS.seal('{"id":"pm_1"}', CONTEXT)
    with pytest.raises(ValueError, match="not what was encrypted here"):
        TOKENS.open(sealed, "inbox.payload:evt_2")


@pytest.mark.parametrize("lies", ["sealed under the older key", "in clear"])
def test_what_is_not_under_the_newest_key_is_renewed_once(lies: str) -> None:
    rotating = Tokens(AesGcmCipher([NEW, OLD]))
    text = '{"id":"pm_1","card":{"fingerprint":"x"}}'
    stored = TOKENS.seal(text, CONTEXT) if lies.startswith("sealed") else text
    renewed = rotating.renew(stored, CONTEXT)

    assert stored != renewed
    assert renewed == rotating.renew(renewed, CONTEXT)
    assert text == Tokens(AesGcmCipher([NEW])).open(renewed, CONTEXT)


def test_a_lookup_tells_kinds_and_databases_apart_and_is_the_same_under_every_cipher() -> None:
    def sealing(key: Secret, lookup_key: bytes) -> Sealing:
        cipher = AesGcmCipher([key])
        return Sealing(cipher=cipher, tokens=Tokens(cipher), lookup_key=lookup_key)

    ours = sealing(OLD, b"1").lookup("pm_1", kind="token")

    assert ours == sealing(NEW, b"1").lookup("pm_1", kind="token")
    assert ours != sealing(OLD, b"1").lookup("pm_1", kind="customer")
    assert ours != sealing(OLD, b"2").lookup("pm_1", kind="token")
