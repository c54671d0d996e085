"""A saved payment method: a card that later orders of its customer can be charged with.

The same card saved twice is one method, whose token is the newer one. Nothing of a card is kept
but what may be shown, its fingerprint and the provider's token.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

import attrs

from markethub.domain.errors import InvalidTransition
from markethub.domain.events import DomainEvent, MethodRemoved, MethodSaved
from markethub.domain.facts import Card, ProviderMethod
from markethub.domain.ids import CustomerId, MethodId
from markethub.domain.secret import Secret

_DETACH_WAIT: Final = timedelta(seconds=10)
"""Doubled with every try that failed, up to ``_DETACH_WAIT_MAXIMUM``."""
_DETACH_WAIT_MAXIMUM: Final = timedelta(hours=1)


class MethodStatus(StrEnum):
    """Whether it can be charged."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    """Its customer was deleted at the provider. Saved anew, the same card is active again."""
    REMOVED = "removed"
    """Gone for good."""


@attrs.frozen(kw_only=True)
class PaymentMethod:
    """A customer's card at the provider, and what we know of it."""

    id: MethodId
    customer_id: CustomerId
    token: Secret
    fingerprint: Secret
    card: Card
    status: MethodStatus = MethodStatus.ACTIVE
    is_default: bool = False
    """A customer with active methods has exactly one default among them."""
    issued_at: datetime
    """When the provider made the token: of two tokens of a card the newer one stays."""
    detach_due_at: datetime | None = None
    """When the provider is to be asked, again, to forget the token; None if it need not be."""
    detach_attempts: int = 0
    created_at: datetime
    updated_at: datetime
    version: int = 0
    """0 until first saved; raised by each save."""
    events: tuple[DomainEvent, ...] = ()

    @classmethod
    def save(
        cls, seen: ProviderMethod, *, id: MethodId, customer_id: CustomerId, now: datetime
    ) -> Self:
        """Keep a card that the provider has saved. Raises InvalidTransition for no card."""
        card, fingerprint = seen.card, seen.fingerprint
        if card is None or fingerprint is None:
            raise InvalidTransition("only cards are saved")
        method = cls(
            id=id,
            customer_id=customer_id,
            token=seen.token,
            fingerprint=fingerprint,
            card=card,
            issued_at=seen.created_at,
            created_at=now,
            updated_at=now,
        )
        return method._told_saved(now)

    @property
    def is_active(self) -> bool:
        """Tell whether it can be charged."""
        return self.status is MethodStatus.ACTIVE

    @property
    def is_removed(self) -> bool:
        """Tell whether it is gone for good."""
        return self.status is MethodStatus.REMOVED

    @property
    def idempotency_key(self) -> str:
        """The key of this try to detach it. A detachment is idempotent by itself."""
        return f"detach_method:{self.id}:{self.detach_attempts}"

    def observe(self, seen: ProviderMethod, *, now: datetime) -> Self:
        """Take over what the provider shows of the same token: a new expiry, a new number."""
        changed = attrs.evolve(
            self,
            card=seen.card or self.card,
            fingerprint=seen.fingerprint or self.fingerprint,
        )
        return self if changed == self else attrs.evolve(changed, updated_at=now)

    def adopt(self, seen: ProviderMethod, *, now: datetime) -> Self:
        """Take a newer token of the same card; an inactive method is active again."""
        adopted = attrs.evolve(
            self.observe(seen, now=now),
            token=seen.token,
            issued_at=seen.created_at,
            status=MethodStatus.ACTIVE,
            updated_at=now,
        )
        return adopted if self.is_active else adopted._told_saved(now)

    def make_default(self, *, now: datetime) -> Self:
        """Let it be the one that is charged unless another is chosen.

        Raises InvalidTransition for one that cannot be charged.
        """
        if not self.is_active:
            raise InvalidTransition("the payment method cannot be charged any more")
        return attrs.evolve(self, is_default=True, updated_at=now)

    def yield_default(self, *, now: datetime) -> Self:
        """Let another be the default."""
        return attrs.evolve(self, is_default=False, updated_at=now)

    def deactivate(self, *, now: datetime) -> Self:
        """Note that its customer is gone at the provider, and the token with them."""
        if not self.is_active:
            return self
        gone = attrs.evolve(
            self, status=MethodStatus.INACTIVE, is_default=False, detach_due_at=None, updated_at=now
        )
        return gone._told_removed(now)

    def remove(self, *, now: datetime, detach: bool) -> Self:
        """Let it be gone for good. ``detach``: the provider has yet to be told."""
        if self.is_removed:
            return self
        gone = attrs.evolve(
            self,
            status=MethodStatus.REMOVED,
            is_default=False,
            detach_due_at=now if detach else None,
            updated_at=now,
        )
        return gone._told_removed(now) if self.is_active else gone

    def tombstone(self, *, id: MethodId, token: Secret, issued_at: datetime, now: datetime) -> Self:
        """Return a removed method for another token of this card: the provider is to forget it."""
        return attrs.evolve(
            self,
            id=id,
            token=token,
            issued_at=issued_at,
            status=MethodStatus.REMOVED,
            is_default=False,
            detach_due_at=now,
            detach_attempts=0,
            created_at=now,
            updated_at=now,
            version=0,
            events=(),
        )

    def begin_detaching(self, *, now: datetime) -> Self:
        """Note that the provider is about to be asked; if that comes to nothing, again later."""
        wait = min(_DETACH_WAIT * 2 ** min(self.detach_attempts, 10), _DETACH_WAIT_MAXIMUM)
        return attrs.evolve(
            self,
            detach_due_at=now + wait,
            detach_attempts=self.detach_attempts + 1,
            updated_at=now,
        )

    def detached(self, *, now: datetime) -> Self:
        """Note that the provider has forgotten the token."""
        return attrs.evolve(self, detach_due_at=None, updated_at=now)

    def _told_saved(self, now: datetime) -> Self:
        return self._tell(
            MethodSaved(
                method_id=self.id,
                customer_id=self.customer_id,
                brand=self.card.brand,
                last4=self.card.last4,
                occurred_at=now,
            )
        )

    def _told_removed(self, now: datetime) -> Self:
        return self._tell(
            MethodRemoved(method_id=self.id, customer_id=self.customer_id, occurred_at=now)
        )

    def _tell(self, event: DomainEvent) -> Self:
        return attrs.evolve(self, events=(*self.events, event))
