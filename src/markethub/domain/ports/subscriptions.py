"""The places that the provider delivers events to."""

from collections.abc import Sequence
from typing import Protocol

import attrs

from markethub.domain.ids import EndpointId
from markethub.domain.secret import Secret
from markethub.domain.subscription import EndpointUrl, ProviderEndpoint, Wanted


@attrs.frozen(kw_only=True)
class NewEndpoint:
    """An endpoint just made, and its secret, which the provider never shows again."""

    endpoint: ProviderEndpoint
    secret: Secret


class Subscriptions(Protocol):
    """The provider's endpoints.

    Each call raises GatewayUnavailable for whatever leaves the outcome unknown (listing tells),
    and GatewayRejected for what the provider refused for good.
    """

    async def endpoints(self) -> Sequence[ProviderEndpoint]:
        """List every endpoint of the account, all pages, newest first."""
        ...

    async def create(
        self, wanted: Wanted, *, url: EndpointUrl, idempotency_key: str
    ) -> NewEndpoint:
        """Make an enabled endpoint."""
        ...

    async def update(
        self, id: EndpointId, wanted: Wanted, *, idempotency_key: str
    ) -> ProviderEndpoint:
        """Enable an endpoint, and have it told of what is wanted, no more. Raises NotFound."""
        ...

    async def note_secret(self, id: EndpointId, mark: str, *, idempotency_key: str) -> None:
        """Note down at an endpoint which secret it has (``secret_mark``). Raises NotFound."""
        ...

    async def delete(self, id: EndpointId) -> None:
        """Remove an endpoint for good; one that is gone stays so."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
