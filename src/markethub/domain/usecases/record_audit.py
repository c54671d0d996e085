"""Write down what somebody did that has no transaction of its own."""

from collections.abc import Mapping

import attrs

from markethub.domain.audit import Act, AuditAction, AuditEntry
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions


@attrs.frozen(kw_only=True)
class RecordAudit:
    """Appends a line to the audit log: a sign-in, an export, a command of the operator's."""

    transactions: Transactions
    clock: Clock

    async def __call__(
        self,
        act: Act,
        action: AuditAction,
        *,
        subject: str | None = None,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Append it, durable on return."""
        entry = AuditEntry.of(act, action, at=self.clock.now(), subject=subject, detail=detail)

        async def append(tx: Transaction) -> None:
            await tx.audit.append(entry)

        await self.transactions.run(append)
