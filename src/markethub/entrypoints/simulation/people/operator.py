"""Operators: captures, refunds, evidence, replays; and their programs, which repeat themselves."""

from collections.abc import Mapping
from random import Random
from typing import Final

import attrs

from markethub.domain.dispute import Dispute
from markethub.domain.ids import EventId, PaymentId
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.ports.inbox import InboxFilter
from markethub.domain.ports.queries import PaymentFilter
from markethub.domain.refund import Refund, RefundReason
from markethub.domain.usecases.accept_dispute import AcceptDisputeCommand
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.refund_payment import RefundPaymentCommand
from markethub.domain.usecases.submit_evidence import SubmitEvidenceCommand
from markethub.entrypoints.simulation.people.memory import Asked, Deed, People, all_at_once
from markethub.entrypoints.simulation.world import OPS

REPEATED: Final = 0.3
"""How often somebody repeats a request whose answer is known, or uses its key for another."""
COLLEAGUES: Final = 3
"""How many more submit the same evidence then."""


async def _payment(people: People, dice: Random, status: PaymentStatus) -> Payment | None:
    filter_ = PaymentFilter(status=status)
    page = await people.world.call("payments", lambda app: app.queries.payments(filter_))
    return dice.choice(list(page.items)) if page.items else None


async def capture(people: People, dice: Random) -> None:
    """Take what a card holds: all of it, or less."""
    payment = await _payment(people, dice, PaymentStatus.AUTHORIZED)
    if payment is None:
        return
    amounts = [None, None, max(payment.authorized.minor // 2, 50)]
    key = people.new_key("capture")
    amount = dice.choice(amounts)
    await _capture(people, dice, payment, amount, key)
    if dice.random() < REPEATED:
        # As it was, or by mistake for another amount.
        await _capture(people, dice, payment, dice.choice([amount, *amounts]), key)


async def _capture(
    people: People, dice: Random, payment: Payment, amount: int | None, key: str
) -> None:
    command = CapturePaymentCommand(payment_id=payment.id, amount_minor=amount, origin=key, act=OPS)
    done: Payment = await people.ask(
        dice, "capture_payment", lambda app: app.capture_payment(command)
    )
    people.world.oracle.answered(key, str(amount), f"{done.captured.minor} captured")


async def cancel_payment(people: People, dice: Random) -> None:
    """Let go of what a card holds, or of an intent that nobody pays."""
    payment = await _payment(
        people,
        dice,
        dice.choice((PaymentStatus.AUTHORIZED, PaymentStatus.REQUIRES_PAYMENT_METHOD)),
    )
    if payment is not None:
        command = CancelPaymentCommand(
            payment_id=payment.id, origin=people.new_key("cancel"), act=OPS
        )
        await people.ask(dice, "cancel_payment", lambda app: app.cancel_payment(command))


async def refund(people: People, dice: Random) -> None:
    """Give something back."""
    payment = await _payment(people, dice, PaymentStatus.SUCCEEDED)
    if payment is None:
        return
    captured = payment.captured.minor
    amount = dice.choice((None, 50, captured // 2, captured // 2 + 1, captured))
    asked = Asked(payment, amount, people.new_key("refunds"))
    people.refunds.append(asked)
    await _refund(people, dice, asked)


async def _refund(people: People, dice: Random, asked: Asked) -> None:
    command = RefundPaymentCommand(
        payment_id=PaymentId(asked.payment.id),
        act=OPS,
        amount_minor=asked.amount,
        reason=RefundReason.GOODWILL,
        origin=asked.key,
        again=dice.random() < 0.3,
    )
    made: Refund = await people.ask(dice, "refund_payment", lambda app: app.refund_payment(command))
    people.world.oracle.answered(asked.key, str(asked.amount), made.id)


async def refund_again(people: People, dice: Random) -> None:
    """Send a refund's request again under its key: as it was, or for another amount."""
    if not people.refunds:
        await refund(people, dice)
        return
    asked = dice.choice(people.refunds)
    if dice.random() < REPEATED:
        asked = attrs.evolve(asked, amount=dice.choice((None, 50, 51)))
    await _refund(people, dice, asked)


async def refund_race(people: People, dice: Random) -> None:
    """Two operators give the same money back at once; neither knows of the other."""
    payment = await _payment(people, dice, PaymentStatus.SUCCEEDED)
    if payment is None:
        return
    amount = dice.choice((None, payment.captured.minor * 2 // 3))
    racing = []
    for _ in range(2):
        asked = Asked(payment, amount, people.new_key("refunds"))
        people.refunds.append(asked)
        racing.append(_refund(people, dice, asked))
    await all_at_once(*racing)


async def _dispute(people: People, dice: Random) -> Dispute | None:
    filter_ = DisputeFilter()
    page = await people.world.call("disputes", lambda app: app.dispute_queries.disputes(filter_))
    return dice.choice(list(page.items)) if page.items else None


async def answer_dispute(people: People, dice: Random) -> None:
    """Write evidence and submit it, now and then along with colleagues who know nothing of it."""
    dispute = await _dispute(people, dice)
    if dispute is None:
        return
    draft = DraftEvidenceCommand(
        dispute_id=dispute.id, texts={"product_description": "Tea"}, act=OPS
    )
    await people.ask(dice, "draft_evidence", lambda app: app.draft_evidence(draft))
    colleagues = COLLEAGUES if dice.random() < REPEATED else 0
    await all_at_once(*(_submit(people, dice, dispute) for _ in range(1 + colleagues)))


async def _submit(people: People, dice: Random, dispute: Dispute) -> None:
    await people.world.pause(dice.random())
    command = SubmitEvidenceCommand(dispute_id=dispute.id, act=OPS, origin=people.new_key("submit"))
    await people.ask(dice, "submit_evidence", lambda app: app.submit_evidence(command))


async def accept_dispute(people: People, dice: Random) -> None:
    """Let the customer have it."""
    dispute = await _dispute(people, dice)
    if dispute is not None:
        command = AcceptDisputeCommand(
            dispute_id=dispute.id, act=OPS, origin=people.new_key("accept")
        )
        await people.ask(dice, "accept_dispute", lambda app: app.accept_dispute(command))


async def replay(people: People, dice: Random) -> None:
    """Have an event processed again, or a message sent again."""
    if dice.random() < 0.5:
        page = await people.world.call(
            "events", lambda app: app.inbox_queries.events(InboxFilter(), limit=20)
        )
        if page.items:
            id_ = EventId(dice.choice(list(page.items)).event.id)
            await people.ask(dice, "replay_event", lambda app: app.replay_event(id_, act=OPS))
        return
    await people.ask(dice, "replay_deliveries", lambda app: app.replay_deliveries((), act=OPS))


async def preview(people: People, dice: Random) -> None:
    """Ask what a refund would do."""
    payment = await _payment(people, dice, PaymentStatus.SUCCEEDED)
    if payment is not None:
        command = RefundPaymentCommand(payment_id=payment.id, act=OPS)
        await people.ask(dice, "preview", lambda app: app.refund_payment.preview(command))


DEEDS: Final[Mapping[str, Deed]] = {
    "capture": Deed(4, capture),
    "cancel_payment": Deed(2, cancel_payment),
    "refund": Deed(8, refund),
    "refund_again": Deed(4, refund_again),
    "refund_race": Deed(3, refund_race),
    "preview": Deed(1, preview),
    "answer_dispute": Deed(3, answer_dispute),
    "accept_dispute": Deed(2, accept_dispute),
    "replay": Deed(2, replay),
}
