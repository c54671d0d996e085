"""Idempotency keys as Stripe keeps them. Source: Stripe's page "Idempotent requests"."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import attrs

from markethub.adapters.fake import errors
from markethub.adapters.fake.parameters import Param
from markethub.adapters.fake.store import AccountStore

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


def fingerprint(params: dict[str, Param]) -> str:
    """Condense parameters, whatever their order. They may hold a card number: only a hash stays."""
    digest = hashlib.sha256()
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


def find(store: AccountStore, key: str, *, path: str, params_hash: str, now: int) -> Saved | None:
    """Return what a key repeats, or None for a new or forgotten one.

    Raises ApiError 400 ``idempotency_error`` for a key that was used for something else.
    """
    kept = store.get(_KIND, key)
    if kept is None or kept["at"] + LIFE_S <= now:
        return None
    if kept["path"] != path:
        raise errors.key_reused(key, first_path=kept["path"])
    if kept["params"] != params_hash:
        raise errors.key_reused(key, first_path=None)
    return Saved(status=kept["status"], body=kept["body"], request_id=kept["request_id"])


def save(
    store: AccountStore, key: str, saved: Saved, *, path: str, params_hash: str, now: int
) -> None:
    """Keep the answer under the key, and forget the keys that have grown old."""
    for kept in list(_outlived(store, now)):
        if kept != key:
            store.delete(_KIND, kept)
    store.put(
        _KIND,
        key,
        {
            "key": key,
            "at": now,
            "path": path,
            "params": params_hash,
            "status": saved.status,
            "body": saved.body,
            "request_id": saved.request_id,
        },
    )


def _outlived(store: AccountStore, now: int) -> Iterator[str]:
    # In the order of their first use: behind one that is young there may be an old one only if
    # its key was used again, and then that one is met on a later day.
    for kept in store.list(_KIND):
        if kept["at"] + LIFE_S > now:
            return
        yield kept["key"]
