"""Mistakes in understanding what an event says."""

from typing import Any, Final

import attrs

from markethub.domain.facts import IntentReported, IntentStatus, ProviderFact, ProviderIntent
from markethub.domain.ids import ChargeId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ledger import Entry, EntryKind
from markethub.domain.payment import PaymentStatus
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.inbox_handler import Applied, Step
from markethub.domain.usecases.intent_events import IntentEvents
from markethub.domain.usecases.locating import payment_of
from markethub.domain.usecases.process_inbox import ProcessInbox
from markethub.domain.usecases.settlement import lock
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.bugs.planting import (
    Bug,
    Instead,
    alter_transactions,
    swap,
)
from markethub.entrypoints.simulation.plan import Paths


class _BookingByEvent(ProcessInbox):
    async def _handle(self, tx: Transaction, event: InboxEvent) -> Step:
        if not isinstance(self.translator.translate(event.event), IntentReported):
            return await super()._handle(tx, event)
        return await super()._handle(_books_of(tx, event), event)


def _books_of(tx: Any, event: InboxEvent) -> Any:
    """Let an event's charge be booked under the event's id, once for each event."""
    ledger = tx.ledger.whole

    async def post(entry: Entry) -> bool:
        if entry.kind is not EntryKind.CHARGE:
            return bool(await ledger.post(entry))
        for each in await ledger.of_payment(entry.payment_id):
            if each.kind is EntryKind.CHARGE and not each.reference.startswith("evt_"):
                return False
        return bool(await ledger.post(attrs.evolve(entry, reference=event.event.id)))

    return Instead(tx, ledger=Instead(ledger, post=post))


def _unless_booked(tx: Any) -> Any:
    """Let a charge be booked by whoever is no event only where no event has done so."""
    ledger = tx.ledger

    async def post(entry: Entry) -> bool:
        if entry.kind is EntryKind.CHARGE:
            for each in await ledger.of_payment(entry.payment_id):
                if each.kind is EntryKind.CHARGE:
                    return False
        return bool(await ledger.post(entry))

    return Instead(tx, ledger=Instead(ledger, post=post, whole=ledger))


def _booked_by_event(container: Container) -> None:
    alter_transactions(container, _unless_booked)
    swap(container.process_inbox, _BookingByEvent)


class _TypeReader(IntentEvents):
    async def __call__(self, tx: Transaction, fact: ProviderFact) -> Step:
        if isinstance(fact, IntentReported) and fact.claimed_status is not None:
            fact = attrs.evolve(fact, intent=_as_claimed(fact.intent, fact.claimed_status))
        return await super().__call__(tx, fact)


def _as_claimed(intent: ProviderIntent, claimed: IntentStatus) -> ProviderIntent:
    paid = claimed is IntentStatus.SUCCEEDED
    received = intent.amount if paid and not intent.received.minor else intent.received
    return attrs.evolve(
        intent,
        status=claimed,
        received=received,
        latest_charge_id=intent.latest_charge_id
        or (ChargeId(f"ch_of_{intent.id}") if paid else None),
    )


def _type_trusted(container: Container) -> None:
    swap(container.intent_events, _TypeReader)


_TAKEN_FOR: Final = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: PaymentStatus.REQUIRES_PAYMENT_METHOD,
    IntentStatus.REQUIRES_CONFIRMATION: PaymentStatus.REQUIRES_PAYMENT_METHOD,
    IntentStatus.REQUIRES_ACTION: PaymentStatus.REQUIRES_ACTION,
    IntentStatus.PROCESSING: PaymentStatus.PROCESSING,
    IntentStatus.REQUIRES_CAPTURE: PaymentStatus.AUTHORIZED,
    IntentStatus.CANCELED: PaymentStatus.CANCELED,
}


class _LastEventReader(IntentEvents):
    async def __call__(self, tx: Transaction, fact: ProviderFact) -> Step:
        status = _TAKEN_FOR.get(fact.intent.status) if isinstance(fact, IntentReported) else None
        if not isinstance(fact, IntentReported) or status is None:
            return await super().__call__(tx, fact)
        payment = await payment_of(tx, intent_id=fact.intent.id, charge_id=None)
        if payment is None:
            return await super().__call__(tx, fact)
        _, payment = await lock(tx, payment.id)
        if payment.status is not status:
            now = self.settlement.clock.now()
            await tx.payments.save(attrs.evolve(payment, status=status, updated_at=now))
        return Applied()


def _last_event_wins(container: Container) -> None:
    swap(container.intent_events, _LastEventReader)


BUGS: Final = (
    Bug(
        name="booked_by_event",
        what="A charge is booked under the id of the event that brings it: twin events book it "
        "twice (F13).",
        paths=Paths.WEBHOOKS,
        plant=_booked_by_event,
    ),
    Bug(
        name="type_trusted",
        what="The event's type says what happened, not its object (F15).",
        paths=Paths.WEBHOOKS,
        plant=_type_trusted,
    ),
    Bug(
        name="last_event_wins",
        what="A payment takes the status of whichever event comes last (F14).",
        paths=Paths.WEBHOOKS,
        plant=_last_event_wins,
    ),
)
