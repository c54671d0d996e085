"""Bringing everything that is encrypted under the newest key."""

from typing import Protocol

import attrs


@attrs.frozen(kw_only=True)
class RotatedBatch:
    """What became of some rows. ``next_place`` is where to go on; None at the end."""

    looked_at: int
    rotated: int
    next_place: str | None


class Rotation(Protocol):
    """Encrypts anew what lies under older keys, some rows at a time."""

    async def batch(self, place: str | None, *, limit: int) -> RotatedBatch:
        """Look at up to ``limit`` rows from a place on (None is the beginning).

        Each batch is durable when this returns; doing it again changes nothing. Raises
        ValueError for a ciphertext whose key is not known any more.
        """
        ...
