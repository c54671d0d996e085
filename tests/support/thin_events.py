"""Thin events as an event destination of Stripe's sends them, of what a snapshot event tells.

The shape is that of the SDK's ``EventNotification``, and of the example on Stripe's page "Event
destinations".
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_PATHS = {
    "radar.early_fraud_warning": "radar/early_fraud_warnings",
}


def as_thin(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the thin event of what a snapshot event tells."""
    obj = event["data"]["object"]
    return thin(
        f"v1.{event['type']}",
        obj["object"],
        obj["id"],
        id=f"{event['id']}_thin",
        created=datetime.fromtimestamp(event["created"], UTC).isoformat(timespec="milliseconds"),
        livemode=event["livemode"],
        snapshot_event=event["id"],
    )


def thin(type: str, kind: str, of: str, **changes: Any) -> dict[str, Any]:
    """Return a thin event about an object of a kind."""
    path = _PATHS.get(kind, f"{kind}s")
    return {
        "id": "evt_thin_1",
        "object": "v2.core.event",
        "type": type,
        "created": "2026-11-02T09:00:01.000Z",
        "livemode": False,
        "context": None,
        "related_object": {"id": of, "type": kind, "url": f"/v1/{path}/{of}"},
        "reason": {"type": "request", "request": {"id": "req_1", "idempotency_key": "k-1"}},
    } | changes
