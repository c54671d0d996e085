"""What Stripe itself does wrong, or refuses, now and then: provoked one by one."""

from collections import deque
from enum import StrEnum

from markethub.adapters.fake import errors
from markethub.adapters.fake.errors import ApiError


class Fault(StrEnum):
    """What befalls a request."""

    STORED_500 = "stored_500"
    """The effect takes place; the answer is a 500, and it is saved under the key."""
    RATE_LIMITED = "rate_limited"
    """429 with the header that says which limit. Nothing happens, nothing is saved."""
    RATE_LIMITED_UNEXPLAINED = "rate_limited_unexplained"
    """The same without that header."""
    LOCK_TIMEOUT = "lock_timeout"
    """429: another request holds the object. Nothing happens, nothing is saved."""
    KEY_IN_USE = "key_in_use"
    """409: the same key is in flight. Nothing happens, nothing is saved."""


class Faults:
    """Those that are still to come, in order. Known to this process only."""

    def __init__(self, *, key_in_use_type: str) -> None:
        """Take the error type of a key in flight."""
        self._key_in_use_type = key_in_use_type
        self._waiting: deque[tuple[Fault, str]] = deque()

    def add(self, fault: Fault, *, times: int, reason: str) -> None:
        """Let a fault befall the next requests."""
        self._waiting.extend([(fault, reason)] * times)

    def clear(self) -> None:
        """Let none come any more."""
        self._waiting.clear()

    def refuse(self, key: str | None) -> None:
        """Raise ApiError if the next fault is one that keeps the request from executing."""
        if not self._waiting:
            return
        fault, reason = self._waiting[0]
        if fault is Fault.STORED_500:
            return
        self._waiting.popleft()
        match fault:
            case Fault.RATE_LIMITED:
                raise errors.rate_limited(reason)
            case Fault.RATE_LIMITED_UNEXPLAINED:
                raise errors.rate_limited(None)
            case Fault.LOCK_TIMEOUT:
                raise errors.lock_timeout()
            case Fault.KEY_IN_USE:
                raise errors.key_in_use(key, type=self._key_in_use_type)

    def spoil(self) -> ApiError | None:
        """Return what is answered instead of what was executed, if the next fault says so."""
        if not self._waiting or self._waiting[0][0] is not Fault.STORED_500:
            return None
        self._waiting.popleft()
        return errors.server_error()
