"""The payment provider as Stripe plays it, over its API."""

from collections.abc import Sequence
from datetime import datetime

from markethub.adapters.stripe import outcomes, requests
from markethub.adapters.stripe.client import ATTEMPT_TIMEOUT_S, RETRIES, StripeApi
from markethub.domain.facts import ProviderIntent, ProviderRefund
from markethub.domain.ids import IntentId
from markethub.domain.operation import GatewayCommand, ProviderRequest
from markethub.domain.ports.gateway import GatewayOutcome
from markethub.domain.secret import Secret


class StripeGateway:
    """Implements ``Gateway`` over the SDK."""

    def __init__(
        self,
        *,
        secret_key: Secret,
        api_base: str | None = None,
        attempt_timeout_s: float = ATTEMPT_TIMEOUT_S,
        max_network_retries: int = RETRIES,
    ) -> None:
        """Take the secret key and, for an emulator or a proxy, another address than Stripe's."""
        self._api = StripeApi(
            secret_key,
            base_address=api_base,
            attempt_timeout_s=attempt_timeout_s,
            max_network_retries=max_network_retries,
        )

    def render(self, command: GatewayCommand) -> ProviderRequest:
        """Say what would be sent for ``command``. Pure: sends nothing."""
        return requests.render(command)

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        """Send a rendered request under our key. Never raises for what the provider says."""
        reply = await self._api.call(request, idempotency_key=idempotency_key)
        return outcomes.outcome(reply)

    async def read_intent(self, intent_id: IntentId) -> ProviderIntent:
        """Read an intent. Raises NotFound, GatewayUnavailable."""
        found = outcomes.intent(await self._api.call(requests.read_intent(intent_id)))
        if found.charge is None or not found.charge.is_exchanged_in_part:
            return found
        return outcomes.with_released(
            found, await self._api.call(requests.list_lines(found.charge.id))
        )

    async def list_intents(self, *, created_from: datetime) -> Sequence[ProviderIntent]:
        """List every intent created at or after a time, all pages. Raises as ``read_intent``."""
        found: list[ProviderIntent] = []
        request = requests.list_intents(created_from=created_from)
        while True:
            page = outcomes.page(await self._api.call(request))
            found += page.intents
            if page.next_after is None:
                return found
            request = requests.list_intents(
                created_from=created_from, starting_after=page.next_after
            )

    async def list_refunds(self, intent_id: IntentId) -> Sequence[ProviderRefund]:
        """List every refund of an intent, all pages. Raises as ``read_intent``."""
        found: list[ProviderRefund] = []
        request = requests.list_refunds(intent_id)
        while True:
            page = outcomes.refund_page(await self._api.call(request))
            found += page.refunds
            if page.next_after is None:
                return found
            request = requests.list_refunds(intent_id, starting_after=page.next_after)

    async def account_id(self) -> str:
        """Name the account. Raises GatewayUnavailable, GatewayRejected."""
        return outcomes.account_id(await self._api.call(requests.read_account()))

    async def close(self) -> None:
        """Release connections."""
        await self._api.close()
