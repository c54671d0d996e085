"""Compare the provider's endpoints with what our handlers need. Changes nothing."""

from collections.abc import Sequence

import attrs

from markethub.domain.ports.subscriptions import Subscriptions
from markethub.domain.secret import Secret
from markethub.domain.subscription import Comparison, EndpointUrl, Wanted, compare


@attrs.frozen(kw_only=True)
class PlanSubscription:
    """Reads the endpoints and judges them."""

    subscriptions: Subscriptions
    wanted: Wanted
    accepted: Sequence[Secret]
    """The secrets by which our settings let events in."""

    async def __call__(self, url: EndpointUrl | None = None) -> Comparison:
        """Compare at an address or, without one, wherever we listen. Raises GatewayUnavailable."""
        endpoints = await self.subscriptions.endpoints()
        return compare(self.wanted, endpoints, url=url, accepted=self.accepted)
