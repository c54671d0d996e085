"""What the simulated account keeps for later charges: same requests, same readings."""

from typing import Final

import attrs

from markethub.adapters.fake.account import Account
from markethub.adapters.stripe import outcomes, requests
from markethub.adapters.stripe.vault import ApiVault
from markethub.domain.operation import ProviderRequest

_SECRET_KEY: Final = "sk_test_dev"  # noqa: S105 - the fake's published key; it opens nothing else


@attrs.frozen
class _Counter:
    """Hands requests to an account in this process. Deterministic; never waits."""

    _account: Account

    async def call(
        self, request: ProviderRequest, *, idempotency_key: str | None = None
    ) -> outcomes.Reply:
        """Ask the account and return its answer."""
        response = self._account.request(
            method=request.method,
            path=request.path,
            params=request.params,
            key=idempotency_key,
            auth=_SECRET_KEY,
            version=requests.API_VERSION,
        )
        headers = {name.lower(): value for name, value in response.headers.items()}
        return outcomes.Answer(
            status=response.status,
            body=response.body,
            replayed=headers.get("idempotent-replayed") == "true",
        )

    async def close(self) -> None:
        """Nothing is held open."""


def fake_vault(account: Account) -> ApiVault:
    """Return the vault of an account, under its development key."""
    return ApiVault(_Counter(account))
