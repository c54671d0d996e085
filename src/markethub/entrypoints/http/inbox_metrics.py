"""What Prometheus is told of the inbox."""

from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Gauge

from markethub.domain.ports.queries import StoreHealth


class InboxGauges:
    """The inbox's state, as the database shows it: the same whichever process is asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register at zero."""

        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(f"markethub_inbox_{name}", meaning, registry=registry)

        self._oldest_age_s = gauge(
            "oldest_event_age_seconds",
            "Age of the oldest event that waits to be processed, parked ones included.",
        )
        self._lag_s = gauge(
            "lag_seconds", "For how long the most overdue event has been due: late workers."
        )
        self._waiting = gauge("waiting_events", "Events that wait to be processed.")
        self._parked = gauge(
            "parked_events", "Waiting events that wait for what they are about to be known."
        )
        self._retrying = gauge(
            "retrying_events", "Waiting events that were tried before, parked ones excluded."
        )
        self._failing = gauge(
            "failing_events", "Waiting events that we stumbled over, on the way to being dead."
        )
        self._dead = gauge("dead_events", "Events given up: somebody must look at them.")
        self._wrong_mode = gauge(
            "wrong_mode_events", "Events of the other mode, kept and never applied."
        )

    def show(self, health: StoreHealth, *, now: datetime) -> None:
        """Set what is so at this moment."""
        self._oldest_age_s.set(_seconds_since(health.oldest_waiting_event_at, now))
        self._lag_s.set(_seconds_since(health.earliest_due_at, now))
        self._waiting.set(health.waiting_events)
        self._parked.set(health.parked_events)
        self._retrying.set(health.retrying_events)
        self._failing.set(health.failing_events)
        self._dead.set(health.dead_events)
        self._wrong_mode.set(health.wrong_mode_events)


def _seconds_since(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(timedelta(), now - moment).total_seconds()
