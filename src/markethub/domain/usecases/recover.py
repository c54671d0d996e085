"""Finish whatever a crash, a lost reply or an unknown outcome left behind, of every kind."""

from collections.abc import Sequence

import attrs

from markethub.domain.usecases.cancel_abandoned import CancelAbandoned
from markethub.domain.usecases.reconcile import Reconcile
from markethub.domain.usecases.reconcile_disputes import ReconcileDisputes, RemindOfDisputes
from markethub.domain.usecases.remove_method import DetachMethods
from markethub.domain.usecases.report_expiring import Expiring, ReportExpiring


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

        What a request has only just begun is always left to that request. Raises as
        ``Reconcile``.
        """
        operations = await self.reconcile(eagerly=eagerly)
        submissions = await self.reconcile_disputes(eagerly=eagerly)
        return Recovered(
            resolved=operations.resolved + submissions.resolved,
            unresolved=operations.unresolved + submissions.unresolved,
            reminded=await self.remind_of_disputes(),
            detached=await self.detach_methods(),
            abandoned=await self.cancel_abandoned(),
            expiring=await self.report_expiring(),
        )
