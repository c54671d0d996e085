"""Cancel an order that is not paid, and its intent."""

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import (
    InvalidTransition,
    NotFound,
    OrderAlreadyPaid,
    PaymentQuarantined,
)
from markethub.domain.ids import OrderId
from markethub.domain.operation import CancelIntent, refuse_second
from markethub.domain.order import Order, OrderStatus
from markethub.domain.payment import Action, Payment
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.register_order import slot_holder
from markethub.domain.usecases.settlement import Asked, Settlement


@attrs.frozen(kw_only=True)
class CancelOrderCommand:
    """Which order to give up."""

    order_id: OrderId
    act: Act | None = None
    """Who of the staff asks, for the audit log; None for anybody else."""


@attrs.frozen(kw_only=True)
class CancelOrder:
    """Marks the order canceled only after its intent is known to be canceled."""

    transactions: Transactions
    settlement: Settlement
    drive: Driver
    clock: Clock

    async def __call__(self, command: CancelOrderCommand) -> Order:
        """Return the canceled order; again changes nothing.

        Raises NotFound; OrderAlreadyPaid; RequestInProgress while its payment is being created
        or changed; InvalidTransition while money is moving; PaymentQuarantined;
        GatewayUnavailable if nobody knows whether the intent is canceled (recovery finishes it).
        """
        step = await self.transactions.run(lambda tx: self._decide(tx, command))
        if isinstance(step, Order):
            return step
        settled = await self.drive(step)
        match settled.order.status:
            case OrderStatus.CANCELED:
                return settled.order
            case OrderStatus.PAID:
                raise OrderAlreadyPaid("the order was paid just before it was canceled")
            case OrderStatus.OPEN if settled.payment.quarantine is not None:
                raise PaymentQuarantined("money arrived that does not fit the order")
            case OrderStatus.OPEN:
                raise InvalidTransition(f"the order's payment is {settled.payment.status}")

    async def _decide(self, tx: Transaction, command: CancelOrderCommand) -> Order | Asked:
        order = await tx.orders.lock(command.order_id)
        if order is None:
            raise NotFound("no such order")
        if order.status is OrderStatus.CANCELED:
            return order
        order.require_open()
        live = await slot_holder(tx, await tx.payments.of_order(order.id))
        if live is None or live.intent_id is None:
            if live is not None:
                live.require(Action.CANCEL)
            await self._record(tx, command, live)
            return await tx.orders.save(order.cancel(now=self.clock.now()))
        unresolved = await tx.operations.unresolved(live.id)
        if unresolved is not None and unresolved.cancels_order:
            return Asked(operation=unresolved, payment_version=live.version)
        refuse_second(unresolved)
        if live.quarantine is not None:
            raise PaymentQuarantined("money arrived that does not fit the order")
        live.require(Action.CANCEL)
        await self._record(tx, command, live)
        command_ = CancelIntent(intent_id=live.intent_id, reason="requested_by_customer")
        return await self.settlement.ask(tx, live, command_, cancels_order=True)

    async def _record(
        self, tx: Transaction, command: CancelOrderCommand, live: Payment | None
    ) -> None:
        await record(
            tx,
            command.act,
            AuditAction.ORDER_CANCEL,
            at=self.clock.now(),
            subject=command.order_id,
            payment_id=None if live is None else live.id,
        )
