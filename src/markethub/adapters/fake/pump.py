"""The way out of the account for its events: signed, one after another, and again if refused."""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import msgspec
import structlog

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.signing import signature_header
from markethub.domain.ports.system import Clock
from markethub.domain.secret import Secret

LEASE_S: Final = 10
"""For how long an event is this pump's alone; if the process dies, another may have it then."""

_log = structlog.get_logger(__name__)


@attrs.frozen(kw_only=True)
class Pump:
    """Delivers what is due. Several may run over one account, in one process or in many.

    At least once and in no promised order, as Stripe delivers: an event that ``deliver`` took is
    delivered again if the process dies before that is noted. Nothing of the account's is locked
    while ``deliver`` is awaited.
    """

    account: Account
    secret: Secret
    clock: Clock
    deliver: Callable[[bytes, str], Awaitable[object]]
    """Takes the raw body and its ``Stripe-Signature``; an event counts as taken if it returns."""

    async def __call__(self, limit: int = 100) -> int:
        """Move the account's clock to the present, deliver at most ``limit`` events once each.

        Returns how many were taken. One that was not is due again after a while (see
        ``Account.reschedule``), and the rest go out all the same.
        """
        self.account.advance(self._now())
        taken = 0
        for _ in range(limit):
            # One by one: what a dying process had claimed waits, and nothing else.
            claimed = self.account.claim_undelivered(1, lease_s=LEASE_S)
            if not claimed:
                break
            [event] = claimed
            body = msgspec.json.encode(event)
            # Signed anew each time: a receiver refuses an old signature.
            header = signature_header(body, secret=self.secret, at=self._now())
            try:
                await self.deliver(body, header)
            except Exception as error:  # noqa: BLE001 - whatever stopped it, it was not taken
                self._put_off(event["id"], error)
                continue
            self.account.mark_delivered(event["id"])
            taken += 1
        return taken

    def _put_off(self, event_id: str, error: Exception) -> None:
        due = self.account.reschedule(event_id)
        # No message: it may quote what the event holds.
        _log.warning("pump.not_taken", event_id=event_id, error=type(error).__name__, due_again=due)

    def _now(self) -> int:
        return int(self.clock.now().timestamp())
