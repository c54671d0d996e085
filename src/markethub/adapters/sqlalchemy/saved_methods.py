"""Customers and their saved methods: rows with what is secret in them encrypted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from sqlalchemy import Select, bindparam, select

from markethub.adapters.sqlalchemy.mappers import Read, Row
from markethub.adapters.sqlalchemy.method_tables import (
    METHOD_DETACHABLE,
    METHOD_KEPT,
    customers,
    payment_methods,
)
from markethub.adapters.sqlalchemy.outbox import stage
from markethub.adapters.sqlalchemy.repositories import Versioned, by, every, one
from markethub.adapters.sqlalchemy.sealing import Sealing
from markethub.adapters.sqlalchemy.session import Session
from markethub.domain.customer import Customer
from markethub.domain.facts import Card
from markethub.domain.ids import CustomerId, MethodId, ProviderCustomerId
from markethub.domain.payment_method import MethodStatus, PaymentMethod
from markethub.domain.ports.methods import MethodView
from markethub.domain.secret import Secret

_CUSTOMER: Final = Versioned.of(customers, fixed=("record_id", "created_at"))
_METHOD: Final = Versioned.of(payment_methods, fixed=("customer_id", "created_at"))


# --- rows -------------------------------------------------------------------------------------


def provider_id_context(customer_id: str) -> str:
    """Bind a customer's encrypted id at the provider to its row."""
    return f"customers.provider_id:{customer_id}"


def method_context(column: str, method_id: str) -> str:
    """Bind an encrypted column of a method to its row."""
    return f"payment_methods.{column}:{method_id}"


def customer_to_row(customer: Customer, sealing: Sealing) -> Row:
    """Return the row of a customer, with the version that it has in memory."""
    provider_id, context = customer.provider_id, provider_id_context(customer.id)
    known = provider_id is not None
    return {
        "id": customer.id,
        "record_id": customer.record_id,
        "generation": customer.generation,
        "provider_id": sealing.encrypt(str(provider_id), context=context) if known else None,
        "provider_lookup": sealing.lookup(str(provider_id), kind="customer") if known else None,
        "begun_at": customer.begun_at,
        "created_at": customer.created_at,
        "updated_at": customer.updated_at,
        "version": customer.version,
    }


def customer_from_row(row: Read, sealing: Sealing) -> Customer:
    """Return the customer of a row."""
    provider_id: ProviderCustomerId | None = None
    if row["provider_id"] is not None:
        context = provider_id_context(row["id"])
        provider_id = ProviderCustomerId(sealing.decrypt(row["provider_id"], context=context))
    return Customer(
        id=row["id"],
        record_id=row["record_id"],
        generation=row["generation"],
        provider_id=provider_id,
        begun_at=row["begun_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def method_to_row(method: PaymentMethod, sealing: Sealing) -> Row:
    """Return the row of a method, with the version that it has in memory."""
    token, fingerprint = method.token.reveal(), method.fingerprint.reveal()
    return {
        "id": method.id,
        "customer_id": method.customer_id,
        "token": sealing.encrypt(token, context=method_context("token", method.id)),
        "token_lookup": sealing.lookup(token, kind="token"),
        "fingerprint": sealing.encrypt(
            fingerprint, context=method_context("fingerprint", method.id)
        ),
        "fingerprint_lookup": sealing.lookup(fingerprint, kind="fingerprint"),
        "brand": method.card.brand,
        "last4": method.card.last4,
        "exp_month": method.card.exp_month,
        "exp_year": method.card.exp_year,
        "status": method.status.value,
        "is_default": method.is_default,
        "issued_at": method.issued_at,
        "detach_due_at": method.detach_due_at,
        "detach_attempts": method.detach_attempts,
        "created_at": method.created_at,
        "updated_at": method.updated_at,
        "version": method.version,
    }


def method_from_row(row: Read, sealing: Sealing) -> PaymentMethod:
    """Return the method of a row."""

    def secret(column: str) -> Secret:
        return Secret(sealing.decrypt(row[column], context=method_context(column, row["id"])))

    return PaymentMethod(
        id=row["id"],
        customer_id=row["customer_id"],
        token=secret("token"),
        fingerprint=secret("fingerprint"),
        card=_card(row),
        status=MethodStatus(row["status"]),
        is_default=row["is_default"],
        issued_at=row["issued_at"],
        detach_due_at=row["detach_due_at"],
        detach_attempts=row["detach_attempts"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def method_view_from_row(row: Read) -> MethodView:
    """Return what may be shown of a row: nothing is decrypted."""
    return MethodView(
        id=row["id"],
        customer_id=row["customer_id"],
        card=_card(row),
        is_default=row["is_default"],
        is_active=row["status"] == MethodStatus.ACTIVE,
    )


def _card(row: Read) -> Card:
    return Card(
        brand=row["brand"],
        last4=row["last4"],
        exp_month=row["exp_month"],
        exp_year=row["exp_year"],
    )


# --- repositories -----------------------------------------------------------------------------


_CUSTOMER_BY_ID: Final = by(customers, "id")
_CUSTOMER_BY_LOOKUP: Final = by(customers, "provider_lookup")
_LOCKED_CUSTOMER: Final = _CUSTOMER_BY_ID.with_for_update()


@attrs.frozen
class SqlCustomers:
    """Customers at the provider."""

    _session: Session
    _sealing: Sealing

    async def find(self, id: CustomerId) -> Customer | None:
        """Return the customer, if they have a record at the provider, or one being made."""
        return await self._find(_CUSTOMER_BY_ID, id=id)

    async def lock(self, id: CustomerId) -> Customer | None:
        """Return the customer, holding the row."""
        return await self._find(_LOCKED_CUSTOMER, id=id)

    async def find_by_provider(self, provider_id: ProviderCustomerId) -> Customer | None:
        """Return the customer whose present record this is."""
        lookup = self._sealing.lookup(provider_id, kind="customer")
        return await self._find(_CUSTOMER_BY_LOOKUP, provider_lookup=lookup)

    async def _find(self, query: Select[Any], **parameters: str) -> Customer | None:
        row = await one(self._session, query, **parameters)
        return customer_from_row(row, self._sealing) if row else None

    async def save(self, customer: Customer) -> Customer:
        """Insert or update the row."""
        version = await _CUSTOMER.save(self._session, customer_to_row(customer, self._sealing))
        return attrs.evolve(customer, version=version)


_METHOD_BY_ID: Final = by(payment_methods, "id")
_METHOD_OF_CUSTOMER: Final = by(payment_methods, "id", "customer_id")
_METHOD_BY_LOOKUP: Final = by(payment_methods, "token_lookup")
METHODS_OF_CUSTOMER: Final = by(payment_methods, "customer_id", condition=METHOD_KEPT).order_by(
    payment_methods.c.created_at, payment_methods.c.id
)
"""Those that are not removed, oldest first."""
_DETACHABLE: Final = (
    select(payment_methods.c.id)
    .where(METHOD_DETACHABLE)
    .where(payment_methods.c.detach_due_at <= bindparam("now"))
    .order_by(payment_methods.c.detach_due_at, payment_methods.c.id)
    .limit(bindparam("at_most"))
)


@attrs.frozen
class SqlMethods:
    """Saved methods."""

    _session: Session
    _sealing: Sealing

    async def find(
        self, id: MethodId, *, customer_id: CustomerId | None = None
    ) -> PaymentMethod | None:
        """Return the method, if it exists and is the customer's (where one is given)."""
        if customer_id is None:
            return await self._find(_METHOD_BY_ID, id=id)
        return await self._find(_METHOD_OF_CUSTOMER, id=id, customer_id=customer_id)

    async def find_by_token(self, token: Secret) -> PaymentMethod | None:
        """Return the method that the provider knows by this token, a removed one too."""
        lookup = self._sealing.lookup(token.reveal(), kind="token")
        return await self._find(_METHOD_BY_LOOKUP, token_lookup=lookup)

    async def _find(self, query: Select[Any], **parameters: str) -> PaymentMethod | None:
        row = await one(self._session, query, **parameters)
        return method_from_row(row, self._sealing) if row else None

    async def of_customer(self, customer_id: CustomerId) -> Sequence[PaymentMethod]:
        """Return a customer's methods, oldest first, without removed ones."""
        rows = await every(self._session, METHODS_OF_CUSTOMER, customer_id=customer_id)
        return [method_from_row(row, self._sealing) for row in rows]

    async def detachable(self, *, now: datetime, limit: int) -> Sequence[MethodId]:
        """Name removed methods whose ``detach_due_at`` has come, longest due first."""
        due = await self._session.execute(_DETACHABLE, {"now": now, "at_most": limit})
        return [MethodId(method_id) for method_id in due.scalars()]

    async def save(self, method: PaymentMethod) -> PaymentMethod:
        """Insert or update it, and stage its events."""
        version = await _METHOD.save(self._session, method_to_row(method, self._sealing))
        await stage(self._session, method.events, aggregate_id=method.id)
        return attrs.evolve(method, version=version, events=())
