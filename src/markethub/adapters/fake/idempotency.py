"""Idempotency keys as Stripe keeps them. Source: Stripe's page "Idempotent requests"."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import attrs

from markethub.adapters.fake import errors
from markethub.adapters.fake.parameters import Param
from markethub.adapters.fake.store import AccountStore, JsonObject

_KIND: Final = "idempotency_key"
LIFE_S: Final = 24 * 3600
"""After this a key may be forgotten, and then executes again. Here it always is."""
KEY_LENGTH_MAXIMUM: Final = 255


@attrs.frozen(kw_only=True)
class Saved:
    """The answer that a key repeats."""

    status: int
    body: dict[str, Any]
    request_id: str


def fingerprint(params: dict[str, Param], *, is_publishable: bool) -> str:
    """Condense parameters, whatever their order. They may hold a card number: only a hash stays.

    A browser's request is never the same as a server's, which sees more in the answer.
    """
    digest = hashlib.sha256(b"publishable" if is_publishable else b"secret")
    for name, value in sorted(_leaves("", params)):
        # Lengths in front, so that no two forms run into the same text.
        digest.update(f"{len(name)}:{name}{len(value)}:{value}".encode())
    return digest.hexdigest()


def _leaves(prefix: str, value: Param) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield prefix, value
        case dict():
            for name, item in value.items():
                yield from _leaves(f"{prefix}[{name}]", item)
        case _:
            for place, item in enumerate(value):
                yield from _leaves(f"{prefix}[{place}]", item)


@attrs.frozen(kw_only=True)
class Keys:
    """The keys of an account as they are at one time. Used within a block of the store."""

    store: AccountStore
    now: int

    def find(self, key: str, *, path: str, params_hash: str) -> Saved | None:
        """Return what a key repeats, or None for a new or forgotten one.

        Raises ApiError 400 ``idempotency_error`` for a key that was used for something else.
        """
        kept = self.store.get(_KIND, key)
        if kept is None or self._is_old(kept):
            return None
        if kept["path"] != path:
            raise errors.key_reused(key, first_path=kept["path"])
        if kept["params"] != params_hash:
            raise errors.key_reused(key, first_path=None)
        return Saved(status=kept["status"], body=kept["body"], request_id=kept["request_id"])

    def save(self, key: str, saved: Saved, *, path: str, params_hash: str) -> None:
        """Keep the answer under the key, and forget the keys that have grown old."""
        for outlived in list(self._outlived()):
            if outlived != key:
                self.store.delete(_KIND, outlived)
        self.store.put(
            _KIND,
            key,
            {
                "key": key,
                "at": self.now,
                "path": path,
                "params": params_hash,
                "status": saved.status,
                "body": saved.body,
                "request_id": saved.request_id,
            },
        )

    def _outlived(self) -> Iterator[str]:
        # In the order of their first use: behind one that is young there may be an old one only
        # if its key was used again, and then that one is met on a later day.
        for kept in self.store.list(_KIND):
            if not self._is_old(kept):
                return
            yield kept["key"]

    def _is_old(self, kept: JsonObject) -> bool:
        at: int = kept["at"]
        return at + LIFE_S <= self.now
