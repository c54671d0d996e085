"""What people of a simulated world may do to it."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from markethub.domain.audit import Act, Channel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from markethub.adapters.fake.account import Account
    from markethub.adapters.fake.bank import Bank
    from markethub.entrypoints.simulation.checks import Oracle
    from markethub.entrypoints.simulation.pod import App

T = TypeVar("T")

OPS = Act(actor="ops", channel=Channel.CLI)
"""Whoever of the staff is at work in a history."""


class Unreachable(Exception):
    """The connection broke, or there was none: whoever asked does not know what became of it."""


class TimedOut(Exception):
    """No answer came in time: whoever asked does not know what became of it."""


class Surroundings(Protocol):
    """The world, as people in it see it."""

    account: "Account"
    bank: "Bank"
    oracle: "Oracle"

    @property
    def now(self) -> datetime:
        """The true time."""
        ...

    async def call(
        self, site: str, use: "Callable[[App], Awaitable[T]]", *, timeout_s: float = 30.0
    ) -> T:
        """Ask one of our processes. Raises what it raises, Unreachable or TimedOut."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let time go by."""
        ...

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        ...
