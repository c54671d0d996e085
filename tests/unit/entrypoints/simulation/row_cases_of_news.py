"""What we are told, what we tell, and what is saved."""

from collections.abc import Mapping

import attrs

from markethub.domain.delivery import DeliveryStatus
from markethub.domain.ids import (
    CustomerId,
)
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.payment_method import MethodStatus
from markethub.domain.secret import Secret
from markethub.entrypoints.simulation.faults import FORGED
from tests.unit.entrypoints.simulation.row_case import (
    Case,
    has,
    to,
)

CASES: Mapping[str, Case] = {
    # --- the inbox
    "a forged event is stored": Case(
        table="inbox",
        before=None,
        spoilt=lambda row: {"event": attrs.evolve(row.event, id=row.event.id + FORGED)},
        invariant="I12",
        says="forged event",
    ),
    "an event of the other mode is processed": Case(
        table="inbox",
        where=has(reason="wrong_mode"),
        before=None,
        spoilt=to(status=InboxStatus.PROCESSED),
        invariant="I12",
        says="of the other mode is processed",
    ),
    "an event of the other mode is ignored for another reason": Case(
        table="inbox",
        where=has(reason="wrong_mode"),
        before=None,
        spoilt=to(reason="foreign"),
        invariant="I12",
        says="of the other mode is ignored",
    ),
    "a stored event changes": Case(
        table="inbox",
        where=has(status=InboxStatus.PROCESSED),
        spoilt=lambda row: {"event": attrs.evolve(row.event, type="refund.failed")},
        invariant="I7",
        says="was changed",
    ),
    "a processed event is pending again": Case(
        table="inbox",
        where=has(status=InboxStatus.PROCESSED),
        clean=lambda row: {"status": InboxStatus.PENDING, "replayed_at": row.updated_at},
        spoilt=to(replayed_at=None),
        invariant="I7",
        says="from processed to pending",
    ),
    "an ignored event is processed": Case(
        table="inbox",
        where=has(reason="foreign"),
        before=to(replayed_at=None),
        clean=lambda row: {"status": InboxStatus.PROCESSED, "replayed_at": row.updated_at},
        spoilt=to(replayed_at=None),
        invariant="I7",
        says="from ignored to processed",
    ),
    # --- messages
    "a message tells something else": Case(
        table="deliveries",
        spoilt=lambda row: {"event": attrs.evolve(row.event, occurred_at=None)},
        invariant="I7",
        says="was changed",
    ),
    "a delivered message is pending again": Case(
        table="deliveries",
        where=lambda _, row: row.attempts > 0,
        clean=to(status=DeliveryStatus.PENDING, attempts=0),
        spoilt=to(attempts=1),
        invariant="I14",
        says="from delivered to pending",
    ),
    "a delivered message is dead": Case(
        table="deliveries",
        spoilt=to(status=DeliveryStatus.DEAD, attempts=0),
        invariant="I14",
        says="from delivered to dead",
    ),
    # --- saved methods
    "a method is saved with an old version": Case(
        table="payment_methods",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a method goes to another customer": Case(
        table="payment_methods",
        spoilt=to(customer_id=CustomerId("c-another")),
        invariant="I7",
        says="customer_id was changed",
    ),
    "a method becomes another card": Case(
        table="payment_methods",
        spoilt=to(fingerprint=Secret("another")),
        invariant="I7",
        says="fingerprint was changed",
    ),
    "a removed method is the default": Case(
        table="payment_methods",
        where=has(status=MethodStatus.REMOVED),
        spoilt=to(is_default=True),
        invariant="I13",
        says="is removed, and the default",
    ),
}
