"""Mistakes in telling: the storefront, strangers, both logs; and with the database's own word."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import attrs
import structlog
from dependency_injector import providers

from markethub.domain.audit import AuditAction, AuditEntry
from markethub.domain.delivery import Answer, Attempt, Message
from markethub.domain.errors import CommitUnknown
from markethub.domain.ids import IdPrefix
from markethub.domain.ports.publisher import Publisher
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.charge_order import (
    ChargeOrder,
    ChargeOrderCommand,
    ChargeStarted,
)
from markethub.domain.usecases.relay_outbox import Relayed, RelayOutbox
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.bugs.planting import Bug, Instead, alter_transactions, swap
from markethub.entrypoints.simulation.plan import Paths

T = TypeVar("T")

_log = structlog.get_logger(__name__)

_TAKEN: Final = Answer(status=200, duration_ms=0)


class _ToldOnce(RelayOutbox):
    async def _publish(self, publisher: Publisher, messages: Sequence[Message]) -> Sequence[Answer]:
        await super()._publish(publisher, messages)
        return [_TAKEN for _ in messages]


def _told_once(container: Container) -> None:
    swap(container.relay_outbox, _ToldOnce)


class _MarkedBefore(RelayOutbox):
    async def __call__(self, limit: int = 20) -> Relayed:
        if self.publisher is None:
            return Relayed()
        lease = self.ids.new(IdPrefix.LEASE)
        endpoint_id = self.publisher.endpoint_id
        claimed, _ = await self._claim(endpoint_id, lease, limit)
        now = self.clock.now()
        attempts = [Attempt(sequence=each.sequence, at=now, answer=_TAKEN) for each in claimed]
        relayed = await self._settle(endpoint_id, lease, claimed, attempts)
        await self._publish(self.publisher, [each.message(at=now) for each in claimed])
        return relayed


def _marked_before_told(container: Container) -> None:
    swap(container.relay_outbox, _MarkedBefore)


class _IdPerAttempt(RelayOutbox):
    async def _publish(self, publisher: Publisher, messages: Sequence[Message]) -> Sequence[Answer]:
        told = [_renamed(message, self.ids.new(IdPrefix.LEASE)) for message in messages]
        return await super()._publish(publisher, told)


def _renamed(message: Message, id: str) -> Message:
    return attrs.evolve(message, id=id, body=message.body.replace(message.id, id))


def _id_per_attempt(container: Container) -> None:
    swap(container.relay_outbox, _IdPerAttempt)


@attrs.frozen
class _Sanguine:
    inner: Transactions

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        results: list[T] = []

        async def kept(tx: Transaction) -> T:
            results.append(await work(tx))
            return results[-1]

        try:
            return await self.inner.run(kept)
        except CommitUnknown:
            return results[-1]


def _commit_unknown_is_done(container: Container) -> None:
    inner = container.transactions.last_overriding or container.store.provided.transactions
    container.transactions.override(providers.Factory(_Sanguine, inner))


def _anybodys(tx: Any) -> Any:
    """Return the transaction, which asks nobody whose a thing is."""

    def ask(repository: Any, name: str) -> dict[str, Callable[..., Awaitable[Any]]]:
        async def found(id: Any, *, customer_id: Any = None) -> Any:  # noqa: ARG001 - the mistake
            return await getattr(repository, name)(id)

        return {name: found}

    return Instead(
        tx,
        orders=Instead(tx.orders, **ask(tx.orders, "lock")),
        payments=Instead(tx.payments, **ask(tx.payments, "find_by_intent")),
        methods=Instead(tx.methods, **ask(tx.methods, "find")),
    )


def _owner_ignored(container: Container) -> None:
    alter_transactions(container, _anybodys)


class _Talkative(ChargeOrder):
    async def __call__(self, command: ChargeOrderCommand) -> ChargeStarted:
        started = await super().__call__(command)
        _log.info("charge.started", shown=started.client_secret.reveal())
        return started


def _secret_logged(container: Container) -> None:
    swap(container.charge_order, _Talkative)


def _no_line(tx: Any) -> Any:
    """Return the transaction, which writes down no refund."""

    async def append(line: AuditEntry) -> None:
        if line.action is not AuditAction.REFUND_REQUEST:
            await tx.audit.append(line)

    return Instead(tx, audit=Instead(tx.audit, append=append))


def _act_unwritten(container: Container) -> None:
    alter_transactions(container, _no_line)


BUGS: Final = (
    Bug(
        name="owner_ignored",
        what="An order, a payment or a saved card is found by its id, whoever asks (F35).",
        paths=Paths.BOTH,
        plant=_owner_ignored,
    ),
    Bug(
        name="secret_logged",
        what="What a browser pays with is written to the log (F36).",
        paths=Paths.BOTH,
        plant=_secret_logged,
    ),
    Bug(
        name="act_unwritten",
        what="Nothing in the audit log tells who gave money back.",
        paths=Paths.BOTH,
        plant=_act_unwritten,
    ),
    Bug(
        name="told_once",
        what="A message to the storefront counts as delivered whatever was answered (F34).",
        paths=Paths.BOTH,
        plant=_told_once,
    ),
    Bug(
        name="marked_before_told",
        what="A message to the storefront is marked delivered before it is sent (F34).",
        paths=Paths.BOTH,
        plant=_marked_before_told,
    ),
    Bug(
        name="id_per_attempt",
        what="A message bears another id each time it is sent: nobody can tell repeats (F34).",
        paths=Paths.BOTH,
        plant=_id_per_attempt,
    ),
    Bug(
        name="commit_unknown_is_done",
        what="A transaction whose COMMIT was not answered counts as committed (F28).",
        paths=Paths.BOTH,
        plant=_commit_unknown_is_done,
    ),
)
