"""Faults at the gateway: what a network and a crash do to a call, provoked one by one."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import Enum, auto

from markethub.domain.errors import GatewayUnavailable, PaymentsError
from markethub.domain.facts import ProviderIntent, ProviderRefund
from markethub.domain.ids import IntentId
from markethub.domain.operation import GatewayCommand, ProviderRequest
from markethub.domain.ports.gateway import Gateway, GatewayOutcome, NotTaken, Unknown


class Crash(BaseException):
    """The process dies here. Not an Exception: nothing in the core may catch it."""


class Fault(Enum):
    """What happens to the next call that sends something."""

    LOST_REQUEST = auto()
    """Never reaches the provider; nobody knows."""
    LOST_REPLY = auto()
    """The provider does it; its answer is lost."""
    STORED_500 = auto()
    """The provider keeps a 5xx under the key, without effect: it is all that the key will say."""
    BUSY = auto()
    """Another request is in flight under the same key."""
    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()


class FaultyGateway:
    """A gateway that does to its calls what it was told, in order, and counts them."""

    def __init__(self, inner: Gateway) -> None:
        self._inner = inner
        self.faults: list[Fault] = []
        self.is_down = False
        self.account_error: PaymentsError | None = None
        """What reading the account raises, where it is not readable."""
        self._spoilt: set[str] = set()
        self.stumbles: list[Exception] = []
        """What the next requests raise, as a bug of ours would."""
        self.answers: list[GatewayOutcome] = []
        """What is answered to the next requests, which do not reach the provider."""
        self.views: list[ProviderIntent] = []
        """What the next reads show, whatever the provider has."""
        self.sent: list[tuple[ProviderRequest, str]] = []
        self.after_send: Callable[[], Awaitable[None]] | None = None
        self.after_read: Callable[[], Awaitable[None]] | None = None
        """What happens elsewhere while the next answer is on its way back."""

    def render(self, command: GatewayCommand) -> ProviderRequest:
        return self._inner.render(command)

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        if self.stumbles:
            raise self.stumbles.pop(0)
        if self.answers:
            return self.answers.pop(0)
        fault = self.faults.pop(0) if self.faults else None
        if fault is Fault.STORED_500:
            self._spoilt.add(idempotency_key)
        if idempotency_key in self._spoilt:
            return Unknown(reason="status 500", stored=True)
        if self.is_down or fault is Fault.LOST_REQUEST:
            return Unknown(reason="timeout")
        if fault is Fault.BUSY:
            return NotTaken(reason="in flight", in_flight=True)
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        self.sent.append((request, idempotency_key))
        outcome = await self._inner.send(request, idempotency_key=idempotency_key)
        if fault is Fault.CRASH_AFTER:
            raise Crash
        if fault is Fault.LOST_REPLY:
            return Unknown(reason="timeout")
        if self.after_send is not None:
            hook, self.after_send = self.after_send, None
            await hook()
        return outcome

    async def read_intent(self, intent_id: IntentId) -> ProviderIntent:
        if self.is_down:
            raise GatewayUnavailable("down")
        intent = self.views.pop(0) if self.views else await self._inner.read_intent(intent_id)
        if self.after_read is not None:
            hook, self.after_read = self.after_read, None
            await hook()
        return intent

    async def list_intents(self, *, created_from: datetime) -> Sequence[ProviderIntent]:
        if self.is_down:
            raise GatewayUnavailable("down")
        return await self._inner.list_intents(created_from=created_from)

    async def list_refunds(self, intent_id: IntentId) -> Sequence[ProviderRefund]:
        if self.is_down:
            raise GatewayUnavailable("down")
        refunds = await self._inner.list_refunds(intent_id)
        if self.after_read is not None:
            hook, self.after_read = self.after_read, None
            await hook()
        return refunds

    async def account_id(self) -> str:
        if self.account_error is not None:
            raise self.account_error
        return await self._inner.account_id()

    async def close(self) -> None:
        await self._inner.close()
