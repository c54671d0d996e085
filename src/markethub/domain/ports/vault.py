"""What the provider keeps for later charges: customers, their methods, setups."""

from datetime import datetime
from typing import Protocol

from markethub.domain.customer import Customer
from markethub.domain.facts import ProviderMethod, ProviderSetup
from markethub.domain.ids import CustomerId, ProviderCustomerId
from markethub.domain.secret import Secret


class Vault(Protocol):
    """The provider's API for all that moves no money. Every call may take seconds.

    Each raises GatewayUnavailable for whatever leaves the outcome unknown, and GatewayRejected
    for what the provider refused for good.
    """

    async def create_customer(self, customer: Customer) -> ProviderCustomerId | None:
        """Make the record of a customer's present generation, under its key.

        None where the key will only ever replay a failure of the provider's: only a lookup can
        tell what became of it. Raises RequestInProgress while another request under the key is
        in flight.
        """
        ...

    async def find_customer(
        self, customer: Customer, *, created_from: datetime
    ) -> ProviderCustomerId | None:
        """Find the record of a customer's present generation among those made since a time."""
        ...

    async def has_customer(self, provider_id: ProviderCustomerId) -> bool:
        """Tell whether a record exists and is not deleted."""
        ...

    async def create_setup(
        self, provider_id: ProviderCustomerId, *, customer_id: CustomerId, idempotency_key: str
    ) -> ProviderSetup:
        """Make a SetupIntent for later charges, off-session ones included.

        Raises NotFound if the customer is deleted.
        """
        ...

    async def read_method(self, token: Secret) -> ProviderMethod:
        """Read a method. Raises NotFound."""
        ...

    async def detach_method(self, token: Secret, *, idempotency_key: str) -> None:
        """Let the provider forget a method, for good; one that is forgotten stays so."""
        ...

    async def close(self) -> None:
        """Release connections. Nothing may be sent afterwards."""
        ...
