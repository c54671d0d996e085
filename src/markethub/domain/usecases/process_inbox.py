"""Give stored events their effect, each once, at our own pace."""

from collections import Counter

import attrs

from markethub.domain.errors import TryAgain, ValidationFailed
from markethub.domain.facts import (
    ChargeReported,
    IntentReported,
    ProviderFact,
    ProviderIntent,
    Unrecognised,
)
from markethub.domain.ids import EventId, IntentId, PaymentId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.payment import Payment
from markethub.domain.ports.gateway import EventTranslator
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.settlement import READS_MAXIMUM, Settlement


@attrs.frozen(kw_only=True)
class InboxBatch:
    """What became of a batch of events."""

    processed: int = 0
    ignored: int = 0
    parked: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """How many events were looked at."""
        return self.processed + self.ignored + self.parked + self.failed


@attrs.frozen(kw_only=True)
class _Read:
    """The object decides, not the event: read it before anything is applied."""

    payment_id: PaymentId
    intent_id: IntentId
    payment_version: int


@attrs.frozen(kw_only=True)
class ProcessInbox:
    """Processes due events one by one; a poisoned one waits without blocking the others.

    The mark "processed" and the effect are one transaction; the provider is read outside of it.
    """

    transactions: Transactions
    settlement: Settlement
    translator: EventTranslator
    clock: Clock

    async def __call__(self, limit: int = 100) -> InboxBatch:
        """Look at up to ``limit`` due events and say what became of them."""
        now = self.clock.now()
        due = await self.transactions.run(lambda tx: tx.inbox.due(now=now, limit=limit))
        counts = Counter([await self._process(event_id) for event_id in due])
        return InboxBatch(
            processed=counts[InboxStatus.PROCESSED],
            ignored=counts[InboxStatus.IGNORED],
            parked=counts[InboxStatus.PARKED],
            failed=counts[InboxStatus.PENDING] + counts[InboxStatus.DEAD],
        )

    async def _process(self, event_id: EventId) -> InboxStatus | None:
        try:
            return await self._steps(event_id)
        except TryAgain as error:
            reason = error.code
        except Exception as error:  # noqa: BLE001 - poison of any kind must not stop the others
            reason = f"{type(error).__name__}: {error}"[:500]
        return await self._retry(event_id, reason)

    async def _steps(self, event_id: EventId) -> InboxStatus | None:
        intent: ProviderIntent | None = None
        seen_version: int | None = None
        for _ in range(READS_MAXIMUM):

            async def work(
                tx: Transaction,
                intent: ProviderIntent | None = intent,
                seen_version: int | None = seen_version,
            ) -> InboxStatus | _Read | None:
                return await self._advance(tx, event_id, intent, seen_version)

            step = await self.transactions.run(work)
            if not isinstance(step, _Read):
                return step
            seen_version = step.payment_version
            intent = await self.settlement.gateway.read_intent(step.intent_id)
        return await self._retry(event_id, "the payment is being changed by others")

    async def _advance(
        self,
        tx: Transaction,
        event_id: EventId,
        read: ProviderIntent | None,
        seen_version: int | None,
    ) -> InboxStatus | _Read | None:
        """Apply the event, or say what must be read first; None if another worker did it."""
        row = await tx.inbox.lock(event_id)
        if row is None or not row.is_waiting:
            return None
        now = self.clock.now()
        fact = self.translator.translate(row.event)
        if isinstance(fact, Unrecognised):
            return await _mark(tx, row.ignore("unhandled_type", now=now))
        intent_id = fact.intent.id if isinstance(fact, IntentReported) else fact.intent_id
        if intent_id is None:
            return await _mark(tx, row.ignore("no_intent", now=now))
        payment = await _locate(tx, fact, intent_id)
        if payment is None:
            ours = _reference(fact) is not None
            return await _mark(tx, row.park(ours=ours, now=now))
        view = read or _applicable(fact)
        if view is not None:
            settled = await self.settlement.apply(tx, payment.id, view, seen_version=seen_version)
            if settled is not None:
                return await _mark(tx, row.process(now=now))
        return _Read(payment_id=payment.id, intent_id=intent_id, payment_version=payment.version)

    async def _retry(self, event_id: EventId, reason: str) -> InboxStatus | None:
        async def work(tx: Transaction) -> InboxStatus | None:
            row = await tx.inbox.lock(event_id)
            if row is None or not row.is_waiting:
                return None
            return await _mark(tx, row.retry(reason, now=self.clock.now()))

        return await self.transactions.run(work)


def _applicable(fact: IntentReported | ChargeReported) -> ProviderIntent | None:
    """Return what may be applied as it is: only a final state that its type does not deny.

    Anything else is a hint that something changed: the intent is read.
    """
    if isinstance(fact, ChargeReported) or fact.contradicts_itself:
        return None
    final = fact.intent.status.is_final and fact.claimed_status is fact.intent.status
    # Money is booked under its charge's id; where an old shape does not tell it, the read does.
    bookable = fact.intent.received.minor == 0 or fact.intent.latest_charge_id is not None
    return fact.intent if final and bookable else None


def _reference(fact: ProviderFact) -> PaymentId | None:
    match fact:
        case IntentReported(intent=intent):
            return intent.reference.payment_id
        case ChargeReported(reference=reference):
            return reference.payment_id
        case Unrecognised():
            return None


async def _locate(
    tx: Transaction, fact: IntentReported | ChargeReported, intent_id: IntentId
) -> Payment | None:
    """Find the payment by its intent or, before we have heard of the intent, by our own id.

    Raises ValidationFailed where our id belongs to a payment with another intent: two intents
    for one payment are never silently taken for one.
    """
    payment = await tx.payments.find_by_intent(intent_id)
    reference = _reference(fact)
    if payment is not None or reference is None:
        return payment
    payment = await tx.payments.find(reference)
    if payment is not None and payment.intent_id is not None:
        raise ValidationFailed("metadata", "names a payment that has another intent")
    return payment


async def _mark(tx: Transaction, row: InboxEvent) -> InboxStatus:
    await tx.inbox.save(row)
    return row.status
