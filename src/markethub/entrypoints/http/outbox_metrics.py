"""What Prometheus is told of outgoing webhooks."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge

from markethub.domain.ports.outbox import OutboxHealth


class OutboxGauges:
    """The relay's state as of the last look at the database."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Join a registry."""
        self._waiting = Gauge(
            "markethub_outbox_waiting_deliveries",
            "Public events that wait to be delivered to the storefront.",
            registry=registry,
        )
        self._oldest_age_s = Gauge(
            "markethub_outbox_oldest_delivery_age_seconds",
            "Age of the oldest of them.",
            registry=registry,
        )
        self._dead = Gauge(
            "markethub_outbox_dead_deliveries",
            "Deliveries that were given up.",
            registry=registry,
        )
        self._disabled = Gauge(
            "markethub_outbox_endpoint_disabled",
            "1 while the storefront's endpoint is disabled because it failed.",
            registry=registry,
        )

    def show(self, health: OutboxHealth, *, now: datetime) -> None:
        """Take what the database says."""
        oldest, endpoint = health.oldest_waiting_at, health.endpoint
        age_s = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        self._waiting.set(health.waiting)
        self._oldest_age_s.set(age_s)
        self._dead.set(health.dead)
        self._disabled.set(endpoint is not None and endpoint.disabled_at is not None)
