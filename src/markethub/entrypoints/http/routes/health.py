"""Whether this process lives, whether it can serve, and its numbers."""

from datetime import timedelta
from typing import Final

import msgspec
import structlog
from litestar import Response, Router, get

from markethub.domain.ports.outbox import DeliveryQueries
from markethub.domain.ports.queries import Queries
from markethub.domain.ports.system import Clock
from markethub.entrypoints.http.auth import Access
from markethub.entrypoints.http.entrance import ACCESS, PUBLIC
from markethub.entrypoints.http.errors import HttpProblem
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.observation import Metrics
from markethub.entrypoints.http.openapi import BEARER, problems
from markethub.entrypoints.setting_values import Role
from markethub.entrypoints.settings import Settings

LAG_MAXIMUM: Final = timedelta(minutes=15)
"""Due events are processed within a second; a quarter of an hour means that no worker runs."""
LIVE_PATH: Final = "/health/live"
READY_PATH: Final = "/health/ready"

_log = structlog.get_logger(__name__)


class HealthOut(msgspec.Struct, frozen=True):
    """All is well."""

    status: str


@get(LIVE_PATH, opt={ACCESS: PUBLIC}, security=[])
async def live() -> HealthOut:
    """Say that the process answers."""
    return HealthOut(status="live")


@get(READY_PATH, opt={ACCESS: PUBLIC}, responses=problems(503))
async def ready(queries: Injected[Queries], clock: Injected[Clock]) -> HealthOut:
    """Say that the database is in reach and current, and that events are being processed."""
    try:
        health = await queries.health()
    except Exception:  # noqa: BLE001 - each driver has its own; none may turn this into a 500
        _log.exception("health.database_unreachable")
        raise _not_ready("The database is out of reach.") from None
    if not health.schema_is_current:
        raise _not_ready("The database's schema is not current.")
    if health.earliest_due_at and health.earliest_due_at <= clock.now() - LAG_MAXIMUM:
        raise _not_ready("Events are not being processed.")
    return HealthOut(status="ready")


@get(
    "/metrics",
    media_type="text/plain",
    responses=problems(401, 403, 429, 500),
    security=BEARER,
    opt={ACCESS: Access(ops=Role.VIEWER)},
)
async def metrics(
    queries: Injected[Queries],
    delivery_queries: Injected[DeliveryQueries],
    settings: Injected[Settings],
    clock: Injected[Clock],
    metrics: Injected[Metrics],
) -> Response[bytes]:
    """Return Prometheus's text format, version 0.0.4."""
    health = await queries.health()
    if health.schema_is_current and settings.out_webhook is not None:
        outbox = await delivery_queries.outbox_health(settings.out_webhook.id)
        metrics.outbox.show(outbox, now=clock.now())
    return Response(
        metrics.render(health, now=clock.now()),
        media_type="text/plain; version=0.0.4",
    )


def _not_ready(detail: str) -> HttpProblem:
    return HttpProblem(503, "not_ready", detail, headers={"Retry-After": "5"})


health_router = Router("/", route_handlers=[live, ready, metrics], tags=["health"])
