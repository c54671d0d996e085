"""Choose which saved method is charged unless another is named."""

import attrs

from markethub.domain.audit import Act, AuditAction
from markethub.domain.ids import CustomerId, MethodId
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.record_audit import record
from markethub.domain.usecases.remove_method import hold


@attrs.frozen(kw_only=True)
class SetDefaultMethodCommand:
    """Which method; ``customer_id`` restricts to that customer's."""

    method_id: MethodId
    customer_id: CustomerId | None = None
    act: Act | None = None
    """Who of the staff asks, for the audit log; None for anybody else."""


@attrs.frozen(kw_only=True)
class SetDefaultMethod:
    """Lets the one default of a customer be another."""

    transactions: Transactions
    clock: Clock

    async def __call__(self, command: SetDefaultMethodCommand) -> PaymentMethod:
        """Return the method as the default.

        Raises NotFound; InvalidTransition for one that cannot be charged any more.
        """
        return await self.transactions.run(lambda tx: self._choose(tx, command))

    async def _choose(self, tx: Transaction, command: SetDefaultMethodCommand) -> PaymentMethod:
        chosen = await hold(tx, command.method_id, command.customer_id)
        if chosen.is_default:
            return chosen
        now = self.clock.now()
        await record(
            tx,
            command.act,
            AuditAction.METHOD_DEFAULT,
            at=now,
            subject=chosen.id,
            detail={"customer": chosen.customer_id},
        )
        default = chosen.make_default(now=now)
        # The old one yields first: at no moment are there two.
        for other in await tx.methods.of_customer(chosen.customer_id):
            if other.is_default:
                await tx.methods.save(other.yield_default(now=now))
        return await tx.methods.save(default)
