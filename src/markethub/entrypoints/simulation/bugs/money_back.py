"""Mistakes with refunds, with disputes, and in the books."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.errors import PaymentsError, TryAgain
from markethub.domain.facts import ProviderIntent, ProviderRefund
from markethub.domain.ids import PaymentId
from markethub.domain.ledger import Entry, EntryKind
from markethub.domain.money import Money
from markethub.domain.payment import Payment
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import Refund, RefundStatus
from markethub.domain.usecases.refund_payment import RefundPayment, RefundPaymentCommand
from markethub.domain.usecases.settle_dispute import DisputeSettlement
from markethub.domain.usecases.settle_refunds import RefundSettlement
from markethub.domain.usecases.settlement import Asked, Settled, Settlement
from markethub.entrypoints.container import Container
from markethub.entrypoints.simulation.bugs.planting import (
    Bug,
    alter_transactions,
    post_instead,
    swap,
)
from markethub.entrypoints.simulation.plan import Paths

# --- how much may be given back ---------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Checked(RefundPaymentCommand):
    amount: Money
    """What was found to be left, some time ago."""


class _CheckThenAct(RefundPayment):
    async def __call__(self, command: RefundPaymentCommand) -> Refund:
        try:
            left = (await self.preview(command)).amount
        except PaymentsError:
            return await super().__call__(command)
        parts = attrs.asdict(command, recurse=False)
        return await super().__call__(_Checked(**parts, amount=left))

    def _amount(self, payment: Payment, command: RefundPaymentCommand) -> Money:
        return (
            command.amount if isinstance(command, _Checked) else super()._amount(payment, command)
        )


def _check_then_act(container: Container) -> None:
    swap(container.refund_payment, _CheckThenAct)


class _NothingReserved(RefundSettlement):
    async def sum_up(self, tx: Transaction, payment: Payment) -> Payment:
        summed = await super().sum_up(tx, payment)
        nothing = attrs.evolve(summed.captured, minor=0)
        return await tx.payments.save(attrs.evolve(summed, refund_reserved=nothing))


def _no_reservation(container: Container) -> None:
    swap(container.refunds, _NothingReserved)


class _RefundInDispute(RefundPayment):
    def _amount(self, payment: Payment, command: RefundPaymentCommand) -> Money:
        nothing = attrs.evolve(payment.captured, minor=0)
        calm = attrs.evolve(payment, chargeback_open=False, disputed=nothing)
        return super()._amount(calm, command)


def _refund_in_dispute(container: Container) -> None:
    swap(container.refund_payment, _RefundInDispute)


# --- one refund or two ------------------------------------------------------------------------


class _OriginIgnored(RefundPayment):
    async def __call__(self, command: RefundPaymentCommand) -> Refund:
        return await super().__call__(attrs.evolve(command, origin=None))


def _origin_ignored(container: Container) -> None:
    swap(container.refund_payment, _OriginIgnored)


class _GivingUp(RefundPayment):
    async def _finish(self, asked: Asked) -> Refund:
        try:
            await self.drive(asked)
        except TryAgain:
            now = self._now()
            await self.refunds.settlement.transactions.run(
                lambda tx: self.refunds.amend(
                    tx, asked.operation, lambda current: current.refuse("timeout", now=now)
                )
            )
        refund_id = asked.operation.refund_id
        assert refund_id is not None
        found = await self.refunds.settlement.transactions.run(
            lambda tx: tx.refunds.find(refund_id)
        )
        assert found is not None
        return found


def _unknown_refund_released(container: Container) -> None:
    swap(container.refund_payment, _GivingUp)


# --- what the provider says of them -----------------------------------------------------------


class _SucceededForGood(RefundSettlement):
    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        views: Sequence[ProviderRefund],
        *,
        seen_version: int,
    ) -> Settled | None:
        known = await tx.refunds.of_payment(payment_id)
        over = [each.provider_id for each in known if each.status is RefundStatus.SUCCEEDED]
        views = [view for view in views if view.id not in over]
        return await super().apply(tx, payment_id, views, seen_version=seen_version)


def _refund_failure_ignored(container: Container) -> None:
    swap(container.refunds, _SucceededForGood)


class _OursAlone(RefundSettlement):
    async def apply(
        self,
        tx: Transaction,
        payment_id: PaymentId,
        views: Sequence[ProviderRefund],
        *,
        seen_version: int,
    ) -> Settled | None:
        ours = [view for view in views if view.refund_id is not None]
        return await super().apply(tx, payment_id, ours, seen_version=seen_version)


def _dashboard_ignored(container: Container) -> None:
    swap(container.refunds, _OursAlone)


# --- the books --------------------------------------------------------------------------------


class _BookedWhenClosed(DisputeSettlement):
    async def _post(self, tx: Transaction, dispute: Dispute) -> None:
        if dispute.status is DisputeStatus.LOST:
            await super()._post(tx, dispute)


def _closing_moves_money(container: Container) -> None:
    swap(container.dispute_settlement, _BookedWhenClosed)


def _fee_twice(container: Container) -> None:
    def entries(entry: Entry) -> Iterable[Entry]:
        if entry.kind is EntryKind.FEE:
            return entry, attrs.evolve(entry, reference=entry.payment_id)
        return (entry,)

    def twice(tx: Any) -> Any:
        return post_instead(tx, entries)

    alter_transactions(container, twice)


class _FeeOfWholesOnly(Settlement):
    def _entries(self, intent: ProviderIntent, payment: Payment) -> Sequence[Entry]:
        entries = super()._entries(intent, payment)
        if intent.received == intent.amount:
            return entries
        return [entry for entry in entries if entry.kind is not EntryKind.FEE]


def _partial_fee_lost(container: Container) -> None:
    swap(container.settlement, _FeeOfWholesOnly)


BUGS: Final = (
    Bug(
        name="check_then_act",
        what="What is left to refund is read in one transaction and relied on in the next (F16).",
        paths=Paths.BOTH,
        plant=_check_then_act,
    ),
    Bug(
        name="no_reservation",
        what="What is on its way back to the customer is not reserved (F16).",
        paths=Paths.BOTH,
        plant=_no_reservation,
    ),
    Bug(
        name="refund_in_dispute",
        what="A payment is refunded while a chargeback of it is open (F18).",
        paths=Paths.BOTH,
        plant=_refund_in_dispute,
    ),
    Bug(
        name="origin_ignored",
        what="A repetition under the caller's Idempotency-Key makes another refund.",
        paths=Paths.BOTH,
        plant=_origin_ignored,
    ),
    Bug(
        name="unknown_refund_released",
        what="A refund that was not answered counts as failed, and its amount is free again (F02).",
        paths=Paths.BOTH,
        plant=_unknown_refund_released,
    ),
    Bug(
        name="refund_failure_ignored",
        what="A refund that has succeeded is done: that it came back is not heard (F17).",
        paths=Paths.WEBHOOKS,
        plant=_refund_failure_ignored,
    ),
    Bug(
        name="dashboard_ignored",
        what="A refund that somebody made in the provider's dashboard is nobody's.",
        paths=Paths.WEBHOOKS,
        plant=_dashboard_ignored,
    ),
    Bug(
        name="closing_moves_money",
        what="A dispute is booked when it is closed as lost, not when its funds move (F19).",
        paths=Paths.WEBHOOKS,
        plant=_closing_moves_money,
    ),
    Bug(
        name="fee_twice",
        what="The fee is booked by the charge and by its balance transaction.",
        paths=Paths.BOTH,
        plant=_fee_twice,
    ),
    Bug(
        name="partial_fee_lost",
        what="The fee of a charge that was captured in part is not booked.",
        paths=Paths.BOTH,
        plant=_partial_fee_lost,
    ),
)
