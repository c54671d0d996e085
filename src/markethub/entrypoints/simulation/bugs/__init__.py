"""Mistakes that others made, planted to see whether the simulation finds them.

Each is a small subclass of a use case, or stands before a port. Production code has no switch
for any of them. The numbers are those of the faults in the documentation of the simulation.
"""

from collections.abc import Mapping
from typing import Final

from markethub.entrypoints.simulation.bugs import (
    asking,
    meaning,
    merging,
    money_back,
    receiving,
    telling,
)
from markethub.entrypoints.simulation.bugs.planting import Bug

BUGS: Final[Mapping[str, Bug]] = {
    bug.name: bug
    for module in (asking, receiving, meaning, merging, money_back, telling)
    for bug in module.BUGS
}
"""By name."""

__all__ = ["BUGS", "Bug"]
