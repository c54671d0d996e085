"""A vault whose calls go wrong when a test says so."""

from datetime import datetime

from markethub.domain.customer import Customer
from markethub.domain.errors import GatewayRejected, GatewayUnavailable
from markethub.domain.facts import ProviderMethod, ProviderSetup
from markethub.domain.ids import CustomerId, ProviderCustomerId
from markethub.domain.ports.vault import Vault
from markethub.domain.secret import Secret


class FaultyVault:
    """Passes calls on, unless the provider is down or its replies are lost."""

    def __init__(self, inner: Vault) -> None:
        self._inner = inner
        self.is_down = False
        self.may_not_read = False
        """The key lacks the right to read methods."""
        self.loses_replies = False
        """What is sent takes place; nobody hears of it."""

    def _before(self) -> None:
        if self.is_down:
            raise GatewayUnavailable("down")

    def _after(self) -> None:
        if self.loses_replies:
            raise GatewayUnavailable("timeout")

    async def create_customer(self, customer: Customer) -> ProviderCustomerId | None:
        self._before()
        made = await self._inner.create_customer(customer)
        self._after()
        return made

    async def find_customer(
        self, customer: Customer, *, created_from: datetime
    ) -> ProviderCustomerId | None:
        self._before()
        return await self._inner.find_customer(customer, created_from=created_from)

    async def has_customer(self, provider_id: ProviderCustomerId) -> bool:
        self._before()
        return await self._inner.has_customer(provider_id)

    async def create_setup(
        self, provider_id: ProviderCustomerId, *, customer_id: CustomerId, idempotency_key: str
    ) -> ProviderSetup:
        self._before()
        setup = await self._inner.create_setup(
            provider_id, customer_id=customer_id, idempotency_key=idempotency_key
        )
        self._after()
        return setup

    async def read_method(self, token: Secret) -> ProviderMethod:
        self._before()
        if self.may_not_read:
            raise GatewayRejected("the key may not read methods")
        return await self._inner.read_method(token)

    async def detach_method(self, token: Secret, *, idempotency_key: str) -> None:
        self._before()
        await self._inner.detach_method(token, idempotency_key=idempotency_key)
        self._after()

    async def close(self) -> None:
        """Nothing is held open."""
