"""Ask the customer for an order's money: one live payment, one intent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import attrs

from markethub.domain.errors import (
    InvalidTransition,
    NotFound,
    PaymentQuarantined,
    RequestInProgress,
    TooManyDeclines,
)
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId, IdPrefix, IntentId, OrderId, PaymentId
from markethub.domain.operation import CreateIntent
from markethub.domain.order import Order, require_expected
from markethub.domain.payment import DECLINES_MAXIMUM, Payment, PaymentStatus
from markethub.domain.ports.system import Clock, Ids
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.secret import Secret
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.register_order import follow, slot_holder
from markethub.domain.usecases.settlement import Asked, Settled, Settlement

STEPS_MAXIMUM: Final = 6
"""Finish what is unresolved, cancel, create, read: more than this means others interfere."""
DECLINES_PAUSE: Final = timedelta(hours=1)
"""How long an order rests after too many declines."""


@attrs.frozen(kw_only=True)
class ChargeOrderCommand:
    """Which order to charge.

    ``customer_id`` restricts to that customer's orders; ``expected_total`` (minor units) guards
    against a cart that changed; ``capture`` is automatic for a new payment where None.
    """

    order_id: OrderId
    customer_id: CustomerId | None = None
    expected_total: int | None = None
    capture: CaptureMethod | None = None


@attrs.frozen(kw_only=True)
class ChargeStarted:
    """What the customer's browser needs to confirm the payment."""

    payment: Payment
    client_secret: Secret


@attrs.frozen(kw_only=True)
class ChargeOrder:
    """Creates the order's payment, or brings its live one up to date."""

    transactions: Transactions
    settlement: Settlement
    drive: Driver
    clock: Clock
    ids: Ids

    async def __call__(self, command: ChargeOrderCommand) -> ChargeStarted:
        """Return the order's live payment, whose intent asks for exactly the order's total.

        Raises NotFound; AmountMismatch; OrderAlreadyPaid; InvalidTransition for a canceled
        order or another capture method than the live payment's; PaymentQuarantined;
        TooManyDeclines; RequestInProgress; GatewayUnavailable for an unknown outcome (the
        payment stays pending, and the same call finishes it); GatewayRejected.
        """
        for _ in range(STEPS_MAXIMUM):
            step = await self.transactions.run(lambda tx: self._decide(tx, command))
            if isinstance(step, Asked):
                settled = await self.drive(step)
            else:
                settled = await self.settlement.refresh(*step)
            started = _started(settled)
            if started is not None:
                return started
        raise RequestInProgress("the order is being changed by others")

    async def _decide(
        self, tx: Transaction, command: ChargeOrderCommand
    ) -> Asked | tuple[PaymentId, IntentId]:
        order = await tx.orders.lock(command.order_id, customer_id=command.customer_id)
        if order is None:
            raise NotFound("no such order")
        order.require_open()
        require_expected(order.total, command.expected_total)
        _require_chargeable(await tx.payments.of_order(order.id), now=self.clock.now())
        live = await slot_holder(tx, order)
        if live is None:
            return await self._start(tx, order, command)
        if command.capture not in (None, live.capture_method):
            raise InvalidTransition(f"the live payment's capture is {live.capture_method}")
        unresolved = await tx.operations.unresolved(live.id)
        if unresolved is not None:
            return Asked(operation=unresolved, payment_version=live.version)
        if not live.fits(order):
            live.require_replaceable()
        asked = await follow(self.settlement, tx, order, live)
        if asked is not None:
            return asked
        if live.intent_id is None:
            raise RequestInProgress("the payment is being created")
        return live.id, live.intent_id

    async def _start(self, tx: Transaction, order: Order, command: ChargeOrderCommand) -> Asked:
        payment = Payment.start(
            id=PaymentId(self.ids.new(IdPrefix.PAYMENT)),
            order=order,
            capture_method=command.capture or CaptureMethod.AUTOMATIC,
            now=self.clock.now(),
        )
        create = CreateIntent(
            payment_id=payment.id,
            order_id=order.id,
            customer_id=order.customer_id,
            amount=payment.amount,
            manual_capture=payment.capture_method is CaptureMethod.MANUAL,
        )
        return await self.settlement.ask(tx, payment, create)


_GONE: Final = frozenset({PaymentStatus.CANCELED, PaymentStatus.SUCCEEDED})


def _started(settled: Settled) -> ChargeStarted | None:
    """Return the payment if the customer can go on with it; None if another step is needed."""
    payment, intent = settled.payment, settled.intent
    if payment.status in _GONE or not payment.fits(settled.order):
        return None
    if intent is None or intent.client_secret is None:
        return None
    return ChargeStarted(payment=payment, client_secret=intent.client_secret)


def _require_chargeable(payments: Sequence[Payment], *, now: datetime) -> None:
    """Raise PaymentQuarantined or TooManyDeclines for what an order has met before."""
    if any(payment.quarantine for payment in payments):
        raise PaymentQuarantined("money arrived that does not fit the order")
    if sum(payment.declines for payment in payments) < DECLINES_MAXIMUM:
        return
    again_at = max(payment.updated_at for payment in payments) + DECLINES_PAUSE
    if now < again_at:
        raise TooManyDeclines(
            "the order has met too many declines",
            retry_after_s=ceil((again_at - now).total_seconds()),
        )
