"""Register an order, or replace one that is not paid."""

from collections.abc import Sequence
from contextlib import suppress

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import (
    NotFound,
    OrderAlreadyPaid,
    PaymentQuarantined,
    StaleWrite,
    TryAgain,
)
from markethub.domain.ids import IntentId, OrderId, PaymentId
from markethub.domain.operation import CancelIntent, UpdateIntent, refuse_second
from markethub.domain.order import Cart, Order, OrderStatus
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.settlement import Asked, Settled, Settlement


@attrs.frozen(kw_only=True)
class RegisterOrderCommand:
    """The whole order as it shall be. ``expected_total`` in minor units, where given.

    ``act`` is that of staff; the storefront registers its orders all day.
    """

    order_id: OrderId
    cart: Cart
    expected_total: int | None = None
    act: Act | None = None


@attrs.frozen(kw_only=True)
class RegisterOrder:
    """Commits the order first; then its intent follows, or is canceled to be replaced."""

    transactions: Transactions
    settlement: Settlement
    drive: Driver
    clock: Clock

    async def __call__(self, command: RegisterOrderCommand) -> Order:
        """Return the order as stored.

        Raises ValidationFailed and AmountMismatch as ``Cart.check``; OrderAlreadyPaid;
        InvalidTransition for a canceled order or one whose payment holds or moves money;
        PaymentQuarantined; RequestInProgress while its payment is being created or changed;
        GatewayRejected where the provider refuses the new amount.
        """
        command.cart.check(expected_total=command.expected_total)
        await self._look(command)
        order, asked = await self.transactions.run(lambda tx: self._store(tx, command))
        if asked is None:
            return order
        try:
            settled = await self.drive(asked)
        except TryAgain:
            # The new total is committed; recovery, or the next create-payment-intent, lets the
            # intent follow. Money that arrives for the old total is quarantined.
            return order
        _require_changed(settled)
        return settled.order

    async def _look(self, command: RegisterOrderCommand) -> None:
        """Learn what the customer has done so far, before a total is changed under their hands.

        Where the provider cannot be read the change goes on: what it meets is found out later.
        """

        async def find(tx: Transaction) -> tuple[PaymentId, IntentId] | None:
            order = await tx.orders.find(command.order_id)
            if order is None or not order.is_open or order.cart.asks_the_same(command.cart):
                return None
            for payment in await tx.payments.of_order(order.id):
                if payment.holds_slot and payment.intent_id is not None:
                    return payment.id, payment.intent_id
            return None

        live = await self.transactions.run(find)
        if live is not None:
            with suppress(TryAgain, NotFound):
                await self.settlement.refresh(*live)

    async def _store(
        self, tx: Transaction, command: RegisterOrderCommand
    ) -> tuple[Order, Asked | None]:
        now = self.clock.now()
        order = await tx.orders.lock(command.order_id)
        await record(tx, command.act, AuditAction.ORDER_REGISTER, at=now, subject=command.order_id)
        if order is None:
            order = Order.register(id=command.order_id, cart=command.cart, now=now)
            return await tx.orders.save(order), None
        order = order.replace_cart(command.cart, now=now)
        live = await slot_holder(tx, await tx.payments.of_order(order.id))
        if live is not None:
            refuse_second(await tx.operations.unresolved(live.id))
            live.require_replaceable()
        order = await tx.orders.save(order)
        return order, await follow(self.settlement, tx, order, live)


def _require_changed(settled: Settled) -> None:
    """Raise where the customer was faster: what they paid is for the order as it was."""
    payment, order = settled.payment, settled.order
    if payment.quarantine is not None:
        raise PaymentQuarantined("money arrived for the order as it was before")
    if order.status is OrderStatus.PAID:
        raise OrderAlreadyPaid("the order was paid just before it was changed")
    if payment.holds_slot and not payment.fits(order):
        payment.require_replaceable()


async def slot_holder(tx: Transaction, of_order: Sequence[Payment]) -> Payment | None:
    """Return that of an order's payments which holds its slot, with its row held."""
    for payment in of_order:
        if payment.holds_slot:
            held = await tx.payments.lock(payment.id)
            if held is None or held.version != payment.version:
                raise StaleWrite("the order's payment is being changed")
            return held
    return None


async def follow(
    settlement: Settlement, tx: Transaction, order: Order, live: Payment | None
) -> Asked | None:
    """Ask the provider for whatever makes the live payment fit the order; None if it fits.

    An intent that cannot be updated is canceled: the next payment replaces it.
    """
    if live is None or live.intent_id is None or live.fits(order):
        return None
    if live.status is PaymentStatus.SUCCEEDED:
        return None  # in quarantine: nothing follows any more
    if live.can_follow(order):
        return await settlement.ask(
            tx, live, UpdateIntent(intent_id=live.intent_id, amount=order.total)
        )
    return await settlement.ask(tx, live, CancelIntent(intent_id=live.intent_id))
