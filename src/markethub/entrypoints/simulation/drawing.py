"""What people do in a history is drawn from its seed."""

from typing import Final

from markethub.entrypoints.simulation.people import DEEDS
from markethub.entrypoints.simulation.plan import Click, Paths, Plan, dice

CLICKS: Final = (8, 32)
"""How many clicks a history has."""
SPAN_S: Final = (20.0, 60.0, 180.0, 600.0)
"""In how many seconds they come."""


def drawn(seed: int, *, paths: Paths = Paths.BOTH, bug: str | None = None) -> Plan:
    """Return the plan of a seed: its clicks; its faults are drawn as it goes."""
    rolls = dice(seed, "clicks")
    span_s = rolls.choice(SPAN_S)
    deeds = list(DEEDS)
    weights = [DEEDS[deed].weight for deed in deeds]
    clicks = (
        Click(round(rolls.random() * span_s, 3), deed, rolls.randrange(2**32))
        for deed in rolls.choices(deeds, weights, k=rolls.randint(*CLICKS))
    )
    ordered = tuple(sorted(clicks, key=lambda click: click.at_s))
    return Plan(seed=seed, paths=paths, bug=bug, clicks=ordered)
