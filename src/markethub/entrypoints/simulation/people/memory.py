"""What everybody remembers, and how a storefront asks."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from markethub.domain.errors import RequestInProgress, TryAgain
from markethub.domain.ids import CustomerId, OrderId, RefundId
from markethub.domain.money import Currency
from markethub.domain.payment import Payment
from markethub.domain.secret import Secret
from markethub.entrypoints.simulation.world import Surroundings, TimedOut, Unreachable

if TYPE_CHECKING:
    from markethub.entrypoints.simulation.pod import App

T = TypeVar("T")

ORDERS_MAXIMUM: Final = 5
"""So few that people get into each other's way."""
CUSTOMERS: Final = (CustomerId("c-1"), CustomerId("c-2"))
CURRENCIES: Final = (Currency.of("usd"),) * 4 + (Currency.of("eur"), Currency.of("jpy"))


@attrs.define
class Tab:
    """A checkout page: what a browser needs to pay."""

    payment: Payment
    secret: Secret
    challenge: bool = False


@attrs.define
class Shopping:
    """An order, as the storefront knows it."""

    order_id: OrderId
    customer_id: CustomerId
    currency: Currency
    total: int
    manual: bool
    tabs: list[Tab] = attrs.field(factory=list)


@attrs.define
class Asked:
    """A refund that an operator has asked for, under a key of the operator's."""

    payment: Payment
    amount: int | None
    key: str
    refund_id: RefundId | None = None


@attrs.define
class People:
    """Everybody's memory, and their way to the core."""

    world: Surroundings
    orders: list[Shopping] = attrs.field(factory=list)
    refunds: list[Asked] = attrs.field(factory=list)
    keys: int = 0
    attempts: dict[str, int] = attrs.field(factory=dict)
    """How often somebody tried to pay, by payment."""

    def new_key(self, purpose: str) -> str:
        """Make an idempotency key, as a client does: one for each intention."""
        self.keys += 1
        return f"storefront POST {purpose} key-{self.keys}"

    def tries(self, payment: Payment) -> None:
        """Note that somebody is about to try to pay."""
        self.attempts[payment.id] = self.attempts.get(payment.id, 0) + 1
        self.world.oracle.tries(payment.id)

    def tabs(self) -> list[tuple[Shopping, Tab]]:
        """List all open checkout pages."""
        return [(order, tab) for order in self.orders for tab in order.tabs]

    async def ask(
        self, dice: Random, site: str, use: "Callable[[App], Awaitable[T]]", *, times: int = 4
    ) -> T:
        """Ask, and ask again where nobody knows what became of it, as a storefront does.

        The same question under the same key: ``use`` builds the same command each time. Raises
        what the last time raised.
        """
        for attempt in range(1, times):
            try:
                return await self.world.call(site, use)
            except (TryAgain, Unreachable, TimedOut) as error:
                if dice.random() < 0.15:
                    raise  # this one gives up, and is never heard of again
                wait_s = 0.2 if isinstance(error, RequestInProgress) else 0.5 * 3.0**attempt
            await self.world.pause(wait_s * dice.random())
        return await self.world.call(site, use)


async def all_at_once(*doing: Coroutine[None, None, object]) -> None:
    """Do several things side by side; when all have ended, raise what the first of them raised."""
    ended = await asyncio.gather(*doing, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, BaseException):
            raise outcome


@attrs.frozen
class Deed:
    """Something that somebody does, and how often compared with the others."""

    weight: int
    act: Callable[[People, Random], Awaitable[None]]
