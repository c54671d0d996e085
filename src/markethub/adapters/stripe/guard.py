"""Mercy with a provider in trouble: few retries, and none at all while it is down.

Everything of ours that asks the provider goes through one guard per process. Without it each of
a thousand waiting operations would ask for itself, and ask again: an outage would end in a storm.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from markethub.adapters.stripe.carrier import Carrier
from markethub.adapters.stripe.outcomes import Answer, NoAnswer, NotSent, Reply, error_code
from markethub.domain.backoff import delay
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.system import Clock, Pause

RETRIES_MAXIMUM: Final = 2
"""How often one request is repeated under its key, as the provider's own SDK would."""
FIRST_PAUSE: Final = timedelta(seconds=0.5)
PAUSE_MAXIMUM: Final = timedelta(seconds=5)
RESERVE: Final = 10.0
"""How many retries are at hand when all has been well."""
EARNED: Final = 0.1
"""What a request that is well earns: in the long run one in ten may be repeated."""
FAILURES_MAXIMUM: Final = 5
"""So many failures in a row, and the provider is taken for down."""
COOL_DOWN: Final = timedelta(seconds=5)
COOL_DOWN_MAXIMUM: Final = timedelta(seconds=60)
"""How long nothing is sent before one request tries it: longer each time that it fails."""


class Guard:
    """A retry budget and a circuit breaker. Knows nothing of requests, only how they ended."""

    def __init__(self, clock: Clock) -> None:
        """Take the provider for well."""
        self._clock = clock
        self._retries = RESERVE
        self._failures = 0
        self._openings = 0
        self._opened_at: datetime | None = None
        self._probe_since: datetime | None = None
        self.retries_spent = 0

    @property
    def is_open(self) -> bool:
        """Tell whether the provider is taken for down."""
        return self._opened_at is not None

    def admit(self) -> bool:
        """Say whether a request may be sent: all while it is well, one at a time to try it."""
        if self._opened_at is None:
            return True
        now = self._clock.now()
        if self._is_within(now, self._opened_at, self._cool_down()):
            return False
        if self._probe_since is not None and self._is_within(
            now, self._probe_since, COOL_DOWN_MAXIMUM
        ):
            return False
        self._probe_since = now
        return True

    def succeeded(self) -> None:
        """Note an answer that shows that the provider is well."""
        self._retries = min(self._retries + EARNED, RESERVE)
        self._failures = self._openings = 0
        self._opened_at = self._probe_since = None

    def failed(self) -> None:
        """Note that the provider did not answer, or is overwhelmed."""
        self._failures += 1
        if self._probe_since is not None or self._failures >= FAILURES_MAXIMUM:
            self._openings += 1
            self._opened_at = self._clock.now()
            self._probe_since = None

    def spend_retry(self) -> bool:
        """Take one retry out of the budget, if there is one and the provider is not down."""
        if self.is_open or self._retries < 1:
            return False
        self._retries -= 1
        self.retries_spent += 1
        return True

    def _cool_down(self) -> timedelta:
        return delay("breaker", self._openings, first=2 * COOL_DOWN, maximum=COOL_DOWN_MAXIMUM)

    @staticmethod
    def _is_within(now: datetime, since: datetime, span: timedelta) -> bool:
        # A clock that leaps back must not keep anything closed for longer.
        return timedelta() <= now - since < span


class GuardedCarrier:
    """A carrier that repeats what may be repeated, as far as the guard lets it."""

    def __init__(self, inner: Carrier, *, guard: Guard, pause: Pause) -> None:
        """Carry by ``inner``, which must not repeat anything by itself."""
        self._inner = inner
        self._guard = guard
        self._pause = pause

    async def call(self, request: ProviderRequest, *, idempotency_key: str | None = None) -> Reply:
        """Send and return what came back, the last time if it was sent more than once."""
        return await self._send(
            lambda: self._inner.call(request, idempotency_key=idempotency_key),
            seed=idempotency_key or request.path,
        )

    async def upload(
        self, path: str, content: bytes, *, file_name: str, purpose: str, idempotency_key: str
    ) -> Reply:
        """Send a file. Answers as ``call``."""
        return await self._send(
            lambda: self._inner.upload(
                path,
                content,
                file_name=file_name,
                purpose=purpose,
                idempotency_key=idempotency_key,
            ),
            seed=idempotency_key,
        )

    async def close(self) -> None:
        """Release connections."""
        await self._inner.close()

    async def _send(self, once: Callable[[], Awaitable[Reply]], *, seed: str) -> Reply:
        if not self._guard.admit():
            return NotSent(reason="the provider is taken for down")
        reply = await self._once(once)
        for retry in range(1, RETRIES_MAXIMUM + 1):
            wait_s = _wait_s(reply, retry, seed=seed)
            if wait_s is None or not self._guard.spend_retry():
                break
            await self._pause(wait_s)
            if not self._guard.admit():
                break  # what was sent before may have had its effect: its reply stands
            reply = await self._once(once)
        return reply

    async def _once(self, once: Callable[[], Awaitable[Reply]]) -> Reply:
        reply: Reply = NoAnswer(reason="canceled")
        try:
            reply = await once()
        finally:
            # Also when the caller gives up: a probe must not stay out for ever.
            if _is_trouble(reply):
                self._guard.failed()
            else:
                self._guard.succeeded()
        return reply


def _is_trouble(reply: Reply) -> bool:
    """Tell whether a reply shows a provider that is down or overwhelmed.

    A 5xx that is only replayed is an old one. A lock on one object troubles nobody else.
    """
    if not isinstance(reply, Answer):
        return True
    if reply.status == 429:
        return error_code(reply) != "lock_timeout"
    return reply.status >= 500 and not reply.replayed


def _wait_s(reply: Reply, retry: int, *, seed: str) -> float | None:
    """Return how long to wait before sending again; None where that is no use.

    The rules are those of Stripe's SDKs: what Stripe says by ``Stripe-Should-Retry`` goes before
    all else; then conflicts, 5xx and lost replies are repeated, and rate limits are not.
    """
    if isinstance(reply, Answer):
        is_worth_it = reply.status == 409 or reply.status >= 500
        if reply.should_retry is not None:
            is_worth_it = reply.should_retry
        elif reply.replayed:
            is_worth_it = False
        elif reply.status == 429:
            is_worth_it = error_code(reply) == "lock_timeout"
        if not is_worth_it:
            return None
        if reply.retry_after_s is not None:
            return reply.retry_after_s if reply.retry_after_s <= PAUSE_MAXIMUM.seconds else None
    return delay(seed, retry, first=FIRST_PAUSE, maximum=PAUSE_MAXIMUM).total_seconds()


def _conforms(carrier: GuardedCarrier) -> Carrier:
    """Let the type checker prove that it can stand for what it wraps."""
    return carrier
