"""The provider of a simulated world: its account, the way to it, and its deliveries."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import cache
from random import Random
from typing import Any, Final

import attrs
import msgspec

from markethub.adapters.fake.account import Account, AccountOptions
from markethub.adapters.fake.account import Fault as AccountFault
from markethub.adapters.fake.carrier import AccountCarrier
from markethub.adapters.fake.signing import signature_header
from markethub.adapters.fake.store import JsonObject
from markethub.adapters.stripe.event_types import EVENT_TYPES as WANTED
from markethub.adapters.stripe.outcomes import Answer, NoAnswer, NotSent, Reply
from markethub.domain.operation import ProviderRequest
from markethub.domain.secret import Secret
from markethub.entrypoints.simulation.faults import FOREIGN, FORGED, POISON, Fault
from markethub.entrypoints.simulation.loop import VirtualLoop
from markethub.entrypoints.simulation.observed import ObservedStore, ProviderPut
from markethub.entrypoints.simulation.ports import START, Passage
from markethub.entrypoints.simulation.striker import Striker

SECRET: Final = Secret("whsec_simulated_now")
PREVIOUS: Final = Secret("whsec_simulated_before")
"""Still accepted: the overlap of a rotation."""
RETIRED: Final = Secret("whsec_simulated_long_ago")

EVENT_TYPES: Final = frozenset(WANTED)
"""What our endpoint is subscribed to."""
GIVEN_UP_S: Final = 3 * 86_400.0
"""For how long the provider tries to deliver an event."""
RETRY_S_MAXIMUM: Final = 3_600.0
KEY_LIFE_S: Final = 86_400
"""How long a key is kept, at least."""

_REFUSALS: Final[Mapping[Fault, AccountFault]] = {
    Fault.STORED_500: AccountFault.STORED_500,
    Fault.KEY_IN_USE: AccountFault.KEY_IN_USE,
    Fault.RATE_LIMITED: AccountFault.RATE_LIMITED,
    Fault.RATE_LIMITED_UNEXPLAINED: AccountFault.RATE_LIMITED_UNEXPLAINED,
    Fault.LOCK_TIMEOUT: AccountFault.LOCK_TIMEOUT,
}
"""What the account itself plays, for requests that change something."""
_SPOILING: Final = (Fault.STORED_500_EMPTY, Fault.STORED_500_LATE)
_SERVER_ERROR: Final = {"error": {"type": "api_error", "message": "An unknown error occurred"}}
_ID: Final = re.compile(r"/[a-z]{2,6}_[A-Za-z0-9]{10,}")

Deliver = Callable[[str, bytes, str, int | None], Coroutine[None, None, bool]]
"""Brings an event (its id, body and signature) to a process; True if it was acknowledged.

Last comes when it was signed, or None where nobody signed it whom we have to believe.
"""


@cache
def _endpoint(path: str) -> str:
    return _ID.sub("/:id", path)


class Provider:
    """The simulated account, with the true time for its clock."""

    def __init__(self, loop: VirtualLoop, *, seed: int, on_put: ProviderPut) -> None:
        """Open the account; ``on_put`` hears of every object that changes."""
        self._loop = loop
        self._on_put = on_put
        self.on_event: Callable[[JsonObject], None] = lambda _: None
        """Hears of each new event."""
        store = ObservedStore(self._changed)
        options = AccountOptions(seed=f"simulation-{seed}", start=int(START.timestamp()))
        self.account = Account(store=store, options=options)
        self.down_until_s = 0.0
        self.keys_in_flight: dict[str, int] = {}
        self._keys_taken: dict[str, None] = {}
        self._keys_spoilt: dict[str, int] = {}
        """Keys under which a 500 is kept that the account knows nothing of, and since when."""

    @property
    def now(self) -> int:
        """The true time, in Unix seconds."""
        return int(START.timestamp() + self._loop.time())

    def advance(self) -> None:
        """Let happen what is due by now."""
        self.account.advance(self.now)

    def takes(self, key: str | None) -> bool:
        """Tell whether a request under the key gets to be executed; from then on the key is taken.

        Otherwise it is answered by the 500 that is kept under the key.
        """
        if key is None:
            return True
        spoilt_at = self._keys_spoilt.get(key)
        if spoilt_at is not None and self.now - spoilt_at < KEY_LIFE_S:
            return False
        self._keys_taken[key] = None
        return True

    def spoil(self, key: str | None) -> bool:
        """Keep a 500 under a key that no request came by yet; say whether that is so."""
        if key is None or key in self._keys_taken or key in self._keys_spoilt:
            return False
        self._keys_spoilt[key] = self.now
        return True

    def _changed(self, kind: str, id: str, value: JsonObject | None) -> None:
        if kind == "due" and value is not None:
            # One second more: the account's clock counts whole seconds.
            wait_s = value["at"] - START.timestamp() - self._loop.time() + 1.0
            if wait_s < GIVEN_UP_S:
                self._loop.outside(max(wait_s, 0.0), self.advance)
        elif kind == "event" and value is not None and value["type"] in EVENT_TYPES:
            self.on_event(value)
        self._on_put(kind, id, value)


@attrs.define
class Wire:
    """What carries one process's requests to the account. Stands where HTTP stands otherwise."""

    _provider: Provider
    _passage: Passage
    _carrier: AccountCarrier = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Speak to the provider's account."""
        self._carrier = AccountCarrier(self._provider.account)

    async def call(self, request: ProviderRequest, *, idempotency_key: str | None = None) -> Reply:
        """Send a request, unless something strikes it."""
        return await self._send(
            request,
            lambda: self._carrier.call(request, idempotency_key=idempotency_key),
            key=idempotency_key,
        )

    async def upload(
        self, path: str, content: bytes, *, file_name: str, purpose: str, idempotency_key: str
    ) -> Reply:
        """Send a file, unless something strikes it."""
        return await self._send(
            ProviderRequest(method="POST", path=path, params={}),
            lambda: self._carrier.upload(
                path,
                content,
                file_name=file_name,
                purpose=purpose,
                idempotency_key=idempotency_key,
            ),
            key=idempotency_key,
        )

    async def close(self) -> None:
        """Nothing is held open."""

    async def _send(
        self, request: ProviderRequest, send: Callable[[], Awaitable[Reply]], *, key: str | None
    ) -> Reply:
        passage, provider = self._passage, self._provider
        site = f"gateway {request.method} {_endpoint(request.path)}"
        strike = await passage.enter(site, "gateway")
        fault = None if strike is None else strike.fault
        there_s, back_s = 0.3 * passage.dice.random() ** 2, 0.3 * passage.dice.random() ** 2
        await asyncio.sleep(there_s)
        if fault is Fault.OUTAGE:
            assert strike is not None
            provider.down_until_s = passage.loop.time() + strike.amount
        if provider.down_until_s > passage.loop.time():
            await asyncio.sleep(10.0 if passage.dice.random() < 0.5 else 0.05)
            return NoAnswer(reason="simulated: the provider is down")
        if fault is Fault.CONNECTION_REFUSED:
            return NotSent(reason="simulated: connection refused")
        if fault is Fault.REQUEST_LOST:
            await asyncio.sleep(20.0)
            return NoAnswer(reason="simulated: the request was lost")
        if fault is Fault.CREDENTIALS_REFUSED:
            return Answer(status=401, body={"error": {"type": "invalid_request_error"}})
        if fault is Fault.REQUEST_LATE:
            assert strike is not None
            # It is on its way, whatever becomes of the process that sent it.
            passage.loop.outside(20.0 + strike.amount, self._arrive_unheard, send, key)
            await asyncio.sleep(20.0)
            return NoAnswer(reason="simulated: the request is late")
        if fault in _SPOILING and provider.spoil(key):
            assert strike is not None
            if fault is Fault.STORED_500_LATE:
                passage.loop.outside(strike.amount, self._carry_out, send)
            return Answer(status=500, body=_SERVER_ERROR)
        reply = await self._execute(request, send, key=key, fault=fault)
        if fault is Fault.SLOW_REPLY:
            assert strike is not None
            back_s = strike.amount
        if key is not None:
            provider.keys_in_flight[key] = provider.keys_in_flight.get(key, 0) + 1
            passage.loop.outside(min(back_s, 5.0), self._answered, key)
        passage.leave(strike)
        await asyncio.sleep(back_s)
        if fault is Fault.REPLY_LOST or back_s > 20.0:
            return NoAnswer(reason="simulated: the reply was lost")
        if fault is Fault.BAD_GATEWAY:
            return Answer(status=502, body=None)
        return reply

    async def _execute(
        self,
        request: ProviderRequest,
        send: Callable[[], Awaitable[Reply]],
        *,
        key: str | None,
        fault: Fault | None,
    ) -> Reply:
        provider = self._provider
        provider.advance()
        if not provider.takes(key):
            return Answer(status=500, body=_SERVER_ERROR, replayed=True)
        if request.method == "POST":
            if fault is not None and fault in _REFUSALS:
                provider.account.provoke(_REFUSALS[fault])
            elif key in provider.keys_in_flight:
                provider.account.provoke(AccountFault.KEY_IN_USE)
        try:
            return await send()
        finally:
            # A replay does not meet a stored 500: nor shall whoever comes next, days later perhaps.
            provider.account.calm()

    def _answered(self, key: str) -> None:
        keys = self._provider.keys_in_flight
        keys[key] -= 1
        if not keys[key]:
            del keys[key]

    def _arrive_unheard(self, send: Callable[[], Awaitable[Reply]], key: str | None) -> None:
        if self._provider.takes(key):
            self._carry_out(send)

    def _carry_out(self, send: Callable[[], Awaitable[Reply]]) -> None:
        self._provider.advance()
        self._passage.loop.spawn(None, _awaited(send))


async def _awaited(send: Callable[[], Awaitable[Reply]]) -> None:
    await send()


class Mailman:
    """Delivers the account's events, as badly as networks and providers do."""

    def __init__(
        self,
        provider: Provider,
        *,
        loop: VirtualLoop,
        striker: Striker,
        dice: Random,
        deliver: Deliver,
        note: Callable[[str], None],
    ) -> None:
        """Deliver by ``deliver``."""
        self._provider = provider
        self._loop = loop
        self._striker = striker
        self._dice = dice
        self._deliver = deliver
        self._note = note
        self.on_its_way = 0
        """How many events are still to be delivered."""

    def take(self, event: JsonObject) -> None:  # noqa: PLR0912 - a branch for each kind
        """Take a new event: to be delivered soon, and again until it is acknowledged."""
        # Most come within the second, and close together: their order is anything.
        wait_s = 4.0 * self._dice.random() ** 4
        strike = self._striker.look("delivery", "delivery")
        if strike is None:
            self._post(event, wait_s)
            return
        amount = strike.amount
        self._note(f"delivery of {event['id']} ({event['type']}) struck by {strike.fault}")
        match strike.fault:
            case Fault.DELIVERY_LOST:
                return
            case Fault.DELIVERY_LATE | Fault.DELIVERY_REORDERED:
                self._post(event, wait_s + amount)
                return
            case Fault.DELIVERY_DUPLICATED:
                self._post(event, wait_s + (amount if self._dice.random() < 0.5 else 0.0))
            case Fault.DELIVERY_TWIN:
                self._post({**event, "id": event["id"] + "twin"}, wait_s + amount)
            case Fault.DELIVERY_WRONG_MODE:
                copy = {**event, "id": event["id"] + "mode", "livemode": not event["livemode"]}
                self._post(copy, wait_s)
            case Fault.DELIVERY_OLD_SECRET:
                self._once(event, wait_s / 2, secret=RETIRED)
            case Fault.DELIVERY_FORGED:
                self._once(_forged(event), wait_s / 2, secret=Secret("whsec_guessed"))
            case Fault.DELIVERY_REPLAYED:
                self._record(event, wait_s, amount)
            case Fault.DELIVERY_UNACKNOWLEDGED:
                self._once(event, wait_s / 2, secret=PREVIOUS)
            case Fault.DELIVERY_FOREIGN:
                self._post(_foreign(event), wait_s)
            case Fault.DELIVERY_POISONED:
                poison = {"id": 7, "object": event["data"]["object"]["object"]}
                self._post({**event, "id": event["id"] + POISON, "data": {"object": poison}}, 0.0)
            case Fault.DELIVERY_MISNAMED:
                self._post({**event, "id": event["id"] + "name", "type": _misnamed(event)}, wait_s)
        self._post(event, wait_s)

    def _post(self, event: JsonObject, wait_s: float, *, attempt: int = 0) -> None:
        """Deliver after a while, and again until it is taken."""
        self.on_its_way += 1
        self._loop.outside(wait_s, self._start, event, attempt)

    def _start(self, event: JsonObject, attempt: int) -> None:
        self._loop.spawn(None, self._attempt(event, attempt))

    async def _attempt(self, event: JsonObject, attempt: int) -> None:
        body = msgspec.json.encode(event)
        at = self._provider.now
        signature = signature_header(body, secret=SECRET, at=at)
        is_taken = await self._deliver(event["id"], body, signature, at)
        self.on_its_way -= 1
        if is_taken:
            return
        wait_s = min(2.0**attempt, RETRY_S_MAXIMUM)
        if self._provider.now - event["created"] + wait_s < GIVEN_UP_S:
            self._post(event, wait_s, attempt=attempt + 1)

    def _once(self, event: JsonObject, wait_s: float, *, secret: Secret) -> None:
        """Send something once; whether it is taken changes nothing for the provider."""
        body = msgspec.json.encode(event)

        def send() -> None:
            at = self._provider.now
            signature = signature_header(body, secret=secret, at=at)
            signed_at = at if secret in (SECRET, PREVIOUS) else None
            self._loop.spawn(None, self._deliver(event["id"], body, signature, signed_at))

        self._loop.outside(wait_s, send)

    def _record(self, event: JsonObject, wait_s: float, later_s: float) -> None:
        """Send the same bytes under the same signature, when it may have grown too old."""
        body = msgspec.json.encode(event)
        at = self._provider.now
        signature = signature_header(body, secret=SECRET, at=at)

        def send() -> None:
            self._loop.spawn(None, self._deliver(event["id"], body, signature, at))

        self._loop.outside(wait_s + later_s, send)


def _forged(event: JsonObject) -> dict[str, Any]:
    object_ = event["data"]["object"]
    lies = {name: 1 for name in ("amount", "amount_received") if name in object_}
    data = {**event["data"], "object": {**object_, **lies, "status": "succeeded"}}
    return {**event, "id": event["id"] + FORGED, "data": data}


def _foreign(event: JsonObject) -> dict[str, Any]:
    """Return the event as another program's: no metadata of ours, and ids that nobody has."""
    object_ = dict(event["data"]["object"])
    if "metadata" in object_:
        object_["metadata"] = {"shop": "another"}
    for name in ("id", "payment_intent", "charge", "latest_charge", "customer"):
        if isinstance(object_.get(name), str):
            object_[name] = object_[name] + "x"
    return {**event, "id": event["id"] + FOREIGN, "data": {**event["data"], "object": object_}}


def _misnamed(event: JsonObject) -> str:
    family = str(event["type"]).rpartition(".")[0]
    others = {
        "payment_intent": ("payment_intent.succeeded", "payment_intent.canceled"),
        "charge": ("charge.succeeded", "charge.failed"),
        "refund": ("refund.failed", "refund.created"),
        "charge.dispute": ("charge.dispute.closed", "charge.dispute.funds_reinstated"),
    }.get(family, (str(event["type"]),))
    return next((other for other in others if other != event["type"]), str(event["type"]))
