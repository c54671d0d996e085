"""What a kind of event does to us: the contract between the inbox and its handlers.

A handler runs inside the transaction that marks the event. It touches nothing but that
transaction; where it must know more, it asks for a look at the provider, made outside of any.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import attrs

from markethub.domain.facts import ProviderFact
from markethub.domain.ports.unit_of_work import Transaction


@attrs.frozen(kw_only=True)
class Applied:
    """The event has had its effect, now or before."""


@attrs.frozen(kw_only=True)
class Ignored:
    """The event is of no interest to us."""

    reason: str


@attrs.frozen(kw_only=True)
class Parked:
    """The event is about something that we do not know, or not yet.

    ``ours`` says that it bears an id of ours: then somebody must look at it in the end.
    """

    ours: bool
    reason: str = "unknown_object"


@attrs.frozen(kw_only=True)
class Look:
    """The object decides, not the event: read it first.

    ``fetch`` reads the provider, outside of any transaction, and returns what is to be done
    with the answer, inside the next. It raises as the gateway does.
    """

    fetch: Callable[[], Awaitable["Work"]]


Step = Applied | Ignored | Parked | Look
Work = Callable[[Transaction], Awaitable[Step]]


class FactHandler(Protocol):
    """Gives one kind of fact its effect."""

    async def __call__(self, tx: Transaction, fact: ProviderFact) -> Step:
        """Apply the fact, or say what must be known first."""
        ...
