"""Let go of what nobody will finish: intents that their customers have left, and strays."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import attrs

from markethub.domain.errors import Refused, TryAgain
from markethub.domain.ids import PaymentId
from markethub.domain.operation import CancelIntent
from markethub.domain.payment import PaymentStatus
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.reconcile import each_in_turn
from markethub.domain.usecases.settlement import Asked, Settlement, lock

STRAY_AFTER: Final = timedelta(minutes=15)
"""A stray is asked to be canceled as soon as it is seen. This is for those whose cancel failed."""


@attrs.frozen(kw_only=True)
class CancelAbandoned:
    """Cancels intents at the provider; the slot is free and the order stays open.

    Should a customer pay at this very moment, the provider's answer says so, and is settled.
    """

    transactions: Transactions
    settlement: Settlement
    drive: Driver
    clock: Clock
    after: timedelta | None
    """How long an unpaid intent is left to its customer; None is for ever."""

    async def __call__(self, limit: int = 100) -> int:
        """Cancel up to ``limit``, the longest untouched first; return how many are canceled.

        One that stumbles does not keep the others waiting, as in ``Reconcile``.
        """
        now = self.clock.now()
        before = None if self.after is None else now - self.after
        found = await self.transactions.run(
            lambda tx: tx.payments.abandoned(
                before=before, strays_before=now - STRAY_AFTER, limit=limit
            )
        )
        batch = await each_in_turn(found, lambda payment_id: self._cancel(payment_id, before))
        return batch.resolved

    async def _cancel(self, payment_id: PaymentId, before: datetime | None) -> bool:
        asked = await self.transactions.run(lambda tx: self._ask(tx, payment_id, before))
        if asked is None:
            return False
        with suppress(TryAgain, Refused):  # nobody waits for this answer: the row has it
            settled = await self.drive(asked, patience_s=0)
            return settled.payment.status is PaymentStatus.CANCELED
        return False

    async def _ask(
        self, tx: Transaction, payment_id: PaymentId, before: datetime | None
    ) -> Asked | None:
        _, payment = await lock(tx, payment_id)
        abandoned = before is not None and payment.is_abandoned(before=before)
        if payment.intent_id is None or not (abandoned or payment.is_stray):
            return None
        if await tx.operations.unresolved(payment.id) is not None:
            return None
        cancel = CancelIntent(intent_id=payment.intent_id, reason="abandoned")
        return await self.settlement.ask(tx, payment, cancel)
