"""Remove a saved method: it can never be charged again."""

from contextlib import suppress
from datetime import datetime
from typing import Final

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.errors import GatewayRejected, NotFound, TryAgain
from markethub.domain.ids import CustomerId, MethodId
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.ports.vault import Vault
from markethub.domain.usecases.record_audit import record

BATCH: Final = 100
"""How many methods one round of the worker detaches at most."""


@attrs.frozen(kw_only=True)
class RemoveMethodCommand:
    """Which method; ``customer_id`` restricts to that customer's."""

    method_id: MethodId
    customer_id: CustomerId | None = None
    act: Act | None = None
    """Who of the staff asks, for the audit log; None for anybody else."""


@attrs.frozen(kw_only=True)
class DetachMethods:
    """Lets the provider forget what was removed here, and what a newer token replaced."""

    transactions: Transactions
    vault: Vault
    clock: Clock

    async def __call__(self, limit: int = BATCH) -> int:
        """Detach what is due. Return how many are done; the others wait for their next time."""
        now = self.clock.now()
        due = await self.transactions.run(lambda tx: tx.methods.detachable(now=now, limit=limit))
        done = 0
        for method_id in due:
            with suppress(TryAgain, GatewayRejected):
                done += await self.one(method_id)
        return done

    async def one(self, method_id: MethodId) -> bool:
        """Detach one method, and say whether it was left to do. Raises as the vault does."""
        method = await self.transactions.run(lambda tx: self._begin(tx, method_id))
        if method is None:
            return False
        await self.vault.detach_method(method.token, idempotency_key=method.idempotency_key)
        await self.transactions.run(lambda tx: self._finish(tx, method_id))
        return True

    async def _begin(self, tx: Transaction, method_id: MethodId) -> PaymentMethod | None:
        """Set the next try first: whoever dies now does not keep it from coming."""
        method = await tx.methods.find(method_id)
        if method is None or method.detach_due_at is None:
            return None
        await tx.customers.lock(method.customer_id)
        return await tx.methods.save(method.begin_detaching(now=self.clock.now()))

    async def _finish(self, tx: Transaction, method_id: MethodId) -> None:
        method = await tx.methods.find(method_id)
        if method is not None and method.detach_due_at is not None:
            await tx.customers.lock(method.customer_id)
            await tx.methods.save(method.detached(now=self.clock.now()))


@attrs.frozen(kw_only=True)
class RemoveMethod:
    """Removes it here first; should the provider be out of reach, the worker tells it later."""

    transactions: Transactions
    detach: DetachMethods
    clock: Clock

    async def __call__(self, command: RemoveMethodCommand) -> None:
        """Remove the method. Raises NotFound, for one that was removed before, too."""
        await self.transactions.run(lambda tx: self._remove(tx, command))
        with suppress(TryAgain, GatewayRejected):
            await self.detach.one(command.method_id)

    async def _remove(self, tx: Transaction, command: RemoveMethodCommand) -> None:
        method = await hold(tx, command.method_id, command.customer_id)
        now = self.clock.now()
        await record(
            tx,
            command.act,
            AuditAction.METHOD_REMOVE,
            at=now,
            subject=method.id,
            detail={"customer": method.customer_id},
        )
        await drop(tx, method, now=now, detach=method.is_active)


async def hold(
    tx: Transaction, method_id: MethodId, customer_id: CustomerId | None
) -> PaymentMethod:
    """Return a method that is not removed, holding its customer's row. Raises NotFound."""
    found = await tx.methods.find(method_id, customer_id=customer_id)
    if found is not None:
        await tx.customers.lock(found.customer_id)
        found = await tx.methods.find(method_id, customer_id=customer_id)
    if found is None or found.is_removed:
        raise NotFound("no such payment method")
    return found


async def drop(tx: Transaction, method: PaymentMethod, *, now: datetime, detach: bool) -> None:
    """Remove a method whose customer is held; the newest other one is the default after it."""
    await tx.methods.save(method.remove(now=now, detach=detach))
    if method.is_default:
        await _crown(tx, method.customer_id, now=now)


async def _crown(tx: Transaction, customer_id: CustomerId, *, now: datetime) -> None:
    active = [method for method in await tx.methods.of_customer(customer_id) if method.is_active]
    if active:
        await tx.methods.save(active[-1].make_default(now=now))
