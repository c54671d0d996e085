"""Finish whatever a crash, a lost reply or an unknown outcome left behind, of every kind."""

from collections.abc import Awaitable, Sequence
from typing import TypeVar

import attrs

from markethub.domain.usecases.cancel_abandoned import CancelAbandoned
from markethub.domain.usecases.reconcile import Reconcile, ReconcileBatch
from markethub.domain.usecases.reconcile_disputes import ReconcileDisputes, RemindOfDisputes
from markethub.domain.usecases.remove_method import DetachMethods
from markethub.domain.usecases.report_expiring import Expiring, ReportExpiring

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Recovered:
    """What one pass did."""

    resolved: int = 0
    """Requests to the provider whose outcome is known now."""
    unresolved: int = 0
    """Requests that were asked about, and whose outcome is still unknown."""
    reminded: int = 0
    """Disputes whose evidence is due soon."""
    detached: int = 0
    """Removed methods that the provider has forgotten now."""
    abandoned: int = 0
    """Intents that were canceled because nobody would have paid them."""
    expiring: Sequence[Expiring] = ()
    """Holds that end soon, each named once."""

    @property
    def total(self) -> int:
        """How much was brought to an end. What stayed unknown waits for its own time."""
        return self.resolved + self.reminded + self.detached + self.abandoned + len(self.expiring)


@attrs.frozen(kw_only=True)
class Recover:
    """One pass over everything that is due. Safe to run any number of times, side by side."""

    reconcile: Reconcile
    reconcile_disputes: ReconcileDisputes
    remind_of_disputes: RemindOfDisputes
    detach_methods: DetachMethods
    cancel_abandoned: CancelAbandoned
    report_expiring: ReportExpiring

    async def __call__(self, *, eagerly: bool = False) -> Recovered:
        """Take what is due; ``eagerly`` also what would wait for its next turn.

        What a request has only just begun is always left to that request. A step that stumbles
        does not keep the others from being taken: an ExceptionGroup is raised after them all.
        """
        stumbled: list[Exception] = []

        async def step(taking: Awaitable[T], nothing: T) -> T:
            try:
                return await taking
            except Exception as error:  # noqa: BLE001 - raised below, after the others
                stumbled.append(error)
                return nothing

        operations = await step(self.reconcile(eagerly=eagerly), ReconcileBatch())
        submissions = await step(self.reconcile_disputes(eagerly=eagerly), ReconcileBatch())
        done = Recovered(
            resolved=operations.resolved + submissions.resolved,
            unresolved=operations.unresolved + submissions.unresolved,
            reminded=await step(self.remind_of_disputes(), 0),
            detached=await step(self.detach_methods(), 0),
            abandoned=await step(self.cancel_abandoned(), 0),
            expiring=tuple(await step(self.report_expiring(), ())),
        )
        if stumbled:
            raise ExceptionGroup("what could not be recovered", stumbled)
        return done
