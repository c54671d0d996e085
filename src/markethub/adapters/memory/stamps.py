"""Whose store this is."""

from markethub.domain.ports.stamp import Stamp, Stamps


class MemoryStamps:
    """The one stamp of a store."""

    def __init__(self) -> None:
        """Begin without one."""
        self._stamp: Stamp | None = None

    async def read(self) -> Stamp | None:
        """Return the stamp, or None if there is none yet."""
        return self._stamp

    async def put(self, stamp: Stamp) -> Stamp:
        """Stamp a fresh store; return the stamp that it has now (an earlier one stays)."""
        if self._stamp is None:
            self._stamp = stamp
        return self._stamp


def _conforms() -> Stamps:
    """Let the type checker prove that the adapter fits its port."""
    return MemoryStamps()
