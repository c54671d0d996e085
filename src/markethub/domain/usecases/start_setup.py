"""Let a customer save a card without paying: by a setup that their browser confirms."""

from typing import Final

import attrs

from markethub.domain.errors import GatewayUnavailable, NotFound
from markethub.domain.facts import ProviderSetup
from markethub.domain.ids import CustomerId, IdPrefix
from markethub.domain.ports.system import Ids
from markethub.domain.ports.vault import Vault
from markethub.domain.usecases.ensure_customer import EnsureCustomer

_TRIES: Final = 2
"""A customer who was deleted at the provider is made anew once."""


@attrs.frozen(kw_only=True)
class StartSetup:
    """Makes a SetupIntent. Where the outcome is unknown another is made: it moves no money."""

    vault: Vault
    customers: EnsureCustomer
    ids: Ids

    async def __call__(self, customer_id: CustomerId) -> ProviderSetup:
        """Return what the browser needs to save a card.

        Raises RequestInProgress, GatewayUnavailable, GatewayRejected.
        """
        for _ in range(_TRIES):
            known = await self.customers(customer_id)
            try:
                return await self.vault.create_setup(
                    known.provider_id,
                    customer_id=customer_id,
                    idempotency_key=f"create_setup:{self.ids.new(IdPrefix.OPERATION)}",
                )
            except NotFound:
                await self.customers.verify(known)
        raise GatewayUnavailable("the provider does not find the customer's record")
