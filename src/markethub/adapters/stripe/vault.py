"""What Stripe keeps for later charges, over its API, however its requests are carried."""

from datetime import datetime

from markethub.adapters.stripe import saved_methods
from markethub.adapters.stripe.carrier import Carrier
from markethub.domain.customer import Customer
from markethub.domain.errors import GatewayRejected, GatewayUnavailable, NotFound
from markethub.domain.facts import ProviderMethod, ProviderSetup
from markethub.domain.ids import CustomerId, ProviderCustomerId
from markethub.domain.ports.vault import Vault
from markethub.domain.secret import Secret


class ApiVault:
    """Implements ``Vault`` in Stripe's words, for both gateways."""

    def __init__(self, api: Carrier) -> None:
        """Take what carries the requests."""
        self._api = api

    async def create_customer(self, customer: Customer) -> ProviderCustomerId | None:
        """Make the record; None where the key replays a failure."""
        reply = await self._api.call(
            saved_methods.create_customer(customer), idempotency_key=customer.idempotency_key
        )
        if saved_methods.is_stored_failure(reply):
            return None
        return saved_methods.value(reply, saved_methods.made_customer)

    async def find_customer(
        self, customer: Customer, *, created_from: datetime
    ) -> ProviderCustomerId | None:
        """Find the record among those made since a time."""
        after: str | None = None
        while True:
            request = saved_methods.list_customers(created_from=created_from, starting_after=after)
            page = saved_methods.value(await self._api.call(request), saved_methods.customer_page)
            found = page.found.get(customer.reference)
            if found is not None or page.next_after is None:
                return found
            after = page.next_after

    async def has_customer(self, provider_id: ProviderCustomerId) -> bool:
        """Tell whether a record exists and is not deleted."""
        try:
            reply = await self._api.call(saved_methods.read_customer(provider_id))
            return saved_methods.value(reply, saved_methods.customer) is not None
        except NotFound:
            return False

    async def create_setup(
        self, provider_id: ProviderCustomerId, *, customer_id: CustomerId, idempotency_key: str
    ) -> ProviderSetup:
        """Make a SetupIntent. Raises NotFound if the customer is deleted."""
        request = saved_methods.create_setup(provider_id, customer_id=customer_id)
        reply = await self._api.call(request, idempotency_key=idempotency_key)
        return saved_methods.value(reply, saved_methods.setup)

    async def read_method(self, token: Secret) -> ProviderMethod:
        """Read a method. Raises NotFound."""
        reply = await self._api.call(saved_methods.read_method(token))
        return saved_methods.value(reply, saved_methods.method)

    async def detach_method(self, token: Secret, *, idempotency_key: str) -> None:
        """Let a method be forgotten; one that is forgotten stays so."""
        try:
            reply = await self._api.call(
                saved_methods.detach_method(token), idempotency_key=idempotency_key
            )
            saved_methods.value(reply, saved_methods.method)
        except NotFound:
            return
        except (GatewayRejected, GatewayUnavailable):
            if await self._is_attached(token):
                raise

    async def _is_attached(self, token: Secret) -> bool:
        try:
            return (await self.read_method(token)).customer_id is not None
        except NotFound:
            return False

    async def close(self) -> None:
        """Release connections."""
        await self._api.close()


def _conforms(vault: ApiVault) -> Vault:
    """Let the type checker prove that the adapter fits its port."""
    return vault
