"""Pictures of the ops console, after a week in which not everything went well."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import attrs
from playwright.sync_api import Page

from markethub.domain.audit import Act, AuditAction, Channel
from markethub.domain.dispute import Dispute
from markethub.domain.facts import CaptureMethod, ReceivedEvent
from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.payment import Payment
from markethub.domain.ports.disputes import DisputeFilter, DisputePage
from markethub.domain.refund import RefundReason
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from tests.browser.screens import PHONE, STAFF, Screen, Stage
from tests.support.stores import receive
from tests.support.world import DECLINED, SUCCESS, World

_MASTERCARD: Final = "5555555555554444"
_POOR: Final = "4000000000009995"
_EXPIRED: Final = "4000000000000069"
_NOT_RECEIVED: Final = "4000000000002685"
_FIRST_DAY: Final = datetime.fromisoformat("2026-11-03T07:40:00+00:00")
DEAD: Final = "evt_1TfK2sLkdIwHu7ixQ4mB0aZr"
"""The event that nobody could apply."""
_NOW: Final = datetime.fromisoformat("2026-11-09T15:20:00+00:00")
_SALES: Final = (5, 7, 6, 9, 12, 8, 6)
"""Orders of each day: the more, the nearer the weekend."""
_DISPUTED: Final = 4
"""The order whose customer says that nothing came."""
_TOLD: Final = 47
TOLD: Final = f"order-{1000 + _TOLD}"
"""The order whose payment is shown: declined, paid, and a part of it given back."""
HELD: Final = "order-1051"
"""An order whose money a card holds, and nobody has captured."""


class Week:
    """A week in a shop, the same one every time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = random.Random(7)  # noqa: S311 - the same sales every time
        self._orders = 0

    async def live(self) -> None:
        """Sell, decline, give back; the last moment is the same every time, too."""
        for day, sales in enumerate(_SALES):
            self._be_at(_FIRST_DAY + timedelta(days=day))
            for _ in range(sales):
                await self._sell()
        self._be_at(_NOW - timedelta(hours=2, minutes=5))
        await self._answer()
        self._later(minutes=80)
        await self._stumble()
        self._be_at(_NOW)
        waits = _event("evt_1TfKD3LkdIwHu7ixR5tG9eXf", "refund.updated", _NOW)
        waits = waits.park("unknown_object", ours=True, now=_NOW)
        await receive(self._world.container.store(), [waits])

    async def _sell(self) -> None:
        dice, world = self._dice, self._world
        self._orders += 1
        order_id = f"order-{1000 + self._orders}"
        self._later(minutes=dice.randint(4, 50))
        await world.register(
            order_id,
            total=dice.choice([1290, 1850, 2490, 3200, 4800, 5490, 8900, 12900]),
            customer_id=f"customer-{dice.randint(201, 240)}",
        )
        held = self._orders % 17 == 0
        started = await world.charge(order_id, capture=CaptureMethod.MANUAL if held else None)
        cards = [dice.choice([SUCCESS, SUCCESS, _MASTERCARD])]
        if self._orders == _DISPUTED:
            cards = [_NOT_RECEIVED]
        elif self._orders == _TOLD:
            cards = [_POOR, SUCCESS]
        elif self._orders % 6 == 0:
            cards = [dice.choice([DECLINED, _POOR, _POOR, _EXPIRED])]
        for card in cards:
            self._later(seconds=dice.randint(20, 90))
            world.pay(started, card)
            assert started.payment.intent_id is not None
            await world.container.confirm_payment()(
                ConfirmPaymentCommand(intent_id=started.payment.intent_id)
            )
        await self._hear()
        if self._orders == _TOLD:
            await self._give_back(started.payment, 890, RefundReason.GOODWILL, "Late by two days.")
        elif cards[-1] == _MASTERCARD and self._orders % 4 == 0:
            note = "Sent back unopened."
            await self._give_back(started.payment, None, RefundReason.REQUESTED_BY_CUSTOMER, note)

    async def _give_back(
        self, payment: Payment, amount_minor: int | None, reason: RefundReason, note: str
    ) -> None:
        self._later(minutes=25)
        command = RefundPaymentCommand(
            payment_id=payment.id,
            act=_act("jonas"),
            amount_minor=amount_minor,
            reason=reason,
            note=note,
        )
        await self._world.container.refund_payment()(command)
        await self._hear()

    async def _answer(self) -> None:
        """Begin the answer to the dispute."""
        dispute = await the_dispute(self._world)
        texts = {
            "product_description": "Two tins of loose tea, 100 g each, packed by hand.",
            "shipping_carrier": "DHL",
            "shipping_date": "2026-11-04",
            "shipping_tracking_number": "00340434161094021501",
        }
        command = DraftEvidenceCommand(dispute_id=dispute.id, texts=texts, act=_act("jonas"))
        await self._world.container.draft_evidence()(command)
        await self._world.container.record_audit()(
            _act("jonas"), AuditAction.CONSOLE_EXPORT, subject="refunds", detail={"filter": "none"}
        )

    async def _stumble(self) -> None:
        """Bury an event, and ignore one of somebody else's."""
        now = self._world.clock.now()
        failed = _event(DEAD, "charge.dispute.funds_withdrawn", now)
        failed = failed.fail("KeyError", error="KeyError: 'balance_transactions'", now=now)
        await receive(
            self._world.container.store(),
            [
                attrs.evolve(failed, failures=12, attempts=11).bury("KeyError", now=now),
                _event("evt_1TfK7pLkdIwHu7ixW8xN3cYd", "charge.updated", now).ignore(
                    "foreign", now=now
                ),
            ],
        )

    async def _hear(self) -> None:
        """Let the worker hear of it, a little later each time."""
        pump = self._world.container.pump()
        assert pump is not None
        while await pump():
            self._later(milliseconds=self._dice.randint(90, 900))
            await self._world.container.process_inbox()()

    def _later(self, **amount: float) -> None:
        self._be_at(self._world.clock.now() + timedelta(**amount))

    def _be_at(self, moment: datetime) -> None:
        left = (moment - self._world.clock.now()).total_seconds()
        self._world.clock.advance(seconds=max(left, 0))
        self._world.account.advance(int(self._world.clock.now().timestamp()))


async def the_dispute(world: World) -> Dispute:
    """Return the week's one dispute."""
    page: DisputePage = await world.container.dispute_queries().disputes(DisputeFilter())
    [dispute] = page.items
    return dispute


def _act(actor: str) -> Act:
    return Act(actor=actor, channel=Channel.CONSOLE)


def _event(id: str, type: str, now: datetime) -> InboxEvent:
    received = ReceivedEvent(
        id=EventId(id),
        type=type,
        livemode=False,
        created_at=now,
        api_version="2026-10-28.endive",
        payload="{}",
    )
    return InboxEvent.receive(received, livemode=False, now=now)


def _live(stage: Stage) -> None:
    stage.server.run(Week(stage.world).live(), within_s=60)


def sign_in(page: Page, path: str) -> None:
    """Sign in to a page."""
    page.goto(f"/ops/sign-in?next={path}")
    page.get_by_label("Your ops key").fill(STAFF.secret.reveal())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")


def _at(path: str) -> Callable[[Stage], None]:
    def show(stage: Stage) -> None:
        _live(stage)
        sign_in(stage.page, path)

    return show


def _payment(stage: Stage) -> None:
    _live(stage)
    [payment] = stage.server.run(stage.world.payments(TOLD))
    sign_in(stage.page, f"/ops/payments/{payment.id}")


def _dispute(stage: Stage) -> None:
    _live(stage)
    dispute = stage.server.run(the_dispute(stage.world))
    sign_in(stage.page, f"/ops/disputes/{dispute.id}")


SCREENS: Final = (
    Screen(name="console-overview", show=_at("/ops")),
    Screen(name="console-overview-phone", show=_at("/ops"), size=PHONE),
    Screen(name="console-payments", show=_at("/ops/payments")),
    Screen(name="console-payment", show=_payment),
    Screen(name="console-dispute-dark", show=_dispute, dark=True),
    Screen(name="console-inbox", show=_at("/ops/events")),
    Screen(name="console-audit", show=_at("/ops/audit")),
)
