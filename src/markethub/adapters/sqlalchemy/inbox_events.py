"""Stored events of the provider, for whoever processes them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import attrs
from sqlalchemy import Insert, bindparam, delete, exists, select, update

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.mappers import (
    Read,
    inbox_event_from_row,
    inbox_event_to_row,
)
from markethub.adapters.sqlalchemy.repositories import by, one
from markethub.adapters.sqlalchemy.sealing import Tokens, inbox_context
from markethub.adapters.sqlalchemy.session import Session
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.ids import EventId, LeaseId
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports.inbox import InboxEvents, Lease

_INBOX: Final = tables.inbox.c
_LEASES: Final = tables.inbox_leases.c

_DUE: Final = (
    select(
        tables.inbox,
        exists()
        .where(_LEASES.subject == _INBOX.subject)
        .correlate(tables.inbox)
        .label("is_left_leased"),
    )
    .where(tables.INBOX_WAITING)
    .where(_INBOX.next_attempt_at <= bindparam("now"))
    .where(
        ~exists()
        .where(_LEASES.subject == _INBOX.subject)
        .where(_LEASES.until > bindparam("now"))
        .correlate(tables.inbox)
    )
    .order_by(_INBOX.next_attempt_at, _INBOX.received_at, _INBOX.id)
    .limit(bindparam("limit"))
    # SQLite has no such thing and needs none: who writes there writes alone.
    .with_for_update(of=tables.inbox, skip_locked=True)
)
_LEFT: Final = (
    select(_LEASES.subject)
    .where(_LEASES.subject == bindparam("left_subject"))
    .with_for_update(skip_locked=True)
)
"""A lease that ran out, if whoever had it is not in the midst of a transaction under it."""


def _take(dialect: str) -> Insert:
    insert = INSERTS[dialect](tables.inbox_leases)
    return insert.on_conflict_do_update(
        index_elements=["subject"],
        set_={
            "lease": insert.excluded.lease,
            "holder": insert.excluded.holder,
            "until": insert.excluded.until,
        },
        where=_LEASES.until <= bindparam("now"),
    )


_TAKE: Final = {dialect: _take(dialect) for dialect in INSERTS}
_TAKEN: Final = select(_LEASES.subject).where(_LEASES.lease == bindparam("lease_id"))
_HELD: Final = (
    select(_INBOX.id)
    .join_from(tables.inbox, tables.inbox_leases, _LEASES.subject == _INBOX.subject)
    .where(_INBOX.id == bindparam("event_id"))
    .where(_LEASES.lease == bindparam("lease_id"))
    .where(tables.INBOX_WAITING)
    .where(_INBOX.updated_at == bindparam("seen_at"))
    # The lease too: it cannot be taken over before what is done under it is committed.
    .with_for_update()
)
_RENEW: Final = (
    update(tables.inbox_leases)
    .where(_LEASES.lease == bindparam("lease_id"))
    .values(until=bindparam("new_until"))
)
_RELEASE: Final = delete(tables.inbox_leases).where(_LEASES.lease == bindparam("lease_id"))
_LOCKED: Final = by(tables.inbox, "id").with_for_update()
_CHANGING: Final = (
    "status",
    "reason",
    "error",
    "attempts",
    "failures",
    "next_attempt_at",
    "replayed_at",
    "updated_at",
)
_SAVE: Final = (
    update(tables.inbox)
    .where(_INBOX.id == bindparam("event_id"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)


@attrs.frozen
class SqlInboxEvents:
    """Stored events of the provider."""

    _session: Session
    _tokens: Tokens

    async def claim(self, lease: Lease, *, now: datetime, limit: int) -> Sequence[InboxEvent]:
        """Lease up to ``limit`` waiting events that are due, oldest first."""
        found = await self._session.execute(_DUE, {"now": now, "limit": limit})
        due = list(found.mappings())
        held = await self._still_held(due)
        due = [row for row in due if row["subject"] not in held]
        if not due:
            return []
        # In one order for all: two workers must not wait for each other.
        taken = [
            {
                "subject": subject,
                "lease": lease.id,
                "holder": lease.holder,
                "until": lease.until,
                "now": now,
            }
            for subject in sorted({row["subject"] for row in due})
        ]
        await self._session.execute(_TAKE[self._session.dialect.name], taken)
        won = await self._session.execute(_TAKEN, {"lease_id": lease.id})
        subjects = set(won.scalars())
        return [self._event(row) for row in due if row["subject"] in subjects]

    async def _still_held(self, due: Iterable[Read]) -> set[str]:
        """Return the subjects that nobody can take yet, though their leases have run out.

        A process that was stopped within a transaction has its rows until the database ends it:
        nobody else's events shall wait for that.
        """
        left = sorted({row["subject"] for row in due if row["is_left_leased"]})
        return {
            subject
            for subject in left
            if await one(self._session, _LEFT, left_subject=subject) is None
        }

    async def hold(self, event: InboxEvent, *, lease: LeaseId) -> bool:
        """Hold a claimed event's row, if it is as it was and its subject is still leased so."""
        asked = {"event_id": event.event.id, "lease_id": lease, "seen_at": event.updated_at}
        return await one(self._session, _HELD, **asked) is not None

    async def renew(self, lease: LeaseId, *, until: datetime) -> None:
        """Let a lease that is still held last until then."""
        await self._session.execute(_RENEW, {"lease_id": lease, "new_until": until})

    async def release(self, lease: LeaseId) -> None:
        """Let the subjects of a lease go."""
        await self._session.execute(_RELEASE, {"lease_id": lease})

    async def lock(self, id: EventId) -> InboxEvent | None:
        """Return the event, holding its row."""
        row = await one(self._session, _LOCKED, id=id)
        return None if row is None else self._event(row)

    async def save(self, event: InboxEvent) -> None:
        """Update what is known of a stored event: all but what was received."""
        row = inbox_event_to_row(event)
        changed = {f"new_{name}": row[name] for name in _CHANGING}
        await self._session.write(_SAVE, {"event_id": event.event.id, **changed})

    def _event(self, row: Read) -> InboxEvent:
        try:
            payload = self._tokens.open(row["payload"], inbox_context(row["id"]))
        except ValueError:
            # Its own failure, later: the others that are claimed with it can be read.
            return attrs.evolve(inbox_event_from_row(row), is_readable=False)
        return inbox_event_from_row({**row, "payload": payload})


def _conforms(events: SqlInboxEvents) -> InboxEvents:
    """Let the type checker prove that the adapter fits its port."""
    return events
