"""The payment provider in Stripe's words, however its requests are carried."""

from collections.abc import Sequence
from datetime import datetime

from markethub.adapters.stripe import outcomes, requests
from markethub.adapters.stripe.carrier import Carrier
from markethub.domain.facts import ProviderIntent, ProviderRefund
from markethub.domain.ids import IntentId
from markethub.domain.operation import GatewayCommand, ProviderRequest
from markethub.domain.ports.gateway import Gateway, GatewayOutcome


class ApiGateway:
    """Implements ``Gateway``, for Stripe and for an account that plays it."""

    def __init__(self, api: Carrier) -> None:
        """Take what carries the requests."""
        self._api = api

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


def _conforms(gateway: ApiGateway) -> Gateway:
    """Let the type checker prove that the adapter fits its port."""
    return gateway
