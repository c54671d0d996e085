"""One log line and two metrics per request: route, status, duration and request id, no more.

The headers that every answer carries are set here, too: nothing is answered past this.

Neither bodies nor queries, headers or paths with their ids are looked at.
"""

from collections.abc import Iterable
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex
from time import perf_counter
from typing import Final

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from markethub.domain.ports.queries import StoreHealth
from markethub.entrypoints.http.gateway_metrics import Sparing, register_gateway
from markethub.entrypoints.http.inbox_metrics import InboxGauges
from markethub.entrypoints.http.outbox_metrics import OutboxGauges
from markethub.entrypoints.http.security_headers import with_security_headers

UNMATCHED: Final = "unmatched"
"""The route of a request that met none: a path from outside must not become a label."""

_log = structlog.get_logger(__name__)


class Metrics:
    """What Prometheus is told, in a registry of its own."""

    def __init__(self, sparing: Sparing) -> None:
        """Begin at zero; ``sparing`` tells how this process stands with the provider."""
        self.registry = CollectorRegistry()
        register_gateway(self.registry, sparing)
        self._requests = Counter(
            "markethub_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._duration_s = Histogram(
            "markethub_http_request_duration_seconds",
            "Time until the answer was sent.",
            ("method", "route"),
            registry=self.registry,
        )
        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._inbox = InboxGauges(self.registry)
        self._unresolved = Gauge(
            "markethub_unresolved_operations",
            "Requests to the provider whose outcome is unknown.",
            registry=self.registry,
        )
        self.outbox = OutboxGauges(self.registry)

    def count(self, *, method: str, route: str, status: int, duration_s: float) -> None:
        """Count an answered request."""
        # The library finds a series by its labels in the time of a whole signature check.
        counted = self._counted.get((method, route, status))
        if counted is None:
            counted = (
                self._requests.labels(method, route, str(status)),
                self._duration_s.labels(method, route),
            )
            self._counted[method, route, status] = counted
        requests, seconds = counted
        requests.inc()
        seconds.observe(duration_s)

    def render(self, health: StoreHealth, *, now: datetime) -> bytes:
        """Return the text that Prometheus reads, with the store's state as of now."""
        self._inbox.show(health, now=now)
        self._unresolved.set(health.unresolved_operations)
        return generate_latest(self.registry)


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Observed:
    """Wraps the whole application, so that refused and unmatched requests are seen too."""

    def __init__(self, app: ASGIApp, metrics: Metrics, *, silent: Iterable[str] = ()) -> None:
        """Count into ``metrics``; of routes in ``silent`` only errors are logged, too.

        They are called all the time, and what they did is seen elsewhere.
        """
        self._app = app
        self._metrics = metrics
        self._silent = frozenset(silent)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and note how that went."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        begun_at, status, request_id = perf_counter(), 0, token_hex(16)

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [
                    *with_security_headers(message["headers"]),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, watch)
        finally:
            duration_s = perf_counter() - begun_at
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            route = scope.get("path_template") or UNMATCHED
            self._metrics.count(method=method, route=route, status=status, duration_s=duration_s)
            if route not in self._silent or not HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST:
                _log.info(
                    "http.request",
                    method=method,
                    route=route,
                    status=status,
                    duration_ms=round(duration_s * 1000, 1),
                )
            structlog.contextvars.reset_contextvars(**bound)
