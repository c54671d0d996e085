"""What Prometheus is told of the way to the provider, by each process for itself."""

from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge


class Sparing(Protocol):
    """How much the provider is spared."""

    @property
    def is_open(self) -> bool:
        """Whether it is taken for down, and nothing is sent."""
        ...

    @property
    def retries_spent(self) -> int:
        """How many requests were sent once more."""
        ...


def register_gateway(registry: CollectorRegistry, sparing: Sparing) -> None:
    """Show how this process stands with the provider, whenever it is asked."""
    Gauge(
        "markethub_gateway_breaker_open",
        "1 while the provider is taken for down and nothing is sent to it.",
        registry=registry,
    ).set_function(lambda: float(sparing.is_open))
    Gauge(
        "markethub_gateway_retries_spent",
        "Requests that were sent to the provider once more, since the process began.",
        registry=registry,
    ).set_function(lambda: float(sparing.retries_spent))
