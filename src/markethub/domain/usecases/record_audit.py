"""Write down what somebody did: in the transaction that does it, or where there is none."""

from collections.abc import Mapping
from datetime import datetime

import attrs

from markethub.domain.audit import Act, AuditAction, AuditEntry
from markethub.domain.ids import PaymentId
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions


async def record(
    tx: Transaction,
    act: Act | None,
    action: AuditAction,
    *,
    at: datetime,
    subject: str | None = None,
    payment_id: PaymentId | None = None,
    detail: Mapping[str, str] | None = None,
) -> None:
    """Append a line to the audit log along with what this transaction does.

    None acts where nobody of the staff does: a customer, or the system itself.
    """
    if act is not None:
        await tx.audit.append(
            AuditEntry.of(act, action, at=at, subject=subject, payment_id=payment_id, detail=detail)
        )


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
