"""The fixed stories: which acts they have, when, and what goes wrong in them anyway.

They are what the sweep kills at every step.
"""

from collections.abc import Mapping
from typing import Final

import attrs

from markethub.entrypoints.simulation import acts
from markethub.entrypoints.simulation.acts import Act
from markethub.entrypoints.simulation.faults import Fault, Strike
from markethub.entrypoints.simulation.plan import Click, Paths, Plan
from markethub.entrypoints.simulation.script import (
    Missing,
    Script,
)
from markethub.entrypoints.simulation.world import Surroundings

DONE: Final = "the script is done"

_SCRIPTED: Final = "scripted: "
_SCRIPTED_ONCE: Final = "scripted, and never repeated: "
_DAY_S: Final = 86_400.0


@attrs.frozen(kw_only=True)
class Scenario:
    """A story: who does what when, and what goes wrong in it anyway."""

    acts: Mapping[float, Act]
    """What begins when (seconds after the start)."""
    lasts_s: float = 12.0
    paths: Paths = Paths.BOTH
    is_patient: bool = True
    """Whether clients ask again where they get no answer: that repairs, too."""
    strikes: tuple[Strike, ...] = ()
    """Faults without which it would be another story."""

    def plan(self) -> Plan:
        """Return the history of this story with nothing else in it."""
        clicks = [
            Click(at_s, deed_of(act, is_patient=self.is_patient), 0)
            for at_s, act in self.acts.items()
        ]
        end = Click(self.lasts_s, deed_of(acts.nothing), 0)
        return Plan(seed=1, paths=self.paths, clicks=(*clicks, end), strikes=self.strikes)


def deed_of(act: Act, *, is_patient: bool = True) -> str:
    """Name the deed that plays an act."""
    return f"{_SCRIPTED if is_patient else _SCRIPTED_ONCE}{act.__name__}"


def is_scripted(deed: str) -> bool:
    """Tell whether a deed is an act of a scenario."""
    return deed.startswith((_SCRIPTED, _SCRIPTED_ONCE))


async def play(deed: str, world: Surroundings) -> None:
    """Play the act that ``deed`` names. Raises as the use cases that refuse it."""
    how, _, name = deed.partition(": ")
    script = Script(world, is_patient=f"{how}: " == _SCRIPTED)
    try:
        await _ACTS[name](script)
    except Missing:
        world.note(f"{deed}: nothing came")
    else:
        world.note(DONE)


def _silence(site: str, *, times: int, fault: Fault = Fault.REQUEST_LOST) -> tuple[Strike, ...]:
    return tuple(Strike(site, nth, fault) for nth in range(1, times + 1))


_STORIES: Final[Mapping[str, Scenario]] = {
    "charge": Scenario(acts={0.0: acts.charge}),
    "refund": Scenario(acts={0.0: acts.refund}),
    "change and cancel": Scenario(acts={0.0: acts.change_and_cancel}),
    "decline and retry": Scenario(acts={0.0: acts.decline_and_retry}),
    "challenge": Scenario(acts={0.0: acts.challenge}),
    "capture": Scenario(acts={0.0: acts.capture}),
    "capture a part": Scenario(acts={0.0: acts.capture_a_part}),
    "let go": Scenario(acts={0.0: acts.let_go}),
    "save while paying": Scenario(acts={0.0: acts.save_while_paying}),
    "charge off-session": Scenario(acts={0.0: acts.charge_off_session}),
    "set up and remove": Scenario(acts={0.0: acts.set_up_and_remove}),
    "customer behind a 500": Scenario(
        acts={0.0: acts.save_while_paying},
        strikes=(Strike("gateway POST /v1/customers", 1, Fault.STORED_500),),
    ),
    "customer lost": Scenario(acts={0.0: acts.lose_the_customer}),
    "refund all": Scenario(acts={0.0: acts.refund_all}),
    "refund in parts": Scenario(acts={0.0: acts.refund_in_parts}),
    "refund that comes back": Scenario(acts={0.0: acts.refund_that_comes_back}),
    "refund that takes its time": Scenario(acts={0.0: acts.refund_that_takes_its_time}),
    "dispute lost and won late": Scenario(acts={0.0: acts.dispute_lost_and_won_late}),
    "dispute accepted": Scenario(acts={0.0: acts.dispute_accepted}),
    "inquiry that escalates": Scenario(acts={0.0: acts.inquiry_that_escalates}),
    "receive and replay": Scenario(acts={0.0: acts.receive_and_replay}),
    "replay deliveries": Scenario(acts={0.0: acts.replay_deliveries}),
    "abandoned": Scenario(acts={0.0: acts.leave}, lasts_s=1.5 * _DAY_S),
    "hold that ends": Scenario(acts={0.0: acts.hold}, lasts_s=6.5 * _DAY_S),
    "unknown charge": Scenario(
        acts={0.0: acts.charge},
        lasts_s=45.0,
        strikes=_silence("gateway POST /v1/payment_intents", times=3),
    ),
    "charge behind a 500": Scenario(
        acts={0.0: acts.charge},
        strikes=(Strike("gateway POST /v1/payment_intents", 1, Fault.STORED_500),),
    ),
    "slow worker": Scenario(
        acts={0.0: acts.charge},
        lasts_s=30.0,
        strikes=(
            Strike("payments.find_by_intent", 3, Fault.STORE_SLOW, 12.0),
            Strike("payments.find_by_intent", 4, Fault.STORE_SLOW, 12.0),
        ),
    ),
    "unknown refund": Scenario(
        acts={0.0: acts.refund},
        lasts_s=45.0,
        strikes=_silence("gateway POST /v1/refunds", times=3),
    ),
    "unknown submission": Scenario(
        acts={0.0: acts.submit_into_silence},
        lasts_s=45.0,
        strikes=_silence("gateway POST /v1/disputes/:id", times=3),
    ),
    "endpoints and keys": Scenario(acts={0.0: acts.rotate, 8.0: acts.keep_an_answer}),
}
_BY_ONE_PATH: Final = (
    "charge",
    "refund",
    "capture",
    "let go",
    "charge off-session",
    "change and cancel",
)
"""Stories that need no event to go on: with one path of repair alone, none hides the other's."""
_ONE_PATH: Final = (Paths.WEBHOOKS, Paths.RECOVERY)
SCENARIOS: Final[Mapping[str, Scenario]] = {
    **_STORIES,
    **{
        f"{name}, {paths} only": attrs.evolve(_STORIES[name], paths=paths, is_patient=False)
        for name in _BY_ONE_PATH
        for paths in _ONE_PATH
    },
}
"""By name."""

_ACTS: Final[Mapping[str, Act]] = {
    act.__name__: act
    for act in (acts.nothing, *(each for one in SCENARIOS.values() for each in one.acts.values()))
}
