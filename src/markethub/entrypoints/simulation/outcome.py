"""What a history came to."""

from collections.abc import Mapping

import attrs

from markethub.entrypoints.simulation.faults import Fault, Strike
from markethub.entrypoints.simulation.plan import Plan


@attrs.frozen
class Violation:
    """Something that must never be, and was."""

    invariant: str
    """``I1`` to ``I15``; ``unexpected`` for an exception nobody foresaw, ``stuck`` for no end."""
    what: str
    at_s: float
    """Virtual seconds after the start."""


@attrs.frozen(kw_only=True)
class History:
    """One history as it was."""

    plan: Plan
    strikes: tuple[Strike, ...]
    """What struck. The plan with these for its strikes gives the same history."""
    violations: tuple[Violation, ...]
    struck: Mapping[Fault, int]
    calls: Mapping[str, int]
    """How often each site was called."""
    clicks: int
    digest: str
    """Of everything that happened, in its order."""
    trace: tuple[str, ...] = ()
    """The same for people; empty unless asked for."""
