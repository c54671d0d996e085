"""The background worker: delivers, processes and recovers, over and over.

The same loop runs inside ``serve`` and alone as ``markethub worker``; several may run side by
side, since every step of it is safe to do twice.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import structlog

from markethub.domain.ports.system import Pause
from markethub.domain.usecases.process_inbox import ProcessInbox
from markethub.domain.usecases.reconcile import Reconcile
from markethub.domain.usecases.reconcile_disputes import ReconcileDisputes, RemindOfDisputes
from markethub.domain.usecases.remove_method import DetachMethods

IDLE_S: Final = 0.2
"""How long to rest when there was nothing to do."""
ALARMED_S: Final = 2.0
"""How long to rest after an error: whatever is broken gets time to heal."""

_log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class Worker:
    """Runs until it is canceled; an error in one round is logged and the next one begins."""

    process_inbox: ProcessInbox
    reconcile: Reconcile
    reconcile_disputes: ReconcileDisputes
    remind_of_disputes: RemindOfDisputes
    detach_methods: DetachMethods
    pause: Pause

    async def run(self) -> None:
        """Work for ever."""
        await forever("worker", self.round, pause=self.pause)

    async def round(self) -> int:
        """Do what is due once, and say how much that was."""
        inbox = await self.process_inbox()
        operations = await self.reconcile()
        submissions = await self.reconcile_disputes()
        reminded = await self.remind_of_disputes()
        resolved = operations.resolved + submissions.resolved
        unresolved = operations.unresolved + submissions.unresolved
        detached = await self.detach_methods()
        if inbox.total or resolved or unresolved or reminded or detached:
            _log.info(
                "worker.round",
                processed=inbox.processed,
                ignored=inbox.ignored,
                parked=inbox.parked,
                failed=inbox.failed,
                resolved=resolved,
                unresolved=unresolved,
                reminded=reminded,
                detached=detached,
            )
        # What failed or stayed unknown waits for its own time: it is no reason to hurry.
        return inbox.processed + inbox.ignored + resolved + reminded + detached


async def forever(name: str, step: Callable[[], Awaitable[int]], *, pause: Pause) -> None:
    """Repeat ``step``, at once while it finds work and after a rest otherwise."""
    while True:
        try:
            found = await step()
        except Exception:  # noqa: BLE001 - the loop outlives whatever one round runs into
            _log.exception("loop.failed", loop=name)
            await pause(ALARMED_S)
            continue
        if not found:
            await pause(IDLE_S)
