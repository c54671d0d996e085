"""Customers and their saved methods over staged tables."""

from collections.abc import Sequence
from datetime import datetime

import attrs

from markethub.adapters.memory.database import (
    BY_PROVIDER,
    BY_TOKEN,
    DETACHABLE,
    KEPT_OF,
)
from markethub.adapters.memory.tables import Staged
from markethub.domain.customer import Customer
from markethub.domain.errors import StaleWrite
from markethub.domain.events import DomainEvent
from markethub.domain.ids import CustomerId, MethodId, ProviderCustomerId
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.secret import Secret


def _require_version(saved: Customer | PaymentMethod, current: object) -> None:
    version = current.version if isinstance(current, (Customer, PaymentMethod)) else 0
    if saved.version != version:
        raise StaleWrite("somebody else saved it first")


@attrs.frozen(kw_only=True)
class MemoryCustomers:
    """Customers at the provider."""

    rows: Staged[CustomerId, Customer]

    async def find(self, id: CustomerId) -> Customer | None:
        """Return the customer, if they have a record at the provider, or one being made."""
        return self.rows.get(id)

    async def lock(self, id: CustomerId) -> Customer | None:
        """Return the customer, holding the row."""
        return await self.rows.hold(id)

    async def find_by_provider(self, provider_id: ProviderCustomerId) -> Customer | None:
        """Return the customer whose present record this is."""
        return next(iter(self.rows.where(BY_PROVIDER, provider_id)), None)

    async def save(self, customer: Customer) -> Customer:
        """Insert or update the row."""
        current = await self.rows.claim(customer.id)
        _require_version(customer, current)
        stored = attrs.evolve(customer, version=customer.version + 1)
        self.rows.stage(customer.id, stored)
        return stored


@attrs.frozen(kw_only=True)
class MemoryMethods:
    """Saved methods."""

    rows: Staged[MethodId, PaymentMethod]
    outbox: list[DomainEvent]

    async def find(
        self, id: MethodId, *, customer_id: CustomerId | None = None
    ) -> PaymentMethod | None:
        """Return the method, if it exists and is the customer's (where one is given)."""
        method = self.rows.get(id)
        return method if method and customer_id in (None, method.customer_id) else None

    async def find_by_token(self, token: Secret) -> PaymentMethod | None:
        """Return the method that the provider knows by this token, a removed one too."""
        return next(iter(self.rows.where(BY_TOKEN, token)), None)

    async def of_customer(self, customer_id: CustomerId) -> Sequence[PaymentMethod]:
        """Return a customer's methods, oldest first, without removed ones."""
        return sorted(self.rows.where(KEPT_OF, customer_id), key=by_age)

    async def detachable(self, *, now: datetime, limit: int) -> Sequence[MethodId]:
        """Name removed methods whose ``detach_due_at`` has come, longest due first."""
        due = [
            (row.detach_due_at, row.id)
            for row in self.rows.where(DETACHABLE, key=True)
            if row.detach_due_at is not None and row.detach_due_at <= now
        ]
        return [method_id for _, method_id in sorted(due)[:limit]]

    async def save(self, method: PaymentMethod) -> PaymentMethod:
        """Insert or update it, and stage its events."""
        current = await self.rows.claim(method.id)
        _require_version(method, current)
        stored = attrs.evolve(method, version=method.version + 1, events=())
        self.rows.stage(method.id, stored)
        self.outbox.extend(method.events)
        return stored


def by_age(method: PaymentMethod) -> tuple[datetime, MethodId]:
    """Order methods by when they were saved; ids decide between the equal."""
    return method.created_at, method.id
