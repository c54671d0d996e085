"""Mistakes in asking the provider: keys, order of writing and asking, answers that never came."""

from collections.abc import Mapping
from typing import Final

import attrs

from markethub.adapters.stripe.requests import ORDER_ID
from markethub.domain.errors import GatewayUnavailable
from markethub.domain.ids import IdPrefix
from markethub.domain.operation import Operation, OperationKind, ProviderRequest
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.gateway import Declined, Gateway, GatewayOutcome, Unknown
from markethub.domain.ports.system import Ids
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.settlement import Asked, Settled, Settlement, lock
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.bugs.planting import Bug, Instead, stand_before, swap
from markethub.entrypoints.simulation.plan import Paths

# --- under which key --------------------------------------------------------------------------


class _FreshKeys(Instead):
    def __init__(self, inner: Gateway, *, ids: Ids) -> None:
        super().__init__(inner)
        self.inner = inner
        self.ids = ids

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        fresh = f"{idempotency_key}:{self.ids.new(IdPrefix.OPERATION)}"
        return await self.inner.send(request, idempotency_key=fresh)


def _fresh_key(container: Container) -> None:
    stand_before(container.gateway, _FreshKeys, ids=container.ids)


class _HastyDriver(Driver):
    async def _send(self, operation: Operation, *, patience_s: float) -> GatewayOutcome:
        outcome = await super()._send(operation, patience_s=patience_s)
        if isinstance(outcome, Unknown):
            now = self.settlement.clock.now()
            await self._amend(operation, lambda current: current.try_again(now=now))
        return outcome


def _attempt_raised(container: Container) -> None:
    swap(container.drive, _HastyDriver)


class _KeysOfRows(Instead):
    def __init__(self, inner: Gateway) -> None:
        super().__init__(inner)
        self.inner = inner

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        row, _, _ = idempotency_key.rpartition(":")
        return await self.inner.send(request, idempotency_key=row)


def _attempt_left_out(container: Container) -> None:
    stand_before(container.gateway, _KeysOfRows)


class _KeysOfContents(_KeysOfRows):
    async def send(
        self,
        request: ProviderRequest,
        *,
        idempotency_key: str,  # noqa: ARG002 - the mistake
    ) -> GatewayOutcome:
        metadata = request.params.get("metadata")
        order_id = metadata.get(ORDER_ID) if isinstance(metadata, Mapping) else None
        about = request.params.get("payment_intent") or order_id
        key = f"{request.path} {about} {request.params.get('amount')}"
        return await self.inner.send(request, idempotency_key=key)


def _key_of_content(container: Container) -> None:
    stand_before(container.gateway, _KeysOfContents)


class _AgelessDriver(Driver):
    async def _attempt(self, asked: Asked, *, patience_s: float) -> Settled:
        young = attrs.evolve(asked.operation, created_at=self.settlement.clock.now())
        return await super()._attempt(attrs.evolve(asked, operation=young), patience_s=patience_s)


def _key_age_ignored(container: Container) -> None:
    swap(container.drive, _AgelessDriver)


# --- in which order ---------------------------------------------------------------------------


class _EagerSettlement(Settlement):
    async def ask(self, tx: Transaction, *args: object, **named: object) -> Asked:
        asked: Asked = await super().ask(tx, *args, **named)  # type: ignore[arg-type] # as it came
        operation = asked.operation
        await self.gateway.send(operation.request, idempotency_key=operation.idempotency_key)
        return asked


def _effect_before_mark(container: Container) -> None:
    swap(container.settlement, _EagerSettlement)


# --- what an answer means ---------------------------------------------------------------------


class _Pessimist(_KeysOfRows):
    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        outcome = await self.inner.send(request, idempotency_key=idempotency_key)
        if isinstance(outcome, Unknown) and not outcome.stored:
            return Declined(code="timeout")
        return outcome


def _timeout_is_failure(container: Container) -> None:
    stand_before(container.gateway, _Pessimist)


class _TrustingPessimist(_KeysOfRows):
    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        outcome = await self.inner.send(request, idempotency_key=idempotency_key)
        if isinstance(outcome, Unknown) and outcome.stored:
            return Declined(code="api_error")
        return outcome


def _stored_500_is_failure(container: Container) -> None:
    stand_before(container.gateway, _TrustingPessimist)


class _StubbornDriver(Driver):
    async def _look_up(self, operation: Operation) -> Settled:
        raise GatewayUnavailable(f"{operation.kind} is repeated until it is answered otherwise")


def _stored_500_for_ever(container: Container) -> None:
    swap(container.drive, _StubbornDriver)


# --- one intent for another -------------------------------------------------------------------


_REASON: Final = "cancellation_reason"  # said wherever an intent is not merely replaced


class _ForgetfulDriver(Driver):
    async def _attempt(self, asked: Asked, *, patience_s: float) -> Settled:
        operation = asked.operation
        if operation.kind is not OperationKind.CANCEL or _REASON in operation.request.params:
            return await super()._attempt(asked, patience_s=patience_s)
        return await self.settlement.transactions.run(lambda tx: self._forget(tx, operation))

    async def _forget(self, tx: Transaction, operation: Operation) -> Settled:
        now = self.settlement.clock.now()
        order, payment = await lock(tx, operation.payment_id)
        unresolved = await tx.operations.unresolved(payment.id)
        if unresolved is not None and unresolved.id == operation.id:
            operation = await tx.operations.save(unresolved.conclude(now=now))
            payment = await tx.payments.save(_closed(payment))
        return Settled(order=order, payment=payment, operation=operation)


def _closed(payment: Payment) -> Payment:
    return attrs.evolve(payment, status=PaymentStatus.CANCELED, holds_slot=False)


def _old_intent_left(container: Container) -> None:
    swap(container.drive, _ForgetfulDriver)


class _TirelessDriver(Driver):
    def _without_effect(self, operation: Operation) -> Operation:
        now = self.settlement.clock.now()
        if operation.kind is OperationKind.CREATE_INTENT and operation.may_be_sent(now):
            return operation.try_again(now=now)
        return super()._without_effect(operation)


def _superseded_sent_again(container: Container) -> None:
    swap(container.drive, _TirelessDriver)


BUGS: Final = (
    Bug(
        name="fresh_key",
        what="Every try is sent under an idempotency key of its own (F05).",
        paths=Paths.BOTH,
        plant=_fresh_key,
    ),
    Bug(
        name="attempt_raised_at_once",
        what="An unknown outcome begins the next attempt, under the next key, at once (F05).",
        paths=Paths.BOTH,
        plant=_attempt_raised,
    ),
    Bug(
        name="attempt_left_out",
        what="The key names the operation without its attempt: a 500 kept under it is replayed "
        "to every further attempt (F03).",
        paths=Paths.RECOVERY,
        plant=_attempt_left_out,
    ),
    Bug(
        name="key_of_content",
        what="The key is made of what is asked: two refunds of one amount share it (F06).",
        paths=Paths.BOTH,
        plant=_key_of_content,
    ),
    Bug(
        name="key_age_ignored",
        what="A request is sent again under its key after more than a day, when the provider "
        "has forgotten the key (F04).",
        paths=Paths.RECOVERY,
        plant=_key_age_ignored,
    ),
    Bug(
        name="effect_before_mark",
        what="The provider is asked before the operation's row is committed (F01).",
        paths=Paths.RECOVERY,
        plant=_effect_before_mark,
    ),
    Bug(
        name="timeout_is_failure",
        what="A request that was not answered in time counts as refused (F02).",
        paths=Paths.BOTH,
        plant=_timeout_is_failure,
    ),
    Bug(
        name="stored_500_is_failure",
        what="A 500 that is kept under the key counts as refused, though it had its effect (F03).",
        paths=Paths.BOTH,
        plant=_stored_500_is_failure,
    ),
    Bug(
        name="stored_500_for_ever",
        what="A 500 that is kept under the key is asked for again and again; nobody looks (F03).",
        paths=Paths.RECOVERY,
        plant=_stored_500_for_ever,
    ),
    Bug(
        name="old_intent_left",
        what="An intent that another replaces is not canceled at the provider: the tab that shows "
        "it can still pay (F07).",
        paths=Paths.RECOVERY,
        plant=_old_intent_left,
    ),
    Bug(
        name="superseded_sent_again",
        what="A creation that ended in a kept 500 is tried again for the same payment, though the "
        "first may yet be carried out.",
        paths=Paths.BOTH,
        plant=_superseded_sent_again,
    ),
)
