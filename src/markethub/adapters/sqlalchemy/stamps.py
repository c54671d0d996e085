"""Whose database this is."""

import attrs
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.engines import Engines
from markethub.adapters.sqlalchemy.retry import Repeater
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.ports.stamp import Stamp, Stamps


@attrs.frozen
class SqlStamps:
    """The one stamp of a database."""

    _engines: Engines
    _repeat: Repeater

    async def read(self) -> Stamp | None:
        """Return the stamp, or None if the database is fresh."""

        async def once() -> Stamp | None:
            async with self._engines.reader.connect() as connection:
                return await _read(connection)

        return await self._repeat(once)

    async def put(self, stamp: Stamp) -> Stamp:
        """Stamp a fresh database; return the stamp that it has now (an earlier one stays)."""

        async def once() -> Stamp:
            async with self._engines.writer.begin() as connection:
                insert = INSERTS[connection.dialect.name](tables.stamp)
                row = {"id": 1, **attrs.asdict(stamp)}
                await connection.execute(insert.values(row).on_conflict_do_nothing())
                stored = await _read(connection)
            assert stored is not None, "it was inserted, or was there"
            return stored

        return await self._repeat(once)


async def _read(connection: AsyncConnection) -> Stamp | None:
    row = (await connection.execute(select(tables.stamp))).mappings().one_or_none()
    if row is None:
        return None
    return Stamp(gateway=row["gateway"], mode=row["mode"], account_id=row["account_id"])


def _conforms(stamps: SqlStamps) -> Stamps:
    """Let the type checker prove that the adapter fits its port."""
    return stamps
