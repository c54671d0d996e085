"""Nothing of the provider's that can be charged with lies in clear.

Secrets that have a column of their own are encrypted there, next to a lookup of them. Tokens in
the midst of JSON (an event, a request as it was sent) are encrypted where they stand, so that the
text stays JSON and the rest of it can be read.
"""

import hmac
import re
from hashlib import sha256
from typing import Final

import attrs

from markethub.domain.ports.cipher import TokenCipher

SEALED: Final = "sealed:"
"""What a sealed token begins with; its ciphertext follows in hexadecimal."""

# Whole JSON strings only: methods, customers, and cards' fingerprints (in the compact form in
# which both kinds of text are written). A text that pretends to be sealed is sealed once more, so
# that whatever is found to begin like that was sealed by us.
# They differ only after their quotation mark, which makes the search several times faster.
_SENSITIVE: Final = r'(?:pm|cus)_[A-Za-z0-9_]+|(?<="fingerprint":")(?!sealed:)[^"\\]+'
_TOKEN: Final = re.compile(rf'"(?:{_SENSITIVE})"')
_CLEAR: Final = re.compile(rf'"(?:{_SENSITIVE}|{SEALED}[^"\\]*)"')
_SEALED: Final = re.compile(rf'"{SEALED}([0-9a-f]+)"')


def masked(text: str) -> str:
    """Return a JSON text with a mask for every token, be it sealed or in clear: for people."""
    return _CLEAR.sub('"***"', text)


@attrs.frozen
class Tokens:
    """Seals the tokens within a JSON text, and opens them again."""

    _cipher: TokenCipher

    def seal(self, text: str, context: str) -> str:
        """Encrypt every token. ``context`` (table, column, row) must match to open it."""

        def sealed(found: re.Match[str]) -> str:
            cipher = self._cipher.encrypt(found[0][1:-1].encode(), context=context)
            return f'"{SEALED}{cipher.hex()}"'

        return _CLEAR.sub(sealed, text)

    def open(self, text: str, context: str) -> str:
        """Decrypt every sealed token. Raises ValueError for one that was tampered with."""

        def opened(found: re.Match[str]) -> str:
            return f'"{self._cipher.decrypt(bytes.fromhex(found[1]), context=context).decode()}"'

        return _SEALED.sub(opened, text)

    def renew(self, text: str, context: str) -> str:
        """Seal under the newest key what is not, be it in clear or under an older one."""
        newest = self._cipher.newest_key_id.hex()
        if all(each.startswith(newest) for each in _SEALED.findall(text)) and not (
            _TOKEN.search(text)
        ):
            return text
        return self.seal(self.open(text, context), context)


@attrs.frozen(kw_only=True)
class Sealing:
    """What a transaction encrypts with, and what it finds encrypted things by."""

    cipher: TokenCipher
    tokens: Tokens
    lookup_key: bytes = attrs.field(repr=False)

    def encrypt(self, text: str, *, context: str) -> bytes:
        """Encrypt a secret for a column of its own."""
        return self.cipher.encrypt(text.encode(), context=context)

    def decrypt(self, cipher: bytes, *, context: str) -> str:
        """Decrypt it. Raises ValueError if it was tampered with, or its key is not known."""
        return self.cipher.decrypt(cipher, context=context).decode()

    def lookup(self, text: str, *, kind: str) -> str:
        """Return what stands beside the ciphertext: the same for the same secret of a kind.

        HMAC-SHA-256 under a key that the rotation of the others does not change: without it,
        nobody can try secrets out.
        """
        return hmac.new(self.lookup_key, f"{kind}:{text}".encode(), sha256).hexdigest()


def operation_context(id: str) -> str:
    """Bind what is sealed in an operation to its row."""
    return f"operations.params:{id}"


def inbox_context(id: str) -> str:
    """Bind what is sealed in an event to its row."""
    return f"inbox.payload:{id}"
