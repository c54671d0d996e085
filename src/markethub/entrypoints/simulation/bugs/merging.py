"""Mistakes in bringing together what the provider says and what we know."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

import attrs

from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.errors import OrderAlreadyPaid
from markethub.domain.facts import ProviderDispute, ProviderIntent, ProviderRefund
from markethub.domain.ids import OrderId, PaymentId
from markethub.domain.operation import Operation
from markethub.domain.order import Order, OrderStatus
from markethub.domain.payment import Payment, PaymentStatus, Quarantine
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.cancel_abandoned import CancelAbandoned
from markethub.domain.usecases.cancel_order import CancelOrder, CancelOrderCommand
from markethub.domain.usecases.settle_dispute import DisputeSettlement
from markethub.domain.usecases.settle_refunds import RefundSettlement
from markethub.domain.usecases.settlement import Settled, Settlement
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.bugs.planting import (
    Bug,
    Instead,
    alter_transactions,
    swap,
)
from markethub.entrypoints.simulation.plan import Paths

# --- views older than what is known -----------------------------------------------------------


class _SettlementOfAnyAge(Settlement):
    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        intent: ProviderIntent,
        *,
        seen_version: int | None,
    ) -> Settled | None:
        payment = await tx.payments.find(payment_id)
        if payment is not None and seen_version is not None:
            seen_version = payment.version
        return await super().apply(tx, payment_id, intent, seen_version=seen_version)


class _RefundsOfAnyAge(RefundSettlement):
    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        views: Sequence[ProviderRefund],
        *,
        seen_version: int,
    ) -> Settled | None:
        payment = await tx.payments.find(payment_id)
        if payment is not None:
            seen_version = payment.version
        return await super().apply(tx, payment_id, views, seen_version=seen_version)


class _DisputesOfAnyAge(DisputeSettlement):
    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        view: ProviderDispute,
        *,
        seen_version: int,
    ) -> Dispute | None:
        known = await tx.disputes.find_by_provider_id(view.id)
        if known is not None:
            seen_version = known.version
        return await super().apply(tx, payment_id, view, seen_version=seen_version)


def _stale_read(container: Container) -> None:
    swap(container.settlement, _SettlementOfAnyAge)
    swap(container.refunds, _RefundsOfAnyAge)
    swap(container.dispute_settlement, _DisputesOfAnyAge)


# --- rows that change meanwhile ---------------------------------------------------------------


def _without_locks(tx: Any) -> Any:
    async def both(id: PaymentId) -> tuple[Order, Payment] | None:
        payment = await tx.payments.find(id)
        order = None if payment is None else await tx.orders.find(payment.order_id)
        return None if order is None or payment is None else (order, payment)

    return Instead(
        tx,
        orders=Instead(tx.orders, lock=tx.orders.find),
        payments=Instead(tx.payments, lock=tx.payments.find, lock_with_order=both),
    )


def _blind(tx: Any) -> Any:
    """Let a payment be written over whatever it has become since it was read."""
    unlocked = _without_locks(tx)

    async def save(payment: Payment) -> Payment:
        current = await tx.payments.find(payment.id)
        version = 0 if current is None else current.version
        saved: Payment = await tx.payments.save(attrs.evolve(payment, version=version))
        return saved

    return Instead(unlocked, payments=Instead(unlocked.payments, save=save))


def _lost_update(container: Container) -> None:
    alter_transactions(container, _blind)


# --- what pays an order -----------------------------------------------------------------------


class _Uncritical(Settlement, ABC):
    """Accepts money that some misfit should have kept out."""

    @abstractmethod
    def accepts(self, payment: Payment, intent: ProviderIntent, order: Order) -> bool: ...

    def _observe(self, payment: Payment, intent: ProviderIntent, order: Order) -> Payment:
        seen = super()._observe(payment, intent, order)
        is_new = payment.quarantine is None and seen.quarantine is not None
        if not is_new or not self.accepts(seen, intent, order):
            return seen
        told = tuple(event for event in seen.events if event.type != "payment.quarantined")
        return attrs.evolve(seen, quarantine=None, events=told)


class _AnyAmount(_Uncritical):
    def accepts(self, payment: Payment, intent: ProviderIntent, order: Order) -> bool:  # noqa: ARG002 - the mistake
        return payment.quarantine is Quarantine.AMOUNT_MISMATCH


def _amount_not_compared(container: Container) -> None:
    swap(container.settlement, _AnyAmount)


class _AnyCurrency(_Uncritical):
    def accepts(self, payment: Payment, intent: ProviderIntent, order: Order) -> bool:
        return (
            payment.quarantine is Quarantine.AMOUNT_MISMATCH
            and intent.received.minor == order.total.minor
        )


def _currency_not_compared(container: Container) -> None:
    swap(container.settlement, _AnyCurrency)


class _AnyOrder(_Uncritical):
    def accepts(self, payment: Payment, intent: ProviderIntent, order: Order) -> bool:  # noqa: ARG002 - the mistake
        return order.status is OrderStatus.CANCELED


class _HastyCancelOrder(CancelOrder):
    async def __call__(self, command: CancelOrderCommand) -> Order:
        return await self.transactions.run(lambda tx: self._at_once(tx, command.order_id))

    async def _at_once(self, tx: Transaction, order_id: OrderId) -> Order:
        order = await tx.orders.lock(order_id)
        if order is None or order.status is OrderStatus.PAID:
            raise OrderAlreadyPaid("the order is already paid")
        return await tx.orders.save(order.cancel(now=self.clock.now()))


def _canceled_order_takes_money(container: Container) -> None:
    swap(container.settlement, _AnyOrder)
    swap(container.cancel_order, _HastyCancelOrder)


class _SettlementOfHolds(Settlement):
    async def _settle_order(
        self, tx: Transaction, order: Order, payment: Payment, operation: Operation | None
    ) -> Order:
        if order.is_open and payment.status is PaymentStatus.AUTHORIZED and payment.holds_slot:
            paid = order.pay(payment.id, payment.authorized, now=self.clock.now())
            return await tx.orders.save(paid)
        return await super()._settle_order(tx, order, payment, operation)


def _authorized_is_paid(container: Container) -> None:
    swap(container.settlement, _SettlementOfHolds)


# --- what nobody waits for --------------------------------------------------------------------


class _StrayKeeper(Settlement):
    async def _is_unwanted(self, tx: Transaction, payment: Payment) -> bool:
        return not payment.is_stray and await super()._is_unwanted(tx, payment)


class _StrayPasser(CancelAbandoned):
    async def _ask(self, tx: Transaction, payment_id: PaymentId, *rest: Any) -> Any:
        payment = await tx.payments.find(payment_id)
        if payment is None or payment.is_stray:
            return None
        return await super()._ask(tx, payment_id, *rest)


def _strays_left(container: Container) -> None:
    swap(container.settlement, _StrayKeeper)
    swap(container.cancel_abandoned, _StrayPasser)


class _ClosedForGood(DisputeSettlement):
    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        view: ProviderDispute,
        *,
        seen_version: int,
    ) -> Dispute | None:
        known = await tx.disputes.find_by_provider_id(view.id)
        if known is not None and known.status in (DisputeStatus.LOST, DisputeStatus.WON):
            return known
        return await super().apply(tx, payment_id, view, seen_version=seen_version)


def _late_win_ignored(container: Container) -> None:
    swap(container.dispute_settlement, _ClosedForGood)


BUGS: Final = (
    Bug(
        name="stale_read",
        what="What was read is applied though the row has changed since before it was fetched.",
        paths=Paths.BOTH,
        plant=_stale_read,
    ),
    Bug(
        name="lost_update",
        what="Orders and payments are read without holding their rows, and a payment is written "
        "over whatever it has become since (F16).",
        paths=Paths.BOTH,
        plant=_lost_update,
    ),
    Bug(
        name="amount_not_compared",
        what="Any amount that arrives pays the order (F20).",
        paths=Paths.BOTH,
        plant=_amount_not_compared,
    ),
    Bug(
        name="currency_not_compared",
        what="The right number in another currency pays the order (F21).",
        paths=Paths.BOTH,
        plant=_currency_not_compared,
    ),
    Bug(
        name="canceled_order_takes_money",
        what="An order is canceled without its intent, and money that arrives for it is in order.",
        paths=Paths.BOTH,
        plant=_canceled_order_takes_money,
    ),
    Bug(
        name="authorized_is_paid",
        what="An order counts as paid as soon as a card holds its amount.",
        paths=Paths.BOTH,
        plant=_authorized_is_paid,
    ),
    Bug(
        name="strays_left",
        what="An intent that turns up after its payment was given up is not canceled.",
        paths=Paths.BOTH,
        plant=_strays_left,
    ),
    Bug(
        name="late_win_ignored",
        what="Nothing is heard any more of a dispute once it is decided: a late win is lost (F19).",
        paths=Paths.WEBHOOKS,
        plant=_late_win_ignored,
    ),
)
