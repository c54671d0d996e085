"""The way from what speaks Stripe's language to an account in the same process."""

from typing import Final

import attrs

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.files import uploaded
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
        return outcomes.Answer.of(response.status, response.body, response.headers)

    async def upload(
        self, path: str, content: bytes, *, file_name: str, purpose: str, idempotency_key: str
    ) -> outcomes.Reply:
        """Hand a file over."""
        params = {"purpose": purpose, "file": uploaded(file_name, content)}
        request = ProviderRequest(method="POST", path=path, params=params)
        return await self.call(request, idempotency_key=idempotency_key)

    async def close(self) -> None:
        """Nothing is held open."""


def _conforms(carrier: AccountCarrier) -> Carrier:
    """Let the type checker prove that the adapter fits."""
    return carrier
