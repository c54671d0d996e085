"""Report holds that end soon: what is not captured by then is lost to us."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from markethub.domain.ids import OrderId, PaymentId
from markethub.domain.money import Money
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.settlement import lock

NOTICE: Final = timedelta(hours=24)
"""How long before its end a hold is reported: a working day to capture it."""


@attrs.frozen(kw_only=True)
class Expiring:
    """A hold that ends soon."""

    payment_id: PaymentId
    order_id: OrderId
    amount: Money
    capture_before: datetime


@attrs.frozen(kw_only=True)
class ReportExpiring:
    """Names each hold once, a day before its end."""

    transactions: Transactions
    clock: Clock

    async def __call__(self, limit: int = 100) -> Sequence[Expiring]:
        """Return up to ``limit`` holds that end soon and were not named before."""
        before = self.clock.now() + NOTICE
        found = await self.transactions.run(
            lambda tx: tx.payments.expiring(before=before, limit=limit)
        )
        told = [await self._tell(payment_id, before) for payment_id in found]
        return [each for each in told if each is not None]

    async def _tell(self, payment_id: PaymentId, before: datetime) -> Expiring | None:
        async def work(tx: Transaction) -> Expiring | None:
            _, payment = await lock(tx, payment_id)
            if payment.expiry_told or not payment.expires_before(before):
                return None
            assert payment.capture_before is not None, "it expires before something"
            await tx.payments.save(payment.tell_expiry())
            return Expiring(
                payment_id=payment.id,
                order_id=payment.order_id,
                amount=payment.authorized,
                capture_before=payment.capture_before,
            )

        return await self.transactions.run(work)
