"""Encrypt anew what lies under older keys: column by column, row by row.

A row is written only while it still holds what was read, so that whoever saves it meanwhile is
not undone: they encrypt under the newest key anyway. Its version is left as it is, because
nothing that it says has changed.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Column, ColumnElement, Table, and_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.idempotency import answer_context
from markethub.adapters.sqlalchemy.method_tables import customers, lookup_keys, payment_methods
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.saved_methods import method_context, provider_id_context
from markethub.adapters.sqlalchemy.sealing import Tokens, inbox_context, operation_context
from markethub.adapters.sqlalchemy.vault_key import LOOKUP_KEY_CONTEXT
from markethub.domain.ports.cipher import TokenCipher
from markethub.domain.ports.rotation import RotatedBatch, Rotation


@attrs.frozen(kw_only=True, eq=False)
class _Place:
    """A column with something encrypted in it, whole or in the midst of a text."""

    table: Table
    column: str
    context: Callable[[Sequence[Any]], str]
    """Of a row's primary key."""

    @property
    def key(self) -> list[Column[Any]]:
        return list(self.table.primary_key.columns)

    @property
    def value(self) -> Column[Any]:
        return self.table.c[self.column]

    def is_row(self, key: Sequence[Any]) -> ColumnElement[bool]:
        return and_(*(column == value for column, value in zip(self.key, key, strict=True)))


_PLACES: Final = (
    _Place(table=lookup_keys, column="key", context=lambda _: LOOKUP_KEY_CONTEXT),
    _Place(table=customers, column="provider_id", context=lambda key: provider_id_context(key[0])),
    _Place(
        table=payment_methods, column="token", context=lambda key: method_context("token", key[0])
    ),
    _Place(
        table=payment_methods,
        column="fingerprint",
        context=lambda key: method_context("fingerprint", key[0]),
    ),
    _Place(
        table=tables.idempotency_keys,
        column="answer_body",
        context=lambda key: answer_context(key[0], key[1]),
    ),
    _Place(table=tables.operations, column="params", context=lambda key: operation_context(key[0])),
    _Place(table=tables.inbox, column="payload", context=lambda key: inbox_context(key[0])),
)


@attrs.frozen
class SqlRotation:
    """Goes through every place, each in the order of its primary key."""

    _engine: AsyncEngine
    _repeat: Repeater
    _cipher: TokenCipher

    async def batch(self, place: str | None, *, limit: int) -> RotatedBatch:
        """Look at up to ``limit`` rows from a place on. Raises ValueError for an unknown key."""
        number, after = (0, None) if place is None else json.loads(place)
        at = _PLACES[number]

        async def once() -> RotatedBatch:
            async with self._engine.begin() as connection:
                query = select(*at.key, at.value).where(at.value.is_not(None))
                if after is not None:
                    query = query.where(tuple_(*at.key) > tuple_(*after))
                rows = (await connection.execute(query.order_by(*at.key).limit(limit))).all()
                rotated = [await self._rotate(connection, at, row) for row in rows]
            last = rows[-1][:-1] if len(rows) == limit else None
            return RotatedBatch(
                looked_at=len(rows), rotated=sum(rotated), next_place=_next(number, last)
            )

        return await self._repeat(once)

    async def _rotate(self, connection: AsyncConnection, at: _Place, row: Sequence[Any]) -> bool:
        *key, old = row
        new = self._anew(old, at.context(key))
        if new == old:
            return False
        written = await connection.execute(
            update(at.table).where(at.is_row(key), at.value == old).values({at.column: new})
        )
        return written.rowcount == 1

    def _anew(self, old: str | bytes, context: str) -> str | bytes:
        if isinstance(old, str):
            return Tokens(self._cipher).renew(old, context)
        if old.startswith(self._cipher.newest_key_id):
            return old
        return self._cipher.encrypt(self._cipher.decrypt(old, context=context), context=context)


def _next(number: int, last: Sequence[Any] | None) -> str | None:
    """Name the place after a row, or after all rows of a column."""
    if last is not None:
        return json.dumps([number, list(last)])
    return json.dumps([number + 1, None]) if number + 1 < len(_PLACES) else None


def _conforms(rotation: SqlRotation) -> Rotation:
    """Let the type checker prove that the adapter fits its port."""
    return rotation
