"""The payment provider as the simulated account plays it: same requests, same readings."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from markethub.adapters.fake.account import Account
from markethub.adapters.stripe import outcomes, requests
from markethub.domain.facts import ProviderIntent, ProviderRefund
from markethub.domain.ids import IntentId
from markethub.domain.operation import GatewayCommand, ProviderRequest
from markethub.domain.ports.gateway import GatewayOutcome

_SECRET_KEY: Final = "sk_test_dev"  # noqa: S105 - the fake's published key; it opens nothing else


class FakeGateway:
    """Implements ``Gateway`` on an account in this process. Deterministic; never waits."""

    def __init__(self, account: Account) -> None:
        """Take the account; its development key is used."""
        self._account = account

    def render(self, command: GatewayCommand) -> ProviderRequest:
        """Say what would be sent for ``command``. Pure: sends nothing."""
        return requests.render(command)

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        """Send a rendered request under our key. Never raises for what the account says."""
        return outcomes.outcome(self._call(request, key=idempotency_key))

    async def read_intent(self, intent_id: IntentId) -> ProviderIntent:
        """Read an intent. Raises NotFound, GatewayUnavailable."""
        found = outcomes.intent(self._call(requests.read_intent(intent_id)))
        if found.charge is None or not found.charge.is_exchanged_in_part:
            return found
        return outcomes.with_released(found, self._call(requests.list_lines(found.charge.id)))

    async def list_intents(self, *, created_from: datetime) -> Sequence[ProviderIntent]:
        """List every intent created at or after a time, all pages. Raises as ``read_intent``."""
        found: list[ProviderIntent] = []
        request = requests.list_intents(created_from=created_from)
        while True:
            page = outcomes.page(self._call(request))
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
            page = outcomes.refund_page(self._call(request))
            found += page.refunds
            if page.next_after is None:
                return found
            request = requests.list_refunds(intent_id, starting_after=page.next_after)

    async def account_id(self) -> str:
        """Name the account. Raises GatewayUnavailable, GatewayRejected."""
        return outcomes.account_id(self._call(requests.read_account()))

    async def close(self) -> None:
        """Nothing is held open."""

    def _call(self, request: ProviderRequest, *, key: str | None = None) -> outcomes.Answer:
        response = self._account.request(
            method=request.method,
            path=request.path,
            params=request.params,
            key=key,
            auth=_SECRET_KEY,
            version=requests.API_VERSION,
        )
        headers = {name.lower(): value for name, value in response.headers.items()}
        return outcomes.Answer(
            status=response.status,
            body=response.body,
            replayed=headers.get("idempotent-replayed") == "true",
        )
