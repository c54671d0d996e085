"""A customer's record at the provider: what saved methods belong to there.

One record per customer and database, and a database is bound to one mode and one account of the
provider, so that test and live never mix. The record is begun here first, so that many first
saves at once ask under one key and end with one.
"""

from datetime import datetime, timedelta
from typing import Final, Self

import attrs

from markethub.domain.errors import InvalidTransition
from markethub.domain.ids import CustomerId, CustomerRecordId, ProviderCustomerId

KEY_LIFE: Final = timedelta(hours=23)
"""Stripe may prune a key once it is 24 hours old; the same key then makes a second record."""


@attrs.frozen(kw_only=True)
class Customer:
    """A customer with a record at the provider, made or about to be made."""

    id: CustomerId
    record_id: CustomerRecordId
    generation: int = 1
    """Raised when the provider's record is gone, or known never to have been made."""
    provider_id: ProviderCustomerId | None = None
    """None while this generation's record is being made."""
    begun_at: datetime
    """When this generation was begun: its key's age."""
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""

    @classmethod
    def begin(cls, *, id: CustomerId, record_id: CustomerRecordId, now: datetime) -> Self:
        """Intend to make the record. Save it before the provider is called."""
        return cls(id=id, record_id=record_id, begun_at=now, created_at=now, updated_at=now)

    @property
    def reference(self) -> str:
        """What the provider keeps in the record's metadata, to find it again by."""
        return f"{self.record_id}:{self.generation}"

    @property
    def idempotency_key(self) -> str:
        """The key under which the provider makes this generation's record once."""
        return f"create_customer:{self.reference}"

    def may_be_sent(self, now: datetime) -> bool:
        """Tell whether its key still protects: afterwards only a lookup is safe."""
        return now - self.begun_at < KEY_LIFE

    def activate(self, provider_id: ProviderCustomerId, *, now: datetime) -> Self:
        """Take the record that was made. Raises InvalidTransition if there is another one."""
        if self.provider_id not in (None, provider_id):
            raise InvalidTransition("the customer has another record at the provider")
        return attrs.evolve(self, provider_id=provider_id, updated_at=now)

    def renew(self, *, now: datetime) -> Self:
        """Begin the next generation: this one's record is gone or was never made."""
        return attrs.evolve(
            self, generation=self.generation + 1, provider_id=None, begun_at=now, updated_at=now
        )
