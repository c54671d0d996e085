"""Signing in and out, and who is signed in.

The browser holds a random token, the store its hash and a proof that only the token and the
operations key together make. So what lies in the database opens nothing; a session ends with its
key, whether that was taken out of the settings or replaced under the same name; and the role is
always the one that the settings give now.
"""

from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Final

import attrs

from markethub.domain.ports.sessions import StaffSession, StaffSessions
from markethub.domain.ports.system import Clock
from markethub.entrypoints.console.staff import Staff
from markethub.entrypoints.http.auth import Authenticator

TOKEN_BYTES: Final = 32
_TOUCHED_EVERY: Final = timedelta(minutes=1)
"""Not at each request: that would be a write for every page."""
_TOKEN_CHARACTERS_MAXIMUM: Final = 128
_NONCE_BYTES: Final = 16
_BROWSER: Final = "browser "
"""Has a space, as no token has: what shows a browser proves no session."""


@attrs.frozen(kw_only=True)
class Sessions:
    """Opens, finds and ends sessions."""

    store: StaffSessions
    authenticator: Authenticator
    clock: Clock

    async def open(self, key: str) -> Staff | None:
        """Sign in whose key this is, under a token that nobody had before; None for no key."""
        caller = self.authenticator.operator(key)
        if caller is None:
            return None
        token, now = token_urlsafe(TOKEN_BYTES), self.clock.now()
        vouched = self.authenticator.vouch(caller.name, token)
        assert vouched is not None, "the key was just found"
        await self.store.begin(
            StaffSession(
                id=_id(token),
                name=caller.name,
                proof=vouched[1],
                created_at=now,
                seen_at=now,
            )
        )
        return Staff(caller=caller, token=token)

    async def find(self, token: str | None) -> Staff | None:
        """Return who is signed in with this token, and note that they are there."""
        if not token or len(token) > _TOKEN_CHARACTERS_MAXIMUM:
            return None
        session = await self.store.find(_id(token))
        if session is None:
            return None
        vouched, now = self.authenticator.vouch(session.name, token), self.clock.now()
        if vouched is None or not compare_digest(vouched[1], session.proof) or session.is_over(now):
            await self.store.end(session.id)
            return None
        if now - session.seen_at >= _TOUCHED_EVERY:
            await self.store.touch(session.id, now=now)
        return Staff(caller=vouched[0], token=token)

    def remember(self, staff: Staff) -> str:
        """Return what shows later that somebody has signed in with this browser.

        It signs nobody in: it only keeps their attempts apart from those of whoever else comes
        from the same address, as all do behind one proxy. It ends with their key.
        """
        nonce = token_urlsafe(_NONCE_BYTES)
        vouched = self.authenticator.vouch(staff.name, _BROWSER + nonce)
        assert vouched is not None, "they are signed in"
        return f"{nonce}.{vouched[1]}.{staff.name}"

    def knows(self, browser: str | None) -> str | None:
        """Return whose browser it is if somebody has signed in with it.

        All of a person's are one: signing in again and again gains nobody tries.
        """
        nonce, _, rest = (browser or "").partition(".")
        proof, _, name = rest.partition(".")
        vouched = self.authenticator.vouch(name, _BROWSER + nonce)
        if vouched is None or not compare_digest(vouched[1].encode(), proof.encode()):
            return None
        return f"browser of {name}"

    async def end(self, token: str | None) -> None:
        """Sign out whoever has this token."""
        if token:
            await self.store.end(_id(token))


def _id(token: str) -> str:
    return sha256(token.encode()).hexdigest()
