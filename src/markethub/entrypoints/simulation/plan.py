"""What decides a history: who does what when, which faults strike, and the dice for the rest."""

from enum import StrEnum
from random import Random
from typing import Self

import attrs
import msgspec

from markethub.entrypoints.simulation.faults import Strike


class Paths(StrEnum):
    """Which of the paths that repair are on. Those that heal each other hide each other's bugs."""

    BOTH = "both"
    WEBHOOKS = "webhooks"
    """Recovery never runs."""
    RECOVERY = "recovery"
    """No event is ever delivered."""


class StoreKind(StrEnum):
    """Where rows are kept."""

    MEMORY = "memory"
    SQLITE = "sqlite"


@attrs.frozen
class Click:
    """Somebody does something."""

    at_s: float
    """Virtual seconds after the start."""
    deed: str
    seed: int
    """Decides all details of the deed."""


@attrs.frozen(kw_only=True)
class Plan:
    """One history to be. Equal plans give equal histories."""

    seed: int
    paths: Paths = Paths.BOTH
    store: StoreKind = StoreKind.MEMORY
    bug: str | None = None
    """The name of a planted bug."""
    clicks: tuple[Click, ...] = ()
    strikes: tuple[Strike, ...] | None = None
    """The faults, each at its call. None draws them from the seed as the history goes."""

    def to_json(self) -> bytes:
        """Return it as a JSON document, for keeping."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """Read what ``to_json`` returned. Raises msgspec.ValidationError for anything else."""
        return msgspec.json.decode(text, type=cls)


def dice(seed: int, purpose: str) -> Random:
    """Return dice of their own for a purpose: what others draw does not change what these show."""
    return Random(f"{seed}/{purpose}")
