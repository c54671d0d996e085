"""Customers and their saved methods inside a transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from markethub.domain.customer import Customer
from markethub.domain.facts import Card
from markethub.domain.ids import CustomerId, MethodId, ProviderCustomerId
from markethub.domain.payment_method import PaymentMethod
from markethub.domain.secret import Secret


class Customers(Protocol):
    """Customers. Whoever changes a customer's methods holds the customer's row."""

    async def find(self, id: CustomerId) -> Customer | None:
        """Return the customer, if they have a record at the provider, or one being made."""
        ...

    async def lock(self, id: CustomerId) -> Customer | None:
        """Return the customer, holding the row."""
        ...

    async def find_by_provider(self, provider_id: ProviderCustomerId) -> Customer | None:
        """Return the customer whose present record this is."""
        ...

    async def save(self, customer: Customer) -> Customer:
        """Insert (version 0) or update, and return as stored.

        Raises StaleWrite if somebody else saved it since it was read, or inserted it first.
        """
        ...


class Methods(Protocol):
    """Saved methods. Of a customer one is the default, and a card is there once."""

    async def find(
        self, id: MethodId, *, customer_id: CustomerId | None = None
    ) -> PaymentMethod | None:
        """Return the method, if it exists and is the customer's (where one is given)."""
        ...

    async def find_by_token(self, token: Secret) -> PaymentMethod | None:
        """Return the method that the provider knows by this token, a removed one too."""
        ...

    async def of_customer(self, customer_id: CustomerId) -> Sequence[PaymentMethod]:
        """Return a customer's methods, oldest first, without removed ones."""
        ...

    async def detachable(self, *, now: datetime, limit: int) -> Sequence[MethodId]:
        """Name removed methods whose ``detach_due_at`` has come, longest due first."""
        ...

    async def save(self, method: PaymentMethod) -> PaymentMethod:
        """Insert or update it, stage its events, and return it as stored.

        Raises StaleWrite as ``Customers.save``, and where the token is another method's, the
        card is the customer's already, or they have another default.
        """
        ...


@attrs.frozen(kw_only=True)
class MethodView:
    """What may be shown of a saved method."""

    id: MethodId
    customer_id: CustomerId
    card: Card
    is_default: bool
    is_active: bool
