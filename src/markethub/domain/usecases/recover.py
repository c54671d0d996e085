"""Finish whatever a crash, a lost reply or an unknown outcome left behind, of every kind."""

import attrs

from markethub.domain.usecases.reconcile import Reconcile
from markethub.domain.usecases.reconcile_disputes import ReconcileDisputes, RemindOfDisputes
from markethub.domain.usecases.remove_method import DetachMethods


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

    @property
    def total(self) -> int:
        """How much was brought to an end. What stayed unknown waits for its own time."""
        return self.resolved + self.reminded + self.detached


@attrs.frozen(kw_only=True)
class Recover:
    """One pass over everything that is due. Safe to run any number of times, side by side."""

    reconcile: Reconcile
    reconcile_disputes: ReconcileDisputes
    remind_of_disputes: RemindOfDisputes
    detach_methods: DetachMethods

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
        )
