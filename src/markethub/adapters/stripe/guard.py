"""Mercy with a provider in trouble: few retries, and none at all while it is down.

Everything of ours that asks the provider goes through one guard per process. Without it each of
a thousand waiting operations would ask for itself, and ask again: an outage would end in a storm.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from markethub.adapters.stripe.carrier import Carrier
from markethub.adapters.stripe.outcomes import IN_FLIGHT, Answer, NotSent, Reply, error_code
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


class Admission:
    """The leave to send one request: each is its own, and nothing else is known of it."""


class Guard:
    """A retry budget and a circuit breaker. Knows nothing of requests, only how they ended."""

    def __init__(self, clock: Clock) -> None:
        """Take the provider for well."""
        self._clock = clock
        self._retries = RESERVE
        self._failures = 0
        self._openings = 0
        self._opened_at: datetime | None = None
        self._probe: Admission | None = None
        self.retries_spent = 0

    @property
    def is_open(self) -> bool:
        """Tell whether the provider is taken for down."""
        return self._opened_at is not None

    def admit(self) -> Admission | None:
        """Let a request be sent: all while the provider is well, one at a time to try it."""
        if self._opened_at is None:
            return Admission()
        # A clock that leaps back must not keep it closed for longer.
        rested = self._clock.now() - self._opened_at
        if self._probe is not None or timedelta() <= rested < self._cool_down():
            return None
        self._probe = Admission()
        return self._probe

    def succeeded(self) -> None:
        """Note an answer that shows that the provider is well."""
        self._retries = min(self._retries + EARNED, RESERVE)
        self._failures = self._openings = 0
        self._opened_at = self._probe = None

    def failed(self, admission: Admission) -> None:
        """Note that the provider did not answer, or is overwhelmed.

        What was under way when it was found to be down says nothing new.
        """
        self._failures += 1
        if self.is_open and admission is not self._probe:
            return
        if self.is_open or self._failures >= FAILURES_MAXIMUM:
            self._openings += 1
            self._opened_at = self._clock.now()
            self._probe = None

    def gave_up(self, admission: Admission) -> None:
        """Note that nobody waited for the answer: it says nothing, and another may try."""
        if admission is self._probe:
            self._probe = None

    def spend_retry(self) -> bool:
        """Take one retry out of the budget, if there is one and the provider is not down."""
        if self.is_open or self._retries < 1:
            return False
        self._retries -= 1
        self.retries_spent += 1
        return True

    def _cool_down(self) -> timedelta:
        return delay("breaker", self._openings, first=2 * COOL_DOWN, maximum=COOL_DOWN_MAXIMUM)


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
        admission = self._guard.admit()
        if admission is None:
            return NotSent(reason="the provider is taken for down")
        reply = await self._once(once, admission)
        for retry in range(1, RETRIES_MAXIMUM + 1):
            wait_s = _wait_s(reply, retry, seed=seed)
            if wait_s is None or not self._guard.spend_retry():
                break
            await self._pause(wait_s)
            if self._guard.is_open:
                break  # what was sent before may have had its effect: its reply stands
            reply = await self._once(once, admission)
        return reply

    async def _once(self, once: Callable[[], Awaitable[Reply]], admission: Admission) -> Reply:
        try:
            reply = await once()
        except BaseException:
            self._guard.gave_up(admission)
            raise
        if _is_trouble(reply):
            self._guard.failed(admission)
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
        if error_code(reply) == IN_FLIGHT:
            return None  # whoever asks has a patience of his own for that
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
