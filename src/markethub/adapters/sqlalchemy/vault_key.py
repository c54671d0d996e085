"""The key of all lookups: drawn once for a database, and kept in it, encrypted."""

import secrets
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy.method_tables import lookup_keys
from markethub.adapters.sqlalchemy.sealing import Sealing, Tokens
from markethub.adapters.sqlalchemy.upsert import INSERTS
from markethub.domain.errors import ConfigurationError
from markethub.domain.ports.cipher import TokenCipher

LOOKUP_KEY_CONTEXT: Final = "lookup_keys.key:1"
_BYTES: Final = 32


class VaultKey:
    """Reads the key before the first transaction of a process, or draws it."""

    def __init__(self, engine: AsyncEngine, cipher: TokenCipher) -> None:
        """Take where to read, and what the key is encrypted with."""
        self._engine = engine
        self._cipher = cipher
        self._sealing: Sealing | None = None

    async def sealing(self) -> Sealing:
        """Return what a transaction encrypts with.

        Raises ConfigurationError where none of the keys given to us is that of the database.
        """
        if self._sealing is None:
            # In a transaction of its own: one that is rolled back must not leave us with a key
            # that nobody else will ever read.
            stored = await self._stored()
            try:
                key = self._cipher.decrypt(stored, context=LOOKUP_KEY_CONTEXT)
            except ValueError as error:
                raise ConfigurationError(
                    f"MARKETHUB_ENCRYPTION_KEYS: the database's own key is {error}"
                ) from error
            self._sealing = Sealing(
                cipher=self._cipher, tokens=Tokens(self._cipher), lookup_key=key
            )
        return self._sealing

    async def _stored(self) -> bytes:
        query = select(lookup_keys.c.key)
        async with self._engine.begin() as connection:
            found: Any = (await connection.execute(query)).scalar_one_or_none()
            if found is None:
                fresh = self._cipher.encrypt(
                    secrets.token_bytes(_BYTES), context=LOOKUP_KEY_CONTEXT
                )
                insert = INSERTS[connection.dialect.name](lookup_keys)
                await connection.execute(insert.values(id=1, key=fresh).on_conflict_do_nothing())
                found = (await connection.execute(query)).scalar_one()
        return bytes(found)
