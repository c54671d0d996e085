"""Give a customer the one record at the provider that their methods belong to."""

from datetime import timedelta
from typing import Final

import attrs

from markethub.domain.customer import Customer
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    RequestInProgress,
)
from markethub.domain.ids import (
    CustomerId,
    CustomerRecordId,
    IdPrefix,
    ProviderCustomerId,
)
from markethub.domain.ports.system import Clock, Ids, Pause
from markethub.domain.ports.unit_of_work import Transaction, Transactions
from markethub.domain.ports.vault import Vault

PATIENCE_S: Final = 5.0
"""How long a caller waits for the provider to finish what is in flight under the same key."""
_STEP_S: Final = 0.1
_GENERATIONS_MAXIMUM: Final = 2
"""A generation that was never made, and the next: more in one call means others interfere."""
LISTING_SLACK: Final = timedelta(minutes=5)
"""A listing begins this long before the row: the provider's clock is not ours."""


@attrs.frozen(kw_only=True)
class KnownCustomer:
    """A customer whose record at the provider is there, as far as we know."""

    id: CustomerId
    provider_id: ProviderCustomerId
    generation: int


@attrs.frozen(kw_only=True)
class EnsureCustomer:
    """Finds the record, or makes it: however many ask at once, one is made."""

    transactions: Transactions
    vault: Vault
    clock: Clock
    ids: Ids
    pause: Pause

    async def __call__(self, customer_id: CustomerId) -> KnownCustomer:
        """Return the customer with their record.

        Raises RequestInProgress while another request that makes it is in flight;
        GatewayUnavailable for an unknown outcome (the next call finishes it); GatewayRejected.
        """
        for _ in range(_GENERATIONS_MAXIMUM):
            customer = await self.transactions.run(lambda tx: self._begin(tx, customer_id))
            provider_id = customer.provider_id or await self._make(customer)
            known = await self._settled(customer, provider_id)
            if known is not None:
                return known
        raise GatewayUnavailable("the provider has not made the customer's record")

    async def verify(self, known: KnownCustomer) -> bool:
        """Read whether the record is still there; where it is not, deactivate what it had.

        The next call makes another. Raises GatewayUnavailable.
        """
        if await self.vault.has_customer(known.provider_id):
            return True
        await self.transactions.run(lambda tx: self._lose(tx, known))
        return False

    async def _begin(self, tx: Transaction, customer_id: CustomerId) -> Customer:
        customer = await tx.customers.find(customer_id)
        if customer is not None:
            return customer
        record_id = CustomerRecordId(self.ids.new(IdPrefix.CUSTOMER))
        return await tx.customers.save(
            Customer.begin(id=customer_id, record_id=record_id, now=self.clock.now())
        )

    async def _make(self, customer: Customer) -> ProviderCustomerId | None:
        """Make the record or find it; None if it does not exist and its key is of no more use."""
        if customer.may_be_sent(self.clock.now()):
            try:
                made = await self._send(customer)
            except GatewayRejected:
                # The key would replay the refusal for a day, also when its cause is gone.
                await self._settled(customer, None)
                raise
            if made is not None:
                return made
        return await self.vault.find_customer(
            customer, created_from=customer.begun_at - LISTING_SLACK
        )

    async def _send(self, customer: Customer) -> ProviderCustomerId | None:
        waited_s = 0.0
        while True:
            try:
                return await self.vault.create_customer(customer)
            except RequestInProgress:
                if waited_s >= PATIENCE_S:
                    raise
            await self.pause(_STEP_S)
            waited_s += _STEP_S

    async def _settled(
        self, asked: Customer, provider_id: ProviderCustomerId | None
    ) -> KnownCustomer | None:
        """Take the record, or begin the next generation; None where the caller must look again."""

        async def work(tx: Transaction) -> KnownCustomer | None:
            customer = await tx.customers.lock(asked.id)
            if customer is None or customer.generation != asked.generation:
                return None
            if customer.provider_id is None:
                now = self.clock.now()
                if provider_id is None:
                    await tx.customers.save(customer.renew(now=now))
                    return None
                customer = await tx.customers.save(customer.activate(provider_id, now=now))
            return _known(customer)

        return await self.transactions.run(work)

    async def _lose(self, tx: Transaction, known: KnownCustomer) -> None:
        customer = await tx.customers.lock(known.id)
        if customer is not None and customer.generation == known.generation:
            await lose(tx, customer, clock=self.clock)


async def lose(tx: Transaction, customer: Customer, *, clock: Clock) -> None:
    """Note that a held customer's record is gone: what it had cannot be charged any more."""
    now = clock.now()
    for method in await tx.methods.of_customer(customer.id):
        if method.is_active:
            await tx.methods.save(method.deactivate(now=now))
    await tx.customers.save(customer.renew(now=now))


def _known(customer: Customer) -> KnownCustomer | None:
    if customer.provider_id is None:
        return None
    return KnownCustomer(
        id=customer.id, provider_id=customer.provider_id, generation=customer.generation
    )
