"""Where the simulated account keeps everything it knows: the protocol, and a dict for it.

Values are JSON objects and are replaced, never mutated, by whoever put or got them. So nothing is
copied on the way in or out.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from typing import Any, Final, Protocol

JsonObject = Mapping[str, Any]
"""A stored value: JSON all the way down."""


class AccountStore(Protocol):
    """A keyed store with a transaction. Each kind keeps the order in which its ids first came."""

    def atomic(self) -> AbstractContextManager[None]:
        """Open a block whose writes are kept all or, on any exception, not at all.

        Blocks nest: an inner one that fails takes only its own writes with it. Where several
        processes share a store, the outermost block keeps other writers out.
        """
        ...

    def get(self, kind: str, id: str) -> JsonObject | None:
        """Return a value, or None."""
        ...

    def put(self, kind: str, id: str, value: JsonObject) -> None:
        """Insert or replace. A replaced value keeps its place in the order. Within a block."""
        ...

    def delete(self, kind: str, id: str) -> None:
        """Remove a value, if there is one. Within a block, which may not put that id again."""
        ...

    def list(
        self, kind: str, *, newest_first: bool = False, after: str | None = None
    ) -> Iterator[JsonObject]:
        """Iterate over a kind in the order of creation, or backwards.

        ``after`` starts behind that id, or yields nothing for one that is not there. A block
        may write while it iterates; it then may or may not meet what it wrote.
        """
        ...


_DELETED: Final[JsonObject] = {}
"""Marks a deletion in a block that is still open. Compared by identity."""

_Staged = dict[str, dict[str, JsonObject]]


class DictStore:
    """Implements ``AccountStore`` in memory. For one thread; lost at exit."""

    def __init__(self) -> None:
        self._kinds: _Staged = {}
        self._blocks: list[_Staged] = []

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Open a block. See ``AccountStore``."""
        staged: _Staged = {}
        self._blocks.append(staged)
        try:
            yield
        finally:
            self._blocks.pop()
        # Reached without an exception only.
        self._merge(staged)

    def get(self, kind: str, id: str) -> JsonObject | None:
        """Return a value, or None."""
        for layer in reversed(self._blocks):
            staged = layer.get(kind)
            if staged is not None and id in staged:
                value = staged[id]
                return None if value is _DELETED else value
        return self._kinds.get(kind, {}).get(id)

    def put(self, kind: str, id: str, value: JsonObject) -> None:
        """Insert or replace. Within a block."""
        self._stage(kind, id, value)

    def delete(self, kind: str, id: str) -> None:
        """Remove a value, if there is one. Within a block."""
        self._stage(kind, id, _DELETED)

    def list(
        self, kind: str, *, newest_first: bool = False, after: str | None = None
    ) -> Iterator[JsonObject]:
        """Iterate in the order of creation, or backwards. See ``AccountStore``."""
        ids = self._ids(kind, newest_first=newest_first)
        if after is not None:
            for passed in ids:
                if passed == after:
                    break
        for listed in ids:
            value = self.get(kind, listed)
            if value is not None:
                yield value

    def _ids(self, kind: str, *, newest_first: bool) -> Iterator[str]:
        kept = self._kinds.get(kind, {})
        # New ids of open blocks come last; the outer blocks' before the inner ones'.
        staged = dict.fromkeys(chain.from_iterable(block.get(kind, ()) for block in self._blocks))
        fresh = [new for new in staged if new not in kept]
        if newest_first:
            return chain(reversed(fresh), reversed(kept))
        return chain(kept, fresh)

    def _stage(self, kind: str, id: str, value: JsonObject) -> None:
        assert self._blocks, "writes belong into an atomic block"
        self._blocks[-1].setdefault(kind, {})[id] = value

    def _merge(self, staged: _Staged) -> None:
        if self._blocks:
            for kind, values in staged.items():
                self._blocks[-1].setdefault(kind, {}).update(values)
            return
        for kind, values in staged.items():
            kept = self._kinds.setdefault(kind, {})
            for key, value in values.items():
                if value is _DELETED:
                    kept.pop(key, None)
                else:
                    kept[key] = value
