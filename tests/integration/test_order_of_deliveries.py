"""A random history at the provider, its events delivered in a random way: the end is one.

The customer, staff, banks and dashboards do what they like to two orders; meanwhile nobody hears of
any event. Then all of them come: shuffled, doubled, some only after the worker has looked at
others and found nothing. The end must be that of the same history delivered once and in order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markethub.adapters.fake.bank import Bank, IllegalTransition
from markethub.adapters.fake.errors import ApiError
from markethub.domain.errors import PaymentsError
from markethub.domain.facts import CaptureMethod
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeStarted
from tests.support.faults import Fault
from tests.support.final_state import final_state
from tests.support.histories import Event, Past
from tests.support.thin_events import as_thin
from tests.support.world import CHALLENGE, DECLINED, SUCCESS

CARDS: Final = (SUCCESS, SUCCESS, DECLINED, CHALLENGE, "4000000000007726", "4000000000005126")
Happening = tuple[str, int, int]


class Story:
    """What happens, and what we ask for ourselves; each happening is one method."""

    def __init__(self, world: Past) -> None:
        self.world = world
        self.bank = Bank(world.account)
        self.started: list[ChargeStarted] = []

    async def begin(self) -> None:
        for order_id, capture in (("o-1", None), ("o-2", CaptureMethod.MANUAL)):
            await self.world.register(order_id)
            self.started.append(
                await self.world.charge(order_id, capture=capture, save_method=True)
            )

    async def pay(self, which: int, how: int) -> None:
        self.world.pay(self.started[which % 2], CARDS[how % len(CARDS)])

    async def answer(self, which: int, how: int) -> None:
        intent_id = self.started[which % 2].payment.intent_id
        intent = self.world.at_stripe(f"/v1/payment_intents/{intent_id}")
        if intent["status"] == "requires_action":
            self.world.answer_challenge(self.started[which % 2], authenticated=how % 3 > 0)

    async def come_back(self, which: int, how: int) -> None:
        await self.world.confirm(self.started[which % 2].payment)

    async def capture(self, which: int, how: int) -> None:
        self._spoil(how)
        amount = (None, 2000)[how % 2]
        command = CapturePaymentCommand(
            payment_id=self.started[which % 2].payment.id, amount_minor=amount
        )
        await self.world.container.capture_payment()(command)

    async def cancel(self, which: int, how: int) -> None:
        self._spoil(how)
        command = CancelPaymentCommand(payment_id=self.started[which % 2].payment.id)
        await self.world.container.cancel_payment()(command)

    async def refund(self, which: int, how: int) -> None:
        self._spoil(how)
        await self.world.refund(self.started[which % 2].payment, 1000, again=True)

    async def refund_in_dashboard(self, which: int, how: int) -> None:
        if charges := self.world.charges_paid():
            amount = (None, 1500, 700)[how % 3]
            self.bank.refund_in_dashboard(charges[which % len(charges)]["id"], amount=amount)

    async def move_refund(self, which: int, how: int) -> None:
        moves = ("settle_refund", "fail_refund", "ask_for_details", "give_details")
        if refunds := self.world.refunds_at_stripe():
            getattr(self.bank, moves[how % 4])(refunds[which % len(refunds)]["id"])

    async def dispute(self, which: int, how: int) -> None:
        status = ("needs_response", "warning_needs_response", "lost")[how % 3]
        if charges := self.world.charges_paid():
            self.bank.open_dispute(charges[which % len(charges)]["id"], amount=900, status=status)

    async def move_dispute(self, which: int, how: int) -> None:
        moves = ("escalate_inquiry", "close_inquiry", "submit_in_dashboard", "win_dispute")
        if disputes := self.world.at_stripe("/v1/disputes", {"limit": 100})["data"]:
            getattr(self.bank, moves[how % 4])(disputes[which % len(disputes)]["id"])

    async def warn(self, which: int, how: int) -> None:
        if charges := self.world.charges_paid():
            self.bank.warn_of_fraud(charges[which % len(charges)]["id"])

    def _spoil(self, how: int) -> None:
        if how % 3 == 0:
            self.world.gateway.faults.append(Fault.LOST_REPLY)


HAPPENINGS: Final = tuple(
    name
    for name, member in vars(Story).items()
    if not name.startswith("_") and name != "begin" and callable(member)
)
histories = st.lists(
    st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 5), st.integers(0, 5)), max_size=14
)


async def lived(history: Sequence[Happening]) -> tuple[Past, list[Event]]:
    """Let a history happen, of which we hear only the answers to our own calls."""
    world = Past()
    story = Story(world)
    await story.begin()
    happening: Mapping[str, Callable[[int, int], Awaitable[None]]] = {
        name: getattr(story, name) for name in HAPPENINGS
    }
    for name, which, how in [("pay", 0, 0), *history]:
        world.clock.advance(minutes=1)
        world.account.advance(int(world.clock.now().timestamp()))
        with suppress(PaymentsError, ApiError, IllegalTransition):
            await happening[name](which, how)
        world.gateway.faults.clear()
    return world, [*world.pending_events()]


async def deliver(world: Past, events: Sequence[Event], chance: Random, *, as_it_was: bool) -> None:
    """Deliver events in any order, some twice or thin, some only after others were processed.

    ``as_it_was``: the provider shows no more than what the events that came were sent of.
    """
    end = world.past.travel.now()
    come: list[str] = []
    for event in chance.sample(events, len(events)):
        come.append(event["id"])
        if as_it_was:
            world.past.go_to_latest_of(come)
        for sent in chance.choice([[event], [event, event], [as_thin(event), event]]):
            await world.deliver(sent)
        if chance.random() < 0.6:
            await world.container.process_inbox()()
    world.past.travel.go_to(end)


async def end_of(world: Past) -> tuple[object, object]:
    """Let all be processed, and recovery finish what nobody could tell; return how things stand.

    That is what the events told, and the final state after each intent was read once more: who
    has seen a success alone has not seen its card and fee. What still waits is a thin event about
    the charge of a declined attempt.
    """
    await world.rest()
    for _ in range(3):
        await world.recover()
        await world.rest()
    payments = [*await world.payments("o-1"), *await world.payments("o-2")]
    told = [
        (
            payment.intent_id,
            payment.status,
            payment.captured,
            payment.refunded,
            payment.refund_reserved,
            payment.disputed,
            payment.quarantine,
        )
        for payment in payments
    ]
    for payment in payments:
        with suppress(PaymentsError):
            await world.confirm(payment)
    state = await final_state(world)
    assert 0 == state["unresolved"]
    # The default among several new cards is the one that we hear of last.
    cards = {method.card for method in await world.saved()}
    return told, state | {"waiting": None, "methods": cards}


@given(history=histories, chance=st.integers(0, 10**9).map(Random), as_it_was=st.booleans())
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_the_end_does_not_depend_on_the_order_or_number_of_deliveries(
    history: list[Happening], chance: Random, as_it_was: bool
) -> None:
    async def compare() -> None:
        in_order, events = await lived(history)
        for event in events:
            await in_order.deliver(event)
        world, events = await lived(history)

        await deliver(world, events, chance, as_it_was=as_it_was)

        assert await end_of(in_order) == await end_of(world)

    asyncio.run(compare())
