"""Deliveries to the storefront in SQL: inside a transaction, and for screens."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from sqlalchemy import Select, bindparam, exists, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from markethub.adapters.sqlalchemy.delivery_tables import (
    DELIVERY_DEAD,
    DELIVERY_PENDING,
    deliveries,
    delivery_attempts,
    delivery_endpoints,
)
from markethub.adapters.sqlalchemy.mappers import Row, event_from_row
from markethub.adapters.sqlalchemy.repositories import one
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.session import CoreSession, Read, Session
from markethub.adapters.sqlalchemy.tables import outbox
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.delivery import TOO_OLD, Answer, Attempt, Delivery, DeliveryStatus
from markethub.domain.endpoint import Endpoint
from markethub.domain.ports.outbox import (
    Deliveries,
    DeliveryPage,
    DeliveryQueries,
    DeliveryView,
    OutboxHealth,
    position,
)
from markethub.domain.public_events import PUBLIC_TYPES

_DELIVERIES: Final = deliveries.c
_ENDPOINTS: Final = delivery_endpoints.c
_EARLIER: Final = deliveries.alias("earlier")

WITH_EVENT: Final = select(
    deliveries, outbox.c.type, outbox.c.body, outbox.c.occurred_at
).join_from(deliveries, outbox)

_CHANGING: Final = (
    "status",
    "reason",
    "attempts",
    "next_attempt_at",
    "lease",
    "leased_until",
    "updated_at",
)
_SAVE: Final = (
    update(deliveries)
    .where(_DELIVERIES.sequence == bindparam("saved"))
    .values({name: bindparam(name) for name in _CHANGING})
)
_TAKE: Final = (
    update(deliveries)
    .where(_DELIVERIES.sequence == bindparam("taken"))
    .values({name: bindparam(name) for name in ("lease", "leased_until")})
)
_SKIP: Final = (
    update(deliveries)
    .where(_DELIVERIES.sequence == bindparam("skipped"))
    .values(
        {
            name: bindparam(name)
            for name in ("status", "reason", "lease", "leased_until", "updated_at")
        }
    )
)
_SETTLE: Final = _SAVE.where(_DELIVERIES.lease == bindparam("claimed_with"))
_EARLIER_PENDING: Final = exists().where(
    _EARLIER.c.aggregate_id == _DELIVERIES.aggregate_id,
    _EARLIER.c.sequence < _DELIVERIES.sequence,
    DELIVERY_PENDING,  # names the nearest table's column: that of the earlier one
)
# Only names of our own are put into the text.
_TELLABLE: Final = text(
    "outbox.type IN ({})".format(", ".join(f"'{type_}'" for type_ in sorted(PUBLIC_TYPES)))
)
DUE: Final = (
    WITH_EVENT.where(
        DELIVERY_PENDING,
        _TELLABLE,
        _DELIVERIES.next_attempt_at <= bindparam("now"),
        or_(_DELIVERIES.leased_until.is_(None), _DELIVERIES.leased_until <= bindparam("now")),
        ~_EARLIER_PENDING,
    )
    .order_by(_DELIVERIES.next_attempt_at, _DELIVERIES.sequence)
    .limit(bindparam("limit"))
    .with_for_update(of=deliveries, skip_locked=True)
)
"""What may be claimed, held by the reader: of an aggregate the first that is pending.

What a newer version staged, which was deployed before this one or beside it, waits for that
version, and with it what followed of its aggregate; it does not stop all the others.
"""
_OLD: Final = (
    select(_DELIVERIES.sequence)
    .where(DELIVERY_PENDING, _DELIVERIES.next_attempt_at < bindparam("moment"))
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_ENDPOINT: Final = select(delivery_endpoints).where(_ENDPOINTS.id == bindparam("endpoint_id"))


# --- rows -------------------------------------------------------------------------------------


def delivery_from_row(row: Read) -> Delivery:
    """Return the delivery of a row that was joined with its event's."""
    return Delivery(
        sequence=row["sequence"],
        aggregate_id=row["aggregate_id"],
        event=event_from_row(row),
        status=DeliveryStatus(row["status"]),
        reason=row["reason"],
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        lease=row["lease"],
        leased_until=row["leased_until"],
        updated_at=row["updated_at"],
    )


def _delivery_to_row(delivery: Delivery) -> Row:
    return {
        "saved": delivery.sequence,
        "status": delivery.status.value,
        "reason": delivery.reason,
        "attempts": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "lease": delivery.lease,
        "leased_until": delivery.leased_until,
        "updated_at": delivery.updated_at,
    }


def _attempt_from_row(row: Read) -> Attempt:
    answer = Answer(status=row["http_status"], error=row["error"], duration_ms=row["duration_ms"])
    return Attempt(sequence=row["sequence"], at=row["attempted_at"], answer=answer)


def _attempt_to_row(attempt: Attempt) -> Row:
    return {
        "sequence": attempt.sequence,
        "attempted_at": attempt.at,
        "http_status": attempt.answer.status,
        "error": attempt.answer.error,
        "duration_ms": attempt.answer.duration_ms,
    }


def _endpoint_from_row(row: Read) -> Endpoint:
    return Endpoint(**{field.name: row[field.name] for field in attrs.fields(Endpoint)})


# --- inside a transaction ---------------------------------------------------------------------


@attrs.frozen
class SqlDeliveries:
    """Public events on their way."""

    _session: Session

    async def claim(
        self, *, now: datetime, limit: int, lease: str, until: datetime
    ) -> Sequence[Delivery]:
        """Take due ones that nobody holds, longest due first, and hold them until then."""
        due = await self._session.execute(DUE, {"now": now, "limit": limit})
        claimed = [delivery_from_row(row).claim(lease, until=until) for row in due.mappings()]
        if claimed:
            taken = [
                {"taken": each.sequence, "lease": lease, "leased_until": until} for each in claimed
            ]
            await self._session.execute(_TAKE, taken)
        return claimed

    async def skip_older(self, moment: datetime, *, now: datetime, limit: int) -> int:
        """Skip pending ones that were due before the moment, and say how many that were."""
        old = await self._session.execute(_OLD, {"moment": moment, "limit": limit})
        sequences = list(old.scalars())
        skipped = {
            "status": DeliveryStatus.SKIPPED.value,
            "reason": TOO_OLD,
            "lease": None,
            "leased_until": None,
            "updated_at": now,
        }
        if sequences:
            await self._session.execute(
                _SKIP, [{"skipped": sequence, **skipped} for sequence in sequences]
            )
        return len(sequences)

    async def lock(self, sequence: int) -> Delivery | None:
        """Return a delivery, holding its row."""
        query = WITH_EVENT.where(_DELIVERIES.sequence == sequence)
        row = await one(self._session, query.with_for_update(of=deliveries))
        return delivery_from_row(row) if row else None

    async def save(self, delivery: Delivery) -> None:
        """Update a delivery whose row is held."""
        await self._session.execute(_SAVE, _delivery_to_row(delivery))

    async def settle(self, delivery: Delivery, *, lease: str) -> bool:
        """Update it if the lease still is the one it was claimed with; say whether it was."""
        row = {**_delivery_to_row(delivery), "claimed_with": lease}
        return (await self._session.execute(_SETTLE, row)).rowcount == 1

    async def log(self, attempts: Sequence[Attempt]) -> None:
        """Append to the log of attempts."""
        rows = [_attempt_to_row(attempt) for attempt in attempts]
        if rows:  # an INSERT of no rows would be one of a row of nothing
            await self._session.execute(insert(delivery_attempts), rows)

    async def find_endpoint(self, id: str) -> Endpoint | None:
        """Return an endpoint, if it was ever sent to."""
        found = await self._session.execute(_ENDPOINT, {"endpoint_id": id})
        row = found.mappings().one_or_none()
        return _endpoint_from_row(row) if row else None

    async def open_endpoint(self, id: str, *, now: datetime) -> Endpoint:
        """Return the endpoint, holding its row; make it if it is new."""
        query = select(delivery_endpoints).where(_ENDPOINTS.id == id).with_for_update()
        endpoint = await self._endpoint(query)
        if endpoint is None:
            oldest = await self._session.execute(select(func.min(_ENDPOINTS.since)))
            [since] = oldest.scalars()
            new = attrs.asdict(Endpoint(id=id, since=since or now))
            make = INSERTS[self._session.dialect.name](delivery_endpoints)
            await self._session.execute(make.on_conflict_do_nothing(), new)
            endpoint = await self._endpoint(query)
        assert endpoint is not None, "nobody deletes an endpoint"
        return endpoint

    async def _endpoint(self, query: Select[Any]) -> Endpoint | None:
        row = await one(self._session, query)
        return _endpoint_from_row(row) if row else None

    async def save_endpoint(self, endpoint: Endpoint) -> None:
        """Update an endpoint whose row is held."""
        changed = attrs.asdict(endpoint)
        query = update(delivery_endpoints).where(_ENDPOINTS.id == changed.pop("id"))
        await self._session.execute(query.values(changed))


# --- for screens ------------------------------------------------------------------------------


@attrs.frozen
class SqlDeliveryQueries:
    """Consistent reads outside of a use case's transaction."""

    _reader: AsyncEngine
    _repeat: Repeater

    async def deliveries(
        self, status: DeliveryStatus | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> DeliveryPage:
        """List deliveries, newest first. Raises ValidationFailed for a cursor not ours."""
        query = WITH_EVENT.order_by(_DELIVERIES.sequence.desc()).limit(limit + 1)
        if status is not None:
            query = query.where(_DELIVERIES.status == status.value)
        if cursor is not None:
            query = query.where(_DELIVERIES.sequence < position(cursor))

        async def once() -> DeliveryPage:
            async with self._reader.connect() as connection:
                rows = (await connection.execute(query)).mappings()
                found = [delivery_from_row(row) for row in rows]
                page = found[:limit]
                logs = await _logs(connection, [each.sequence for each in page])
            return DeliveryPage(
                items=[DeliveryView(delivery=each, log=logs[each.sequence]) for each in page],
                next_cursor=str(page[-1].sequence) if found[limit:] else None,
            )

        return await self._repeat(once)

    async def outbox_health(self, endpoint_id: str) -> OutboxHealth:
        """Say how the relay to an endpoint is."""
        waiting = select(func.count(), func.min(_DELIVERIES.sequence)).where(DELIVERY_PENDING)
        dead = select(func.count()).select_from(deliveries).where(DELIVERY_DEAD)
        ours = select(delivery_endpoints).where(_ENDPOINTS.id == endpoint_id)

        async def once() -> OutboxHealth:
            async with self._reader.connect() as connection:
                count, oldest = (await connection.execute(waiting)).one()
                happened = select(outbox.c.occurred_at).where(outbox.c.sequence == oldest)
                endpoint = await one(CoreSession(connection), ours)
                return OutboxHealth(
                    waiting=count,
                    oldest_waiting_at=(await connection.execute(happened)).scalar_one_or_none(),
                    dead=(await connection.execute(dead)).scalar_one(),
                    endpoint=_endpoint_from_row(endpoint) if endpoint else None,
                )

        return await self._repeat(once)


async def _logs(
    connection: AsyncConnection, sequences: Sequence[int]
) -> defaultdict[int, list[Attempt]]:
    query = (
        select(delivery_attempts)
        .where(delivery_attempts.c.sequence.in_(sequences))
        .order_by(delivery_attempts.c.id)
    )
    logs: defaultdict[int, list[Attempt]] = defaultdict(list)
    for row in (await connection.execute(query)).mappings():
        attempt = _attempt_from_row(row)
        logs[attempt.sequence].append(attempt)
    return logs


def _conforms(
    deliveries: SqlDeliveries, queries: SqlDeliveryQueries
) -> tuple[Deliveries, DeliveryQueries]:
    """Let the type checker prove that the adapters fit their ports."""
    return deliveries, queries
