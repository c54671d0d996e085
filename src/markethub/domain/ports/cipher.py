"""Encryption of what must not lie in clear."""

from typing import Protocol


class TokenCipher(Protocol):
    """Authenticated encryption under rotating keys."""

    @property
    def newest_key_id(self) -> bytes:
        """What every ciphertext under the newest key begins with, and no other."""
        ...

    def encrypt(self, plain: bytes, *, context: str) -> bytes:
        """Encrypt under the newest key. ``context`` (table, column, row) must match to decrypt."""
        ...

    def decrypt(self, cipher: bytes, *, context: str) -> bytes:
        """Decrypt with whichever key it was made. Raises ValueError if it was tampered with."""
        ...
