"""Whose database this is."""

from typing import Protocol

import attrs


@attrs.frozen(kw_only=True)
class Stamp:
    """What a database is bound to for good: gateway, mode and provider account never mix."""

    gateway: str
    mode: str
    account_id: str


class Stamps(Protocol):
    """The one stamp of a database."""

    async def read(self) -> Stamp | None:
        """Return the stamp, or None if the database is fresh."""
        ...

    async def put(self, stamp: Stamp) -> Stamp:
        """Stamp a fresh database; return the stamp that it has now (an earlier one stays)."""
        ...
