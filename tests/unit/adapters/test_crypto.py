"""Encryption at rest: rotated keys, bound to a place, tampering noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markethub.adapters.crypto import AesGcmCipher
from markethub.domain.secret import Secret

NEW, OLD = Secret("n" * 32), Secret("o" * 32)
CONTEXT = "idempotency_keys.answer:1"
KEY_ID_BYTES = 8

contexts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(plain=st.binary(max_size=200), context=contexts)
def test_what_was_encrypted_is_decrypted(plain: bytes, context: str) -> None:
    cipher = AesGcmCipher([NEW])

    assert plain == cipher.decrypt(cipher.encrypt(plain, context=context), context=context)


def test_the_plaintext_does_not_show() -> None:
    plain = b"pm_0123456789abcdef"

    assert plain not in AesGcmCipher([NEW]).encrypt(plain, context=CONTEXT)


def test_the_same_text_never_looks_the_same() -> None:
    cipher = AesGcmCipher([NEW])

    assert 100 == len({cipher.encrypt(b"same", context=CONTEXT) for _ in range(100)})


def test_the_newest_key_encrypts_and_an_older_one_still_decrypts() -> None:
    before, after = AesGcmCipher([OLD]), AesGcmCipher([NEW, OLD])
    kept, fresh = before.encrypt(b"a", context=CONTEXT), after.encrypt(b"a", context=CONTEXT)

    assert b"a" == after.decrypt(kept, context=CONTEXT)
    assert b"a" == AesGcmCipher([NEW]).decrypt(fresh, context=CONTEXT)
    with pytest.raises(ValueError, match="not known"):
        before.decrypt(fresh, context=CONTEXT)


def test_a_key_keeps_its_id_whichever_other_keys_there_are() -> None:
    alone = AesGcmCipher([OLD]).encrypt(b"a", context=CONTEXT)
    first = AesGcmCipher([OLD, NEW]).encrypt(b"a", context=CONTEXT)
    other = AesGcmCipher([NEW, OLD]).encrypt(b"a", context=CONTEXT)

    assert alone[:KEY_ID_BYTES] == first[:KEY_ID_BYTES] != other[:KEY_ID_BYTES]


def test_a_ciphertext_that_was_moved_does_not_decrypt() -> None:
    cipher = AesGcmCipher([NEW])
    moved = cipher.encrypt(b"a", context=CONTEXT)

    with pytest.raises(ValueError, match="not what"):
        cipher.decrypt(moved, context="idempotency_keys.answer:2")


def test_a_change_of_any_byte_is_noticed() -> None:
    cipher = AesGcmCipher([NEW])
    whole = cipher.encrypt(b"abc", context=CONTEXT)
    unnoticed = []
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1
        try:
            cipher.decrypt(bytes(changed), context=CONTEXT)
        except ValueError:
            continue
        unnoticed.append(position)

    assert [] == unnoticed


@pytest.mark.parametrize("missing", range(1, 40))
def test_a_shortened_ciphertext_is_refused(missing: int) -> None:
    cipher = AesGcmCipher([NEW])
    whole = cipher.encrypt(b"abc", context=CONTEXT)

    with pytest.raises(ValueError, match="not"):
        cipher.decrypt(whole[:-missing], context=CONTEXT)


@given(noise=st.binary(max_size=80))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(ValueError, match="not"):
        AesGcmCipher([NEW]).decrypt(noise, context=CONTEXT)


@pytest.mark.parametrize("keys", [[], [Secret("x" * 31)], [NEW, Secret("")]])
def test_keys_that_are_missing_or_too_short_are_refused(keys: list[Secret]) -> None:
    with pytest.raises(ValueError, match="encryption key"):
        AesGcmCipher(keys)


def test_a_refusal_shows_no_key() -> None:
    short = "hunter2-hunter2"

    with pytest.raises(ValueError, match="encryption key") as raised:
        AesGcmCipher([Secret(short)])

    assert short not in str(raised.value)


def test_any_text_of_32_characters_is_a_key() -> None:
    cipher = AesGcmCipher([Secret("ключ-ключ-ключ-ключ-ключ-ключ-ключ")])

    assert b"a" == cipher.decrypt(cipher.encrypt(b"a", context=CONTEXT), context=CONTEXT)
