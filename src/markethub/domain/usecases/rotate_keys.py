"""Encrypt everything under the newest key, so that the older ones can be retired."""

from collections.abc import Callable
from typing import Final

import attrs

from markethub.domain.ports.rotation import Rotation

BATCH: Final = 200
"""Rows at once: few enough that nobody waits for them."""


@attrs.frozen(kw_only=True)
class KeysRotated:
    """How many rows were looked at, and how many lay under an older key or in clear."""

    looked_at: int
    rotated: int


@attrs.frozen(kw_only=True)
class RotateKeys:
    """Goes through all rows in batches; interrupted, it may simply be begun again."""

    rotation: Rotation

    async def __call__(
        self, *, progress: Callable[[KeysRotated], None] | None = None
    ) -> KeysRotated:
        """Return what was done, telling ``progress`` after each batch.

        Raises ValueError for a ciphertext whose key is not known any more.
        """
        looked_at = rotated = 0
        place: str | None = None
        while True:
            batch = await self.rotation.batch(place, limit=BATCH)
            looked_at, rotated = looked_at + batch.looked_at, rotated + batch.rotated
            so_far = KeysRotated(looked_at=looked_at, rotated=rotated)
            if progress is not None:
                progress(so_far)
            if (place := batch.next_place) is None:
                return so_far
