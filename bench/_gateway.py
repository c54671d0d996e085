"""A provider that costs nothing but time: what is measured is ours."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from markethub.domain.facts import CaptureMethod, IntentStatus, ProviderIntent, Reference
from markethub.domain.ids import ChargeId, IntentId
from markethub.domain.money import Money
from markethub.domain.operation import CreateIntent, GatewayCommand, ProviderRequest
from markethub.domain.ports.gateway import Done, GatewayOutcome
from markethub.domain.secret import Secret


class StubGateway:
    """Answers after ``delay_s``; every intent it is read for has succeeded."""

    def __init__(self, delay_s: float = 0) -> None:
        self._delay_s = delay_s
        self._commands: dict[int, CreateIntent] = {}
        self._intents: dict[str, ProviderIntent] = {}

    def render(self, command: GatewayCommand) -> ProviderRequest:
        assert isinstance(command, CreateIntent)
        request = ProviderRequest(method="POST", path="/v1/payment_intents", params={})
        self._commands[id(request)] = command
        return request

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        command = self._commands.pop(id(request))
        nothing = Money.zero(command.amount.currency)
        intent = ProviderIntent(
            id=IntentId(f"pi_{command.payment_id}"),
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            amount=command.amount,
            received=nothing,
            capturable=nothing,
            capture_method=CaptureMethod.AUTOMATIC,
            reference=Reference(payment_id=command.payment_id),
            livemode=False,
            created_at=datetime(2026, 11, 2, tzinfo=UTC),
            client_secret=Secret("pi_secret"),
        )
        self._intents[intent.id] = intent
        return Done(intent=intent, replayed=False)

    async def read_intent(self, intent_id: IntentId) -> ProviderIntent:
        seen = self._intents[intent_id]
        return ProviderIntent(
            id=seen.id,
            status=IntentStatus.SUCCEEDED,
            amount=seen.amount,
            received=seen.amount,
            capturable=seen.capturable,
            capture_method=seen.capture_method,
            reference=seen.reference,
            livemode=False,
            created_at=seen.created_at,
            latest_charge_id=ChargeId(f"ch_{seen.id}"),
        )

    async def list_intents(self, *, created_from: datetime) -> Sequence[ProviderIntent]:
        return []

    async def account_id(self) -> str:
        return "acct_bench"

    async def close(self) -> None:
        return
