"""Apply what the provider says of an intent: the one way in, whoever brings the news.

An API answer, an event and a recovery read all end here, under the locks of the order and the
payment; the second arrival of the same news changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import attrs

from markethub.domain.errors import NotFound, RequestInProgress
from markethub.domain.facts import ProviderIntent
from markethub.domain.ids import IdPrefix, IntentId, OperationId, PaymentId
from markethub.domain.ledger import Entry, entries_for
from markethub.domain.operation import (
    CancelIntent,
    GatewayCommand,
    Operation,
    OperationKind,
    OperationStatus,
    refuse_second,
)
from markethub.domain.order import Order
from markethub.domain.payment import (
    DECLINES_MAXIMUM,
    NEVER_CREATED,
    REJECTED,
    SUPERSEDED,
    Action,
    Payment,
    PaymentStatus,
)
from markethub.domain.ports.gateway import Gateway
from markethub.domain.ports.system import Clock, Ids
from markethub.domain.ports.unit_of_work import Transaction, Transactions

READS_MAXIMUM: Final = 5
"""How often a view that grew old while it was fetched is fetched again."""


@attrs.frozen(kw_only=True)
class Settled:
    """How things stand after the news was applied."""

    order: Order
    payment: Payment
    operation: Operation | None = None
    """The operation that was unresolved before, as it is now."""
    intent: ProviderIntent | None = None
    """The view of the intent that was applied; None where none was at hand."""

    @property
    def is_in_doubt(self) -> bool:
        """Tell whether it shows a decline, while a confirmation of ours may yet take effect."""
        return (
            self.payment.failure is not None
            and self.payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
            and self.operation is not None
            and self.operation.is_unresolved
            and self.operation.kind is OperationKind.CONFIRM
        )


@attrs.frozen(kw_only=True)
class Asked:
    """A durable operation, to be sent, and the payment's version when it was asked."""

    operation: Operation
    payment_version: int


@attrs.frozen(kw_only=True)
class Settlement:
    """Applies intents to payments, and stages what follows from them."""

    transactions: Transactions
    gateway: Gateway
    clock: Clock
    ids: Ids

    async def ask(
        self,
        tx: Transaction,
        payment: Payment,
        command: GatewayCommand,
        *,
        origin: str | None = None,
        cancels_order: bool = False,
    ) -> Asked:
        """Save the payment and the intention to send ``command``, in this transaction.

        Raises RequestInProgress if the payment has an unresolved operation.
        """
        if payment.version:  # a payment that is only now being made has none
            refuse_second(await tx.operations.unresolved(payment.id))
        now = self.clock.now()
        payment = await tx.payments.save(payment.touch(now=now))
        operation = Operation.ask(
            id=OperationId(self.ids.new(IdPrefix.OPERATION)),
            payment_id=payment.id,
            command=command,
            request=self.gateway.render(command),
            origin=origin,
            cancels_order=cancels_order,
            now=now,
        )
        return Asked(
            operation=await tx.operations.save(operation),
            payment_version=payment.version,
        )

    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        intent: ProviderIntent,
        *,
        seen_version: int | None,
    ) -> Settled | None:
        """Merge a view of the intent into payment, order, ledger and operation.

        ``seen_version`` is the payment's version from before the view was fetched. If the
        payment has changed since, a view that is not final may be older than what is known:
        then nothing is done and None returned, and the caller reads again.
        """
        order, payment = await lock(tx, payment_id)
        if payment.version != seen_version and not intent.status.is_final:
            return None
        seen = self._observe(payment, intent, order)
        for entry in self._entries(intent, payment):
            await tx.ledger.post(entry)
        operation = await self._resolve(tx, seen, intent)
        if operation is not None and operation.status is OperationStatus.REFUSED:
            seen = _without(operation, seen, now=self.clock.now())
        if seen != payment:
            seen = await tx.payments.save(seen)
        order = await self._settle_order(tx, order, seen, operation)
        if operation is None and await self._is_unwanted(tx, seen):
            await self.ask(tx, seen, CancelIntent(intent_id=intent.id))
        return Settled(order=order, payment=seen, operation=operation, intent=intent)

    def _observe(self, payment: Payment, intent: ProviderIntent, order: Order) -> Payment:
        return payment.observe(intent, order=order, now=self.clock.now())

    def _entries(self, intent: ProviderIntent, payment: Payment) -> Sequence[Entry]:
        return entries_for(intent, payment_id=payment.id, now=self.clock.now())

    async def _is_unwanted(self, tx: Transaction, payment: Payment) -> bool:
        """Tell whether the intent is to be canceled now."""
        return payment.is_stray or await _is_tested(tx, payment)

    async def refresh(self, payment_id: PaymentId, intent_id: IntentId) -> Settled:
        """Read the intent and apply it, again if the payment changed in between.

        Raises NotFound or GatewayUnavailable as the gateway's read, and RequestInProgress if
        the payment never stands still.
        """
        for _ in range(READS_MAXIMUM):
            version = await self.transactions.run(lambda tx: _version(tx, payment_id))
            intent = await self.gateway.read_intent(intent_id)

            async def work(
                tx: Transaction, intent: ProviderIntent = intent, version: int = version
            ) -> Settled | None:
                return await self.apply(tx, payment_id, intent, seen_version=version)

            settled = await self.transactions.run(work)
            if settled is not None:
                return settled
        raise RequestInProgress("the payment is being changed by others")

    async def amend(
        self,
        tx: Transaction,
        asked: Operation,
        change: Callable[[Operation], Operation],
    ) -> Settled:
        """Change an operation that is still unresolved, and the payment if that ended it.

        Where somebody else has resolved it, nothing is done: how things stand is returned.
        """
        order, payment = await lock(tx, asked.payment_id)
        unresolved = await tx.operations.unresolved(payment.id)
        if unresolved is None or unresolved.id != asked.id:
            current = await tx.operations.find(asked.id)
            return Settled(order=order, payment=payment, operation=current)
        operation = await tx.operations.save(change(unresolved))
        if not operation.is_unresolved:
            changed = _without(operation, payment, now=self.clock.now())
            if changed != payment:
                payment = await tx.payments.save(changed)
        return Settled(order=order, payment=payment, operation=operation)

    async def _resolve(
        self, tx: Transaction, payment: Payment, intent: ProviderIntent
    ) -> Operation | None:
        operation = await tx.operations.unresolved(payment.id)
        if operation is None:
            return None
        resolved = operation.resolve(intent, now=self.clock.now())
        return operation if resolved == operation else await tx.operations.save(resolved)

    async def _settle_order(
        self,
        tx: Transaction,
        order: Order,
        payment: Payment,
        operation: Operation | None,
    ) -> Order:
        now = self.clock.now()
        if not order.is_open:
            return order
        if payment.status is PaymentStatus.SUCCEEDED and payment.quarantine is None:
            return await tx.orders.save(order.pay(payment.id, payment.captured, now=now))
        done = operation is not None and operation.status is OperationStatus.DONE
        if done and operation is not None and operation.cancels_order:
            return await tx.orders.save(order.cancel(now=now))
        return order


def _without(operation: Operation, payment: Payment, *, now: datetime) -> Payment:
    """Return the payment as it is when ``operation`` did not and will not take place."""
    match operation.kind:
        case OperationKind.CREATE_INTENT if payment.intent_id is None:
            return payment.close(_why_closed(operation), now=now)
        case OperationKind.CAPTURE if payment.capture_asked is not None:
            return payment.forget_capture(now=now)
        case _:
            return payment


async def _is_tested(tx: Transaction, payment: Payment) -> bool:
    """Tell whether the order has met more declines than an honest customer's does.

    The browser may try a live intent's cards without asking us: only its end stops that.
    """
    if not payment.declines or Action.CANCEL not in payment.available_actions:
        return False
    of_order = await tx.payments.of_order(payment.order_id)
    return sum(each.declines for each in of_order) >= DECLINES_MAXIMUM


def _why_closed(operation: Operation) -> str:
    if operation.status is not OperationStatus.NEVER_HAPPENED:
        return REJECTED
    return SUPERSEDED if operation.is_superseded else NEVER_CREATED


async def lock(tx: Transaction, payment_id: PaymentId) -> tuple[Order, Payment]:
    """Lock a payment's order, then the payment: always in this order. Raises NotFound."""
    held = await tx.payments.lock_with_order(payment_id)
    if held is None:
        raise NotFound("no such payment")
    return held


async def _version(tx: Transaction, payment_id: PaymentId) -> int:
    found = await tx.payments.find(payment_id)
    if found is None:
        raise NotFound("no such payment")
    return found.version
