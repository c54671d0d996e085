"""Mistakes that others made, planted to see whether the simulation finds them."""

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.plan import Paths


@attrs.frozen(kw_only=True)
class Bug:
    """A mistake, and where it shows."""

    name: str
    what: str
    """The mistake in one sentence."""
    paths: Paths
    """The configuration in which it has to be found: other paths may heal what it breaks."""
    plant: Callable[[Container], None]
    """Overrides providers of a container over simulated ports."""


BUGS: Final[Mapping[str, Bug]] = {}
"""By name."""
