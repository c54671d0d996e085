"""Finish what a crash, a lost reply or an unknown outcome left behind."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeVar

import attrs

from markethub.domain.errors import Refused, TryAgain
from markethub.domain.ids import OperationId
from markethub.domain.ports.system import Clock
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.usecases.drive import Driver
from markethub.domain.usecases.settlement import Asked, Settlement

Due = TypeVar("Due")

TURN_MAXIMUM: Final = timedelta(hours=2)
"""Longer than anything unresolved waits for its next turn."""


@attrs.frozen(kw_only=True)
class ReconcileBatch:
    """How many operations came to an end, and how many stay unknown."""

    resolved: int = 0
    unresolved: int = 0


@attrs.frozen(kw_only=True)
class Reconcile:
    """Re-drives unresolved operations: by the same key, after 23 hours by looking them up."""

    transactions: Transactions
    settlement: Settlement
    drive: Driver
    clock: Clock

    async def __call__(self, limit: int = 100, *, eagerly: bool = False) -> ReconcileBatch:
        """Take up to ``limit`` operations that are due, oldest first.

        ``eagerly`` takes those too that would wait for their next turn. One that stumbles does
        not keep the others waiting: an ExceptionGroup of whatever was not foreseen is raised
        once all have had their turn.
        """
        until = self.clock.now() + (TURN_MAXIMUM if eagerly else timedelta())
        due = await self.transactions.run(lambda tx: tx.operations.due(now=until, limit=limit))
        return await each_in_turn(due, self._finish)

    async def _finish(self, operation_id: OperationId) -> bool | None:
        asked = await self.transactions.run(lambda tx: self._postpone(tx, operation_id))
        if asked is None:
            return None
        with suppress(TryAgain, Refused):  # nobody waits for this answer: the row has it
            await self.drive(asked, patience_s=0)
        operation = await self.transactions.run(lambda tx: tx.operations.find(operation_id))
        return operation is None or not operation.is_unresolved

    async def _postpone(self, tx: Transaction, operation_id: OperationId) -> Asked | None:
        """Set the next try first, so that a crash in this one does not make it the next again."""
        operation = await tx.operations.find(operation_id)
        if operation is None or not operation.is_left_behind(self.clock.now()):
            return None
        payment = await tx.payments.find(operation.payment_id)
        if payment is None:
            return None
        operation = await tx.operations.save(operation.postpone(now=self.clock.now()))
        return Asked(operation=operation, payment_version=payment.version)


async def each_in_turn(
    due: Sequence[Due], finish: Callable[[Due], Awaitable[bool | None]]
) -> ReconcileBatch:
    """Finish one after the other. None is one that was left alone.

    Raises an ExceptionGroup of whatever was not foreseen, once all have had their turn.
    """
    ended: list[bool] = []
    stumbled: list[Exception] = []
    for each in due:
        try:
            outcome = await finish(each)
        except Exception as error:  # noqa: BLE001 - raised below, after the others
            stumbled.append(error)
        else:
            ended += [] if outcome is None else [outcome]
    if stumbled:
        raise ExceptionGroup("what could not be finished", stumbled)
    return ReconcileBatch(resolved=sum(ended), unresolved=len(ended) - sum(ended))
