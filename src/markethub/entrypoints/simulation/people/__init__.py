"""What customers, the storefront, operators, banks and strangers do, at random."""

from collections.abc import Mapping
from typing import Final

from markethub.entrypoints.simulation.people import bank, operator, shopper, stranger
from markethub.entrypoints.simulation.people.memory import Deed, People

DEEDS: Final[Mapping[str, Deed]] = {
    **shopper.DEEDS,
    **operator.DEEDS,
    **bank.DEEDS,
    **stranger.DEEDS,
}
"""All of them, by name."""

__all__ = ["DEEDS", "Deed", "People"]
