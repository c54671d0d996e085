"""What goes wrong in a simulated history, by kind, and where it can strike."""

from enum import StrEnum
from typing import Final

import attrs


class Fault(StrEnum):
    """A kind of fault. A history counts how often each struck."""

    # --- between us and the provider
    REQUEST_LOST = "request_lost"
    """The request never arrives; we wait for an answer in vain."""
    REQUEST_LATE = "request_late"
    """We stop waiting for the answer, and the request arrives after that."""
    REPLY_LOST = "reply_lost"
    """The request has its effect; the answer is lost."""
    CONNECTION_REFUSED = "connection_refused"
    """There is no connection: surely no effect."""
    SLOW_REPLY = "slow_reply"
    """The answer takes seconds: others go first."""
    STORED_500 = "stored_500"
    """The request has its effect; the answer is a 500, which is kept under the key."""
    STORED_500_EMPTY = "stored_500_empty"
    """The answer is a 500, which is kept under the key; the request never has an effect."""
    STORED_500_LATE = "stored_500_late"
    """The answer is a 500, which is kept under the key; the effect comes minutes later."""
    KEY_IN_USE = "key_in_use"
    """409: a request under the same key is in flight."""
    RATE_LIMITED = "rate_limited"
    """429, with the header that says which limit."""
    RATE_LIMITED_UNEXPLAINED = "rate_limited_unexplained"
    """429, without it."""
    LOCK_TIMEOUT = "lock_timeout"
    """429: another request holds the object."""
    BAD_GATEWAY = "bad_gateway"
    """The request has its effect; something between answers 502 and a page."""
    OUTAGE = "outage"
    """For minutes to hours no request arrives."""
    CREDENTIALS_REFUSED = "credentials_refused"
    """401: somebody rolled the key a moment too early."""

    # --- between us and the database
    SERIALIZATION_FAILURE = "serialization_failure"
    """The database takes the transaction back at COMMIT: 40001."""
    DEADLOCK = "deadlock"
    """The database ends the transaction in the middle: 40P01."""
    COMMIT_LOST = "commit_lost"
    """The connection dies at COMMIT, and nothing was committed."""
    COMMIT_UNSEEN = "commit_unseen"
    """The connection dies at COMMIT, and everything was committed."""
    STORE_LOCKED = "store_locked"
    """The database is locked, or takes no more connections: no transaction begins."""
    STORE_LOST = "store_lost"
    """The connection dies in the middle of a transaction."""
    STORE_SLOW = "store_slow"
    """A statement takes seconds: others go first."""

    # --- deliveries of the provider
    DELIVERY_DUPLICATED = "delivery_duplicated"
    """An event is delivered twice at once."""
    DELIVERY_LATE = "delivery_late"
    """An event is delivered minutes to a day later, freshly signed."""
    DELIVERY_REORDERED = "delivery_reordered"
    """An event overtakes those before it."""
    DELIVERY_TWIN = "delivery_twin"
    """The provider makes a second event of the same change, under another id."""
    DELIVERY_WRONG_MODE = "delivery_wrong_mode"
    """A copy of the event comes from the other mode."""
    DELIVERY_OLD_SECRET = "delivery_old_secret"  # noqa: S105 - the name of a fault
    """The event is signed with the secret before last, and again properly later."""
    DELIVERY_FORGED = "delivery_forged"
    """Somebody changes the amounts and the status and sends it without the secret."""
    DELIVERY_REPLAYED = "delivery_replayed"
    """Somebody recorded a delivery and sends it again minutes later, signature and all."""
    DELIVERY_UNACKNOWLEDGED = "delivery_unacknowledged"
    """We take the event, and the provider never hears so: it delivers again."""
    DELIVERY_LOST = "delivery_lost"
    """No attempt to deliver an event ever arrives: only reading tells."""
    DELIVERY_FOREIGN = "delivery_foreign"
    """An event about an object of another program on the same account."""
    DELIVERY_MISNAMED = "delivery_misnamed"
    """The event's type and its object disagree."""
    DELIVERY_POISONED = "delivery_poisoned"
    """An event comes along, properly signed, whose object nobody can read."""
    INBOX_REFUSES = "inbox_refuses"
    """Nothing was stored, and whoever stores hears an error."""
    INBOX_UNSEEN = "inbox_unseen"
    """The event was stored, and whoever stores hears an error."""

    # --- our receiver of outgoing events
    RECEIVER_DOWN = "receiver_down"
    """Nobody takes what we tell."""
    RECEIVER_UNHEARD = "receiver_unheard"
    """What we tell is taken, and we hear an error."""

    # --- processes, and their time
    CRASH_BEFORE = "crash_before"
    """The process dies as it is about to call."""
    CRASH_AFTER = "crash_after"
    """The process dies as the call has had its effect."""
    POWER_CUT = "power_cut"
    """All processes die at once."""
    PAUSED = "paused"
    """The process stands still for longer than a lease, and goes on as if nothing had been."""
    CLOCK_FORWARD = "clock_forward"
    """Its clock leaps forward, and is set right later."""
    CLOCK_BACK = "clock_back"
    """Its clock leaps back, and is set right later."""
    NIGHT = "night"
    """All processes die, and nobody starts one again for longer than the provider keeps a key."""
    CALLER_GONE = "caller_gone"
    """Whoever asked hangs up, and the request is cut off where it stands."""


GATEWAY: Final = (
    Fault.REQUEST_LOST,
    Fault.REQUEST_LATE,
    Fault.REPLY_LOST,
    Fault.CONNECTION_REFUSED,
    Fault.SLOW_REPLY,
    Fault.STORED_500,
    Fault.STORED_500_EMPTY,
    Fault.STORED_500_LATE,
    Fault.KEY_IN_USE,
    Fault.RATE_LIMITED,
    Fault.RATE_LIMITED_UNEXPLAINED,
    Fault.LOCK_TIMEOUT,
    Fault.BAD_GATEWAY,
    Fault.OUTAGE,
    Fault.CREDENTIALS_REFUSED,
)
BEGIN: Final = (Fault.STORE_LOCKED,)
STATEMENT: Final = (Fault.DEADLOCK, Fault.STORE_LOST, Fault.STORE_SLOW)
COMMIT: Final = (Fault.SERIALIZATION_FAILURE, Fault.COMMIT_LOST, Fault.COMMIT_UNSEEN)
INBOX: Final = (Fault.INBOX_REFUSES, Fault.INBOX_UNSEEN)
DELIVERY: Final = (
    Fault.DELIVERY_DUPLICATED,
    Fault.DELIVERY_LATE,
    Fault.DELIVERY_REORDERED,
    Fault.DELIVERY_TWIN,
    Fault.DELIVERY_WRONG_MODE,
    Fault.DELIVERY_OLD_SECRET,
    Fault.DELIVERY_FORGED,
    Fault.DELIVERY_REPLAYED,
    Fault.DELIVERY_UNACKNOWLEDGED,
    Fault.DELIVERY_LOST,
    Fault.DELIVERY_FOREIGN,
    Fault.DELIVERY_MISNAMED,
    Fault.DELIVERY_POISONED,
)
PUBLISHER: Final = (Fault.RECEIVER_DOWN, Fault.RECEIVER_UNHEARD)
CRASH: Final = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
PROCESS: Final = (
    Fault.POWER_CUT,
    Fault.PAUSED,
    Fault.CLOCK_FORWARD,
    Fault.CLOCK_BACK,
)
END: Final = (Fault.NIGHT,)
CALL: Final = (Fault.CALLER_GONE,)


POISON: Final = "_poison"
"""How the id of an event ends that nobody can read: no id of the provider's ends so by chance."""
FORGED: Final = "_lie"
"""How the id of an event ends that somebody forged."""
FOREIGN: Final = "_alien"
"""How the id of an event ends that is about another program's object."""


@attrs.frozen
class Strike:
    """A fault that strikes the ``nth`` call (from 1) of a site."""

    site: str
    """A call of a port, by name: ``orders.lock``, ``tx.commit``, ``gateway POST /v1/refunds``."""
    nth: int
    fault: Fault
    amount: float = 0.0
    """Seconds, where the fault lasts; which of two, where it chooses."""
