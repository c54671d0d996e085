"""Small histories: what happens to a payment at the provider, and what it sends us about it.

Each leaves a core that has heard of nothing yet but the answers to its own calls, and an account
whose events wait to be delivered.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from markethub.adapters.fake.bank import Bank
from markethub.domain.errors import GatewayUnavailable
from markethub.domain.facts import CaptureMethod
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeStarted
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.faults import Fault
from tests.support.time_travel import PastAccount
from tests.support.world import CHALLENGE, DECLINED, SUCCESS, World

Event = Mapping[str, Any]
Play = Callable[[World], Awaitable[None]]
PENDING_REFUND = "4000000000007726"


class Past(World):
    """A core, and an account whose reads can show the past."""

    def __init__(self, url: str = "memory://") -> None:
        self.past = PastAccount()
        super().__init__(build_container(Settings(database=Database(url=url))), account=self.past)

    async def rest(self) -> None:
        """Process what has come, again and again, until nothing is due any more."""
        for _ in range(4):
            self.clock.advance(minutes=10)
            await self.container.process_inbox()()

    async def refresh(self) -> None:
        """Read every intent once more, as somebody's coming back does."""
        for payment in await self.payments():
            await self.confirm(payment)

    async def close(self) -> None:
        await self.container.store().close()


async def played(play: Play, url: str = "memory://") -> tuple[Past, list[Event]]:
    """Play a history; return the core and the events in the order they were sent."""
    world = Past(url)
    await play(world)
    return world, [*world.pending_events()]


async def live_through(world: Past, events: Sequence[Event], order: Sequence[int]) -> None:
    """Deliver events in an order, each once more later on; each is processed as it comes.

    The provider is only as far as it must be: no event comes before it has happened. In the end
    it is where the history ended.
    """
    end = world.past.travel.now()
    come: list[str] = []
    for step, happened in enumerate(order):
        come.append(events[happened]["id"])
        world.past.go_to_latest_of(come)
        for each in (happened, order[step // 2]):
            await world.deliver(events[each])
        await world.container.process_inbox()()
    world.past.travel.go_to(end)
    await world.rest()


# --- histories ----------------------------------------------------------------------------------


async def _charged(world: World, **wish: Any) -> ChargeStarted:
    await world.register()
    return await world.charge(**wish)


async def paid(world: World) -> None:
    world.pay(await _charged(world))


async def declined_then_paid(world: World) -> None:
    started = await _charged(world)
    world.pay(started, DECLINED)
    world.pay(started, SUCCESS)


async def challenged_then_paid(world: World) -> None:
    started = await _charged(world)
    world.pay(started, CHALLENGE)
    world.answer_challenge(started, authenticated=True)


async def captured(world: World) -> None:
    """We ask for the capture of a part, and never hear the answer."""
    started = await _charged(world, capture=CaptureMethod.MANUAL)
    world.pay(started)
    await world.confirm(started.payment)
    world.gateway.faults.append(Fault.LOST_REPLY)
    command = CapturePaymentCommand(payment_id=started.payment.id, amount_minor=3000)
    with suppress(GatewayUnavailable):
        await world.container.capture_payment()(command)


async def canceled(world: World) -> None:
    """We cancel what is authorized, and never hear the answer."""
    started = await _charged(world, capture=CaptureMethod.MANUAL)
    world.pay(started)
    await world.confirm(started.payment)
    world.gateway.faults.append(Fault.LOST_REPLY)
    command = CancelPaymentCommand(payment_id=started.payment.id)
    with suppress(GatewayUnavailable):
        await world.container.cancel_payment()(command)


async def saved(world: World) -> None:
    """The customer pays, and lets the card be kept."""
    world.pay(await _charged(world, save_method=True))


async def refunded(world: World) -> None:
    """Paid and heard of; then refunded in part, which comes back from the bank."""
    payment = await world.paid()
    bank = Bank(world.account)
    refund = bank.refund_in_dashboard(str(payment.charge_id), amount=2000)
    bank.fail_refund(refund["id"])


async def refunded_later(world: World) -> None:
    """Paid by a card whose refunds take their time, and refunded in two parts."""
    payment = await world.paid(card=PENDING_REFUND)
    bank = Bank(world.account)
    refund = bank.refund_in_dashboard(str(payment.charge_id), amount=2000)
    bank.settle_refund(refund["id"])


async def refunded_by_us(world: World) -> None:
    """We ask for a refund, and never hear the answer."""
    payment = await world.paid()
    world.gateway.faults.append(Fault.LOST_REPLY)
    await world.refund(payment, 2000)


async def warned(world: World) -> None:
    payment = await world.paid()
    Bank(world.account).warn_of_fraud(str(payment.charge_id))


async def disputed(world: World) -> None:
    payment = await world.paid()
    bank = Bank(world.account)
    dispute = bank.open_dispute(str(payment.charge_id))
    bank.submit_in_dashboard(dispute["id"])
    bank.win_dispute(dispute["id"])


HISTORIES: Final[Mapping[str, Play]] = {
    each.__name__: each
    for each in (
        paid,
        declined_then_paid,
        challenged_then_paid,
        captured,
        canceled,
        saved,
        refunded,
        refunded_by_us,
        warned,
        refunded_later,
        disputed,
    )
}
