"""Ask the customer for an order's money: one live payment, one intent."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import attrs

from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    InvalidTransition,
    NotFound,
    PaymentQuarantined,
    RequestInProgress,
    TooManyDeclines,
)
from markethub.domain.facts import CaptureMethod, ProviderIntent
from markethub.domain.ids import CustomerId, IdPrefix, IntentId, OrderId, PaymentId
from markethub.domain.operation import (
    RETRY_AFTER,
    CancelIntent,
    ConfirmIntent,
    CreateIntent,
    OperationKind,
)
from markethub.domain.order import Order, require_expected
from markethub.domain.payment import DECLINES_MAXIMUM, SUPERSEDED, Payment, PaymentStatus
from markethub.domain.ports.system import Clock, Ids
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.secret import Secret
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.register_order import follow, slot_holder
from markethub.domain.usecases.settlement import Asked, Settled, Settlement
from markethub.domain.usecases.usage import NO_WISH, ResolveUsage, Usage, Wish

STEPS_MAXIMUM: Final = 8
"""Finish what is unresolved, cancel, create, read, update, confirm: more than this means that
others interfere."""
DECLINES_PAUSE: Final = timedelta(hours=1)
"""How long an order rests after too many declines."""


@attrs.frozen(kw_only=True)
class ChargeOrderCommand:
    """Which order to charge.

    ``customer_id`` restricts to that customer's orders; ``expected_total`` (minor units) guards
    against a cart that changed; ``capture`` is automatic for a new payment where None.
    ``wish`` says which saved method is used, or whether one is saved. ``origin`` names caller,
    path and Idempotency-Key, where there is one: repeated, it never tries a card twice.
    """

    order_id: OrderId
    customer_id: CustomerId | None = None
    expected_total: int | None = None
    capture: CaptureMethod | None = None
    wish: Wish = NO_WISH
    origin: str | None = None


@attrs.frozen(kw_only=True)
class ChargeStarted:
    """What the customer's browser needs to confirm the payment.

    Where we confirmed it ourselves, the payment says what came of it: one that wants a payment
    method again was declined or needs its customer (``authentication_required``), whose browser
    goes on with the same intent. ``next_action`` in Stripe's shape, if one is due.
    """

    payment: Payment
    client_secret: Secret
    next_action: Mapping[str, object] | None = None


@attrs.frozen(kw_only=True)
class _Read:
    """Nothing to ask, only to read how things stand; perhaps after what was asked before."""

    payment_id: PaymentId
    intent_id: IntentId
    is_confirmed: bool = False


@attrs.frozen(kw_only=True)
class ChargeOrder:
    """Creates the order's payment, or brings its live one up to date."""

    transactions: Transactions
    settlement: Settlement
    drive: Driver
    resolve: ResolveUsage
    clock: Clock
    ids: Ids

    async def __call__(self, command: ChargeOrderCommand) -> ChargeStarted:
        """Return the order's live payment, whose intent asks for exactly the order's total.

        Raises NotFound, for the method, too; ValidationFailed; AmountMismatch; OrderAlreadyPaid;
        InvalidTransition for a canceled order or another capture method than the live payment's;
        PaymentQuarantined; TooManyDeclines; RequestInProgress; GatewayUnavailable for an unknown
        outcome (the payment stays pending, and the same call finishes it); GatewayRejected.
        """
        usage = await self._usage(command)
        shown: ProviderIntent | None = None
        for _ in range(STEPS_MAXIMUM):
            step = await self._next(command, usage, shown)
            try:
                settled = await self._take(step)
            except GatewayRejected:
                if not await self.resolve.is_outdated(usage):
                    raise
                usage, shown = await self._usage(command), None
                continue
            started = _started(step, settled, usage)
            if started is not None:
                return started
            shown = settled.intent
        raise RequestInProgress("the order is being changed by others")

    async def _usage(self, command: ChargeOrderCommand) -> Usage:
        return await self.resolve(command.wish, command.order_id, customer_id=command.customer_id)

    async def _next(
        self, command: ChargeOrderCommand, usage: Usage, shown: ProviderIntent | None
    ) -> Asked | _Read:
        return await self.transactions.run(lambda tx: self._decide(tx, command, usage, shown))

    async def _take(self, step: Asked | _Read) -> Settled:
        if isinstance(step, Asked):
            return await self.drive(step)
        return await self.settlement.refresh(step.payment_id, step.intent_id)

    async def _decide(
        self,
        tx: Transaction,
        command: ChargeOrderCommand,
        usage: Usage,
        shown: ProviderIntent | None,
    ) -> Asked | _Read:
        order = await tx.orders.lock(command.order_id, customer_id=command.customer_id)
        if order is None:
            raise NotFound("no such order")
        repeated = await _repeated(tx, order, command.origin)
        if repeated is not None:
            return repeated
        order.require_open()
        require_expected(order.total, command.expected_total)
        await usage.require(tx, order)
        payments = await tx.payments.of_order(order.id)
        _require_chargeable(payments, now=self.clock.now())
        live = await slot_holder(tx, payments)
        if live is None:
            _require_calm(payments, now=self.clock.now())
            return await self._start(tx, order, command, usage)
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
        if shown is not None and shown.id == live.intent_id:
            asked = await self._bring_up(tx, live, usage, shown, command.origin)
            if asked is not None:
                return asked
        return _Read(payment_id=live.id, intent_id=live.intent_id)

    async def _bring_up(
        self,
        tx: Transaction,
        live: Payment,
        usage: Usage,
        shown: ProviderIntent,
        origin: str | None,
    ) -> Asked | None:
        """Ask for whatever makes the live payment's intent as wished; None if nothing does."""
        wants_method = live.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
        if not usage.fits(shown) and (wants_method or live.status is PaymentStatus.REQUIRES_ACTION):
            if wants_method and usage.can_follow(shown):
                return await self.settlement.ask(tx, live, usage.update(shown))
            return await self.settlement.ask(tx, live, CancelIntent(intent_id=shown.id))
        if not wants_method or usage.method is None or usage.off_session is None:
            return None
        confirm = ConfirmIntent(
            intent_id=shown.id, method=usage.method, off_session=usage.off_session
        )
        return await self.settlement.ask(tx, live, confirm, origin=origin)

    async def _start(
        self, tx: Transaction, order: Order, command: ChargeOrderCommand, usage: Usage
    ) -> Asked:
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
            provider_customer_id=usage.customer.provider_id if usage.customer else None,
            method=usage.method,
            saves_method=usage.saves_method or False,
            allows_redirects=not usage.is_confirmed_here,
        )
        return await self.settlement.ask(tx, payment, create)


def _started(step: Asked | _Read, settled: Settled, usage: Usage) -> ChargeStarted | None:
    """Return the payment if the customer can go on with it; None if another step is needed."""
    payment, intent = settled.payment, settled.intent
    if intent is None or intent.client_secret is None or payment.quarantine is not None:
        return None
    if usage.is_confirmed_here and _is_confirmed(step):
        is_over = payment.status is PaymentStatus.CANCELED
    else:
        is_over = payment.status in (PaymentStatus.CANCELED, PaymentStatus.SUCCEEDED)
        is_open = payment.status is PaymentStatus.REQUIRES_PAYMENT_METHOD
        if is_open and (usage.is_confirmed_here or not usage.fits(intent)):
            return None
        if payment.status is PaymentStatus.REQUIRES_ACTION and not usage.fits(intent):
            return None
    if is_over or not payment.fits(settled.order):
        return None
    return ChargeStarted(
        payment=payment, client_secret=intent.client_secret, next_action=intent.next_action
    )


def _is_confirmed(step: Asked | _Read) -> bool:
    """Tell whether the step confirmed the intent, now or when it was first asked for."""
    if isinstance(step, _Read):
        return step.is_confirmed
    return step.operation.kind is OperationKind.CONFIRM


async def _repeated(tx: Transaction, order: Order, origin: str | None) -> _Read | None:
    """Return what to read for a caller whose confirmation is behind us, whatever came of it.

    Raises as its first caller was answered where it had no effect, and InvalidTransition where
    its payment was canceled since: another attempt needs another key.
    """
    known = None if origin is None else await tx.operations.find_by_origin(origin)
    if known is None or known.is_unresolved:
        return None
    known.require_effect()
    payment = await tx.payments.find(known.payment_id)
    if payment is None or payment.order_id != order.id or payment.intent_id is None:
        raise InvalidTransition("the Idempotency-Key belongs to another payment")
    if payment.status is PaymentStatus.CANCELED:
        raise InvalidTransition("the payment of this Idempotency-Key was canceled")
    if payment.quarantine is not None:
        return None  # refused below, as every other request of its order
    return _Read(payment_id=payment.id, intent_id=payment.intent_id, is_confirmed=True)


def _require_chargeable(payments: Sequence[Payment], *, now: datetime) -> None:
    """Raise PaymentQuarantined or TooManyDeclines for what an order has met before."""
    if any(payment.quarantine for payment in payments):
        raise PaymentQuarantined("money arrived that does not fit the order")
    if sum(payment.declines for payment in payments) < DECLINES_MAXIMUM:
        return
    # Of those that were declined: the payment after the rest does not begin it anew.
    declined = (payment.updated_at for payment in payments if payment.declines)
    again_at = max(declined) + DECLINES_PAUSE
    if now < again_at:
        raise TooManyDeclines(
            "the order has met too many declines",
            retry_after_s=ceil((again_at - now).total_seconds()),
        )


def _require_calm(payments: Sequence[Payment], *, now: datetime) -> None:
    """Raise GatewayUnavailable shortly after an intent of the order was superseded.

    A provider that fails every creation would otherwise be asked again and again, and each
    of its failures may yet be carried out.
    """
    since = now - RETRY_AFTER
    for payment in payments:
        failure = payment.failure
        if failure is not None and failure.code == SUPERSEDED and payment.updated_at > since:
            wait_s = ceil((payment.updated_at - since).total_seconds())
            raise GatewayUnavailable("the provider creates nothing now", retry_after_s=wait_s)
