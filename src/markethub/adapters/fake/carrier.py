"""The way from what speaks Stripe's language to an account in the same process."""

from typing import Final

import attrs

from markethub.adapters.fake.account import Account
from markethub.adapters.stripe import outcomes, requests
from markethub.adapters.stripe.carrier import Carrier
from markethub.domain.operation import ProviderRequest

_SECRET_KEY: Final = "sk_test_dev"  # noqa: S105 - the fake's published key; it opens nothing else


@attrs.frozen
class AccountCarrier:
    """Hands requests to an account, under its development key. Deterministic; never waits."""

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


def _conforms(carrier: AccountCarrier) -> Carrier:
    """Let the type checker prove that the adapter fits."""
    return carrier
