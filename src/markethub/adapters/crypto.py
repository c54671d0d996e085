"""Authenticated encryption at rest: AES-256-GCM under keys that can be rotated."""

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from markethub.domain.ports.cipher import TokenCipher
from markethub.domain.secret import Secret

KEY_CHARACTERS_MINIMUM: Final = 32
"""A key is text of at least this length, from a password generator, not a phrase."""

_KEY_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
"""What GCM is made for. Random ones are safe for 2^32 encryptions under one key."""


@attrs.frozen(kw_only=True)
class _Key:
    id: bytes
    aead: AESGCM = attrs.field(repr=False)

    @classmethod
    def of(cls, text: Secret) -> "_Key":
        material = text.reveal()
        if len(material) < KEY_CHARACTERS_MINIMUM:
            raise ValueError(f"an encryption key needs {KEY_CHARACTERS_MINIMUM} characters")
        # One derivation for both, so that the id, which lies in clear, tells nothing of the key.
        derived = HKDF(
            algorithm=SHA256(), length=_KEY_ID_BYTES + 32, salt=None, info=b"markethub token cipher"
        ).derive(material.encode())
        return cls(id=derived[:_KEY_ID_BYTES], aead=AESGCM(derived[_KEY_ID_BYTES:]))


class AesGcmCipher:
    """Encrypts under the newest key, decrypts under any.

    A ciphertext is the id of its key (8 bytes), the nonce (12 bytes) and what AES-256-GCM makes
    of the plaintext. The context is authenticated with it, so a ciphertext that was moved to
    another row does not decrypt.
    """

    def __init__(self, keys: Sequence[Secret]) -> None:
        """Take the keys, newest first; each is stretched to 256 bits by HKDF-SHA-256.

        Raises ValueError if there is none, or one of fewer than 32 characters.
        """
        if not keys:
            raise ValueError("an encryption key is needed")
        made = [_Key.of(text) for text in keys]
        self._newest = made[0]
        self._by_id: Mapping[bytes, _Key] = MappingProxyType({key.id: key for key in made})

    @property
    def newest_key_id(self) -> bytes:
        """What every ciphertext under the newest key begins with, and no other."""
        return self._newest.id

    def encrypt(self, plain: bytes, *, context: str) -> bytes:
        """Encrypt under the newest key; ``context`` must match to decrypt."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._newest.aead.encrypt(nonce, plain, context.encode())
        return self._newest.id + nonce + sealed

    def decrypt(self, cipher: bytes, *, context: str) -> bytes:
        """Decrypt with whichever key it was made.

        Raises ValueError if it was tampered with, belongs elsewhere, or its key is not known.
        """
        key = self._by_id.get(cipher[:_KEY_ID_BYTES])
        if key is None:
            raise ValueError("encrypted under a key that is not known")
        start = _KEY_ID_BYTES + _NONCE_BYTES
        try:
            return key.aead.decrypt(cipher[_KEY_ID_BYTES:start], cipher[start:], context.encode())
        except (InvalidTag, ValueError):
            raise ValueError("not what was encrypted here") from None


def _conforms(cipher: AesGcmCipher) -> TokenCipher:
    """Let the type checker prove that the adapter fits its port."""
    return cipher
