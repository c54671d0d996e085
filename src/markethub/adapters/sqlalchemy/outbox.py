"""Staging: what happened is written in the transaction in which it happened."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, insert, literal_column, select

from markethub.adapters.sqlalchemy.delivery_tables import deliveries
from markethub.adapters.sqlalchemy.mappers import event_to_row
from markethub.adapters.sqlalchemy.session import Session
from markethub.adapters.sqlalchemy.tables import outbox
from markethub.domain.delivery import DeliveryStatus
from markethub.domain.events import DomainEvent
from markethub.domain.public_events import is_public

_STAGE: Final = insert(outbox).inline()  # nobody asks for its number
_STAGE_NUMBERED: Final = insert(outbox).returning(outbox.c.sequence)
_DELIVER: Final = insert(deliveries)
_STAGED: Final = (
    insert(outbox)
    .values({name: bindparam(name) for name in ("type", "aggregate_id", "body", "occurred_at")})
    .returning(outbox.c.sequence, outbox.c.aggregate_id, outbox.c.occurred_at)
    .cte("staged")
)
_STAGE_PUBLIC: Final = insert(deliveries).from_select(
    ["sequence", "aggregate_id", "status", "attempts", "next_attempt_at", "updated_at"],
    select(
        _STAGED.c.sequence,
        _STAGED.c.aggregate_id,
        literal_column(f"'{DeliveryStatus.PENDING}'"),
        literal_column("0"),
        _STAGED.c.occurred_at,
        _STAGED.c.occurred_at,
    ),
)
"""Both rows in one statement: a transaction pays no second trip to the server for them. It cannot
be one of several that are sent together: PostgreSQL nests no writing in what writes."""


async def stage(session: Session, events: Sequence[DomainEvent], *, aggregate_id: str) -> None:
    """Put an entity's events into the outbox, in their order; public ones wait for delivery."""
    for event in events:
        row = event_to_row(event, aggregate_id=aggregate_id)
        if not is_public(event):
            await session.write(_STAGE, row)
        elif session.dialect.name == "postgresql":
            await session.execute(_STAGE_PUBLIC, row)
        else:
            # SQLite has no INSERT inside of another, and no trip to save.
            [sequence] = (await session.execute(_STAGE_NUMBERED, row)).scalars()
            delivery = {
                "sequence": sequence,
                "aggregate_id": aggregate_id,
                "status": DeliveryStatus.PENDING.value,
                "attempts": 0,
                "next_attempt_at": event.occurred_at,
                "updated_at": event.occurred_at,
            }
            await session.write(_DELIVER, delivery)
