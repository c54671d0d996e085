"""How often one may call: token buckets in this process, by address, customer and operator.

Several processes count for themselves, so the limits are per process. The declines of an order
are counted by the core, in the database.
"""

import ipaddress
from collections import OrderedDict
from math import ceil
from typing import Final

import attrs

from markethub.domain.ports.system import Clock
from markethub.entrypoints.http.auth import Caller, CallerKind
from markethub.entrypoints.http.errors import HttpProblem

BUCKETS_MAXIMUM: Final = 10_000
"""About 2 MB. The longest unused bucket, which is the fullest, is forgotten first."""


@attrs.frozen(kw_only=True)
class Rate:
    """``burst`` calls at once, and ``per_second`` from then on."""

    burst: int
    per_second: float


@attrs.frozen(kw_only=True)
class Limits:
    """The rates. Generous: they stop card testing and runaway loops, not shops."""

    address: Rate = Rate(burst=1_000, per_second=100)
    """Shared by everybody behind one address: X-Forwarded-For can be forged, so it is ignored."""
    customer: Rate = Rate(burst=120, per_second=4)
    operator: Rate = Rate(burst=600, per_second=20)
    sign_in: Rate = Rate(burst=10, per_second=0.2)
    """Attempts to sign in to the console from one address: a person's, not a guesser's."""


class Buckets:
    """Token buckets of one rate. Bounded; the clock may jump back without harm."""

    def __init__(self, rate: Rate, *, clock: Clock, maximum: int = BUCKETS_MAXIMUM) -> None:
        """Keep at most ``maximum`` buckets."""
        self._rate = rate
        self._clock = clock
        self._maximum = maximum
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> int:
        """Take one token and return 0, or the whole seconds until there is one."""
        now = self._clock.now().timestamp()
        tokens, at = self._buckets.pop(key, (float(self._rate.burst), now))
        earned = max(0.0, now - at) * self._rate.per_second
        tokens = min(float(self._rate.burst), tokens + earned)
        wait_s = 0 if tokens >= 1 else max(1, ceil((1 - tokens) / self._rate.per_second))
        self._buckets[key] = (tokens if wait_s else tokens - 1, now)
        if len(self._buckets) > self._maximum:
            self._buckets.popitem(last=False)
        return wait_s


class RateLimiter:
    """Applies the limits to a request."""

    def __init__(self, limits: Limits, *, clock: Clock) -> None:
        """Begin with full buckets."""
        self._addresses = Buckets(limits.address, clock=clock)
        self._customers = Buckets(limits.customer, clock=clock)
        self._operators = Buckets(limits.operator, clock=clock)

    def check(self, address: str, caller: Caller | None) -> None:
        """Raise 429 ``rate_limited`` if the caller, or an unknown one's address, is too busy.

        The storefront's server calls for all its customers, and is not limited.
        """
        if caller is not None and caller.kind is CallerKind.STOREFRONT:
            return
        wait_s = self._addresses.take(network(address))
        if caller is not None and not wait_s:
            of_kind = self._customers if caller.customer_id is not None else self._operators
            wait_s = of_kind.take(caller.name)
        if wait_s:
            raise HttpProblem(
                429,
                "rate_limited",
                "Too many requests.",
                headers={"Retry-After": str(wait_s)},
            )


def network(address: str) -> str:
    """Return what one caller cannot change at will: of IPv6 that is the first 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
