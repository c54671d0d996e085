"""The ports of a simulated process: each call may be struck, and lets others go first.

The repositories of a transaction are wrapped by their protocols, so a method that a port gains
is a site at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from datetime import UTC, datetime, timedelta
from inspect import iscoroutinefunction
from random import Random
from typing import Any, Final, Protocol, TypeAlias, TypeVar, cast

import attrs

from markethub.domain.delivery import Answer, Message
from markethub.domain.errors import CommitUnknown, StaleWrite, StoreUnavailable
from markethub.domain.ids import IdPrefix
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ports import disputes, inbox, methods, outbox, refunds, unit_of_work
from markethub.domain.ports.idempotency import IdempotencyKeys
from markethub.domain.ports.inbox import Inbox
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.entrypoints.simulation.faults import Fault, Strike
from markethub.entrypoints.simulation.loop import Crash, Life, VirtualLoop
from markethub.entrypoints.simulation.striker import Striker

T = TypeVar("T")

START: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""When every history begins."""


class _Turn:
    """Lets others go first."""

    def __await__(self) -> Generator[None, None, None]:
        yield


TURN: Final = _Turn()


class Passage:
    """What every call of a port passes through, in one life of a process."""

    def __init__(
        self,
        *,
        loop: VirtualLoop,
        life: Life,
        striker: Striker,
        dice: Random,
        turn_rate: float,
        note: Callable[[str], None],
    ) -> None:
        """Let calls pass for as long as ``life`` lasts."""
        self.loop = loop
        self.life = life
        self.dice = dice
        self._dice_turn = dice.random
        self._striker = striker
        self._turn_rate = turn_rate
        self._note = note

    def look(self, site: str, family: str) -> Strike | None:
        """Come to a call; return what strikes it. Raises Crash where no port is open any more."""
        if self.life.is_over:
            raise Crash
        self._note(site)
        return self._striker.look(site, family)

    def lets_others_go_first(self) -> bool:
        """Tell whether whoever calls is to wait for its turn."""
        return self._dice_turn() < self._turn_rate

    async def enter(self, site: str, family: str) -> Strike | None:
        """Come to a call; return what strikes it, if that is for the port to play.

        Raises Crash where the process dies before the call, and what a database raises.
        """
        strike = self.look(site, family)
        if strike is not None:
            return await self.suffer(strike)
        if self.lets_others_go_first():
            await TURN
        return None

    async def suffer(self, strike: Strike) -> Strike | None:
        """Be struck: raise what a database raises, or return what is for the port to play."""
        self._note(f"struck by {strike.fault}")
        match strike.fault:
            case Fault.CRASH_BEFORE:
                self.crash()
            case Fault.DEADLOCK | Fault.SERIALIZATION_FAILURE:
                raise StaleWrite(f"simulated: {strike.fault}")
            case Fault.STORE_LOCKED | Fault.STORE_LOST | Fault.INBOX_REFUSES:
                raise StoreUnavailable(f"simulated: {strike.fault}")
            case Fault.COMMIT_LOST:
                raise CommitUnknown("simulated: nothing was committed")
            case Fault.STORE_SLOW:
                await asyncio.sleep(strike.amount)
                return None
        return strike

    def leave(self, strike: Strike | None) -> None:
        """Come back from a call. Raises Crash where the process dies after it."""
        if strike is not None and strike.fault is Fault.CRASH_AFTER:
            self.crash()

    def crash(self) -> None:
        """Let the process die here."""
        self.life.is_over = True
        raise Crash


# --- repositories -----------------------------------------------------------------------------


_Repository: TypeAlias = Callable[[Any, Passage], Any]
"""Makes what stands before a repository or a transaction."""


def _guarded(protocol: type, name: str) -> _Repository:
    """Make the class that stands before a repository: each of its methods is a site."""

    def method(site: str, called: str) -> Callable[..., Awaitable[Any]]:
        async def call(self: Any, *args: Any, **named: Any) -> Any:
            # The same as ``enter``, in place: nothing is called as often as this.
            passage = self.passage
            strike = passage.look(site, "statement")
            if strike is not None:
                strike = await passage.suffer(strike)
            elif passage.lets_others_go_first():
                await TURN
            result = await getattr(self.inner, called)(*args, **named)
            if strike is not None:
                passage.leave(strike)
            return result

        return call

    def begin(self: Any, inner: object, passage: Passage) -> None:
        self.inner = inner
        self.passage = passage

    methods: dict[str, Any] = {
        called: method(f"{name}.{called}", called)
        for called, made in vars(protocol).items()
        if iscoroutinefunction(made)
    }
    members = {**methods, "__init__": begin, "__slots__": ("inner", "passage")}
    return cast("_Repository", type(f"Struck{protocol.__name__}", (), members))


REPOSITORIES: Final = {
    "orders": unit_of_work.Orders,
    "payments": unit_of_work.Payments,
    "operations": unit_of_work.Operations,
    "customers": methods.Customers,
    "methods": methods.Methods,
    "ledger": unit_of_work.Ledger,
    "refunds": refunds.Refunds,
    "disputes": disputes.Disputes,
    "submissions": disputes.Submissions,
    "deliveries": outbox.Deliveries,
    "inbox": inbox.InboxEvents,
}
"""What a transaction holds, by the name that its sites begin with.

The audit log is not among them: a line is no call of its own, it goes along with other rows.
"""


def _transaction() -> _Repository:
    def struck(name: str) -> property:
        repository = _guarded(REPOSITORIES[name], name)
        return property(lambda self: repository(getattr(self.inner, name), self.passage))

    def begin(self: Any, inner: object, passage: Passage) -> None:
        self.inner = inner
        self.passage = passage

    members: dict[str, Any] = {name: struck(name) for name in REPOSITORIES}
    members["audit"] = property(lambda self: self.inner.audit)
    members |= {"__init__": begin, "__slots__": ("inner", "passage")}
    return cast("_Repository", type("StruckTransaction", (), members))


_STRUCK_TRANSACTION: Final = _transaction()


@attrs.frozen
class StruckTransactions:
    """Transactions that fail before or after their commit, or in the middle."""

    _inner: Transactions
    _passage: Passage

    async def run(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run ``work`` as the store does, unless something strikes."""
        passage = self._passage
        passage.leave(await passage.enter("tx.begin", "begin"))
        fate: Strike | None = None

        async def struck(tx: Transaction) -> T:
            nonlocal fate
            result = await work(_STRUCK_TRANSACTION(tx, passage))
            fate = await passage.enter("tx.commit", "commit")
            return result

        result = await self._inner.run(struck)
        passage.leave(fate)
        if fate is not None:
            raise CommitUnknown("simulated: everything was committed")
        return result


@attrs.frozen
class StruckInbox:
    """The inbox, which may fail before or after it stored."""

    _inner: Inbox
    _passage: Passage

    async def store(self, event: InboxEvent) -> bool:
        """Store as the inbox does, unless something strikes."""
        strike = await self._passage.enter("inbox.store", "inbox")
        is_new = await self._inner.store(event)
        self._passage.leave(strike)
        if strike is not None:
            raise StoreUnavailable("simulated: the answer was lost")
        return is_new


struck_keys: Final = _guarded(IdempotencyKeys, "keys")
"""The store of callers' idempotency keys."""


class Store(Protocol):
    """What the container asks of a store."""

    transactions: Any
    inbox: Any
    queries: Any
    inbox_queries: Any
    refund_queries: Any
    dispute_queries: Any
    delivery_queries: Any
    audit_queries: Any
    idempotency_keys: Any
    stamps: Any
    rotation: Any


class StruckStore:
    """A store as one life of a process has it. Plain reads for screens are not struck."""

    def __init__(self, inner: Store, passage: Passage) -> None:
        """Stand before ``inner``."""
        self.transactions = StruckTransactions(inner.transactions, passage)
        self.inbox = StruckInbox(inner.inbox, passage)
        self.queries = inner.queries
        self.inbox_queries = inner.inbox_queries
        self.refund_queries = inner.refund_queries
        self.dispute_queries = inner.dispute_queries
        self.delivery_queries = inner.delivery_queries
        self.audit_queries = inner.audit_queries
        self.idempotency_keys = struck_keys(inner.idempotency_keys, passage)
        self.stamps = inner.stamps
        self.rotation = inner.rotation


# --- the process's surroundings ---------------------------------------------------------------


class SkewedClock:
    """A process's clock: the true time, and how far it is off."""

    def __init__(self, loop: VirtualLoop) -> None:
        """Begin with the right time."""
        self._loop = loop
        self.skew = timedelta()
        self._asked: tuple[float, timedelta] | None = None
        self._now = START

    def now(self) -> datetime:
        """Return what the process takes for the present moment."""
        asked = self._loop.time(), self.skew
        if asked != self._asked:
            self._asked = asked
            self._now = START + timedelta(seconds=asked[0]) + asked[1]
        return self._now


@attrs.frozen
class DrawnIds:
    """Ids as production makes them: sortable by the millisecond, and drawn behind that."""

    _clock: SkewedClock
    _dice: Random

    def new(self, prefix: IdPrefix) -> str:
        """Return a new id."""
        milliseconds = int(self._clock.now().timestamp() * 1000)
        return f"{prefix}_{milliseconds:013d}{self._dice.randrange(10**13):013d}"


@attrs.frozen
class VirtualPause:
    """Waiting in virtual time."""

    _passage: Passage

    async def __call__(self, seconds: float) -> None:
        """Return after ``seconds``."""
        if self._passage.life.is_over:
            raise Crash
        await asyncio.sleep(seconds)


@attrs.frozen
class StruckPublisher:
    """The way to the storefront's receiver."""

    _passage: Passage
    _receive: Callable[[Message], bool]
    """Takes a message; False while the receiver is down."""
    _down: Callable[[float], None]
    """Lets the receiver be down for so many seconds."""

    @property
    def endpoint_id(self) -> str:
        """Name the place that is told."""
        return "simulated-storefront"

    async def publish(self, messages: Sequence[Message]) -> Sequence[Answer]:
        """Send all of them."""
        strike = await self._passage.enter("publisher.publish", "publisher")
        await asyncio.sleep(self._passage.dice.random() * 0.5)
        if strike is not None and strike.fault is Fault.RECEIVER_DOWN:
            self._down(strike.amount)
        answers = []
        for message in messages:
            is_taken = self._receive(message)
            if strike is not None and strike.fault is Fault.RECEIVER_UNHEARD:
                answers.append(Answer(error="timeout", duration_ms=5000))
            elif is_taken:
                answers.append(Answer(status=200, duration_ms=100))
            else:
                answers.append(Answer(status=503, duration_ms=100))
        self._passage.leave(strike)
        return answers

    async def close(self) -> None:
        """Nothing is held open."""
