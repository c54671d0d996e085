"""Idempotency keys of our callers, with their answers encrypted."""

from datetime import datetime, timedelta
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, and_, delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from markethub.adapters.sqlalchemy.mappers import Read
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.tables import idempotency_keys
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.ports.cipher import TokenCipher
from markethub.domain.ports.idempotency import (
    Begun,
    IdempotencyKeys,
    InFlight,
    KeyState,
    OtherRequest,
    Replay,
    StoredAnswer,
)

KEPT_FOR: Final = timedelta(hours=24)
HELD_FOR: Final = timedelta(minutes=1)
"""A holder in flight for longer has crashed."""
FORGOTTEN_AT_ONCE: Final = 10
"""How many old keys each new one removes: more than come in, so the old ones vanish in time."""

_keys = idempotency_keys.c


@attrs.frozen(kw_only=True)
class SqlIdempotencyKeys:
    """Keys by scope (caller, method and path)."""

    engine: AsyncEngine
    repeat: Repeater
    cipher: TokenCipher

    async def begin(self, scope: str, key: str, fingerprint: str, *, now: datetime) -> KeyState:
        """Take the key, or say why not."""

        async def once() -> KeyState:
            async with self.engine.begin() as connection:
                taken = {"scope": scope, "key": key, "fingerprint": fingerprint}
                if await _take(connection, taken, now=now):
                    await _forget(connection, now=now)
                    return Begun()
                query = select(idempotency_keys).where(_is(scope, key))
                row = (await connection.execute(query)).mappings().one_or_none()
                # None: released between the two statements, by who is about to be repeated.
                return InFlight() if row is None else self._state(row, fingerprint)

        return await self.repeat(once)

    def _state(self, row: Read, fingerprint: str) -> KeyState:
        if row["fingerprint"] != fingerprint:
            return OtherRequest()
        if not row["is_complete"]:
            return InFlight()
        if row["answer_body"] is None:
            return Replay(answer=None)
        context = answer_context(row["scope"], row["key"])
        return Replay(
            answer=StoredAnswer(
                status=row["answer_status"],
                content_type=row["answer_content_type"],
                body=self.cipher.decrypt(row["answer_body"], context=context),
            )
        )

    async def complete(
        self,
        scope: str,
        key: str,
        answer: StoredAnswer | None,
        *,
        now: datetime,  # noqa: ARG002 - a key's life is counted from when it was taken
    ) -> None:
        """Keep the answer, encrypted, for whoever repeats the request.

        Where a slow holder was taken for crashed and replaced, the first answer stands.
        """
        values: dict[str, Any] = {"is_complete": True}
        if answer is not None:
            values |= {
                "answer_status": answer.status,
                "answer_content_type": answer.content_type,
                "answer_body": self.cipher.encrypt(answer.body, context=answer_context(scope, key)),
            }
        statement = update(idempotency_keys).where(_is(scope, key), ~_keys.is_complete)

        async def once() -> None:
            async with self.engine.begin() as connection:
                await connection.execute(statement.values(values))

        await self.repeat(once)

    async def release(self, scope: str, key: str) -> None:
        """Forget the key: the answer is not one to keep."""
        statement = delete(idempotency_keys).where(_is(scope, key), ~_keys.is_complete)

        async def once() -> None:
            async with self.engine.begin() as connection:
                await connection.execute(statement)

        await self.repeat(once)


def _is(scope: str, key: str) -> ColumnElement[bool]:
    return and_(_keys.scope == scope, _keys.key == key)


def answer_context(scope: str, key: str) -> str:
    """Bind a ciphertext to its table, column and row."""
    return f"idempotency_keys.answer_body:{len(scope)}:{scope}:{key}"


async def _take(connection: AsyncConnection, taken: dict[str, str], *, now: datetime) -> bool:
    """Insert the key, or take it over from who is forgotten or has crashed, in one statement."""
    values = {
        **taken,
        "begun_at": now,
        "is_complete": False,
        "answer_status": None,
        "answer_content_type": None,
        "answer_body": None,
    }
    insert = INSERTS[connection.dialect.name](idempotency_keys).values(values)
    crashed = and_(
        ~_keys.is_complete,
        _keys.begun_at < now - HELD_FOR,
        _keys.fingerprint == taken["fingerprint"],
    )
    upsert = insert.on_conflict_do_update(
        index_elements=["scope", "key"],
        set_={name: value for name, value in values.items() if name not in ("scope", "key")},
        where=or_(_keys.begun_at < now - KEPT_FOR, crashed),
    )
    return (await connection.execute(upsert)).rowcount == 1


async def _forget(connection: AsyncConnection, *, now: datetime) -> None:
    """Remove some of the keys whose day is over, without waiting for who does so too."""
    identity = tuple_(_keys.scope, _keys.key)
    old = (
        select(_keys.scope, _keys.key)
        .where(_keys.begun_at < now - KEPT_FOR)
        .order_by(_keys.begun_at)
        .limit(FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    await connection.execute(delete(idempotency_keys).where(identity.in_(old)))


def _conforms(keys: SqlIdempotencyKeys) -> IdempotencyKeys:
    """Let the type checker prove that the adapter fits its port."""
    return keys
