"""Mistakes in taking events in and working them off."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import attrs
from dependency_injector import providers

from markethub.domain.errors import StoreUnavailable, TryAgain
from markethub.domain.ids import EventId, LeaseId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ports.inbox import Inbox, Lease
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases import process_inbox
from markethub.domain.usecases.inbox_handler import Ignored, Look, Parked, Step, Work
from markethub.domain.usecases.process_inbox import ProcessInbox
from markethub.domain.usecases.receive_event import ReceiveEvent, ReceiveEventCommand
from markethub.domain.usecases.settlement import READS_MAXIMUM
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.bugs.planting import (
    Bug,
    Instead,
    alter_transactions,
    stand_before,
    swap,
)
from markethub.entrypoints.simulation.plan import Paths

# --- before the provider is answered ----------------------------------------------------------


def _stand_before_inbox(container: Container, wrapper: type) -> None:
    inner = container.inbox.last_overriding or container.store.provided.inbox
    container.inbox.override(providers.Factory(wrapper, inner))


class _LaterInbox:
    def __init__(self, inner: Inbox) -> None:
        self._inner = inner
        self._storing: dict[asyncio.Task[None], None] = {}

    async def store(self, event: InboxEvent) -> bool:
        task = asyncio.get_running_loop().create_task(self._store(event))
        self._storing[task] = None  # a task that nobody holds may be collected
        task.add_done_callback(self._storing.pop)
        return True

    async def _store(self, event: InboxEvent) -> None:
        with suppress(StoreUnavailable):
            await self._inner.store(event)


def _ack_before_durable(container: Container) -> None:
    _stand_before_inbox(container, _LaterInbox)


class _PoliteInbox:
    def __init__(self, inner: Inbox) -> None:
        self._inner = inner

    async def store(self, event: InboxEvent) -> bool:
        try:
            return await self._inner.store(event)
        except StoreUnavailable:
            return False


def _ack_despite_error(container: Container) -> None:
    _stand_before_inbox(container, _PoliteInbox)


class _ThriftyInbox:
    def __init__(self, inner: Inbox) -> None:
        self._inner = inner

    async def store(self, event: InboxEvent) -> bool:
        received = event.event
        known_by = EventId(f"{received.type}:{received.subject}")
        return await self._inner.store(
            attrs.evolve(event, event=attrs.evolve(received, id=known_by))
        )


def _known_by_subject(container: Container) -> None:
    _stand_before_inbox(container, _ThriftyInbox)


class _ModelessReceiver(ReceiveEvent):
    async def __call__(self, command: ReceiveEventCommand) -> bool:
        now = self.clock.now()
        event = self.translator.verify(command.body, signature=command.signature, now=now)
        return await self.inbox.store(InboxEvent.receive(event, livemode=event.livemode, now=now))


def _wrong_mode_applied(container: Container) -> None:
    swap(container.receive_event, _ModelessReceiver)


def _signature_unchecked(container: Container) -> None:
    def gullible(translator: Any) -> Any:
        translator._any_matches = lambda *_: True
        return translator

    stand_before(container.translator, gullible)


# --- working them off -------------------------------------------------------------------------


class _MarkingFirst(ProcessInbox):
    async def _process(self, event: InboxEvent, lease: LeaseId) -> InboxStatus | None:
        now = self.clock.now()
        marked = event.process(now=now)
        if await self.transactions.run(lambda tx: self._mark(tx, event, marked, lease)) is None:
            return None
        try:
            marked = await self._effect(event)
        except Exception as error:  # noqa: BLE001 - as in production
            marked = self._put_off(event, error, now=now)
        await self.transactions.run(lambda tx: tx.inbox.save(marked))
        return marked.status

    async def _effect(self, event: InboxEvent) -> InboxEvent:
        work: Work | None = None
        for _ in range(READS_MAXIMUM):
            doing = work

            async def act(tx: Transaction, doing: Work | None = doing) -> Step:
                return await (self._handle(tx, event) if doing is None else doing(tx))

            step = await self.transactions.run(act)
            if not isinstance(step, Look):
                return process_inbox._ended(event, step, now=self.clock.now())
            work = await step.fetch()
        return event.postpone("changed_by_others", now=self.clock.now())


def _mark_before_effect(container: Container) -> None:
    swap(container.process_inbox, _MarkingFirst)


class _Dropping(ProcessInbox):
    async def _handle(self, tx: Transaction, event: InboxEvent) -> Step:
        step = await super()._handle(tx, event)
        return Ignored(reason="unknown_object") if isinstance(step, Parked) else step


def _unknown_dropped(container: Container) -> None:
    swap(container.process_inbox, _Dropping)


class _Careless(ProcessInbox):
    def _put_off(self, event: InboxEvent, error: Exception, *, now: datetime) -> InboxEvent:
        if isinstance(error, TryAgain):
            return event.ignore(error.code, now=now)
        return super()._put_off(event, error, now=now)


def _unreadable_dropped(container: Container) -> None:
    swap(container.process_inbox, _Careless)


class _Impatient(ProcessInbox):
    def _put_off(self, event: InboxEvent, error: Exception, *, now: datetime) -> InboxEvent:
        return event.bury(type(error).__name__, now=now)


def _dead_at_once(container: Container) -> None:
    swap(container.process_inbox, _Impatient)


class _Fragile(ProcessInbox):
    async def _process(self, event: InboxEvent, lease: LeaseId) -> InboxStatus | None:
        return await self._steps(event, lease)


def _poison_blocks(container: Container) -> None:
    swap(container.process_inbox, _Fragile)


def _lease_of_nobody(container: Container) -> None:
    def keeping(tx: Any) -> Any:
        async def claim(lease: Lease, **asked: Any) -> Any:
            claimed = await tx.inbox.claim(lease, **asked)
            # Whether the claim's commit is confirmed or not, for as long as the process lives.
            container.leases_in_hand()._ids[lease.id] = None
            return claimed

        return Instead(tx, inbox=Instead(tx.inbox, claim=claim))

    alter_transactions(container, keeping)


def _unfenced(tx: Any) -> Any:
    """Return the transaction with an inbox that lets everybody go on, whatever their lease."""

    async def hold(event: InboxEvent, *, lease: LeaseId) -> bool:  # noqa: ARG001 - the mistake
        return await tx.inbox.lock(event.event.id) is not None

    return Instead(tx, inbox=Instead(tx.inbox, hold=hold))


def _lease_unfenced(container: Container) -> None:
    alter_transactions(container, _unfenced)


BUGS: Final = (
    Bug(
        name="ack_before_durable",
        what="An event is answered with 200 first and stored afterwards (F10).",
        paths=Paths.WEBHOOKS,
        plant=_ack_before_durable,
    ),
    Bug(
        name="ack_despite_error",
        what="An event is answered with 200 though it could not be stored, lest the provider "
        "disables the endpoint (F10).",
        paths=Paths.WEBHOOKS,
        plant=_ack_despite_error,
    ),
    Bug(
        name="known_by_subject",
        what="An event counts as a duplicate if one of its type came for the object before (F12).",
        paths=Paths.WEBHOOKS,
        plant=_known_by_subject,
    ),
    Bug(
        name="wrong_mode_applied",
        what="An event of the other mode is applied like any other (F22).",
        paths=Paths.WEBHOOKS,
        plant=_wrong_mode_applied,
    ),
    Bug(
        name="signature_unchecked",
        what="The signature of an event is read and not compared (F23).",
        paths=Paths.WEBHOOKS,
        plant=_signature_unchecked,
    ),
    Bug(
        name="mark_before_effect",
        what="An event is marked processed in a transaction of its own, before its effect (F11).",
        paths=Paths.WEBHOOKS,
        plant=_mark_before_effect,
    ),
    Bug(
        name="unknown_dropped",
        what="An event about something that we do not know yet is ignored, not parked (F09).",
        paths=Paths.WEBHOOKS,
        plant=_unknown_dropped,
    ),
    Bug(
        name="unreadable_dropped",
        what="An event is given up where the provider cannot be read just then.",
        paths=Paths.WEBHOOKS,
        plant=_unreadable_dropped,
    ),
    Bug(
        name="dead_at_once",
        what="An event is dead after its first failure (F31).",
        paths=Paths.WEBHOOKS,
        plant=_dead_at_once,
    ),
    Bug(
        name="poison_blocks",
        what="An event that fails ends the batch, and is first again in the next (F31).",
        paths=Paths.WEBHOOKS,
        plant=_poison_blocks,
    ),
    Bug(
        name="lease_unfenced",
        what="A worker that slept longer than its lease goes on with events that another has "
        "processed (F30).",
        paths=Paths.WEBHOOKS,
        plant=_lease_unfenced,
    ),
    Bug(
        name="lease_of_nobody",
        what="A process renews all leases under its name, also of a claim whose COMMIT was never "
        "confirmed: nobody works off its events (ours, found by the simulation).",
        paths=Paths.WEBHOOKS,
        plant=_lease_of_nobody,
    ),
)
