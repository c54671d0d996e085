"""The loop that tells the storefront, and the alarm when nobody listens."""

from typing import ClassVar

import attrs
import structlog

from markethub.domain.usecases.relay_outbox import RelayOutbox

_log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class RelayLoop:
    """One of the worker's loops: side by side with the others, since a slow storefront is slow."""

    name: ClassVar[str] = "relay"
    relay: RelayOutbox

    async def step(self) -> int:
        """Send what is due once, and say how much was done with."""
        relayed = await self.relay()
        if relayed.total:
            _log.info(
                "relay.round",
                delivered=relayed.delivered,
                failed=relayed.failed,
                dead=relayed.dead,
                skipped=relayed.skipped,
            )
        if relayed.dead:
            _log.error("relay.given_up", dead=relayed.dead)
        if relayed.disabled:
            _log.error("relay.endpoint_disabled", reason=relayed.disabled)
        # What failed waits for its own time: it is no reason to hurry.
        return relayed.delivered + relayed.skipped
