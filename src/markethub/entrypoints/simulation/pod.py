"""One process of ours in a simulated world: production's container over struck ports.

A process dies with all that it was doing. Its next life is composed anew, over what is durable.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

from dependency_injector import providers

from markethub.entrypoints.container import Container, build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from markethub.entrypoints.simulation.loop import Life, VirtualLoop
from markethub.entrypoints.simulation.ports import (
    DrawnIds,
    Passage,
    SkewedClock,
    StruckPublisher,
    StruckStore,
    VirtualPause,
)
from markethub.entrypoints.simulation.provider import PREVIOUS, SECRET, Provider, Wire

if TYPE_CHECKING:
    import asyncio

SETTINGS = Settings(
    database=Database(url="memory://"),
    stripe_webhook_secrets=(SECRET, PREVIOUS),
    abandoned_after=timedelta(hours=24),
    embedded_worker=False,
)


class App:
    """What one life of a process can do: the container's providers, each resolved once."""

    def __init__(self, container: Container) -> None:
        """Resolve from ``container``, as needed."""
        self._container = container

    def __getattr__(self, name: str) -> Any:
        """Return what the provider of that name makes."""
        made = getattr(self._container, name)()
        setattr(self, name, made)
        return made


class _Slots:
    """A container whose surroundings are exchanged at each life: building one takes 3 ms."""

    def __init__(self, plant: Callable[[Container], None] | None) -> None:
        self.container = build_container(SETTINGS)
        self.is_planted = plant is not None
        self.places: dict[str, Any] = {
            name: providers.Object(None)
            for name in ("store", "wire", "clock", "ids", "pause", "publisher")
        }
        for name, place in self.places.items():
            getattr(self.container, name).override(place)
        if plant is not None:
            plant(self.container)

    def app(self, **surroundings: object) -> App:
        for name, thing in surroundings.items():
            self.places[name].set_provides(thing)
        container = self.container
        if self.is_planted:
            container.reset_singletons()
        else:
            for made in (
                container.guard,
                container.carrier,
                container.gateway,
                container.dispute_desk,
                container.vault,
                container.event_source,
                container.subscriptions,
                container.worker_name,
                container.leases_in_hand,
            ):
                made.reset()
        return App(container)


@cache
def _slots(index: int, plant: Callable[[Container], None] | None) -> _Slots:  # noqa: ARG001 - one for each process
    return _Slots(plant)


class Pod:
    """A process that can die and come back."""

    def __init__(
        self,
        index: int,
        *,
        passage: Callable[[Life], Passage],
        loop: VirtualLoop,
        dice: Random,
        plant: Callable[[Container], None] | None,
    ) -> None:
        """Begin as a process that was not started yet."""
        self.index = index
        self.name = "ab"[index]
        self.life: Life | None = None
        self.app: App | None = None
        self.clock = SkewedClock(loop)
        self._passage = passage
        self._slots = _slots(index, plant)
        self._loop = loop
        self._dice = dice
        self.waiting: dict[asyncio.Future[Any], None] = {}
        """Callers whose answers would be lost with this life."""

    @property
    def is_up(self) -> bool:
        """Tell whether it takes requests."""
        return self.life is not None and not self.life.is_over

    def start(
        self,
        *,
        store: Any,
        provider: Provider,
        receive: Callable[[Any], bool],
        receiver_down: Callable[[float], None],
    ) -> None:
        """Compose the application anew."""
        self.life = Life(self.name)
        passage = self._passage(self.life)
        self.app = self._slots.app(
            store=StruckStore(store, passage),
            wire=Wire(provider, passage),
            clock=self.clock,
            ids=DrawnIds(self.clock, self._dice),
            pause=VirtualPause(passage),
            publisher=StruckPublisher(passage, receive, receiver_down),
        )
