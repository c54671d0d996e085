"""Nothing lies anywhere, so nothing is encrypted."""

from markethub.domain.ports.rotation import RotatedBatch, Rotation


class MemoryRotation:
    """Has nothing to encrypt anew."""

    async def batch(
        self,
        place: str | None,  # noqa: ARG002 - the port's signature
        *,
        limit: int,  # noqa: ARG002 - likewise
    ) -> RotatedBatch:
        """Say so."""
        return RotatedBatch(looked_at=0, rotated=0, next_place=None)


def _conforms(rotation: MemoryRotation) -> Rotation:
    """Let the type checker prove that the adapter fits its port."""
    return rotation
