"""One execution of an endpoint, or of something due: ids, objects, events, what comes later."""

import base64
import hashlib
import hmac
import math
from collections.abc import Iterator
from typing import Any, Final

from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.store import AccountStore, JsonObject

_ALPHANUMERIC: Final = bytes.maketrans(b"+/", b"aZ")

COUNTER: Final = "counter"
CLOCK: Final = "clock"
SEED: Final = "seed"
META: Final = "meta"


def token(seed: str, purpose: str, *, length: int = 24) -> str:
    """Derive at most 42 letters and digits that nobody can guess without the seed."""
    digest = hmac.digest(seed.encode(), purpose.encode(), hashlib.sha256)
    return base64.b64encode(digest).translate(_ALPHANUMERIC)[:length].decode()


class Execution:
    """What an endpoint works with while it runs. Lives within one atomic block of the store."""

    def __init__(
        self,
        *,
        store: AccountStore,
        options: AccountOptions,
        seed: str,
        now: int,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        is_publishable: bool = False,
    ) -> None:
        """Take what the entrance knows about the request; None and False for what is due."""
        self.store: Final = store
        self.options: Final = options
        self.now: Final = now
        self.is_publishable: Final = is_publishable
        """Whether the browser asks, not the server."""
        self._seed = seed
        self._request = {"id": request_id, "idempotency_key": idempotency_key}
        self._counter: int | None = None
        self.scheduled: Final[list[JsonObject]] = []
        """What this execution put into the schedule."""

    # --- ids ----------------------------------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        """Make an id that no object of the account has: ``pi_3...``."""
        if self._counter is None:
            kept = self.store.get(META, COUNTER)
            self._counter = 0 if kept is None else kept["value"]
        self._counter += 1
        return f"{prefix}_{token(self._seed, f'{prefix}:{self._counter}')}"

    def secret_for(self, id: str) -> str:
        """Derive an object's client secret."""
        return f"{id}_secret_{token(self._seed, f'secret:{id}', length=25)}"

    def derived(self, purpose: str, *, length: int = 16) -> str:
        """Derive a word that stays the same for the same purpose, a card's fingerprint say."""
        return token(self._seed, purpose, length=length)

    def finish(self) -> None:
        """Save which ids were used. Called once, at the end."""
        if self._counter is not None:
            self.store.put(META, COUNTER, {"value": self._counter})

    # --- objects ------------------------------------------------------------------------------

    def find(self, kind: str, id: str) -> JsonObject | None:
        """Return an object or a note, or None."""
        return self.store.get(kind, id)

    def load(self, kind: str, id: str) -> JsonObject:
        """Return what must be there."""
        value = self.store.get(kind, id)
        assert value is not None, f"{kind} {id} is gone"
        return value

    def newest(self, kind: str) -> Iterator[JsonObject]:
        """Iterate over the objects of a kind, the newest first."""
        return self.store.list(kind, newest_first=True)

    def save(self, value: JsonObject) -> JsonObject:
        """Keep an object under its own kind and id, and return it."""
        self.store.put(value["object"], value["id"], value)
        return value

    def change(self, value: JsonObject, **changes: object) -> JsonObject:
        """Keep an object with changed fields, and return it. The old one is left as it is."""
        return self.save({**value, **changes})

    def note(self, kind: str, id: str, value: JsonObject) -> JsonObject:
        """Keep something about an object that Stripe would not show."""
        self.store.put(kind, id, value)
        return value

    # --- events and what comes later ----------------------------------------------------------

    def emit(self, type: str, value: JsonObject, *, previous: dict[str, Any] | None = None) -> None:
        """Record an event with the object as it is now, due for delivery at once.

        ``previous`` names the changed fields' old values; for ``*.updated`` only.
        """
        data: dict[str, Any] = {"object": value}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.save(
            {
                "id": self.new_id("evt"),
                "object": "event",
                "api_version": self.options.api_version,
                "created": self.now,
                "data": data,
                "livemode": self.options.livemode,
                "pending_webhooks": 1,
                "request": self._request,
                "type": type,
            }
        )
        self.note(
            "delivery",
            event["id"],
            {"event": event["id"], "created": self.now, "due": self.now, "attempts": 0},
        )

    def later(self, action: str, subject: str, *, at: int | None = None) -> None:
        """Put something into the schedule; None means the account's usual delay from now."""
        due = self.now + math.ceil(self.options.delay_s) if at is None else at
        id_ = self.new_id("due")
        entry = {"id": id_, "at": due, "action": action, "subject": subject}
        self.scheduled.append(self.note("due", id_, entry))
