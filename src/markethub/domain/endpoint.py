"""The storefront's address, as experience shows it: answering, failing, disabled."""

from datetime import datetime, timedelta
from typing import Final, Self

import attrs

FAILING_MAXIMUM: Final = timedelta(days=3)
"""An endpoint that has failed everything for so long is disabled."""
BRAKE_AFTER: Final = 3
"""Rounds in a row that failed, after which one message at a time is tried, with rests between."""
REST_MAXIMUM: Final = timedelta(minutes=5)


@attrs.frozen(kw_only=True)
class Endpoint:
    """How an address answers. ``id`` is a digest of it: an address may hold a secret.

    While it is disabled nothing is sent, and nothing is given up either: all waits.
    """

    id: str
    since: datetime
    """When the first address of this database was configured."""
    failures: int = 0
    """Rounds in a row in which everything failed."""
    failing_since: datetime | None = None
    rest_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: str | None = None

    def takes(self, limit: int, *, now: datetime) -> int:
        """Return how many of ``limit`` messages may be sent to it now."""
        if self.disabled_at is not None or (self.rest_until and now < self.rest_until):
            return 0
        return 1 if self.failures >= BRAKE_AFTER else limit

    def succeed(self) -> Self:
        """Forget what failed before."""
        return attrs.evolve(self, failures=0, failing_since=None, rest_until=None)

    def fail(self, *, gone: bool, now: datetime) -> Self:
        """Count a round that failed; disable what is gone, or has failed for too long."""
        failures = self.failures + 1
        failing_since = self.failing_since or now
        failed = attrs.evolve(self, failures=failures, failing_since=failing_since)
        if gone:
            return failed._disabled("gone", now)
        if now - failing_since >= FAILING_MAXIMUM:
            return failed._disabled("failing", now)
        if failures < BRAKE_AFTER:
            return failed
        exponent = min(failures - BRAKE_AFTER, 10)
        rest = min(timedelta(seconds=2**exponent), REST_MAXIMUM)
        return attrs.evolve(failed, rest_until=now + rest)

    def _disabled(self, reason: str, now: datetime) -> Self:
        if self.disabled_at is not None:
            return self
        return attrs.evolve(self, disabled_at=now, disabled_reason=reason)

    def enable(self) -> Self:
        """Begin anew, as if it had never failed."""
        return attrs.evolve(self.succeed(), disabled_at=None, disabled_reason=None)
